"""Pulumi killed while it makes, changes or deletes something at a cloud, of a stack whose state others share.

The engine is real, the cloud emulated, and nothing of it needs Docker. Whoever comes next sits at another machine: no
mark of ours tells of the kill, only what Pulumi itself has noted. A server that is there already is looked for first,
by a refresh of it alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from homeport.cli import daemon, lifecycle
from homeport.cli.daemon import DockerObject
from homeport.cli.lock import Run, remove_half_written
from homeport.cli.pulumi_cli import PulumiCli
from homeport.model.errors import ToolError
from rehearsal.clouds.kit.faults import Fault
from tests.support import campaign
from tests.support.faults.cells import Strike
from tests.support.faults.stack import created
from tests.support.waits import until

pytestmark = pytest.mark.world
OLD, NEW = "zq001", "zq002"
"""A cell that is there all the time, and one that comes and goes."""
SLOW = Fault(kind="slow", seconds=1.5)
PARTS = {
    "program": ("engine/program.py", "pulumi-language-python-exec"),
    "language host": ("toolchain.engine.langhost", "pulumi-language-python "),
    "plugin": ("'hcloud'", "pulumi-resource-hcloud"),
}
"""Part of the engine to what stands in its command line: in ours, in the official one's."""


class InABucket(PulumiCli):
    """Where nobody sees a lock but Pulumi, and no file can be read."""

    state_folder = None


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with created(tmp_path_factory.mktemp("killed"), {"hetzner": [OLD]}) as running:
        yield running


@pytest.fixture
def docker(monkeypatch):
    """The Docker of the stack's host: a container that the killed run left; gives the names of what is removed."""
    left, removed = DockerObject(kind="container", id="x", name="t-left", labels={}, inspected={}), []
    monkeypatch.setattr(PulumiCli, "daemons", lambda _: [{}])
    monkeypatch.setattr(daemon, "objects", lambda *_: [left])
    for name, answer in (("carriers", []), ("inspect", []), ("settle", None)):
        monkeypatch.setattr(daemon, name, lambda *_, answer=answer: answer)
    monkeypatch.setattr(daemon, "remove", lambda one, _: removed.append(one.name))
    return removed


def killed(stack, cell, method, path, done):
    """SIGKILL for an update's engine when the cloud has done what a cell's call asks for, and before the state knows.

    What was under way, as the state tells it afterwards: verb and type.
    """
    strike = stack.strikes[cell] = Strike(method, path, SLOW)
    process = stack.started()
    try:
        until(lambda: strike.hits or process.poll() is not None, "the update never asks for it")
        # Its plugin goes on, and nobody hears the answer.
        process.send_signal(signal.SIGSTOP)
        until(done, "the cloud does not do it")
    finally:
        process.kill()
        process.wait()
        stack.strikes.clear()
    # Half a file of attributes, which a bucket does not have.
    remove_half_written(stack.engine)
    pending = stack.state().get("pending_operations") or []
    return {(item["type"], item["resource"]["type"].rpartition(":")[2]) for item in pending}


def recovered(stack, kind, capsys):
    """What the next command says while it puts right what was left; in a bucket once somebody has removed the lock."""
    engine = kind(**vars(stack.engine))
    if kind is InABucket:
        with pytest.raises(ToolError, match=r"currently locked(?s:.*)fix: (?s:.*)pulumi cancel --stack t"):
            lifecycle.recover(engine, Run(stack="t"))
        assert 0 == stack.pulumi("cancel", "--yes").returncode
    assert lifecycle.recover(engine, Run(stack="t")), "there was something"
    said = capsys.readouterr().err
    assert "under way when the last run was killed" in said, said
    assert not stack.state().get("pending_operations"), "all of it is settled"
    return said


def firewalls(stack):
    return {row["name"]: row["rules"] for row in stack.hetzner.get("/firewalls")["firewalls"]}


def in_state(stack, cell):
    return [row for row in stack.state()["resources"] if row["urn"].endswith(f"::{cell}-firewall")]


