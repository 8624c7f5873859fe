"""A preprod that is rented for one run, at the emulated Hetzner and the emulated OVH: nothing of it is left at either.

While it is up all claims are asked of it, as of any public machine. Long: the whole of vpai comes up twice on
one machine.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from types import SimpleNamespace

import pytest

from homeport.cli import rehearse
from homeport.cli.rehearse import Rehearsal
from tests.support.command import make
from tests.support.production import Rehearsed
from tests.support.waits import until

pytestmark = [pytest.mark.docker, pytest.mark.long]
PRESET, ENVIRONMENT = "vpai", "preprod"
ASKED = Rehearsal(preset=PRESET, environment=ENVIRONMENT)
OWNED = ("servers", "firewalls", "ssh_keys", "primary_ips", "networks", "volumes")
ASKED_WHILE_UP = {
    *("second-preview-empty", "outside-sees-declared-ports", "udp-is-silent", "one-layer-alone", "reached-by-networks"),
    *("doors", "names-for-members", "names-lead-where-declared", "members-reach-declared-ports"),
    *("secrets-only-where-declared", "no-secret-in-the-clouds", "reboot-opens-nothing"),
}
"""Of the claims those that are of this machine alone; one that is alone in its mesh is asked by a device."""


@pytest.fixture(scope="module")
def clouds():
    """A world in which nothing is up yet: `make rehearse-destroy` of a stack that was never brought up."""
    arguments = (f"PRESET={PRESET}", f"ENV={ENVIRONMENT}")
    gone = make("rehearse-down", *arguments, timeout=300)
    assert gone.returncode == 0, gone.stdout
    try:
        done = make("rehearse-destroy", *arguments, timeout=1200)
        assert done.returncode == 0, done.stdout
        yield Rehearsed(asked=ASKED)
    finally:
        make("rehearse-down", *arguments, timeout=300)


def owned(clouds):
    """What Hetzner and the zone have: names by kind."""
    rows = {kind: [row["name"] for row in clouds.hetzner("GET", kind)[kind]] for kind in OWNED}
    zone = json.loads((ASKED.folder / "world/ovh.json").read_text())["tables"]["records"].values()
    return rows | {"records": [row["subDomain"] for row in zone]}


def once(clouds, output, *command):
    """`homeport once` as a workflow runs it; what it says goes to a file, for a full pipe would hold it up."""
    engine = clouds.engine
    argv = ["bin/homeport", "once", "--stack", ASKED.name, *command]
    with output.open("w") as file:
        return subprocess.Popen(
            argv,
            cwd=engine.root,
            env=dict(engine.environ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.req("S5-04")
def test_it_is_rented_for_a_command_and_given_back(clouds, tmp_path):
    before, output = owned(clouds), tmp_path / "output"
    seen = SimpleNamespace(status=tmp_path / "status.json", go=tmp_path / "go")
    look = f"bin/homeport status --stack $STACK --json > {seen.status}; while [ ! -e {seen.go} ]; do sleep 1; done"
    run = once(clouds, output, "sh", "-c", f"{look}; exit 3")
    try:
        until(lambda: run.poll() is not None or _whole(seen.status), "it comes up, and is asked", 1800)
        while_up = owned(clouds) if run.poll() is None else {}
        promised = bool(while_up) and rehearse.claims(ASKED, clouds.engine, clouds.world)
        seen.go.touch()
        run.wait(timeout=900)
    finally:
        run.kill()

    assert 3 == run.returncode, f"the command's own exit code is the run's:\n{output.read_text()[-6000:]}"
    status = json.loads(seen.status.read_text())
    assert status["healthy"] and len(status["services"]) > 10, "the command found all of it up and healthy"
    assert 1 == len(while_up["servers"]) and while_up["records"], "on a rented server, under names of the zone"
    assert promised, "all that is promised of a public machine held, or what did not is above"
    assert ASKED_WHILE_UP <= clouds.claims().keys()
    assert before == owned(clouds), "and nothing is left at Hetzner, nor in the zone"
    assert f"nothing of stack {ASKED.name} is left" in output.read_text()


@pytest.mark.req("S5-04")
@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("moment", ["its server is rented", "its services are made"])
def test_a_workflow_that_is_cancelled_while_it_comes_up_leaves_nothing_either(clouds, tmp_path, moment):
    before, output = owned(clouds), tmp_path / "output"
    reached = {
        "its server is rented": lambda: owned(clouds)["servers"],
        "its services are made": lambda: re.search("docker:index:Container .* creating", output.read_text()),
    }
    run = once(clouds, output)
    try:
        until(lambda: run.poll() is not None or reached[moment](), moment, 900)
        cancelled = run.poll() is None
        run.send_signal(signal.SIGTERM)
        run.wait(timeout=1800)
    finally:
        run.kill()

    assert cancelled, f"it ended before:\n{output.read_text()[-6000:]}"
    assert 0 != run.returncode, output.read_text()[-6000:]
    assert before == owned(clouds), f"nothing is left:\n{output.read_text()}"


def _whole(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
