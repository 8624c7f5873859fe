"""Large suites of which a run of `make test` has one of each kind, by turns.

All at once would keep two processors for more than an hour. The turn follows from the seed of the run's samples, which
it prints (`tests.support.campaign`); `make test-long` has every suite.
"""

from __future__ import annotations

from tests.support import campaign

TURNS: dict[str, dict[str, tuple[str, ...]]] = {
    # Kind: suite: how the paths of its tests begin, below tests/rehearsal.
    "presets": {
        "shared-infrastructure": ("shared/",),
        "vps-infrastructure": ("platform/", "services/", "supabase/"),
        "vpai": ("vpai/", "vpai_services/", "budget/", "observe/"),
    },
    "adopted hosts": {
        "becomes one": ("adoption/test_platform_host.py",),
        "somebody lives on it": ("adoption/test_lived_in.py",),
    },
    "restores": {
        "n8n": ("backup/test_n8n.py",),
        "databases and volumes": ("backup/test_presets.py", "backup/test_supabase.py"),
    },
    "deployments": {
        "by push": ("deploy/test_push.py",),
        "collection and the way back": ("deploy/test_collect.py", "deploy/test_stack.py"),
    },
    "kills and faults": {
        "engine killed": ("local/test_killed.py",),
        "clouds that fail": ("faults/",),
    },
    "left for compose": {
        "a small stack": ("local/test_to_compose.py",),
        "jett": ("local/test_jett_to_compose.py",),
    },
}
REHEARSED = {
    "shared-infrastructure": "shared-infrastructure",
    "vps-infrastructure": "vps-infrastructure",
    # Itself, of several hosts, takes longer than a turn may: `make test-long` alone has it.
    "vpai": "ai-orchestrator",
}
"""Which preset is rehearsed beside jett when the suite of one has its turn."""
_BELOW = "tests/rehearsal/"


def turn(kind: str) -> str:
    """The suite that has its turn in this run."""
    return campaign.chance(f"turn of {kind}").choice(sorted(TURNS[kind]))


def suite(path: str) -> tuple[str, str] | None:
    """Kind and suite of a test by its path in the checkout; None where it is in every run."""
    below = path.removeprefix(_BELOW)
    return next(
        (
            (kind, name)
            for kind, suites in TURNS.items()
            for name, starts in suites.items()
            if path != below and below.startswith(starts)
        ),
        None,
    )


def waits(path: str) -> bool:
    """Whether a test is of a suite that has not its turn in this run."""
    kind, name = suite(path) or ("", "")
    return bool(kind) and not campaign.WHOLE and name != turn(kind)


def presets() -> list[str]:
    """The presets that a run brings up."""
    name = turn("presets")
    return sorted({"jett", name, REHEARSED[name]})


def told() -> str:
    """The turn of each kind."""
    return "turns: " + ("all" if campaign.WHOLE else ", ".join(f"{kind}: {turn(kind)}" for kind in TURNS))


if __name__ == "__main__":
    # Before the tests, their images are built.
    print(*presets(), sep="\n")
