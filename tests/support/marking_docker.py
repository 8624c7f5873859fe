"""A `docker` that gives some names a mark of the test's own, and takes it away again from what Docker says."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """#!{python} -SE
import subprocess, sys
words = [word.replace("{name}", "{mark}{name}") for word in sys.argv[1:]]
done = subprocess.run(["{docker}", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
sys.stdout.write(done.stdout.replace("{mark}", ""))
sys.stderr.write(done.stderr.replace("{mark}", ""))
sys.exit(done.returncode)
"""


def marking(folder: Path, mark: str, name: str) -> None:
    """Puts it into a folder of PATH: a stack may be up on this machine under the very names."""
    program = folder / "docker"
    text = _PROGRAM.format(python=sys.executable, mark=mark, name=name, docker=shutil.which("docker"))
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
