"""What the recordings of the official plugins hold (tests/recordings/plugins).

HOMEPORT_RECORDINGS names a folder with more of them, for instance of another version of a plugin.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.recordings.plugins import form

FOLDER = Path(form.__file__).parent


@dataclass(frozen=True)
class Step:
    """One operation of a recorded run and the calls that the engine made for it.

    Attributes:
        shell: Command that was run by hand instead.
        by_hand: API call that was made by hand instead, as "METHOD path".
        http: The API calls that the plugins made.
    """

    index: int
    name: str
    op: str
    calls: tuple[dict[str, Any], ...]
    shell: str = ""
    by_hand: str = ""
    http: tuple[dict[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """Stable name of the step's test."""
        return f"{self.index:02d}-{self.name.replace(' ', '-')}"


@dataclass(frozen=True)
class Scenario:
    """A recorded run, from the first `up` to the `destroy`."""

    name: str
    steps: tuple[Step, ...]

    def only(self, package: str) -> Scenario:
        """The scenario without the calls to other plugins."""
        steps = [
            replace(step, calls=tuple(call for call in step.calls if package_of(call) == package))
            for step in self.steps
        ]
        return Scenario(self.name, tuple(steps))

    def http(self, prefix: str) -> list[list[dict[str, Any]]]:
        """The API calls of each step to paths with that prefix."""
        return [[row for row in step.http if row["path"].startswith(prefix)] for step in self.steps]


def package_of(call: dict[str, Any]) -> str:
    """The plugin that answered a call."""
    token: str = call["request"].get("type") or call["request"].get("tok", "")
    return token.removeprefix("pulumi:providers:").split(":")[0]


def scenario(path: Path) -> Scenario:
    """The scenario of one file."""
    steps = (
        Step(
            index,
            row["step"],
            row.get("op", "shell"),
            tuple(row.get("calls", ())),
            row.get("shell", ""),
            row.get("http_by_hand", ""),
            tuple(row.get("http", ())),
        )
        for index, row in enumerate(form.steps_of(path))
    )
    return Scenario(path.stem, tuple(steps))


def files() -> list[Path]:
    """Every recording, in the project and in the folder that HOMEPORT_RECORDINGS names."""
    more = os.environ.get("HOMEPORT_RECORDINGS")
    paths = [path for folder in (FOLDER, *([Path(more)] if more else [])) for path in sorted(folder.glob("*-*.json"))]
    assert paths, f"no recordings in {FOLDER}"
    return paths


def scenarios(package: str) -> list[Scenario]:
    """Every recorded scenario of that plugin."""
    return [scenario(path) for path in files() if package in path.stem.split("-")]


def schema(package: str) -> dict[str, Any]:
    """Token of each covered resource type to its facts in the official schema."""
    types: dict[str, Any] = json.loads((FOLDER / "schemas.json").read_text(encoding="utf-8"))[package]["resources"]
    return types
