"""A terminal of a test's own: what a person would see of a Python program."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_SECONDS = 120
"""For what takes a second or two: a busy computer stands still for longer."""
_COLOURS = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")


def answered(argv, answers, environ, columns=80):
    """What a process shows at a terminal of so many columns, at which a person answers it, and its exit code.

    Args:
        argv: The command; it runs in the checkout.
        answers: What it asks, and what is typed then, in their order.
        environ: Its whole environment.
        columns: How wide the terminal is.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    try:
        for question, reply in [*answers, (None, b"")]:
            while question is None or question not in shown:
                assert select.select([leader], [], [], _SECONDS)[0], f"neither {question!r} nor an end: {shown!r}"
                shown += os.read(leader, 65536)
            os.write(leader, reply)
    except OSError:
        # Linux's way to say that nobody has the terminal open any more.
        return shown.decode(), process.wait(_SECONDS)
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    raise AssertionError("a terminal ends by an error alone")


def in_terminal(code: str, columns: int, **environ: str) -> str:
    """All that a Python program writes to a terminal of so many columns, escape sequences included."""
    kept = {key: value for key, value in os.environ.items() if key not in _COLOURS}
    shown, _ = answered([sys.executable, "-c", code], [], kept | {"TERM": "xterm-256color"} | environ, columns)
    return shown


def plain(shown: str) -> str:
    """The text without its escape sequences."""
    return _ESCAPES.sub("", shown).replace("\r", "\n")
