"""How each program begins and ends: the right Python, one way to fail, no traceback."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Final

from infra_tools.console import FAILED, Console, ToolError

_SCRIPTS: Final = Path(__file__).resolve().parents[1]
_OWN: Final = _SCRIPTS / ".venv"
_INTERRUPTED: Final = 130


def run(program: str) -> None:
    """Runs `infra_tools.<program>.main` and ends the process with what it returns.

    Args:
        program: Name of the module.
    """
    _own_python()
    console = Console()
    try:
        code = importlib.import_module(f"infra_tools.{program}").main(sys.argv[1:], console)
    except ToolError as problem:
        code = problem.code
        console.warn(str(problem))
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except ModuleNotFoundError as problem:
        if str(problem.name).startswith("infra_tools"):
            raise
        code = FAILED
        console.warn(
            f"the Python package of {problem.name} is not installed\n"
            f"fix: python3 -m venv {_OWN} && {_OWN}/bin/pip install -r {_SCRIPTS / 'requirements.txt'}"
        )
    except BrokenPipeError:
        # Whoever reads may stop before the end; Python would say so once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    except Exception as problem:  # noqa: BLE001  # the text of any error may hold what the program worked on
        where = traceback.extract_tb(problem.__traceback__)[-1]
        console.warn(
            f"{type(problem).__name__} in {Path(where.filename).name}, line {where.lineno}: a defect of this program"
        )
        code = FAILED
    sys.exit(code)


def _own_python() -> None:
    """Goes on in the environment beside the programs, where there is one and this is not it."""
    python = _OWN / "bin" / "python"
    if python.exists() and Path(sys.prefix) != _OWN and "INFRA_TOOLS_VENV" not in os.environ:
        os.environ["INFRA_TOOLS_VENV"] = "1"
        os.execv(python, [str(python), *sys.argv])  # noqa: S606  # no shell: the same arguments, another Python
