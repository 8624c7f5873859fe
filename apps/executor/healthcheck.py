"""Exit status 0 while the worker lives: it touches ``.alive`` at every look at its folder and around every task.

python healthcheck.py [FOLDER]
"""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

FRESH_S = 45.0
"""Seconds: the longest task (30 s, killed within one more) and some room."""


def problem(folder: Path) -> str | None:
    """What is wrong with the worker of this folder, or None."""
    alive = folder / ".alive"
    try:
        info = os.lstat(alive)
    except OSError as error:
        return f"{alive}: {error.strerror}"
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
        return f"{alive} was not written by the worker"
    age = time.time() - info.st_mtime
    if not -FRESH_S < age < FRESH_S:
        return f"{alive} is {age:.0f} s old, more than {FRESH_S:.0f} s: restart the container"
    return None


def main(arguments: list[str]) -> int:
    """Print the problem, if any, and return 0 or 1."""
    found = problem(Path(arguments[0] if arguments else "/exchange"))
    if found:
        print(f"healthcheck: {found}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
