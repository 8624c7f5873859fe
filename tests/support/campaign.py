"""Campaigns: tests that kill or disturb again and again.

Every run takes a random sample of each, `make test-long` (HOMEPORT_CAMPAIGN=whole) the whole.

A sample's seed is printed at the end of a run; HOMEPORT_SEED takes the same one again. Sizes stand in SIZES and
nowhere else; docs/testing.md has the figures.
"""

from __future__ import annotations

import os
import random
import secrets
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
WHOLE = os.environ.get("HOMEPORT_CAMPAIGN") == "whole"
# The lanes of one run are processes: all must take the same sample, or they would not have the same tests.
SEED = os.environ.setdefault("HOMEPORT_SEED", str(secrets.randbelow(10**6)))
SIZES = {
    # Name: how many points in a sample, how many in the whole.
    "kills of production": (5, 50),
    "kills of the engine": (3, 10),
    "kills of a part of the engine": (1, 3),
    "places of a shared state": (1, 2),
    "corruptions of a state": (6, 20),
    "kills of the queue's client": (20, 200),
    "kills of the queue's server": (2, 10),
    "kills of a host's unit": (4, 10),
    "kills of a backup": (5, 50),
    "kills of a restore": (2, 20),
    "damages of a repository": (6, 100),
    "kills of a copy elsewhere": (1, 50),
    "errors of the S3 server": (1, 50),
    "kills of a collection": (2, 10),
    "cells of the fault matrix": (74, 843),
    "reboots": (1, 20),
    "interleavings of the budget": (2_000, 100_000),
    "calls at once of the ledger": (5_000, 100_000),
    "rounds of calls at once through LiteLLM": (1, 20),
    "kills of a call": (20, 200),
    "kills of a job of auto-fix": (4, 26),
    "tamperings of the audit log": (8, 100),
    "kills of the audit log": (4, 200),
    "kills of the budget": (4, 200),
    "kills of a caller": (20, 200),
    "rotations of a key": (1, 2),
    "fuzzed configurations": (300, 10_000),
    "right configurations as graphs": (3, 500),
    "configurations with a mistake": (60, 1_000),
    "bytes changed in a state": (3, 200),
    "injected texts": (150, 12_797),
    "images of a public list": (3, 20),
    "previews of examples": (5, 15),
}


def size(name: str) -> int:
    """How many points of a campaign this run tries."""
    return SIZES[name][WHOLE]


def sample(name: str, points: Sequence[T]) -> list[T]:
    """As many of the points, in their order; all of them in a whole campaign."""
    if WHOLE:
        return list(points)
    return [points[number] for number in sorted(chance(name).sample(range(len(points)), min(size(name), len(points))))]


def chance(name: str) -> random.Random:
    """The campaign's own choices, which follow from the seed."""
    return random.Random(f"{SEED} {name}")  # noqa: S311  # moments, no keys


def told() -> str:
    """What a run took of the campaigns."""
    return f"campaigns: {'whole' if WHOLE else 'a sample'}, HOMEPORT_SEED={SEED}"
