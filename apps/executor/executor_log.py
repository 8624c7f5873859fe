"""The worker's log: one JSON line per event on standard output, each carrying the hash of the line before.

A line that was changed, removed or put in breaks the chain of one worker's life; README.md shows how to check it. ASCII
only, so that nothing a task contains is acted upon by a terminal.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from contextlib import suppress
from typing import Any


class ChainedLog:
    """Writes the events of one process."""

    def __init__(self) -> None:
        self._number = 0
        self._before = "0" * 64

    def write(self, event: str, **fields: Any) -> None:
        """Write one event; a closed or full output never stops the work."""
        self._number += 1
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {"seq": self._number, "at": now, "event": event, **fields, "before": self._before}
        line = json.dumps(record, separators=(",", ":"))
        self._before = hashlib.sha256(line.encode("ascii")).hexdigest()
        with suppress(OSError, ValueError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
