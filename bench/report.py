"""What a run found out, for a terminal and for `docs/benchmark.md`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench.figures import TARGETS, processor, ratios, spread, table, times, verdict
from bench.previews import EMPTY, MOST, PREVIEW, PRODUCTION
from bench.race import OPERATIONS, PLAIN, WITHOUT_FILES
from bench.with_ansible import Ansible
from bench.with_compose import Compose
from bench.with_homeport import Homeport

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.figures import Sample, Spread
    from bench.race import Result

_ALL = (Homeport.label, Compose.label, Ansible.label)


def report(result: Result) -> str:
    """The figures as Markdown."""
    rounds = len(result.program)
    parts = [
        _versions(result),
        f"Ratios, median of {rounds} (least-greatest), each within one round:\n\n{table(_ratios(result.samples))}",
        f"Wall times in seconds, median of {rounds} (least-greatest):\n\n{table(_times(result.samples, times))}",
        f"Processor seconds of their own processes, Docker's left out:\n\n{table(_times(result.samples, processor))}",
        f"The program alone, part of every homeport figure, in seconds:\n\n{table(_program(result))}",
        f"A first preview of production, in seconds:\n\n{table(_previews(result.samples))}",
        "\n".join(["Targets:", "", *(f"- {verdict(result.samples, target, Homeport.label)}" for target in TARGETS)]),
        _sameness(result),
    ]
    return "\n\n".join(parts) + "\n"


def _versions(result: Result) -> str:
    rows = [["what", "in use"], *([name, value] for name, value in result.versions.items())]
    before, after = result.load
    cores = os.cpu_count() or 1
    rows += [
        ["services", ", ".join(result.services)],
        ["machine", f"{cores} cores, load {before:.1f} at the start, {after:.1f} at the end"],
    ]
    return table(rows)


def _ratios(samples: list[Sample]) -> list[list[str]]:
    rows = [["operation", *(f"homeport / {other}" for other in _ALL[1:])]]
    rows += [
        [operation, *(_said(ratios(samples, operation, _ALL[0], other)) for other in _ALL[1:])]
        for operation in OPERATIONS
    ]
    rows.append([PLAIN, *(_said(ratios(samples, PLAIN, _ALL[0], other, "no-op up")) for other in _ALL[1:])])
    rows.append([f"{WITHOUT_FILES} (Ansible)", "", _said(ratios(samples, "no-op up", _ALL[0], _ALL[2], WITHOUT_FILES))])
    return rows


def _times(samples: list[Sample], what: Callable[[list[Sample], str, str], Spread | None]) -> list[list[str]]:
    return [
        ["operation", *_ALL],
        *(
            [operation, *(_said(what(samples, operation, contestant)) for contestant in _ALL)]
            for operation in (*OPERATIONS, PLAIN, WITHOUT_FILES)
        ),
    ]


def _program(result: Result) -> list[list[str]]:
    rows = [["stack", "start of the interpreter", "imports", "settings and graph", "whole", "resources"]]
    for stack, rounds in (("the one above", result.program), (PRODUCTION, result.production)):
        cells = [_said(spread(seconds[key] for seconds in rounds)) for key in ("start", "imports", "graph", "whole")]
        rows.append([stack, *cells, str(int(rounds[-1]["resources"]))])
    return rows


def _previews(samples: list[Sample]) -> list[list[str]]:
    ratio = ratios(samples, PREVIEW, PRODUCTION, EMPTY)
    judged = f"at most {MOST:.0f}: {'met' if ratio and ratio.median <= MOST else 'not met'}"
    return [
        [PRODUCTION, EMPTY, "ratio", "target"],
        [_said(times(samples, PREVIEW, PRODUCTION)), _said(times(samples, PREVIEW, EMPTY)), _said(ratio), judged],
    ]


def _said(measured: Spread | None) -> str:
    return measured.said() if measured else ""


def _sameness(result: Result) -> str:
    if not result.differences:
        return (
            "The containers of all three were the same: "
            "image, command, user, hardening, limits, health, mounts, networks, SQL."
        )
    return "\n".join(
        [
            "Where the containers differed (homeport's, the other's):",
            "",
            *(f"- `{difference}`" for difference in result.differences),
        ]
    )
