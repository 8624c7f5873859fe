"""`check` and `test`: stages in the order in which they fail fastest, and one line that counts them all.

What the later stages need (the engine, the images) is had beside the first ones. docs/testing.md has the stages, their
lengths and their budgets.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catalog.presets import registry
from homeport.cli import daemon, finished
from homeport.cli.example import example
from homeport.cli.phases import duration, phase, say, total
from homeport.cli.places import ROOT, cache
from homeport.cli.rehearse import MACHINE, Rehearsal
from homeport.cli.stack import read
from homeport.model import docker_here
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    "tests/test_repository_catalog.py",
    "tests/test_requirements.py",
    "tests/test_repository_upkeep.py",
    "tests/test_repository_words.py",
)
CHECKED = ("tests/unit", *_REPOSITORY, "-m", "not slow and not docker and not world and not long")
"""Of the stage unit what `make check` runs: all but what takes seconds a test."""
STAGES: dict[str, tuple[str, ...]] = {
    # The programs of apps/ mostly wait, for limits and timers; so the unit tests have the processors meanwhile.
    "unit": ("tests/unit", *_REPOSITORY, "apps", "-m", "not docker and not world and not long"),
    "engine": ("tests/rehearsal", "-m", "not docker and not world and not long"),
    "system": ("tests", "apps", "-m", "(docker or world) and not long"),
    "long": ("tests", "apps", "-m", "long or campaign or turn"),
}
"""Every test belongs to exactly one stage. Campaigns take a sample in theirs, and suites by turns come in some runs of
theirs; `long` has all of both.

What pytest is told for each.
"""
PARTS: dict[str, tuple[str, ...]] = {
    "apps": ("apps", "-m", "not docker and not world and not long"),
    "docker": ("tests", "apps", "-m", "docker and not world and not long"),
    "world": ("tests", "apps", "-m", "world and not long"),
}
"""Parts of the stages unit and system, for who asks for one."""
LONG = "long"
"""Run on request only (`make test-long`).

Whole campaigns, what takes many minutes, and what belongs to no preset yet. `make test` says that it did not run.
"""
FAILED = "HOMEPORT_FAILED_TESTS"
"""Names the file into which `tests.support.lanes` writes the tests that failed."""
RAN = "HOMEPORT_RAN_TESTS"
"""Names the file in which it notes each test that has run (`homeport.cli.finished`)."""
EARLIER = "HOMEPORT_EARLIER_TESTS"
"""Names the file of those that ran before: test files that passed whole do not run again."""
_WHOLE = {"HOMEPORT_CAMPAIGN": "whole"}
"""What `tests/support/campaign.py` goes by."""
_SEED = "HOMEPORT_SEED"
"""What its samples follow from. The same for a second run: what failed in a sample is in no other."""
_LANES = ("-n", "3", "--dist", "loadscope", "--no-loadscope-reorder")
STUCK = ("-o", "faulthandler_timeout=1500", "-o", "faulthandler_exit_on_timeout=true")
"""A test that stands still that many seconds fails, and where it stands is told; the others go on in a new lane.

The longest one takes half of it."""
_APART = {
    "unit": ("-n", "4", "--dist", "worksteal"),
    "apps": ("-n", "4", "--dist", "worksteal"),
    "engine": ("-n", "2", "--dist", "loadfile"),
    "system": (*_LANES, *STUCK),
    LONG: _LANES,
    "docker": (*_LANES, *STUCK),
    "world": (*_LANES, *STUCK),
}
"""How many tests of a stage run at once, and which never part (`tests.support.lanes`).

More than there are processors: most of the time they wait for containers and timers."""
_NEEDS = {
    "engine": ("engine",),
    "system": ("engine", "images"),
    "docker": ("engine", "images"),
    "world": ("engine", "images"),
    LONG: ("engine", "all images"),
}
"""Of `_Preparation` what must be there before a stage begins."""
_NONE = 5
"""pytest's exit code for "no tests were collected"."""
_AGAIN = 5
"""Of how many failed tests of the lanes the files run a second time, alone (docs/adr/0023-a-second-run.md)."""


