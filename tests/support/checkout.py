"""The checkout's files: for the tests that look at all of them, and for those that work in a copy."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked():
    """All files that are committed or could be: tracked, or new and not ignored."""
    argv = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return sorted({ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()})


def copied(folder):
    """A copy of all of them below a folder."""
    for path in tracked():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A unit is wanted by a link; systemd minds no file in its place.
        shutil.copy2(path, target, follow_symlinks=False)


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]
OURS = [path for path in PYTHON if "tests" not in path.relative_to(ROOT).parts]


def name(path):
    return str(path.relative_to(ROOT))


def text(path):
    """A file's text, or nothing for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def layer(path):
    """The room of the house that a file is in: ``homeport.model``, ``components`` and so on."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:2]) if parts[0] == "homeport" and len(parts) > 2 else parts[0]
