"""Which points of a campaign a run takes."""

import json
import os
import subprocess
import sys

import pytest

from tests.support import campaign
from tests.support.checkout import ROOT

SAY = (
    "import json; from tests.support import campaign; "
    "print(json.dumps([campaign.sample('kills of the engine', range(10)), campaign.told()]))"
)


def taken(**more):
    environ = {key: value for key, value in os.environ.items() if key not in {"HOMEPORT_SEED", "HOMEPORT_CAMPAIGN"}}
    argv = [sys.executable, "-c", SAY]
    done = subprocess.run(argv, cwd=ROOT, env=environ | more, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_same_seed_takes_the_same_points_in_every_lane_and_is_told():
    first, second = taken(HOMEPORT_SEED="7"), taken(HOMEPORT_SEED="7")

    assert first == second, "lanes that collect different tests end a run"
    assert sorted(first[0]) == first[0], "in their order"
    assert campaign.SIZES["kills of the engine"][0] == len(set(first[0])), "as many as a sample has, none twice"
    assert "HOMEPORT_SEED=7" in first[1], "whoever repeats a run needs it"


def test_another_seed_takes_others():
    assert len({str(taken(HOMEPORT_SEED=str(seed))[0]) for seed in range(5)}) > 1, "over time all is covered"


def test_the_whole_is_all_of_it():
    assert list(range(10)) == taken(HOMEPORT_CAMPAIGN="whole")[0], "make test-long"


@pytest.mark.parametrize("name", campaign.SIZES)
def test_a_sample_is_smaller_than_the_whole(name):
    few, all_ = campaign.SIZES[name]

    assert 0 < few < all_, "none is left out of every run, and none is whole in each"
