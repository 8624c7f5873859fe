"""What each of the three can be asked for, and how a command is run and timed."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.world import Stack

_PATIENCE = 900.0
"""Seconds after which a command is given up."""


def environment(**more: str) -> dict[str, str]:
    """The environment of a contestant: Python may keep what it has compiled, whatever this machine's images set.

    Three of four things measured here are Python programs, and without compiled files their start takes three times as
    long (measured: 7.0 instead of 2.5 seconds of processor for a no-op `pulumi up`).
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


class Contestant(ABC):
    """One way to bring a stack up.

    Attributes:
        label: Its name in tables.
        stack: What it brings up.
        checkout: Where the stack's files come from.
        folder: Where it may write.
    """

    label: str

    def __init__(self, stack: Stack, checkout: Path, folder: Path) -> None:
        self.stack, self.checkout, self.folder = stack, checkout, folder
        folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """What is measured, by name."""

    def warm_up(self) -> None:
        """What has been done once on any machine that is in use; not measured."""
        return

    @abstractmethod
    def preview(self) -> None:
        """Says what `up` would do."""

    @abstractmethod
    def up(self, how: str = "") -> None:
        """Brings the stack up and waits for health; ``how`` is one of the contestant's own variants."""

    @abstractmethod
    def destroy(self) -> None:
        """Removes containers, networks and volumes."""

    def run(self, *argv: str, env: Mapping[str, str], cwd: Path | None = None) -> str:
        """Runs a command to its end; what it printed.

        Raises:
            ToolError: It failed, or took too long.
        """
        log = self.folder / "last.log"
        try:
            with log.open("w") as file:
                code = subprocess.run(
                    argv,
                    env=dict(env),
                    cwd=cwd or self.checkout,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=_PATIENCE,
                    check=False,
                ).returncode
        except subprocess.TimeoutExpired:
            code = -1
        output = log.read_text(errors="replace")
        if code:
            tail = "\n    ".join(output.strip().splitlines()[-25:])
            what = f"{' '.join(argv[:3])}: ended with code {code}:\n    {tail}\n  fix: see {log}"
            raise ToolError(f"bench, {self.label}: {what}")
        return output
