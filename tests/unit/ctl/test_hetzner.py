"""What a killed run made at Hetzner Cloud and could not note, against the emulated API."""

import json
import time
import urllib.request

import pytest

from ctl import hetzner
from model.errors import ToolError
from rehearsal.hetzner.machines import InMemory
from rehearsal.hetzner.service import Service
from rehearsal.hetzner.store import Store
from rehearsal.hetzner.web import Door
from rehearsal.hetzner.world import World

TOKEN = "t" * 64


@pytest.fixture
def cloud():
    door = Door(Service(World(Store(None), InMemory(), 0.0), [TOKEN])).start()
    yield hetzner.Api(TOKEN, door.url)
    door.stop()


def make(api, kind, **body):
    request = urllib.request.Request(  # noqa: S310  # the emulator on loopback
        f"{api.base}/{kind}", json.dumps(body).encode(), {"Authorization": f"Bearer {TOKEN}"}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def firewall(api, name, stack="prod"):
    return make(api, "firewalls", name=name, labels={"homeport.stack": stack})["firewall"]["id"]


@pytest.mark.req("D-04")
def test_an_orphan_of_the_killed_run_is_removed_and_what_the_state_knows_stays(cloud):
    known, lost = firewall(cloud, "main"), firewall(cloud, "lost")
    firewall(cloud, "other", stack="preprod")
    state = {"resources": [{"type": "hcloud:index/firewall:Firewall", "id": str(known)}]}

    found = hetzner.orphans(state, cloud, "prod", time.time() - 60)
    hetzner.remove(found, cloud)

    assert [("firewalls", lost)] == [(one.kind, one.id) for one in found], "one stack's orphan, and nobody else's"
    assert ["main", "other"] == sorted(row["name"] for row in cloud.call("GET", "firewalls")["firewalls"]), (
        "the rest stays"
    )


def test_what_was_there_before_the_killed_run_is_left_alone(cloud):
    firewall(cloud, "main")

    found = hetzner.orphans({"resources": []}, cloud, "prod", time.time() + 3600)

    assert [] == found, "a lost state must not cost a server"


def test_more_than_a_page_is_read(cloud):
    for number in range(50):
        firewall(cloud, f"f{number}")
    make(
        cloud, "primary_ips", name="main", type="ipv4", assignee_type="server", location="fsn1",
        labels={"homeport.stack": "prod"},
    )  # fmt: skip

    found = hetzner.orphans({"resources": []}, cloud, "prod", 0)

    assert 51 == len(found), "each kind, each page"


def test_a_refused_token_is_told_with_the_command_that_mends_it(cloud):
    with pytest.raises(ToolError, match="hcloud-token"):
        hetzner.orphans({}, hetzner.Api("x" * 64, cloud.base), "prod", 0)


def test_what_was_made_long_after_a_run_failed_is_left_alone(cloud):
    firewall(cloud, "main")

    found = hetzner.orphans({"resources": []}, cloud, "prod", time.time() - 7200, time.time() - 3600)

    assert [] == found, "the run had ended, so another state's run made it"
