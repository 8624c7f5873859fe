"""Promotion: the images that ran well go on to the next stack; what did not run, or not well, goes nowhere."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from homeport.cli import promotion
from homeport.cli.pulumi_cli import PulumiCli
from homeport.cli.stack import Stack
from homeport.cli.status import Service, Status
from homeport.model.errors import ToolError
from homeport.plan import image_lock as lock
from homeport.plan.image_lock import Pin

OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
CADDY = "caddy:2.11.4-alpine"
SETTINGS = {
    "exposure": "direct",
    "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}},
    "services": {"ai-redis": {"image": "registry.example.com/mine:1"}},
}
FILE = """\
config:
  homeport:preset: ai-orchestrator
  homeport:settings:
    services:
      # ours
      ai-redis: { image: "registry.example.com/mine:1" }  # kept
"""
SERVICE = Service(name="a", container="ai-a", state="running", health="healthy", address="", access="")


class Tried:
    """A stack's Pulumi, whose last update went well with all that its files name."""

    def __init__(self, stack):
        self.stack = stack
        self.updates = [{"kind": "update", "result": "succeeded", "message": promotion.settled.message()}]
        self.pending: list[object] = []
        self.ran = {service.image for service in stack.plan.blueprint.services}

    def history(self, size):
        return self.updates[:size]

    last_change = PulumiCli.last_change

    def state(self):
        images = [{"type": "docker:index/remoteImage:RemoteImage", "inputs": {"name": name}} for name in self.ran]
        return {"resources": images, "pending_operations": self.pending}


@pytest.fixture
def files(monkeypatch, tmp_path):
    """The folder of the stacks' files: preprod runs a newer Caddy and a newer image of ours than prod."""
    monkeypatch.setenv("HOMEPORT_STACK_FILES", str(tmp_path))
    (tmp_path / "Pulumi.prod.yaml").write_text(FILE)
    lock.path(tmp_path, "preprod").write_text(lock.text({CADDY: Pin(digest=NEW, origin="registry", day="2026-11-01")}))
    lock.path(tmp_path, "prod").write_text(lock.text({CADDY: Pin(digest=OLD, origin="registry", day="2026-10-01")}))
    return tmp_path


@pytest.fixture
def tried(monkeypatch, files):
    assert files.is_dir()
    settings = {**SETTINGS, "services": {"ai-redis": {"image": "registry.example.com/mine:2"}}}
    well = Status(stack="preprod", preset="x", environment="preprod", services=(SERVICE,), skipped=(), next_steps=())
    monkeypatch.setattr(promotion, "status", lambda _: well)
    # In the place of the whole program, which somebody may be at work on.
    monkeypatch.setattr(promotion.settled, "PROGRAM", ("Pulumi.yaml",))
    return Tried(Stack(name="preprod", preset="ai-orchestrator", settings=settings))


@pytest.fixture
def prod(files):
    assert files.is_dir()
    return Stack(name="prod", preset="ai-orchestrator", settings=SETTINGS)


def promote(tried, prod, files, *, yes=True, json=False):
    return promotion.promote(tried, prod, yes=yes, json=json, root=files)


@pytest.mark.req("P-19", "P-26")
def test_digests_and_chosen_images_go_on_and_all_else_of_the_file_stays(tried, prod, files, capsys):
    assert promote(tried, prod, files)

    assert (NEW, "promoted") == ((pin := lock.read(files, "prod")[CADDY]).digest, pin.origin)
    assert FILE.replace("mine:1", "mine:2") == (files / "Pulumi.prod.yaml").read_text(), "comments and all"
    shown = capsys.readouterr().err
    assert f"{CADDY}: {OLD} becomes {NEW}" in shown
    assert "services.ai-redis.image: registry.example.com/mine:1 becomes registry.example.com/mine:2" in shown
    assert "make up STACK=prod" in shown, "and what comes next"


