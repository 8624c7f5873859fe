"""What a killed run left, and what only looks like it."""

from types import SimpleNamespace

import pytest

from homeport.cli import daemon, repair
from homeport.cli.daemon import DockerObject
from homeport.model.errors import ToolError

KNOWN = {"type": "docker:index/container:Container", "id": "c1", "urn": "u1"}


def found(kind, name, **labels):
    return DockerObject(kind=kind, id=name, name=name, labels=labels, inspected={})


class Engine:
    """An engine whose state is what the test says; a refresh settles what is pending."""

    def __init__(self, **state):
        self.said = state
        self.asked = []
        self.stack = SimpleNamespace(name="dev")

    def state(self):
        return self.said

    def daemons(self):
        return [{}]

    def refuse_running(self):
        pass

    def ask(self, *argv):
        self.asked.append(argv)
        self.said = {**self.said, "pending_operations": []}
        return ""


@pytest.fixture
def world(monkeypatch):
    made = SimpleNamespace(objects=[], carriers=[], images=[], settled=[], removed=[])
    monkeypatch.setattr(daemon, "objects", lambda *_: made.objects)
    monkeypatch.setattr(daemon, "carriers", lambda *_: made.carriers)
    monkeypatch.setattr(daemon, "inspect", lambda *_: made.images)
    monkeypatch.setattr(daemon, "settle", lambda item, _: made.settled.append(item.name))
    monkeypatch.setattr(daemon, "remove", lambda one, _: made.removed.append(one.name))
    return made


def test_nothing_is_done_where_state_and_docker_agree(world):
    world.objects = [found("container", "c1")]
    engine = Engine(resources=[KNOWN])

    assert not repair.repair(engine, killed=True), "there is nothing to repair"
    assert ([], []) == (engine.asked, world.removed), "and nothing is touched"


def test_what_the_killed_run_made_and_could_not_note_is_removed(world):
    world.objects = [found("container", "c1"), found("container", "c2"), found("network", "n1")]
    world.carriers = [found("container", "homeport-carrier-x")]

    assert repair.repair(Engine(resources=[KNOWN]), killed=True), "there was something"
    assert ["homeport-carrier-x", "c2", "n1"] == world.removed, "containers go before their networks"
    assert world.removed == world.settled, "a database that is just being made is not cut off half-way"


def test_what_a_colleagues_update_is_making_is_removed_by_nobody(world):
    """On a shared state a run was killed yesterday, and a colleague's update is at work now, between two operations."""
    world.objects = [found("container", "c1"), found("container", "c2")]
    engine = Engine(resources=[])

    def locked():
        raise ToolError("the stack is currently locked by 1 lock(s)")

    engine.refuse_running = locked
    with pytest.raises(ToolError, match="currently locked"):
        repair.repair(engine, killed=True)
    assert [] == world.removed

    engine.refuse_running = lambda: engine.said.update(resources=[KNOWN])
    repair.repair(engine, killed=True)
    assert ["c2"] == world.removed, "c1 it has noted by now"


def test_a_volume_with_data_is_never_removed(world):
    world.objects = [
        found("volume", "pg", data="true"),
        found("volume", "files-1", data="false"),
        found("volume", "shared"),
    ]

    repair.repair(Engine(resources=[]), killed=True)

    assert ["files-1"] == world.removed, "a volume that is made again under its name is found again, with its data"


@pytest.mark.usefixtures("world")
def test_unfinished_operations_are_settled_by_asking_docker():
    engine = Engine(resources=[], pending_operations=[{"type": "creating"}])

    assert repair.repair(engine, killed=False), "there was something"
    assert 1 == len(engine.asked), "once"
    assert {"refresh", "--yes", "--clear-pending-creates"} <= set(engine.asked[0]), (
        "what was being made is dropped and made again"
    )


def test_objects_of_another_state_are_refused_and_named(world):
    world.objects = [found("container", "ai-redis"), found("network", "ai-data")]

    with pytest.raises(ToolError, match=r"container ai-redis, network ai-data(?s:.*)make repair STACK=dev"):
        repair.repair(Engine(resources=[]), killed=False)
    assert [] == world.removed, "somebody else's stack is not ours to remove"


def test_an_image_that_was_made_anew_under_its_name_is_read_anew(world):
    kind = "docker:index/remoteImage:RemoteImage"
    images = [
        {"type": kind, "urn": "moved", "inputs": {"name": "redis:7"}, "outputs": {"imageId": "sha256:old"}},
        {"type": kind, "urn": "same", "inputs": {"name": "caddy:2"}, "outputs": {"imageId": "sha256:b"}},
        {"type": kind, "urn": "gone", "inputs": {"name": "n8n:2"}, "outputs": {"imageId": "sha256:c"}},
        {"type": kind, "urn": "digest", "inputs": {"name": "x@sha256:d"}, "outputs": {"imageId": "sha256:d"}},
    ]
    world.images = [{"Id": "sha256:new", "RepoTags": ["redis:7"]}, {"Id": "sha256:b", "RepoTags": ["caddy:2"]}]
    engine = Engine(resources=images)

    repair.repair(engine, killed=False)

    targets = [word for word in engine.asked[0] if word.startswith("--target")]
    assert ["--target=moved", "--target=gone"] == targets, "an update would make containers from an image that is gone"


def test_a_container_is_left_until_its_health_check_has_decided(monkeypatch):
    answers = [
        [{"State": {"Running": True, "Health": {"Status": "starting"}}}],
        [{"State": {"Running": True, "Health": {"Status": "healthy"}}}],
        [{"State": {"Running": False, "Health": {"Status": "starting"}}}],
        [{"State": {"Running": True}}],
        [],
    ]
    asked = []
    monkeypatch.setattr(daemon, "inspect", lambda *_: asked.append(1) or answers.pop(0))
    monkeypatch.setattr(daemon.time, "sleep", lambda _: None)

    daemon.settle(found("container", "postgres"))
    assert 2 == len(asked), "it is asked again while its cluster is being made"
    for why in ("it has ended", "it has no check", "it is gone"):
        daemon.settle(found("container", "postgres"))
        assert 2 < len(asked), why
    daemon.settle(found("network", "n1"))
    assert [] == answers, "a network has no health"
