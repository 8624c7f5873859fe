"""Pushes the variables of an env file to Infisical. What Infisical has and the file lacks stays there."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra_tools import sync
from infra_tools.console import FAILED, OK, ToolError
from infra_tools.dotenv import EnvFileError, quoted
from infra_tools.infisical import kept, refers

if TYPE_CHECKING:
    from infra_tools.console import Console


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(prog="sync-env-to-infisical.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--dry-run", action="store_true", help="list what would be pushed, change nothing")
    sync.option(parser)
    options = parser.parse_args(argv)
    sides = sync.both(options.env_file, console, must_exist=True)
    new, changed = sides.only_env(), sides.differing()
    _refuse_unfit({name: sides.env[name] for name in (*new, *changed)})
    for name in (*new, *changed):
        if kept(sides.env[name]) != sides.env[name]:
            console.warn(f"warning: {name}: Infisical keeps no spaces around a value; it is pushed without them")
    verb = "would " if options.dry_run else ""
    failed = 0
    for name in (*new, *changed):
        known = sides.secrets.get(name)
        word = "change" if known else "create"
        if not options.dry_run:
            try:
                sides.infisical.put(name, sides.env[name], there=bool(known and known.own))
            except ToolError as problem:
                failed += 1
                console.warn(str(problem))
                continue
        console.say(f"{verb}{word} {name}")
    done = len(new) + len(changed) - failed
    left = f", {failed} failed" if failed else ""
    console.say(f"{done} {'to push' if options.dry_run else 'pushed'}, {len(sides.same())} equal{left}")
    return FAILED if failed else OK


def _refuse_unfit(pushed: dict[str, str]) -> None:
    """Before anything is changed: what Infisical would take for something else.

    Raises:
        ToolError: Names all of them.
    """
    unfit = [name for name, value in pushed.items() if refers(value)]
    if unfit:
        raise ToolError(
            f"{', '.join(unfit)}: Infisical takes ${{…}} in a value for a reference to another secret\n"
            "  nothing was pushed\n"
            f"fix: choose values without ${{…}}, or keep these names in the env file alone"
        )
    for name, value in pushed.items():
        try:
            quoted(value, name)
        except EnvFileError as problem:
            raise ToolError(f"{problem}; nothing was pushed\nfix: correct the value of {name}") from None
        if ":" in name or "/" in name:
            raise ToolError(f"{name}: Infisical takes no such name\nfix: rename it in the env file")
