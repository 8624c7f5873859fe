"""Blocks of addresses that nobody on this machine's Docker has, for tests that run beside each other.

Drawn at random from a few hundred, two lanes had the same one about once in ten runs: "Pool overlaps with other one
on this address space".
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import secrets
import subprocess

from homeport.plan.apps import POOL

LANE, LANES = (
    int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")),
    int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
)
_FIRST, _BLOCKS, _TRIES = 20, 200, 50
_TURN = itertools.count(secrets.randbelow(_BLOCKS))
TEST_HOSTS = "198.18"
"""Where the tests' own hosts are; the rehearsal's machines are there too (RFC 2544, for tests of devices)."""


def block(start: str) -> str:
    """The first three numbers of a free /24 below two numbers.

    Each lane has its own share, and takes its turns in order. The two numbers are none of the pool of apps' networks:
    another lane's app may take its subnet there between the look and the use.
    """
    assert not ipaddress.ip_network(f"{start}.0.0/16").overlaps(POOL), f"{start}.0.0/16 is in the pool of apps"
    taken = _taken()
    share = _BLOCKS // LANES
    for turn in itertools.islice(_TURN, share):
        found = f"{start}.{_FIRST + LANE + LANES * (turn % share)}"
        if not any(ipaddress.ip_network(f"{found}.0/24").overlaps(one) for one in taken):
            return found
    raise AssertionError(f"no block of {start}.0.0/16 is free; docker network ls has {len(taken)} subnets")


def network(name: str, *flags: str) -> str:
    """Makes a Docker network in a free block of `TEST_HOSTS`; the block's first three numbers."""
    for _ in range(_TRIES):
        found = block(TEST_HOSTS)
        argv = ["docker", "network", "create", *flags, "--subnet", f"{found}.0/24", "--gateway", f"{found}.1", name]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return found
        # A rehearsal that boots at this moment draws from the same addresses, and tries again as well.
        assert "overlaps" in done.stderr, done.stderr
    raise AssertionError(f"{_TRIES} blocks that were free were taken at once")


def _taken() -> list[ipaddress.IPv4Network]:
    numbers = subprocess.run(
        ["docker", "network", "ls", "-q"], capture_output=True, text=True, check=True
    ).stdout.split()
    # One that went meanwhile makes the command fail, and the rest is told.
    said = subprocess.run(
        ["docker", "network", "inspect", *numbers], capture_output=True, text=True, check=False
    ).stdout
    subnets = [one["Subnet"] for row in json.loads(said) for one in row["IPAM"]["Config"] or ()]
    return [ipaddress.IPv4Network(subnet) for subnet in subnets if ":" not in subnet]
