"""What the emulated cloud sells, to whom, and how often one name can be used: as strict as Hetzner is."""

from __future__ import annotations

import pytest

from rehearsal.clouds.hetzner import catalog
from rehearsal.clouds.kit.api import CONTROL
from tests.unit.clouds_hetzner.emulated import KEY, TOKEN, Emulated

MADE = {
    "servers": {"server_type": "cx23", "image": "debian-12"},
    "firewalls": {},
    "primary_ips": {"type": "ipv4", "location": "fsn1"},
    "ssh_keys": {"public_key": KEY},
    "networks": {"ip_range": "10.0.0.0/16"},
    "volumes": {"size": 10, "location": "fsn1"},
    "placement_groups": {"type": "spread"},
}


@pytest.mark.req("RW-08")
@pytest.mark.parametrize("kind", ["cx22", "cx32", "cx42", "cx52", "cx11", "cpx11", "cpx21", "cpx31", "cpx41", "cpx51"])
def test_a_server_type_of_the_generation_before_cannot_be_ordered_in_europe(cloud, kind):
    body = {"name": "one", "server_type": kind, "image": "debian-12", "location": "nbg1"}

    assert (422, "invalid_input") == cloud.refused("POST", "/servers", body), "went out of sale on 2025-12-31"
    assert [] == cloud.get("/servers")["servers"], "and nothing was made"


@pytest.mark.req("RW-08")
def test_what_is_sold_is_what_hetzner_sells_and_each_price_is_of_one_day(cloud):
    rows = cloud.get("/server_types?per_page=50")["server_types"]
    europe = {row["name"] for row in rows if any(p["name"] == "fsn1" and p["available"] for p in row["locations"])}
    families = {"cx": "2345", "cpx": "23456", "cax": "1234", "ccx": "123456"}
    ends = {"cx": "3", "cpx": "2", "cax": "1", "ccx": "3"}
    wanted = {f"{family}{size}{ends[family]}" for family, sizes in families.items() for size in sizes}
    prices = {row["name"]: row["prices"][0]["price_monthly"]["net"] for row in rows if row["prices"]}

    assert wanted == europe, "cx23 to cx53, cpx22 to cpx62, cax11 to cax41, ccx13 to ccx63"
    assert "3.9900000000" == prices["cx23"], f"the list price of {catalog.PRICES_OF}"


def test_each_price_has_the_tax_of_its_own_page_in_it(cloud):
    pricing = cloud.get("/pricing")["pricing"]
    month = pricing["server_types"][0]["prices"][0]["price_monthly"]

    assert float(month["gross"]) == pytest.approx(float(month["net"]) * (1 + float(pricing["vat_rate"]) / 100))


def test_a_type_that_is_sold_out_at_a_place_says_so_and_can_be_had_elsewhere(cloud):
    cloud.ask("PUT", f"{CONTROL}/sold_out", {"cx23": ["fsn1"]})
    body = {"name": "one", "server_type": "cx23", "image": "debian-12", "location": "fsn1"}
    offers = cloud.get("/server_types?name=cx23")["server_types"][0]["locations"]

    assert (412, "resource_unavailable") == cloud.refused("POST", "/servers", body), "the demand is high"
    assert ["fsn1"] == [offer["name"] for offer in offers if not offer["available"]], "the list shows it beforehand"
    assert "nbg1" == cloud.server(location="nbg1")["location"]["name"]


@pytest.mark.req("CA-03")
@pytest.mark.parametrize("name", ["prod-my_host", "-prod", "prod-", "a..b", "x" * 64, f"prod-{'a' * 60}"])
def test_a_servers_name_must_be_one_that_a_host_may_have(cloud, name):
    body = {"name": name, "server_type": "cx23", "image": "debian-12"}

    assert (422, "invalid_input") == cloud.refused("POST", "/servers", body), "RFC 1123, at most 63 a label"


@pytest.mark.req("CA-03")
@pytest.mark.parametrize("kind", MADE)
def test_two_of_a_kind_never_share_a_name_and_two_of_different_kinds_may(cloud, kind):
    cloud.make(f"/{kind}", {"name": "one", **MADE[kind]})
    for other, body in MADE.items():
        if other != kind:
            cloud.make(f"/{other}", {"name": "one", **body})

    assert (409, "uniqueness_error") == cloud.refused("POST", f"/{kind}", {"name": "one", **MADE[kind]})


@pytest.mark.req("RW-10")
def test_a_token_that_may_only_read_reads_and_is_refused_every_change():
    cloud = Emulated(tokens={TOKEN: "read"})
    try:
        assert [] == cloud.get("/servers")["servers"], "it reads"
        for method, path in (("POST", "/ssh_keys"), ("DELETE", "/ssh_keys/1"), ("PUT", "/servers/1")):
            assert (403, "token_readonly") == cloud.refused(method, path, {}), "before anything of the request is read"
    finally:
        cloud.listener.stop()


def test_an_address_that_nothing_has_is_unassigned_until_a_server_takes_it(cloud):
    ip = cloud.make("/primary_ips", {"name": "p", "type": "ipv4", "location": "fsn1"})["primary_ip"]
    cloud.server(public_net={"enable_ipv4": True, "ipv4": ip["id"], "enable_ipv6": True})

    assert "unassigned" == ip["assignee_type"], "since August 2026"
    assert "server" == cloud.get(f"/primary_ips/{ip['id']}")["primary_ip"]["assignee_type"]