@pytest.mark.req("P-19")
def test_any_answer_but_yes_changes_nothing(tried, prod, files, monkeypatch):
    before = {path.name: path.read_text() for path in files.iterdir()}
    for word in ("", "n", "y", "yes please", "prod"):
        monkeypatch.setattr(promotion, "answer", lambda _, word=word: word)
        assert not promote(tried, prod, files, yes=False), word
    assert before == {path.name: path.read_text() for path in files.iterdir()}


def _other_preset(tried):
    tried.stack = replace(tried.stack, preset="jett")


def _ill(tried, monkeypatch):
    sick = replace(SERVICE, health="unhealthy")
    current = promotion.status(tried)
    monkeypatch.setattr(promotion, "status", lambda _: replace(current, services=(sick,)))


UNFIT = {
    "another preset": (lambda t, _: _other_preset(t), "preprod is jett, prod is ai-orchestrator"),
    "never up": (lambda t, _: t.updates.clear(), "it was never brought up"),
    "taken down": (lambda t, _: t.updates[0].update(kind="destroy"), "it was taken down"),
    "failed": (lambda t, _: t.updates[0].update(result="failed"), "the last update of preprod ended as 'failed'"),
    "cut off": (lambda t, _: t.pending.append({}), "an update of preprod was cut off"),
    "not what ran": (lambda t, _: t.ran.discard("registry.example.com/mine:2"), r"files name now: registry\S+mine:2"),
    "another commit": (
        lambda t, _: t.updates[0].update(message="", environment={"git.head": "f" * 40}),
        r"with another program than this checkout's(?s:.*)or git checkout ffffffffffff",
    ),
    "ill": (_ill, "not everything of preprod is healthy: ai-a"),
    "no digest": (
        lambda t, _: lock.path(t.root, "preprod").unlink(),
        r"images\.preprod\.lock\.json has no digest of an image",
    ),
}


@pytest.mark.req("P-19")
@pytest.mark.parametrize("why", UNFIT)
def test_what_did_not_run_well_is_refused_with_what_mends_it(tried, prod, files, monkeypatch, why):
    spoil, words = UNFIT[why]
    tried.root = files
    spoil(tried, monkeypatch)
    before = {path.name: path.read_text() for path in files.iterdir()}

    with pytest.raises(ToolError, match=words) as refused:
        promote(tried, prod, files)

    assert "    fix: " in str(refused.value)
    assert before == {path.name: path.read_text() for path in files.iterdir()}, "nothing is written"


@pytest.mark.req("P-19")
@pytest.mark.parametrize(("then", "now"), [("edited", "as committed"), ("as committed", "edited")])
def test_an_edit_that_no_commit_has_makes_it_another_program_and_what_was_tried_goes_on(
    tried, prod, files, monkeypatch, *, then, now
):
    """Brought up with it and taken back, or made since then; git sees neither in a file that it does not know."""
    checkout = files / "checkout"
    checkout.mkdir()
    message = promotion.settled.message
    monkeypatch.setattr(promotion.settled, "message", lambda: message(checkout))
    (checkout / "Pulumi.yaml").write_text(then)
    tried.updates[0].update(message=message(checkout), environment={"git.head": "f" * 40, "git.dirty": "true"})
    (checkout / "Pulumi.yaml").write_text(now)

    with pytest.raises(ToolError, match="with another program than this checkout's") as refused:
        promote(tried, prod, files)
    assert "git checkout" not in str(refused.value), "that commit is not what was tried"
    (checkout / "Pulumi.yaml").write_text(then)
    assert promote(tried, prod, files), "the very files that were tried"


@pytest.mark.req("P-19")
def test_a_program_that_changed_since_is_named_by_its_files(tried, prod, files, monkeypatch):
    tried.updates[0].update(message="", environment={"git.head": "f" * 40})
    answers = subprocess.CompletedProcess([], 0, "catalog/a.py\ncatalog/b.py\nhomeport/c.py\nhomeport/d.py\n", "")
    monkeypatch.setattr(promotion.subprocess, "run", lambda *_, **__: answers)

    with pytest.raises(ToolError, match=r"homeport: catalog/a\.py, catalog/b\.py, homeport/c\.py and 1 other"):
        promote(tried, prod, files)
