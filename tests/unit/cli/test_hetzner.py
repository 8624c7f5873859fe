"""What a killed run made at Hetzner Cloud and could not note, against the emulated API."""

import json
import time
import urllib.request

import pytest

from homeport.cli import hetzner
from homeport.model.errors import ToolError
from rehearsal.clouds.hetzner.machines import InMemory
from rehearsal.clouds.hetzner.project import Project
from rehearsal.clouds.hetzner.service import Service
from rehearsal.clouds.hetzner.store import Store
from rehearsal.clouds.kit.api import ApiServer
from tests.support.other_forms import with_more, without

TOKEN = "t" * 64


@pytest.fixture
def world():
    return Project(Store(None), InMemory(), 0.0)


@pytest.fixture
def cloud(world):
    server = ApiServer(Service(world, [TOKEN])).start()
    yield Cloud(server.url)
    server.stop()


class Cloud:
    """The emulated API: where it is, and the command's client for it."""

    def __init__(self, base):
        self.base, self.client = base, hetzner.client(TOKEN, base)


def make(api, kind, **body):
    request = urllib.request.Request(  # noqa: S310  # the emulator on loopback
        f"{api.base}/{kind}", json.dumps(body).encode(), {"Authorization": f"Bearer {TOKEN}"}, method="POST"
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def server(api, name):
    body = {"name": name, "server_type": "cx23", "image": "debian-12", "labels": {"homeport.stack": "prod"}}
    return make(api, "servers", **body)["server"]["id"]


def names(api, kind):
    return [item.name for item in getattr(api.client, kind).get_all()]


def firewall(api, name, stack="prod"):
    return make(api, "firewalls", name=name, labels={"homeport.stack": stack})["firewall"]["id"]


@pytest.mark.req("D-04")
def test_an_orphan_of_the_killed_run_is_removed_and_what_the_state_knows_stays(cloud):
    known, lost = firewall(cloud, "main"), firewall(cloud, "lost")
    firewall(cloud, "other", stack="preprod")
    state = {"resources": [{"type": "hcloud:index/firewall:Firewall", "id": str(known)}]}

    found = hetzner.orphans(state, cloud.client, "prod", time.time() - 60)
    hetzner.remove(found)

    assert [("firewalls", lost)] == [(one.kind, one.id) for one in found], "one stack's orphan, and nobody else's"
    assert ["main", "other"] == sorted(names(cloud, "firewalls")), "the rest stays"


def test_what_was_there_before_the_killed_run_is_left_alone(cloud):
    firewall(cloud, "main")

    found = hetzner.orphans({"resources": []}, cloud.client, "prod", time.time() + 3600)

    assert [] == found, "a lost state must not cost a server"


def test_more_than_a_page_is_read(cloud):
    for number in range(50):
        firewall(cloud, f"f{number}")
    make(
        cloud,
        "primary_ips",
        name="main",
        type="ipv4",
        assignee_type="server",
        location="fsn1",
        labels={"homeport.stack": "prod"},
    )

    found = hetzner.orphans({"resources": []}, cloud.client, "prod", 0)

    assert 51 == len(found), "each kind, each page"


def test_a_refused_token_is_told_with_the_command_that_fixes_it(cloud):
    with pytest.raises(ToolError, match="hcloud-token"):
        hetzner.orphans({}, hetzner.client("x" * 64, cloud.base), "prod", 0)


def test_what_was_made_long_after_a_run_failed_is_left_alone(cloud):
    firewall(cloud, "main")

    found = hetzner.orphans({"resources": []}, cloud.client, "prod", time.time() - 7200, time.time() - 3600)

    assert [] == found, "the run had ended, so another state's run made it"


@pytest.mark.req("D-04")
def test_a_server_is_gone_when_its_removal_returns(cloud, world):
    server(cloud, "main")
    world.seconds = 1.5

    hetzner.remove(hetzner.orphans({}, cloud.client, "prod", 0))

    assert [] == names(cloud, "servers"), "the API answers at once, and the name stays taken until the action has ended"


def test_what_another_action_still_works_on_is_removed_after_it(cloud, world):
    world.seconds = 1.5
    server(cloud, "main")

    hetzner.remove(hetzner.orphans({}, cloud.client, "prod", 0))

    assert [] == names(cloud, "servers"), "a server that still boots is locked, and not for ever"


def test_what_somebody_else_has_removed_is_no_error(cloud):
    firewall(cloud, "main")
    found = hetzner.orphans({}, cloud.client, "prod", 0)
    hetzner.remove(found)

    hetzner.remove(found)


@pytest.mark.parametrize(
    ("seconds", "fail", "told"),
    [(0.0, {"delete": "the disk is stuck"}, "the disk is stuck"), (60.0, {}, "still at it after 0 s")],
)
def test_a_removal_that_fails_says_what_is_left_and_where(cloud, world, seconds, fail, told):
    server(cloud, "main")
    world.machines.fail, world.seconds = fail, seconds

    with pytest.raises(ToolError, match=rf"servers main \(.*{told}.*\n.*fix:"):
        hetzner.remove(hetzner.orphans({}, cloud.client, "prod", 0), seconds=0)


def test_a_protected_server_is_not_asked_for_again_and_again(cloud, world):
    number = server(cloud, "main")
    world.table("servers")[number]["protection"]["delete"] = True

    with pytest.raises(hetzner.RefusedError, match="delete protected"):
        hetzner.remove(hetzner.orphans({}, cloud.client, "prod", 0))


@pytest.mark.req("D-04")
def test_of_a_kill_on_another_machine_what_was_being_made_is_known_by_its_kind_and_name(cloud):
    """Nobody here knows when that run began."""
    lost = firewall(cloud, "main")
    firewall(cloud, "strange")
    server(cloud, "main")
    inputs = {"type": "hcloud:index/firewall:Firewall", "inputs": {"name": "main"}}
    pending = [
        {"type": "creating", "resource": inputs},
        {"type": "updating", "resource": {**inputs, "inputs": {"name": "strange"}}},
        {"type": "creating", "resource": {"type": "docker:index/container:Container"}},
    ]

    found = hetzner.orphans({}, cloud.client, "prod", 0.0, 0.0, begun=hetzner.making(pending))

    assert [("firewalls", lost)] == [(one.kind, one.id) for one in found], "neither the server of its name"


@pytest.mark.req("E-08")
@pytest.mark.parametrize("field", ["id", "created", "firewalls"])
def test_an_answer_of_another_form_is_told_and_nothing_is_removed_by_it(cloud, monkeypatch, field):
    firewall(cloud, "main")
    answer = Service.answer
    monkeypatch.setattr(Service, "answer", lambda *words: without(answer(*words), field))

    with pytest.raises(ToolError, match=r"Hetzner Cloud's answer is not read: .*\n  fix: git pull"):
        hetzner.orphans({}, cloud.client, "prod", 0)


@pytest.mark.req("E-08")
def test_what_an_answer_has_besides_is_of_no_matter(cloud, monkeypatch):
    lost = firewall(cloud, "main")
    answer = Service.answer
    monkeypatch.setattr(Service, "answer", lambda *words: with_more(answer(*words)))

    found = hetzner.orphans({}, cloud.client, "prod", 0)
    monkeypatch.undo()

    assert [lost] == [one.id for one in found]
