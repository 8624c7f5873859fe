"""A bridge network of the tests' own, with both families of addresses where the daemon gives them."""

import secrets
import subprocess
import sys

import pytest

from rehearsal.probes.box import IMAGE, docker
from tests.support import subnets
from tests.support.checkout import ROOT


@pytest.fixture(scope="session")
def image():
    command = [sys.executable, "-m", "toolchain.images", "ensure", IMAGE]
    subprocess.run(command, check=True, cwd=ROOT)
    return IMAGE


@pytest.fixture(scope="session")
def network():
    name = f"homeport-probes-{secrets.token_hex(4)}"
    subnets.network(
        name, "--label", "homeport.test=probes", "--ipv6", "--subnet", f"fd7e:57ed:{secrets.token_hex(2)}::/64"
    )
    yield name
    docker("network", "rm", name)
