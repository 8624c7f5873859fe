"""The figures of `bench.latency`, for a terminal and as a section of `docs/benchmark.md`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures import Sample, ratios, spread, table, times
from bench.world import ROOT

if TYPE_CHECKING:
    from bench.figures import Spread

PAGE = ROOT / "docs" / "benchmark.md"
NEAR, FAR = "loopback", "40 ms"
OPERATIONS = ("up", "refresh", "no-op preview", "one container", "destroy")
LABELS = tuple(f"{where}, {how}" for where in (NEAR, FAR) for how in ("plain", "shared"))
HEADING = "## Distance to the host"
_OFFICIAL = (
    "The official docker plugin made 20 containers at 40 ms in 10.2 s plain and 9.2 s multiplexed, on another machine: "
    "its ratio of shared to plain is 0.90; seconds of different machines must not be set against each other."
)
_METHOD = """`python -m bench.latency` brings light containers up on a rented server of the rehearsal
(systemd, sshd, a dockerd of its own) by the real engine, with one docker provider at `ssh://`, through a relay in front
of sshd: without delay, and with 20 ms in each direction (the kernel may have no netem). "Plain" is a login for every
connection, "shared" is one connection that ControlMaster keeps; each round begins without it. The preview compares with
the state and asks no host; nothing here is part of CI.
On a busy machine a ratio whose range holds 1 says nothing; the number of connections is exact, whatever the load."""


@dataclass(frozen=True)
class Reached(Sample):
    """A measurement with the connections that it opened to the host: each is a login of 7 to 8 round trips."""

    connections: int = 0


def report(samples: list[Reached], containers: int, load: tuple[float, float]) -> str:
    """The figures as Markdown."""
    rounds = len({sample.round for sample in samples})
    before, after = load
    measured = (
        f"{containers} containers, {os.cpu_count() or 1} cores, load {before:.1f} at the start, {after:.1f} at the end."
    )
    return "\n\n".join(
        [
            measured,
            f"Ratios, median of {rounds} (least-greatest), each within one round:\n\n{table(_ratios(samples))}",
            f"Wall times in seconds, median of {rounds} (least-greatest):\n\n{table(_times(samples))}",
            f"Connections opened to the host, median of {rounds} (least-greatest):\n\n{table(_logins(samples))}",
            _OFFICIAL + "\n",
        ]
    )


def _ratios(samples: list[Reached]) -> list[list[str]]:
    pairs = (
        (LABELS[2], LABELS[0]),
        (LABELS[3], LABELS[1]),
        (LABELS[3], LABELS[2]),
        (LABELS[1], LABELS[0]),
    )
    rows = [["operation", *(f"{label} / {other}" for label, other in pairs)]]
    for operation in OPERATIONS:
        spreads = [ratios(samples, operation, label, other) for label, other in pairs]
        rows.append([operation, *(spread.said() if spread else "" for spread in spreads)])
    return rows


def _times(samples: list[Reached]) -> list[list[str]]:
    rows = [["operation", *LABELS]]
    for operation in OPERATIONS:
        spreads = [times(samples, operation, label) for label in LABELS]
        rows.append([operation, *(spread.said() if spread else "" for spread in spreads)])
    return rows


def _logins(samples: list[Reached]) -> list[list[str]]:
    rows = [[operation, *(_opened(samples, operation, label) for label in LABELS)] for operation in OPERATIONS]
    return [["operation", *LABELS], *rows]


def _opened(samples: list[Reached], operation: str, label: str) -> str:
    opened: Spread | None = spread(
        sample.connections for sample in samples if (sample.operation, sample.contestant) == (operation, label)
    )
    return opened.said(0) if opened else ""


def written(page: str, text: str, day: str) -> str:
    """The page with this section in place of the one it had, at its end otherwise."""
    kept = page.partition(HEADING)[0].rstrip()
    return f"{kept}\n\n{HEADING}\n\n{_METHOD}\n\nFigures of {day}: {text}"
