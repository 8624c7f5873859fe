"""Statistics of a race: medians with their range, ratios within a round, targets."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Sample:
    """One measurement.

    Attributes:
        round: Which round it belongs to; only figures of one round are set against each other.
        operation: What was done.
        contestant: Who did it.
        seconds: Wall time.
        cpu: Processor time of the contestant's own processes, without the Docker daemon's.
    """

    round: int
    operation: str
    contestant: str
    seconds: float
    cpu: float = 0.0


@dataclass(frozen=True)
class Spread:
    """Several figures of one thing: median, least and greatest."""

    median: float
    least: float
    greatest: float

    def said(self, digits: int = 2, unit: str = "") -> str:
        """For a table: ``1.20 (1.10-1.35)``; without a range where there is one figure only."""
        tail = unit and f" {unit}"
        if self.least == self.greatest:
            return f"{self.median:.{digits}f}{tail}"
        return f"{self.median:.{digits}f}{tail} ({self.least:.{digits}f}-{self.greatest:.{digits}f})"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A ratio that is to be held: the median of ``operation`` by homeport over that of another, at most ``most``."""

    operation: str
    other: str
    most: float


TARGETS = (
    Target(operation="first up", other="docker compose", most=0.8),
    Target(operation="no-op up", other="docker compose", most=3),
    Target(operation="no-op up", other="Ansible", most=0.3),
)


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of some figures; None where there are none."""
    ordered = sorted(values)
    return Spread(median(ordered), ordered[0], ordered[-1]) if ordered else None


def times(samples: Iterable[Sample], operation: str, contestant: str) -> Spread | None:
    """The wall times of one contestant at one operation."""
    return spread(
        sample.seconds for sample in samples if (sample.operation, sample.contestant) == (operation, contestant)
    )


def processor(samples: Iterable[Sample], operation: str, contestant: str) -> Spread | None:
    """The processor times: on a busy machine they say more than wall times."""
    return spread(sample.cpu for sample in samples if (sample.operation, sample.contestant) == (operation, contestant))


def ratios(samples: Iterable[Sample], operation: str, contestant: str, other: str, against: str = "") -> Spread | None:
    """How many times as long ``contestant`` took as ``other``, round by round.

    Args:
        samples: All measurements.
        operation: What ``contestant`` did.
        contestant: The numerator.
        other: The denominator.
        against: What ``other`` did, where that was something else.
    """
    measured = list(samples)
    first = {
        sample.round: sample.seconds
        for sample in measured
        if (sample.operation, sample.contestant) == (operation, contestant)
    }
    second = {
        sample.round: sample.seconds
        for sample in measured
        if (sample.operation, sample.contestant) == (against or operation, other)
    }
    return spread(first[number] / second[number] for number in first if second.get(number, 0) > 0)


def verdict(samples: Iterable[Sample], target: Target, contestant: str) -> str:
    """A sentence: the target, the ratio, and whether it was met."""
    ratio = ratios(samples, target.operation, contestant, target.other)
    asked = f"{target.operation} at most {target.most} x {target.other}"
    if ratio is None:
        return f"{asked}: not measured"
    return f"{asked}: {'met' if ratio.median <= target.most else 'not met'}, {ratio.said()}"


def table(rows: list[list[str]]) -> str:
    """A Markdown table, aligned for a terminal too; the first row is its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
