"""Where the command keeps what it writes: below the one cache folder, outside the checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from homeport.model.errors import ToolError

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""


def cache() -> Path:
    """The folder that holds everything homeport writes: `$HOMEPORT_CACHE`, or `~/.cache/homeport`."""
    named = os.environ.get("HOMEPORT_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "homeport"


def lock_file(stack: str) -> Path:
    """The file whose lock says that a command of ours changes the stack."""
    return cache() / "locks" / f"{stack}.lock"


def once_file(stack: str) -> Path:
    """The file whose lock says that a run of `once` has rented the stack's servers."""
    return cache() / "locks" / f"{stack}.once"


def unfinished(stack: str) -> Path:
    """The mark of a run that has begun and not ended; after a kill it stays until what the run left is repaired."""
    return cache() / "locks" / f"{stack}.unfinished"


def from_here(path: str) -> str:
    """A path that a person typed, seen from the folder in which the command was called; empty stays empty."""
    here = Path(os.environ.get("HOMEPORT_CALLED_FROM") or Path.cwd())
    return str(here / Path(path).expanduser()) if path else ""


def examples(preset: str) -> Path:
    """Where the stack's files are that a preset comes with."""
    return ROOT / "catalog" / "presets" / preset.replace("-", "_") / "examples"


def files(root: Path = ROOT) -> set[str]:
    """A checkout's files as they are now, tracked or new, and none that git is told to ignore.

    Raises:
        ToolError: This is no clone.
    """
    argv = ["git", "ls-files", "-coz", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise ToolError(f"git ls-files: {listed.stderr.strip()}\n  fix: run this in a clone of the project")
    return {name for name in listed.stdout.split("\0") if name and (root / name).is_file()}
