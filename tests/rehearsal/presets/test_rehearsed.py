"""The other presets, rehearsed in prod: up, every claim, an empty second preview, and down with nothing left.

`make test` takes one of them by turns, `make test-long` all; jett is rehearsed in every run
(tests/rehearsal/production). One of several hosts takes longer than a turn may: `make test-long` alone has it.
"""

from __future__ import annotations

import pytest

from homeport.cli.rehearse import Rehearsal
from rehearsal.claims.expected import hosts, systems
from rehearsal.machine.daemon import labelled
from tests.rehearsal.presets.guests import another_stack_joins
from tests.rehearsal.presets.smoked import smoke_says_what_is_down
from tests.support import campaign, turns
from tests.support.command import make
from tests.support.production import Rehearsed
from tests.support.rehearsed_settings import own_services, own_settings

pytestmark = pytest.mark.docker
LARGE = sorted(preset for preset in systems() if len(hosts(preset)) > 1)
OTHERS = sorted({*systems()} - {"jett", *LARGE}) if campaign.WHOLE else [turns.rehearsed()]
BESIDES = {"shared-infrastructure": another_stack_joins, "vpai": smoke_says_what_is_down}
"""What is tried while a preset is up."""


@pytest.mark.campaign
@pytest.mark.req("P-07")
@pytest.mark.parametrize("preset", OTHERS)
def test_a_preset_is_rehearsed_from_nothing_to_every_claim_and_nothing_is_left(preset):
    rehearsed_whole(preset)


@pytest.mark.long
@pytest.mark.req("P-07")
@pytest.mark.parametrize("preset", LARGE)
def test_so_is_one_of_several_hosts(preset):
    rehearsed_whole(preset)


def rehearsed_whole(preset):
    rehearsed = Rehearsed(asked=Rehearsal(preset=preset, environment="prod"))
    with own_settings(preset):
        # A run that was cut off may have left half a rehearsal.
        gone = make("rehearse-down", f"PRESET={preset}", timeout=900)
        assert gone.returncode == 0, gone.stdout
        try:
            done = make("rehearse", f"PRESET={preset}", timeout=2400)
            assert 0 == done.returncode, done.stdout[-6000:]
            claims, world = rehearsed.claims(), rehearsed.world["id"]
            BESIDES.get(preset, lambda _: None)(rehearsed)
        finally:
            down = make("rehearse-down", f"PRESET={preset}", timeout=900)

    # Of several hosts each name begins with the host's.
    names = {name.rpartition(": ")[2] for name in claims}
    assert {"second-preview-empty", "doors", "reached-by-networks", "outside-sees-declared-ports"} <= names
    assert {"passed"} == {claim["state"] for claim in claims.values()}
    for name in own_services(preset):
        assert f"'{name}'" in claims["only-declared-services"]["got"], "the user's own are claimed like all others"
    assert 0 == down.returncode, down.stdout
    assert [] == [left for kind in ("container", "volume", "network") for left in labelled(kind, world)]
    assert not rehearsed.asked.folder.exists(), "nor of its state"
