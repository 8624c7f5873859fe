"""Lists: pages, order, filters and label selectors, as the official client sees them."""

from __future__ import annotations

import pytest
from hcloud import Client

from rehearsal.clouds.hetzner.listing import matches
from tests.unit.clouds_hetzner.emulated import TOKEN


def test_the_official_client_collects_all_pages(cloud):
    for number in range(7):
        cloud.make("/firewalls", {"name": f"f{number}"})
    client = Client(TOKEN, api_endpoint=cloud.listener.url)
    client._client._session.trust_env = False
    names = [firewall.name for firewall in client.firewalls.get_all()]
    assert [f"f{number}" for number in range(7)] == names
    answer = cloud.get("/firewalls?per_page=3&page=2&sort=name:desc")
    assert ["f3", "f2", "f1"] == [row["name"] for row in answer["firewalls"]]
    wanted = {
        "page": 2,
        "per_page": 3,
        "previous_page": 1,
        "next_page": 3,
        "last_page": 3,
        "total_entries": 7,
    }
    assert wanted == answer["meta"]["pagination"]
    client._client._session.close()


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("env", True),
        ("!env", False),
        ("env=prod", True),
        ("env==prod", True),
        ("env!=prod", False),
        ("env in (dev,prod)", True),
        ("env notin (dev, prod)", False),
        ("env=prod,tier", False),
        ("env=prod,!tier", True),
        ("tier!=web", True),
        ("env in (dev)", False),
    ],
)
def test_a_label_selector_means_what_the_reference_says(selector, fits):
    assert fits == matches(selector, {"env": "prod"})


def test_lists_filter_by_name_and_by_label(cloud):
    cloud.make("/networks", {"name": "a", "ip_range": "10.0.0.0/16", "labels": {"env": "prod"}})
    cloud.make("/networks", {"name": "b", "ip_range": "10.1.0.0/16"})
    assert ["b"] == [row["name"] for row in cloud.get("/networks?name=b")["networks"]]
    assert ["a"] == [row["name"] for row in cloud.get("/networks?label_selector=env%3Dprod")["networks"]]


def test_a_server_type_is_looked_up_by_name_and_an_image_by_architecture(cloud):
    assert ["cax11"] == [row["name"] for row in cloud.get("/server_types?name=cax11")["server_types"]]
    images = cloud.get("/images?name=debian-12&architecture=arm&include_deprecated=true")["images"]
    assert [("debian-12", "arm")] == [(row["name"], row["architecture"]) for row in images]
    assert "EUR" == cloud.get("/pricing")["pricing"]["currency"]
