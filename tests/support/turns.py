"""Large suites of which a run of `make test` has one set, by turns.

All at once would keep two processors for more than an hour. The sets take about as long as each other, and which one a
run has follows from the seed of its samples, which it prints (`tests.support.campaign`); `make test-long` has every
suite.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.support import campaign


@dataclass(frozen=True)
class Turn:
    """What one run has beside what every run has.

    Attributes:
        suites: How the paths of its tests begin, below tests/rehearsal.
        rehearsed: The preset that is rehearsed beside jett. vpai, of several hosts, takes longer than a turn may:
            `make test-long` alone has it.
        presets: Those of which its suites bring a system up, so that their images are built before the tests.
    """

    suites: tuple[str, ...]
    rehearsed: str
    presets: tuple[str, ...] = ()


TURNS = {
    # docs/testing.md has how long they take.
    "shared-infrastructure, and faults of clouds": Turn(
        suites=("shared/", "faults/"),
        rehearsed="shared-infrastructure",
    ),
    "copies elsewhere, and of databases": Turn(
        suites=("backup/test_offsite.py", "backup/test_databases.py", "backup/test_n8n.py"),
        rehearsed="ai-orchestrator",
    ),
    "vps-infrastructure": Turn(
        suites=("platform/", "services/", "supabase/", "backup/test_supabase.py"),
        rehearsed="vps-infrastructure",
    ),
    "vpai, and what a preset keeps": Turn(
        suites=("vpai/", "observe/", "backup/test_presets.py"),
        rehearsed="ai-orchestrator",
        presets=("vpai",),
    ),
    "vpai's services": Turn(
        suites=("vpai_services/", "budget/"),
        rehearsed="shared-infrastructure",
        presets=("vpai",),
    ),
    "kills of production, and compose files": Turn(
        suites=("production/test_killed.py", "local/test_to_compose.py", "local/test_jett_to_compose.py"),
        rehearsed="shared-infrastructure",
    ),
    "deployments, and kills of the engine": Turn(
        suites=("deploy/", "local/test_killed.py"),
        rehearsed="ai-orchestrator",
    ),
    "a memory, probes, and measures": Turn(
        suites=("memory/", "probes/", "local/test_bench.py", "local/test_ai_dev_server.py"),
        rehearsed="ai-orchestrator",
    ),
    "apps, and servers somebody lives on": Turn(
        suites=("adoption/", "local/test_apps.py", "local/test_app_images.py"),
        rehearsed="vps-infrastructure",
    ),
}
_BELOW = "tests/rehearsal/"


def turn() -> str:
    """The name of the set that this run has."""
    return campaign.chance("turn").choice(sorted(TURNS))


def suite(path: str) -> str:
    """The set that a test is of, by its path in the checkout; empty where it is in every run."""
    below = path.removeprefix(_BELOW)
    return next((name for name, each in TURNS.items() if path != below and below.startswith(each.suites)), "")


def waits(path: str) -> bool:
    """Whether a test is of a set that has not its turn in this run."""
    return suite(path) not in ("", turn()) and not campaign.WHOLE


def rehearsed() -> str:
    """The preset that is rehearsed beside jett."""
    return TURNS[turn()].rehearsed


def presets() -> list[str]:
    """The presets that a run brings up."""
    return sorted({"jett", rehearsed(), *TURNS[turn()].presets})


def told() -> str:
    """The turn."""
    return f"turn: {'all' if campaign.WHOLE else turn()}"


if __name__ == "__main__":
    # Before the tests, their images are built.
    print(*presets(), sep="\n")
