"""Production rehearsed on bare servers of the distributions that are not the usual one: up, every claim, and down."""

from __future__ import annotations

import json
import subprocess

import pytest

from homeport.cli import rehearse
from rehearsal.machine.daemon import labelled
from tests.support.command import make
from tests.support.host import USUAL

pytestmark = [pytest.mark.docker, pytest.mark.long]
OTHERS = sorted({"debian-12", "debian-13", "ubuntu-like"} - {USUAL})


@pytest.mark.req("RW-01", "RW-06")
@pytest.mark.parametrize("name", OTHERS)
def test_from_a_bare_server_to_every_claim_and_nothing_is_left(name):
    asked = rehearse.Rehearsal(preset="jett", environment="prod", distribution=name)
    option = f"DISTRIBUTION={name}"
    gone = make("rehearse-down", option, timeout=900)
    assert gone.returncode == 0, gone.stdout
    try:
        done = make("rehearse", option, timeout=2400)
        assert 0 == done.returncode, done.stdout[-6000:]
        world = json.loads((asked.folder / "world" / "world.json").read_text())
        (machine,) = labelled("container", world["id"])
        bare = subprocess.run(
            ["docker", "inspect", "--format", "{{.Config.Image}}", machine], capture_output=True, text=True, check=True
        )
        assert f"homeport/machine:{name}\n" == bare.stdout, "it was made of something else"
        engine = rehearse.prepared(asked, world)
        assert engine.ask("preview", "--refresh", "--expect-no-changes"), "the second preview is empty"
    finally:
        down = make("rehearse-down", option, timeout=900)
    assert 0 == down.returncode, down.stdout
    assert [] == [left for kind in ("container", "volume", "network") for left in labelled(kind, world["id"])]
