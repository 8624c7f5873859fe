"""Says whether an env file and Infisical have the same variables. Values are compared and never shown."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra_tools import sync
from infra_tools.console import FAILED, OK

if TYPE_CHECKING:
    from infra_tools.console import Console


def main(argv: list[str], console: Console) -> int:
    """Runs the program: 0 where both are the same, else 1."""
    parser = argparse.ArgumentParser(prog="check-env-sync-status.py", description=__doc__, allow_abbrev=False)
    sync.option(parser)
    parser.add_argument("--verbose", action="store_true", help="name those that are equal too")
    options = parser.parse_args(argv)
    sides = sync.both(options.env_file, console, must_exist=True)
    groups = {
        f"only in {options.env_file}": sides.only_env(),
        "only in Infisical": sides.only_infisical(),
        "different": sides.differing(),
        "equal": sides.same(),
    }
    for title, names in groups.items():
        shown = names if title != "equal" or options.verbose else []
        console.say(f"{title}: {len(names)}")
        for name in shown:
            console.say(f"  {name}")
    drift = any(names for title, names in groups.items() if title != "equal")
    if drift:
        console.say(
            "not in sync; take over the file's side: sync-env-to-infisical.py, or Infisical's: sync-infisical-to-env.py"
        )
    return FAILED if drift else OK