@dataclass
class Count:
    """How a run ended.

    Attributes:
        passed: Tests that passed.
        failed: Tests and checks that failed, or could not run.
        skipped: Tests that did not run, with the reason of each.
        unsteady: Those of `passed` that failed beside other tests, and passed when they ran again, alone.
    """

    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            [*self.skipped, *other.skipped],
            [*self.unsteady, *other.unsteady],
        )

    def run_again(self, second: Count, names: list[str]) -> Count:
        """This count after a second run of the files of its failed tests, `names`.

        It counts only without a failure and where it can have had them all: else the first run stands.
        """
        if self.failed != len(names) or second.failed or second.passed < len(names):
            return self
        return Count(self.passed + len(names), 0, self.skipped, [*self.unsteady, *names])

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
            raise ToolError(f"test: there is no stage {name}\n  fix: make test, or one of {', '.join(known)}")
    chosen = [name for name in known if name in stages or (not stages and name not in {LONG, *PARTS})]
    count, lengths = Count(), {}
    with _preparing({part for name in chosen for part in _NEEDS.get(name, ())}) as preparation:
        for name in chosen:
            for part in _NEEDS.get(name, ()):
                preparation.wait(part)
            began = time.monotonic()
            count += _checks() if name == "check" else _stage(name)
            lengths[name] = duration(time.monotonic() - began)
    say("    stages: " + ", ".join(f"{name} {length}" for name, length in lengths.items()))
    if not stages:
        say("    not run: the stage long, whose tests take many minutes each (make test-long)")
    return _end(count)


class _Preparation:
    """The engine and the images, had by processes of their own that leave the processors to the tests beside them."""

    def __init__(self, parts: set[str]) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for part in parts:
            log = _log(part)
            log.parent.mkdir(parents=True, exist_ok=True)
            images = [] if part == "engine" else _images(part)
            argv = ("toolchain.images" if images else "toolchain.engine", "ensure", *images)
            with log.open("wb") as out:
                self._running[part] = subprocess.Popen(
                    ["nice", "-n", "10", sys.executable, "-m", *argv],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )

    def wait(self, part: str) -> None:
        """Returns once it is there.

        Raises:
            ToolError: It cannot be had; with the end of what its process said.
        """
        with phase(f"{part}: here already, fetched, or built"):
            code = self._running[part].wait()
        if code:
            log = _log(part)
            last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise ToolError(f"{part}: ended with code {code}; the end of {log}:\n{last}")

    def stop(self) -> None:
        """Ends what still runs, for nobody waits for it any more."""
        for process in self._running.values():
            process.terminate()
            process.wait()


_ON_A_SOCKET = "homeport/machine:ubuntu-like"
"""Of what a test's server is made whose sshd hangs on a socket."""


def _images(part: str) -> list[str]:
    """What the tests' systems run; a test that needs another image has it built itself.

    A preset of several hosts is rehearsed in `long` alone, and its mesh is compiled for minutes.
    """
    presets = registry.names() if part == "all images" else _of_this_run()
    rehearsals = [Rehearsal(preset=name, environment="prod") for name in presets]
    rehearsed = [each for each in rehearsals if part == "all images" or len(each.hosts) == 1]
    stacks = [read("dev"), *(example(f"{name}/dev") for name in presets)]
    needed = [image for stack in stacks for image in stack.images()]
    needed += [image for each in rehearsed for image in (*each.images(), *each.systems().values())]
    return [*dict.fromkeys([*needed, MACHINE, _ON_A_SOCKET])]


def _of_this_run() -> list[str]:
    """The presets that have their turn."""
    _draw()
    argv = [sys.executable, "-m", "tests.support.turns"]
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()


def _draw() -> None:
    """Fixes what samples and turns follow from, for all stages and a second run of what failed."""
    os.environ.setdefault(_SEED, str(secrets.randbelow(10**6)))


