"""`homeport preview --example`: each preset in each environment, by the real engine, on a machine without a network.

The lists in `tests/golden/examples` are written anew by `sh homeport/cli/run.sh python -m tests.unit.stack.identities`,
without the engine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from homeport.cli import example
from tests.support import campaign
from tests.support.checkout import ROOT
from tests.support.scratch import docker
from tests.unit.stack.identities import example_list

pytestmark = [pytest.mark.world, pytest.mark.docker]
ALONE = (
    "unshare",
    "--net",
    *(() if os.geteuid() == 0 else ("--map-root-user",)),
    "sh",
    "-c",
    'ip link set lo up; "$@"',
)
"""With a loopback of its own, by which the engine's parts find each other, and nothing else."""


def previewed(name: str) -> list[str]:
    """The resources of an example, a line each: type and name."""
    argv = [*ALONE, "sh", sys.executable, "-m", "homeport.cli", "preview", "--example", name, "--json"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [f"{row['type']} {row['name']}" for row in json.loads(done.stdout)["resources"]]


@pytest.mark.campaign
@pytest.mark.parametrize("name", campaign.sample("previews of examples", example.names()))
def test_a_preset_in_an_environment_is_previewed_without_a_network_and_is_what_its_list_says(name):
    assert example_list(name).read_text().splitlines() == sorted(previewed(name)), (
        "what a preset is made of changes where somebody means it: read the difference, then write the list anew"
    )


def test_a_preview_of_an_example_leaves_nothing_behind():
    """After all the others: no file of a stack in the checkout, no object in Docker."""
    marked = [
        docker(kind, "ls", "-q", "--filter", f"label=homeport.stack=example-{name.replace('/', '-')}")
        for name in example.names()
        for kind in ("volume", "network")
    ]

    assert [] == [*ROOT.glob("*.example-*")], "neither a stack's file nor its lock of images"
    assert not "".join(marked), "a preview makes nothing"
