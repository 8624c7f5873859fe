"""A pytest plugin for the stages that need Docker.

Which tests share a world, so that one process has them all, and which begin first.

With `-n 3 --dist loadscope --no-loadscope-reorder` and PYTEST_PLUGINS=tests.support.lanes a lane is one process; what
stands in the same group below is never taken apart. Longest first: lanes end together only if nothing long begins
late.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol
from xdist.scheduler import LoadScopeScheduling

from homeport.cli import finished
from homeport.cli.testing import EARLIER, FAILED, RAN
from tests.support import turns

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

SHARED = {
    # One session's fixture serves all modules of it.
    "tests/rehearsal/production/test_killed.py": "killed",  # a rehearsal of its own
    "tests/rehearsal/production/": "production",
    "tests/rehearsal/dev/": "dev",
    "tests/rehearsal/local/test_jett": "jett",
    "tests/rehearsal/budget/": "budget",
    "tests/rehearsal/memory/": "memory",
    "tests/rehearsal/machine/": "machine",
    # Each brings large rehearsals up, of which the memory of a usual computer has room for one.
    "tests/rehearsal/presets/": "presets",
    "tests/rehearsal/mesh/test_meshed": "presets",
    "tests/rehearsal/network/": "network",
    "tests/rehearsal/probes/": "probes",
    "tests/rehearsal/supabase/": "supabase",
    "tests/rehearsal/vpai_services/": "ai services",
    # Stacks whose containers have the names of their description, as any other such stack on one Docker has them.
    "tests/rehearsal/shared/": "plain names",
    "tests/rehearsal/platform/": "plain names",
    "tests/rehearsal/vpai/": "plain names",
    "tests/rehearsal/conformance/test_docker_ssh": "rented",
    "tests/rehearsal/conformance/test_command_ssh": "rented",
}
LONGEST = (
    # By the table that a run prints at its end, as long as a minute matters.
    "production",
    "presets",
    "tests/rehearsal/backup/test_offsite.py",
    "plain names",
    "killed",
    "tests/rehearsal/host/test_lockout_steps.py",
    "jett",
    "network",
    "memory",
    "tests/rehearsal/deploy/test_push.py",
    "tests/rehearsal/backup/test_n8n.py",
    "tests/rehearsal/adoption/test_platform_host.py",
    "ai services",
    "tests/rehearsal/adoption/test_lived_in.py",
    "tests/rehearsal/deploy/test_collect.py",
    "tests/rehearsal/faults/test_cloud_faults.py",
    "machine",
    "dev",
    "probes",
    "supabase",
    "tests/rehearsal/backup/test_presets.py",
    "tests/rehearsal/backup/test_databases.py",
    "tests/rehearsal/deploy/test_stack.py",
    "tests/rehearsal/test_examples.py",
    "tests/rehearsal/local/test_ai_dev_server.py",
    "tests/rehearsal/local/test_apps.py",
    "tests/rehearsal/local/test_to_compose.py",
    "tests/rehearsal/local/test_small_stack.py",
    "tests/rehearsal/local/test_app_images.py",
    "tests/rehearsal/local/test_killed.py",
    "tests/rehearsal/local/test_bench.py",
    "tests/rehearsal/local/test_by_hand.py",
)
_SHORT = 15
"""Seconds below which a group is not worth its place in a line."""
_TOLD = 15
"""Lines of a failure that are told at once; all of it stands in the summary."""
_ENDED_BADLY: set[str] = set()
"""Tests of this run of which a part failed or was skipped."""
_SECONDS: dict[str, Counter[str]] = {"lanes": Counter(), "groups": Counter()}


def lane(path: str) -> str:
    """The group of a test file, by its path in the checkout; a file of its own is one."""
    return next((group for start, group in SHARED.items() if path.startswith(start)), path)


class Lanes(LoadScopeScheduling):
    """Deals out whole groups.

    Not `--dist loadgroup`: of its marks pytest 9.2 and pytest-xdist 3.8 make nothing, and do not say so.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Called when a lane has ended; the test that took it along, where one did.

        That one has failed. pytest-xdist 3.8 would run it again, in one new lane after the other.
        """
        units = self.assigned_work[node].values()
        waiting = ((unit, test) for unit in units for test, completed in unit.items() if not completed)
        unit, crashed = next(waiting, ({}, None))
        if crashed:
            unit[crashed] = True
        super().remove_node(node)
        return crashed


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    """Called where the lanes are dealt out."""
    return Lanes(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Called in every lane: sorts the groups, within one the order stays; and leaves out what does not run now.

    What has not its turn does not. Nor does a file that passed whole in an earlier run; one that began runs from its
    beginning, for its tests may need what those before them made.
    """
    items.sort(key=_rank)
    ran = finished.read(Path(os.environ[EARLIER])) if EARLIER in os.environ else {}
    missing = {_path(item.nodeid) for item in items if ran.get(item.nodeid) != finished.PASSED}
    chosen = {path for path in missing if not turns.waits(path)}
    config.hook.pytest_deselected(items=[item for item in items if _path(item.nodeid) not in chosen])
    items[:] = [item for item in items if _path(item.nodeid) in chosen]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Called in a lane for each test.

    A group's last one ends like the last one of all: what its session has up goes then, and not when the lane ends
    after others, whose time it would take.
    """
    if nextitem is None or _group(item.nodeid) == _group(nextitem.nodeid):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    runtestprotocol(item, nextitem=None)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Called for each phase of each test, where the lanes are dealt out: there a report knows its lane."""
    if node := getattr(report, "node", None):
        _SECONDS["lanes"][node.gateway.id] += report.duration
        _SECONDS["groups"][_group(report.nodeid)] += report.duration
        # Of a test that passes, its end counts: until then its fixtures may fail.
        if RAN in os.environ and (report.when == "teardown" or report.outcome != finished.PASSED):
            _note(report.nodeid, report.outcome)
        if report.failed:
            _tell(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table that the order above is made by, and the names of what failed, for a second run."""
    failed = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
    if failed and FAILED in os.environ:
        names = dict.fromkeys(report.nodeid for report in failed)
        Path(os.environ[FAILED]).write_text("".join(f"{name}\n" for name in names))
    for kind, seconds in _SECONDS.items():
        shown = [f"{name} {spent / 60:.1f}" for name, spent in seconds.most_common() if spent > _SHORT]
        terminalreporter.write_line(f"{kind}, minutes: {', '.join(shown)}")


def _tell(report: pytest.TestReport) -> None:
    """Says at once what failed, and when: a run that is ended by a limit of its time has no summary."""
    end = "\n".join(report.longreprtext.splitlines()[-_TOLD:])
    print(
        f"\n{time.strftime('%H:%M:%S')} failed: {report.nodeid} ({report.when}, {report.duration:.0f} s)\n{end}",
        flush=True,
    )


def _note(name: str, outcome: str) -> None:
    """Notes how a test ended; a pass at its end takes no failure back."""
    if outcome != finished.PASSED:
        _ENDED_BADLY.add(name)
    elif name in _ENDED_BADLY:
        return
    with Path(os.environ[RAN]).open("a", encoding="utf-8") as file:
        file.write(finished.line(name, outcome))


def _group(nodeid: str) -> str:
    return lane(_path(nodeid))


def _path(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    group = _group(item.nodeid)
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)