@pytest.mark.req("P-15")
@pytest.mark.campaign
@pytest.mark.parametrize("kind", campaign.sample("places of a shared state", [InABucket, PulumiCli]))
def test_what_was_being_made_is_removed_and_made_once(stack, docker, capsys, kind):
    stack.cells["hetzner"] = [OLD, NEW]
    under_way = killed(stack, NEW, "POST", "/firewalls", lambda: NEW in firewalls(stack))
    said = recovered(stack, kind, capsys)
    left = NEW in firewalls(stack)
    done = stack.run("create")
    whole = stack.whole(gone=False)
    stack.cells["hetzner"] = [OLD]
    gone = stack.run("create")

    assert ("creating", "Firewall") in under_way, "the kill fell between the cloud's work and the state"
    assert f"removing firewalls {NEW} at Hetzner Cloud" in said and not left, said
    assert ["t-left"] == docker, "whose else could it be"
    assert done.returncode == 0, done.stdout + done.stderr
    assert {OLD: "whole", NEW: "whole"} == whole, "exactly one of each"
    assert gone.returncode == 0, gone.stdout + gone.stderr


@pytest.mark.req("P-15")
def test_what_was_being_changed_is_read_anew(stack, docker, capsys):
    stack.later = True
    path = "/firewalls/[0-9]+/actions/set_rules"
    under_way = killed(stack, OLD, "POST", path, lambda: "2222" in str(firewalls(stack)[OLD]))
    recovered(stack, InABucket, capsys)
    known = in_state(stack, OLD)
    done = stack.run("change")

    assert ("updating", "Firewall") in under_way
    assert "2222" in str([row["outputs"]["rules"] for row in known]), "the state has what the cloud has"
    assert ["t-left"] == docker, "though a refresh of the server alone has dropped from the state that it was under way"
    assert done.returncode == 0, done.stdout + done.stderr
    assert ({OLD: "whole"}, "") == (stack.whole(gone=False), stack.unchanged())


@pytest.mark.req("D-03", "P-15")
def test_what_was_being_deleted_is_known_to_be_gone(stack, docker, capsys):
    stack.later, stack.cells["hetzner"] = True, [OLD, NEW]
    made = stack.run("change")
    stack.cells["hetzner"] = [OLD]
    under_way = killed(stack, NEW, "DELETE", "/firewalls/[0-9]+", lambda: NEW not in firewalls(stack))
    before = in_state(stack, NEW)
    recovered(stack, InABucket, capsys)
    known = in_state(stack, NEW)
    done = stack.run("change")

    assert made.returncode == 0, made.stdout + made.stderr
    assert ("deleting", "Firewall") in under_way
    assert (1, 0) == (len(before), len(known)), "a second DELETE would be refused"
    assert ["t-left"] == docker
    assert done.returncode == 0, done.stdout + done.stderr
    assert {OLD} == stack.there().keys() and {OLD: "whole"} == stack.whole(gone=False)


@pytest.mark.req("P-15")
@pytest.mark.campaign
@pytest.mark.parametrize("part", campaign.sample("kills of a part of the engine", [*PARTS]))
def test_of_a_part_that_is_killed_alone_the_engine_tells_and_the_next_run_converges(stack, part):
    stack.later, stack.cells["hetzner"] = True, [OLD, NEW]
    strike = stack.strikes[NEW] = Strike("POST", "/firewalls", SLOW)
    process = stack.started()
    until(lambda: strike.hits or process.poll() is not None, "the update never asks for it")
    victims = [number for number, line in under(process.pid) if any(word in line for word in PARTS[part])]
    for number in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    code = process.wait(300)
    until(lambda: NEW in firewalls(stack), "the cloud does what it was asked")
    stack.strikes.clear()
    lifecycle.recover(stack.engine, Run(stack="t"))
    done = stack.run("change")
    whole = stack.whole(gone=False)
    stack.cells["hetzner"] = [OLD]
    gone = stack.run("change")

    assert victims and code, "it was killed, and the update has failed"
    assert done.returncode == 0, done.stdout + done.stderr
    assert {OLD: "whole", NEW: "whole"} == whole, "exactly one of each"
    assert gone.returncode == 0, gone.stdout + gone.stderr


def under(number):
    """All processes below one: number and command line."""
    # Each thread has its own.
    for thread in Path(f"/proc/{number}/task").glob("*/children"):
        for child in thread.read_text().split():
            yield int(child), Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield from under(child)
