"""Everything that Hetzner's and Cloudflare's APIs can do wrong, at each call that the stack makes.

It converges, or is refused by name.

The components are the program's own, the engine is Pulumi's, the plugins are the stand-ins, or the official ones where
they are. A cell is a call under a fault; hundreds live in one stack, so that one `pulumi up` tries them all. The whole
campaign prints the table of docs/rehearsal.md.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import campaign
from tests.support.faults.matrix import PHASES, sample, stacks
from tests.support.faults.stack import Stack

pytestmark = [pytest.mark.world, pytest.mark.campaign]
FINE = ("at once", "refused", "twice")
PATIENCE = 300.0
"""Seconds that the tries of one call may take while the cloud answers; 95 cells on two cores took up to 171 s."""


@pytest.fixture(autouse=True)
def _large_account(monkeypatch):
    monkeypatch.setattr("rehearsal.clouds.hetzner.project.LIMITS", {})


def lived(folder, phases):
    """The life of one stack, each phase once under its faults and once without; all outcomes, and what went wrong."""
    clouds = {outcome.cloud for outcome in phases["create"].values()}
    cells = {cloud: [cell for cell, one in phases["create"].items() if one.cloud == cloud] for cloud in clouds}
    stack, outcomes, wrong = Stack(folder, cells), [], []
    try:
        for phase in PHASES:
            first = stack.tried(phase, phases[phase])
            outcomes += first.values()
            wrong += [f"{cell} {one.trial}: {found}" for cell, one in first.items() if (found := judged(one))]
            done, whole = stack.repaired(phase)
            left = {cell: found for cell, found in whole.items() if found != "whole"}
            wrong += [
                f"{cell} after the second run: {found}: {phases[phase].get(cell)}" for cell, found in left.items()
            ]
            if done.returncode:
                wrong.append((done.stdout + done.stderr).partition("Diagnostics:")[2][-3000:])
            if phase != "delete" and (changes := stack.unchanged()):
                wrong.append(f"after {phase} a preview is not empty: {changes[-2000:]}")
            if left or done.returncode:
                break
    finally:
        stack.stop()
    return outcomes, wrong


def judged(outcome):
    """What is wrong with a first run; empty for nothing."""
    case = outcome.trial.case
    # Two applications, two policies, two addresses; and both addresses ask for the end of their own action.
    path = outcome.trial.path
    objects = 2 if path == "/actions" or any(kind in path for kind in ("apps", "policies", "primary_ips")) else 1
    if not outcome.struck:
        return "the fault never happened"
    # An answer that breaks off in the middle is lost as well: clients ask again, and the same command puts it right.
    if outcome.first not in FINE or (outcome.first == "twice" and case.fault.kind not in {"lost", "truncated"}):
        return f"{outcome.first}: {outcome.said[:600]}"
    if case.fault.status in (401, 403) and outcome.calls > objects:
        return f"{outcome.calls} calls with a token that was refused"
    if outcome.seconds > PATIENCE and case.name != "time-out":
        return f"it went on for {outcome.seconds:.0f} s"
    return ""


def table(outcomes):
    """The figures, by cloud and fault, in Markdown."""
    columns = (
        "Cloud",
        "Fault",
        "Cells",
        "Converged at once",
        "Made twice, put right by the same command",
        "Refused by name, converged in the next run",
    )
    rows = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    keys = dict.fromkeys((outcome.trial.cloud, outcome.trial.case.name) for outcome in outcomes)
    for cloud, fault in sorted(keys):
        found = Counter(
            outcome.first for outcome in outcomes if (outcome.trial.cloud, outcome.trial.case.name) == (cloud, fault)
        )
        figures = [found.total(), *(found[key] for key in ("at once", "twice", "refused"))]
        rows.append(f"| {cloud} | {fault} | {' | '.join(map(str, figures))} |")
    found = Counter(outcome.first for outcome in outcomes)
    return "\n".join(
        [*rows, f"| both | all | {found.total()} | {found['at once']} | {found['twice']} | {found['refused']} |", ""]
    )


@pytest.mark.req("E-01", "E-02", "E-03", "E-04")
def test_every_fault_of_an_api_is_got_over_or_named_and_the_next_run_converges(tmp_path):
    parts = [*stacks("hetzner", 95), *stacks("cloudflare", 48)] if campaign.WHOLE else [sample()]
    folders = [tmp_path / str(number) for number in range(len(parts))]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lived, folders, parts))
    outcomes = [one for found, _ in results for one in found]
    wrong = [line for _, found in results for line in found]
    print(table(outcomes))

    assert [] == wrong, f"{len(wrong)} of {len(outcomes)} cells:\n" + "\n".join(wrong)
    assert sum(map(len, (phase for part in parts for phase in part.values()))) == len(outcomes), "every cell was tried"
