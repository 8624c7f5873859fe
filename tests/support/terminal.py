"""A terminal of a test's own: what a person would see of a Python program."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_COLOURS = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")


def in_terminal(code: str, columns: int, **environ: str) -> str:
    """All that a Python program writes to a terminal of so many columns, escape sequences included."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in _COLOURS}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=kept | {"TERM": "xterm-256color"} | environ,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:
        # Linux's way to say that nobody has the terminal open any more.
        pass
    process.wait()
    os.close(leader)
    return shown.decode()


def plain(shown: str) -> str:
    """The text without its escape sequences."""
    return _ESCAPES.sub("", shown).replace("\r", "\n")
