"""`check` and `test`: stages in the order in which they fail fastest, and one line that counts them all."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from homeport.cli import daemon, pulumi_cli
from homeport.cli.phases import phase, say, total
from homeport.cli.places import ROOT, cache
from homeport.cli.rehearse import MACHINE
from homeport.cli.stack import Stack, read
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from pathlib import Path

_TYPED = (
    "homeport",
    "catalog",
    "components",
    "toolchain",
    "rehearsal",
    "__main__.py",
)
_REPOSITORY = (
    "tests/test_repository.py",
    "tests/test_requirements.py",
    "tests/test_repository_upkeep.py",
    "tests/test_repository_words.py",
)
CHECKED = ("tests/unit", *_REPOSITORY, "-m", "not slow and not docker and not world and not long")
"""Of the stage unit what `make check` runs: all but what takes seconds a test."""
STAGES: dict[str, tuple[str, ...]] = {
    "unit": ("tests/unit", *_REPOSITORY, "-m", "not docker and not world and not long"),
    "apps": ("apps", "-m", "not docker and not world and not long"),
    "engine": ("tests/rehearsal", "-m", "not docker and not world and not long"),
    "system": ("tests", "apps", "-m", "(docker or world) and not long"),
    "long": ("tests", "apps", "-m", "long"),
}
"""Every test belongs to exactly one stage: what pytest is told for each."""
PARTS: dict[str, tuple[str, ...]] = {
    "docker": ("tests", "apps", "-m", "docker and not world and not long"),
    "world": ("tests", "apps", "-m", "world and not long"),
}
"""Parts of the stage system, for who asks for one."""
LONG = "long"
"""Run on request only (`make test-long`): what takes many minutes, or belongs to no preset yet. `make test` says that it did not run."""
_LANES = ("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder")
_APART = {
    "unit": ("-n", "3", "--dist", "worksteal"),
    "apps": ("-n", "2", "--dist", "loadfile"),
    "engine": ("-n", "2", "--dist", "loadfile"),
    "system": _LANES,
    "docker": _LANES,
    "world": _LANES,
}
"""How many tests of a stage run at once, and which never part (`tests.support.lanes`): most of the time they wait for containers and timers."""
_NEED_WORLD = {"engine", "system", "docker", "world", LONG}
_NONE = 5
"""pytest's exit code for "no tests were collected"."""


@dataclass
class Count:
    """How a run ended.

    Attributes:
        passed: Tests that passed.
        failed: Tests and checks that failed, or could not run.
        skipped: Tests that did not run, with the reason of each.
    """

    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, [*self.skipped, *other.skipped])

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped"


def check() -> int:
    """Style, types and unit tests; the exit code."""
    return _end(_checks() + _stage("unit", CHECKED))


def run(stages: tuple[str, ...]) -> int:
    """All stages, or those that are named, in their order; the exit code.

    Raises:
        ToolError: There is no such stage.
    """
    known = ("check", *STAGES, *PARTS)
    for name in stages:
        if name not in known:
            raise ToolError(f"test: there is no stage {name}\n  mend it: make test, or one of {', '.join(known)}")
    count, ready = Count(), False
    for name in [one for one in known if one in stages or (not stages and one not in {LONG, *PARTS})]:
        if name == "check":
            count += _checks()
            continue
        if name in _NEED_WORLD and not ready:
            _have_world()
            ready = True
        count += _stage(name)
    if not stages:
        say("    not run: the stage long, whose tests take many minutes each (make test-long)")
    return _end(count)


def _have_world() -> None:
    with phase("Docker"):
        daemon.ensure()
    with phase("Pulumi's engine and plugins, and the images: here already, fetched, or built"):
        production = Stack(name="prod", preset="jett", settings={}).images()
        pulumi_cli.ensure([*read("dev").images(), *production, MACHINE])


def _checks() -> Count:
    count = Count()
    for argv in (
        ["ruff", "check", "--quiet", "."],
        ["ruff", "format", "--check", "--quiet", "."],
        ["mypy", "--no-error-summary", *(one for one in _TYPED if (ROOT / one).exists())],
        # A program of apps/ is typed by its own settings, as whoever has it alone would.
        *(["mypy", "--no-error-summary", "--config-file", f"{one}/pyproject.toml", one] for one in _programs()),
    ):
        with phase(" ".join(one for one in argv if not one.startswith("-"))[:70]):
            failed = subprocess.run(argv, cwd=ROOT, check=False).returncode != 0
        if failed:
            say(f"    failed: {' '.join(argv)}")
        count.failed += failed
    return count


def _programs() -> list[str]:
    return [
        str(one.relative_to(ROOT)) for one in sorted((ROOT / "apps").glob("*/")) if (one / "pyproject.toml").exists()
    ]


def _stage(name: str, told: tuple[str, ...] | None = None) -> Count:
    told = told or (STAGES | PARTS)[name]
    results = cache() / "test-results" / f"{name}.xml"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", f"--junit-xml={results}"]
    argv += _APART.get(name, ())
    there = [one for one in told if one in {"-m", told[-1]} or (ROOT / one).exists()]
    with phase(f"tests: {name}"):
        code = subprocess.run(
            [*argv, *there], cwd=ROOT, check=False, stdin=subprocess.DEVNULL, env={**os.environ, **_plugins(name)}
        ).returncode
    if code == _NONE:
        return Count()
    count = read_results(results) if results.is_file() else Count()
    if code and not count.failed:
        say(f"    pytest ended with code {code} and named no failed test")
        count.failed += 1
    return count


def _plugins(stage: str) -> dict[str, str]:
    """Not as `-p`: xdist does not tell its workers."""
    return {"PYTEST_PLUGINS": "tests.support.lanes"} if _APART.get(stage) == _LANES else {}


def read_results(path: Path) -> Count:
    """What a JUnit file of pytest says; an error in a fixture is a failure like any other."""
    count = Count()
    for case in ET.parse(path).getroot().iter("testcase"):  # noqa: S314  # written by our own pytest a moment ago
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed += 1
        elif skipped is not None:
            count.skipped.append(f"{case.get('classname')}.{case.get('name')}: {skipped.get('message')}")
        else:
            count.passed += 1
    return count


def _end(count: Count) -> int:
    total("tests")
    for line in count.skipped:
        print(f"skipped: {line}")
    print(count, flush=True)
    return 1 if count.failed or not count.passed else 0
