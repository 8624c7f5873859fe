"""A pytest plugin for the stages that need Docker: which tests share a world, so that one process has them all, and which begin first.

With `-n 2 --dist loadscope --no-loadscope-reorder` and PYTEST_PLUGINS=tests.support.lanes a lane is one process; what stands in the same group below is never taken apart.
Longest first: two lanes end together only if nothing long begins late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

SHARED = {
    # One session's fixture serves all modules of it.
    "tests/rehearsal/production/test_killed.py": "killed",  # a rehearsal of its own
    "tests/rehearsal/production/": "production",
    "tests/rehearsal/dev/": "dev",
    "tests/rehearsal/local/test_jett": "jett",
    "tests/rehearsal/machine/": "machine",
    "tests/rehearsal/network/": "network",
    "tests/rehearsal/probes/": "probes",
    "tests/rehearsal/conformance/test_docker_ssh": "rented",
    "tests/rehearsal/conformance/test_command_ssh": "rented",
}
FIRST = (
    "production",
    "killed",
    "dev",
    "tests/rehearsal/faults/test_cloud_faults.py",
    "network",
    "tests/rehearsal/local/test_killed.py",
)


def lane(path: str) -> str:
    """The group of a test file, by its path in the checkout; a file of its own is one."""
    return next((group for start, group in SHARED.items() if path.startswith(start)), path)


class Lanes(LoadScopeScheduling):
    """Deals out whole groups. Not `--dist loadgroup`: of its marks pytest 9.2 and pytest-xdist 3.8 make nothing, and do not say so."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    """Called where the lanes are dealt out."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called in every lane: sorts the groups; within one the order stays."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    group = lane(item.nodeid.partition("::")[0])
    return FIRST.index(group) if group in FIRST else len(FIRST)
