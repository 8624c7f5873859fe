"""The verb that leaves homeport behind: a stack as files for docker compose."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.cli.places import ROOT
from homeport.cli.stack import PROJECT
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from homeport.cli.stack import Stack


def export(stack: Stack, to: str) -> int:
    """Writes the stack's files into a folder; in a process of its own, for ctl does not read settings.

    Raises:
        ToolError: No folder was named.
    """
    if not to:
        raise ToolError(
            f"export: no folder is named\n  fix: python -m homeport.cli export --stack {stack.name} --to DIR"
        )
    keys = {f"{PROJECT}:preset": stack.preset, f"{PROJECT}:settings": json.dumps(stack.settings)}
    argv = [sys.executable, "-m", "homeport.export", str(Path(to).expanduser().absolute()), stack.name]
    return subprocess.run(argv, cwd=ROOT, input=json.dumps(keys), text=True, check=False).returncode
