"""The measuring itself: every operation by every contestant in turn, round after round.

Each round is begun by another one.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bench import inspected, tools, world
from bench.contestant import environment
from bench.figures import Sample
from bench.previews import CONFIGURATION, SECRETS, Previews
from bench.with_ansible import Ansible
from bench.with_compose import Compose
from bench.with_homeport import Homeport
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.contestant import Contestant

OPERATIONS = ("first up", "no-op up", "preview", "one service", "destroy")
"""In this order.

The preview is that of the changed service, for Ansible cannot preview networks that are not there yet.
"""
PLAIN = "no-op up, plain pulumi"
WITHOUT_FILES = "no-op up, no files"
"""Variants of a single contestant: Docker is not looked at (homeport), file delivery left out (Ansible)."""


@dataclass
class Result:
    """What a run found out.

    Attributes:
        samples: All measurements.
        program: The program's own times, per round: seconds by ``start``, ``imports``, ``graph``.
        production: The same for jett in prod, rented and behind a tunnel.
        versions: What was measured.
        differences: Where the contestants' containers were not the same.
        services: What they brought up.
        load: Load averages before and after.
    """

    samples: list[Sample] = field(default_factory=list)
    program: list[dict[str, float]] = field(default_factory=list)
    production: list[dict[str, float]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    services: tuple[str, ...] = ()
    load: tuple[float, float] = (0.0, 0.0)


def run(rounds: int, *, full: bool, kinds: tuple[type[Contestant], ...] = (Homeport, Compose, Ansible)) -> Result:
    """Measures; removes what it made, however it ends.

    Raises:
        ToolError: A contestant failed, or did not do what it was asked for.
    """
    if os.geteuid():
        raise ToolError("bench: only root can give files to a container's user\n  fix: sudo --preserve-env make bench")
    folder = tools.cache() / "bench" / "run"
    checkout = folder / "checkout"
    world.copy_checkout(checkout)
    stacks = [
        world.stack(name, place, full=full) for place, name in enumerate(("hbhomeport", "hbcompose", "hbansible"))
    ]
    for stack in stacks:
        inspected.sweep(stack)
    result = Result(services=tuple(service.name for service in stacks[0].blueprint.services))
    result.load = (os.getloadavg()[0], 0.0)
    try:
        contestants = [kind(stack, checkout, folder / stack.name) for kind, stack in zip(kinds, stacks, strict=False)]
        for contestant in contestants:
            result.versions |= contestant.versions()
            contestant.warm_up()
        previews = Previews(checkout, folder / "previews")
        for number in range(rounds):
            _round(result, number, contestants, checkout)
            result.samples += previews.measure(number)
    finally:
        for stack in stacks:
            inspected.sweep(stack)
    result.load = (result.load[0], os.getloadavg()[0])
    return result


def _round(result: Result, number: int, contestants: list[Contestant], checkout: Path) -> None:
    turn = number % len(contestants)
    order = contestants[turn:] + contestants[:turn]
    small = {"homeport:preset": world.PRESET, "homeport:settings": json.dumps(contestants[0].stack.settings)}
    result.program.append(_program(small, checkout))
    result.production.append(_program({**CONFIGURATION, **SECRETS}, checkout))
    for operation in OPERATIONS:
        if operation == "preview":
            world.change(checkout, number)
        for contestant in order:
            before = inspected.ids(contestant.stack) if operation in {"no-op up", "one service"} else {}
            result.samples.append(_timed(number, operation, contestant, partial(_act, contestant, operation)))
            if before:
                _expect(contestant, before, {"ai-redis"} if operation == "one service" else set())
            result.samples += _variants(number, operation, contestant)
        if operation == "first up" and not number:
            result.differences = _compare(contestants)


def _act(contestant: Contestant, operation: str) -> None:
    if operation == "preview":
        contestant.preview()
    elif operation == "destroy":
        contestant.destroy()
    else:
        contestant.up()


def _variants(number: int, operation: str, contestant: Contestant) -> list[Sample]:
    if operation != "no-op up":
        return []
    if contestant.label == Homeport.label:
        return [_timed(number, PLAIN, contestant, partial(contestant.up, "plain"))]
    if contestant.label == Ansible.label:
        return [_timed(number, WITHOUT_FILES, contestant, partial(contestant.up, "no files"))]
    return []


def _timed(number: int, operation: str, contestant: Contestant, act: Callable[[], None]) -> Sample:
    before, began = _processor(), time.perf_counter()
    act()
    seconds, cpu = time.perf_counter() - began, _processor() - before
    line = f"    round {number + 1}, {operation}, {contestant.label}: {seconds:.2f} s, {cpu:.2f} s of processor"
    print(line, file=sys.stderr, flush=True)
    return Sample(number, operation, contestant.label, seconds, cpu)


def _processor() -> float:
    """Processor seconds of all ended children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _expect(contestant: Contestant, before: dict[str, str], replaced: set[str]) -> None:
    """The containers that the operation was to replace were replaced, and no others."""
    after = inspected.ids(contestant.stack)
    changed = {name for name in before if before[name] != after.get(name)}
    if changed != replaced:
        listed = ", ".join(sorted(changed)) or "none"
        raise ToolError(
            f"bench, {contestant.label}: replaced {listed} instead of {', '.join(sorted(replaced)) or 'none'}"
        )


def _compare(contestants: list[Contestant]) -> list[str]:
    first, *others = contestants
    mine = inspected.essence(first.stack)
    return [
        f"{other.label}: {line}"
        for other in others
        for line in inspected.differences(mine, inspected.essence(other.stack))
    ]


def _program(configuration: Mapping[str, str], checkout: Path) -> dict[str, float]:
    """The program run alone, in a fresh interpreter like that of the language host."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.program_alone"],
        cwd=checkout,
        input=json.dumps(configuration),
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    whole = time.perf_counter() - began
    if done.returncode:
        raise ToolError(f"bench, the program alone: {done.stderr.strip()[-2000:]}")
    inner: dict[str, float] = json.loads(done.stdout)
    return inner | {"start": whole - inner["imports"] - inner["graph"], "whole": whole}
