"""Docker and docker compose, by their own commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

from infra_tools.console import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra_tools.console import Console

_SHOWN: Final = 15


class CommandError(ToolError):
    """A command that failed.

    Args:
        message: What the user is told.
        stderr: What the command said.
    """

    def __init__(self, message: str, stderr: str) -> None:
        super().__init__(message)
        self.stderr = stderr


def run(
    argv: list[str],
    fix: str,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    text: str = "",
) -> str:
    """Runs a command and returns what it prints.

    Args:
        argv: The command.
        fix: What helps when it fails.
        env: Its environment; None: this process's.
        cwd: Its folder.
        text: Its standard input.

    Raises:
        CommandError: It failed; the message has its last lines, which the console sifts.
        ToolError: There is no such command.
    """
    if shutil.which(argv[0]) is None:
        raise ToolError(
            f"{argv[0]}: no such command on this machine\nfix: install it: {_SOURCES.get(argv[0], argv[0])}"
        )
    done = subprocess.run(
        argv, input=text, capture_output=True, text=True, errors="replace", check=False, env=env, cwd=cwd
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-_SHOWN:]
        # The words up to the first option say enough; what follows may be long.
        command = " ".join(argv[:3])
        raise CommandError("\n".join([f"{command}: failed with {done.returncode}", *lines, f"fix: {fix}"]), done.stderr)
    return done.stdout


_SOURCES: Final = {
    "docker": "https://docs.docker.com/engine/install",
    "infisical": "https://infisical.com/docs/cli/overview",
}


class Docker:
    """This machine's Docker.

    Args:
        console: What sifts its words.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._compose: list[str] = []

    def __call__(self, *argv: str, fix: str = "docker info", text: str = "") -> str:
        """Runs `docker`; see `run`."""
        return run(["docker", *argv], fix, text=text)

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """What Docker knows of one object; None where there is none.

        Raises:
            ToolError: Docker does not answer.
        """
        try:
            rows = json.loads(self(kind, "inspect", name))
        except CommandError as problem:
            if "no such" in problem.stderr.lower() or "not found" in problem.stderr.lower():
                return None
            raise
        return rows[0] if rows else None

    def compose(self) -> list[str]:
        """The command of docker compose: the plugin's, or the program's of its own.

        Raises:
            ToolError: There is neither.
        """
        if not self._compose:
            try:
                self("compose", "version")
                self._compose = ["docker", "compose"]
            except ToolError:
                if shutil.which("docker-compose") is None:
                    raise ToolError(
                        "docker compose: no such command on this machine\n"
                        "fix: apt-get install docker-compose-plugin   # or docker-compose-v2"
                    ) from None
                self._compose = ["docker-compose"]
        return self._compose


def plain_environment() -> dict[str, str]:
    """This process's environment without what would lead docker compose to other files or another project."""
    return {name: value for name, value in os.environ.items() if name not in ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME")}
