"""Where the recordings are, and what they hold.

The recordings are not part of the repository: they come in a folder `provider-facts`, named by HOMEPORT_FACTS or lying in
`shared` beside the checkout.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def folder() -> Path:
    """The folder of the facts; it need not exist."""
    named = os.environ.get("HOMEPORT_FACTS")
    return Path(named) if named else ROOT.parent / "shared" / "provider-facts"


def absence() -> str:
    """Why there is nothing to replay; empty when there is."""
    recorded = folder() / "recorded"
    if recorded.is_dir():
        return ""
    return f"no recordings of the official plugins in {recorded}: name their folder in HOMEPORT_FACTS"


@dataclass(frozen=True)
class Step:
    """One operation of a recorded run and the calls that the engine made for it."""

    index: int
    name: str
    op: str
    calls: tuple[dict[str, Any], ...]
    shell: str = ""
    by_hand: str = ""

    @property
    def id(self) -> str:
        """Stable name of the step's test."""
        return f"{self.index:02d}-{self.name.replace(' ', '-')}"


@dataclass(frozen=True)
class Scenario:
    """A recorded run, from the first `up` to the `destroy`."""

    name: str
    steps: tuple[Step, ...]


def scenario(path: Path) -> Scenario:
    """The scenario of one file."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    steps = (
        Step(
            index,
            row["step"],
            row.get("op", "shell"),
            tuple(row.get("calls", ())),
            row.get("shell", ""),
            row.get("http_by_hand", ""),
        )
        for index, row in enumerate(rows)
    )
    return Scenario(path.stem, tuple(steps))


def scenarios(package: str) -> list[Scenario]:
    """Every recorded scenario of that plugin, those a judge adds to the folder included; none when there is no folder."""
    return [scenario(path) for path in sorted((folder() / "recorded").glob(f"{package}-*.json"))]
