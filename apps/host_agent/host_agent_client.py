"""Starts a task by its socket, and waits for what came of it. Nothing is sent: which task it is, the socket says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TASKS = Path("/run/host-agent-tasks")
"""Where systemd has the sockets."""
BACKUP, STATUS, PULL = OWN = ("backup-n8n", "git-status", "git-pull")
"""The tasks that have a path of their own."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LONGEST = 256 * 1024
_GRACE = 20.0
"""Seconds beyond a task's own limit, which its helper keeps."""


class NoTaskError(Exception):
    """There is no task of that name, or systemd does not listen for it."""


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """The tasks of this host.

    Attributes:
        folder: Where their sockets are.
        timeout: Seconds that one may take.
    """

    folder: Path = TASKS
    timeout: float = 300

    def names(self) -> list[str]:
        """All of them, sorted."""
        with contextlib.suppress(OSError):
            return sorted(path.stem for path in self.folder.glob("*.sock") if NAME.fullmatch(path.stem))
        return []

    async def run(self, name: str) -> dict[str, Any]:
        """What came of a task: ``state`` is ``ended``, ``busy``, ``timeout``, ``conflict``, ``refused`` or ``lost``.

        Raises:
            NoTaskError: There is none of that name.
        """
        if not NAME.fullmatch(name):
            raise NoTaskError(name)
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.folder / f"{name}.sock"), limit=_LONGEST)
        except OSError as error:
            raise NoTaskError(name) from error
        try:
            async with asyncio.timeout(self.timeout + _GRACE):
                return await _last(reader)
        except TimeoutError:
            return {"state": "timeout"}
        finally:
            writer.close()


async def _last(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The last of the lines that the helper writes; it writes one at once, and one when it has ended."""
    outcome: dict[str, Any] = {"state": "lost"}
    with contextlib.suppress(ValueError, OSError):
        while line := await reader.readline():
            heard = json.loads(line)
            outcome = heard if heard.get("state") != "started" else outcome
    return outcome
