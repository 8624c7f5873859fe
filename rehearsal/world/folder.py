"""A world's folder: what it is told once, who serves it now, and where it answers."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.whole_file import write_whole
from rehearsal.world import adopted

_PATIENCE = 20.0
"""Seconds that the serving process may take to end."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where a world is kept.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def log(self) -> Path:
        """What the serving process prints."""
        return self.path / "world.log"

    @property
    def served(self) -> Path:
        """Written by the serving process once all of it answers."""
        return self.path / "world.json"

    def identity(self, domain: str) -> dict[str, Any]:
        """What this world keeps for good: an id for its objects, and the accounts, zones and tokens of its clouds."""
        path = self.path / "identity.json"
        if path.is_file():
            identity: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return identity
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        identity = {
            "id": secrets.token_hex(3),
            "domain": domain,
            "hcloud_token": secrets.token_urlsafe(48),
            "cloudflare_token": secrets.token_hex(20),
            "account_id": secrets.token_hex(16),
            "zone_id": secrets.token_hex(16),
            "team": "rehearsal",
            "ovh": {name: secrets.token_hex(16) for name in ("application", "secret", "consumer")},
            "ssh_key": adopted.key(),
        }
        write_whole(path, json.dumps(identity))
        return identity

    def process(self) -> int | None:
        """The process that serves this world, if it is alive: the number alone may be somebody else's by now."""
        try:
            world = json.loads(self.served.read_text(encoding="utf-8"))
            number, born = int(world["process"]), world["born"]
        except (OSError, ValueError, KeyError):
            return None
        return number if birth(number) == born else None

    def stop(self) -> None:
        """Ends the serving process."""
        number = self.process()
        if number is None:
            return
        os.kill(number, signal.SIGTERM)
        end = time.monotonic() + _PATIENCE
        while self.process() is not None:
            if time.monotonic() > end:
                os.kill(number, signal.SIGKILL)
                return
            time.sleep(0.1)


def birth(number: int) -> str:
    """When a process began, in the kernel's ticks; nothing when it is gone. Source: proc(5), stat, field 22."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="ascii")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