def _log(part: str) -> Path:
    return cache() / "test-results" / f"{part.replace(' ', '-')}.log"


@contextmanager
def _preparing(parts: set[str]) -> Iterator[_Preparation]:
    if parts:
        with phase("Docker"):
            daemon.ensure(docker_here.here())
            # Tests use Docker's SDK, which knows no contexts.
            os.environ.update(docker_here.here())
    preparation = _Preparation(parts)
    try:
        yield preparation
    finally:
        preparation.stop()


def _checks() -> Count:
    count = Count()
    for argv in (
        ["ruff", "check", "--quiet", "."],
        ["ruff", "format", "--check", "--quiet", "."],
        ["mypy", "--no-error-summary", *(folder for folder in _TYPED if (ROOT / folder).exists())],
        # A program of apps/ is typed by its own settings, as whoever has it alone would.
        *(
            ["mypy", "--no-error-summary", "--config-file", f"{program}/pyproject.toml", program]
            for program in _programs()
        ),
    ):
        with phase(" ".join(word for word in argv if not word.startswith("-"))[:70]):
            failed = subprocess.run(argv, cwd=ROOT, check=False).returncode != 0
        if failed:
            say(f"    failed: {' '.join(argv)}")
        count.failed += failed
    return count


def _programs() -> list[str]:
    return [
        str(folder.relative_to(ROOT))
        for folder in sorted((ROOT / "apps").glob("*/"))
        if (folder / "pyproject.toml").exists()
    ]


def _stage(name: str, words: tuple[str, ...] | None = None) -> Count:
    words = words or (STAGES | PARTS)[name]
    there = [word for word in words if word in {"-m", words[-1]} or (ROOT / word).exists()]
    _draw()
    if name == LONG:
        return _long(there)
    failed = cache() / "test-results" / f"{name}.failed"
    failed.unlink(missing_ok=True)
    count = _pytest(name, [*_APART.get(name, ()), *there], {**_plugins(name), FAILED: str(failed)})
    again = failed.read_text().splitlines() if failed.is_file() else []
    if not 0 < len(again) <= _AGAIN:
        return count
    say(f"    failed beside other tests, and their files run again alone: {', '.join(again)}")
    # A test may stand on what those before it in its file have made.
    files = dict.fromkeys(test.partition("::")[0] for test in again)
    second = _pytest(f"{name}-again", [*files, *there[-2:]], {})
    return count.run_again(second, again)


def _long(words: list[str]) -> Count:
    """The stage of hours: stopped, it goes on where it was."""
    folder = cache() / "test-results"
    folder.mkdir(parents=True, exist_ok=True)
    record = finished.Record.begin(folder, LONG)
    environ = {**_plugins(LONG), **_WHOLE, RAN: str(record.path), EARLIER: str(record.earlier)}
    # The figures of whole campaigns are what they print.
    count = _pytest(LONG, ["-o", "junit_logging=system-out", *_APART[LONG], *words], environ)
    kept = record.kept()
    if kept:
        say(f"    passed earlier on the same files, and not run again: {len(kept)}")
    count += Count(passed=len(kept))
    if not count.failed:
        record.forget()
    return count


def _pytest(name: str, words: list[str], environ: dict[str, str]) -> Count:
    """Runs tests, and counts them by the JUnit file of that name."""
    results = cache() / "test-results" / f"{name}.xml"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", f"--junit-xml={results}"]
    with phase(f"tests: {name}"):
        code = subprocess.run(
            [*argv, *words],
            cwd=ROOT,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environ},
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
    return {"PYTEST_PLUGINS": "tests.support.lanes"} if _APART.get(stage, ())[: len(_LANES)] == _LANES else {}


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
    for line in count.unsteady:
        print(f"passed only when it ran again, alone: {line}")
    print(count, flush=True)
    return 1 if count.failed or not count.passed else 0
