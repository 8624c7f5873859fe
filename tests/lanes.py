"""A pytest plugin for the stages that need Docker: which tests share a world, so that one process has them all, and which begin first.

With `-n 2 --dist loadgroup` a lane is one process; what stands in the same group below is never taken apart. Longest first: two lanes end
together only if nothing long begins late.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = {
    # One session's fixture serves all modules of it.
    "tests/rehearsal/test_production_killed.py": "killed",  # a rehearsal of its own
    "tests/rehearsal/test_production": "production",
    "tests/rehearsal/test_world.py": "dev",
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
    "tests/rehearsal/test_cloud_faults.py",
    "network",
    "tests/rehearsal/test_killed.py",
)


def lane(path: str) -> str:
    """The group of a test file, by its path in the checkout; a file of its own is one."""
    return next((group for start, group in SHARED.items() if path.startswith(start)), path)


def _rank(item: pytest.Item) -> int:
    group = lane(item.path.relative_to(ROOT).as_posix())
    return FIRST.index(group) if group in FIRST else len(FIRST)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test with its group, and sorts the groups."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(lane(item.path.relative_to(ROOT).as_posix())))
    items.sort(key=_rank)
