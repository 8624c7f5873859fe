"""Writes Infisical's secrets into an env file. Its comments, its order and what Infisical does not know stay."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra_tools import files, sync
from infra_tools.console import FAILED, OK, ToolError
from infra_tools.dotenv import EnvFileError

if TYPE_CHECKING:
    from infra_tools.console import Console


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(prog="sync-infisical-to-env.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--dry-run", action="store_true", help="list what would be written, change nothing")
    sync.option(parser)
    options = parser.parse_args(argv)
    sides = sync.both(options.env_file, console, must_exist=False)
    new, changed = sides.only_infisical(), sides.differing()
    unfit = [name for name in (*changed, *new) if not _set(sides, name, console)]
    written = [name for name in (*changed, *new) if name not in unfit]
    if written and not options.dry_run:
        _write(sides)
    verb = "would " if options.dry_run else ""
    for name in written:
        console.say(f"{verb}{'change' if name in changed else 'add'} {name}")
    left = f", {len(unfit)} cannot be written" if unfit else ""
    console.say(f"{len(written)} {'to write' if options.dry_run else 'written'}, {len(sides.same())} equal{left}")
    return FAILED if unfit else OK


def _set(sides: sync.Sides, name: str, console: Console) -> bool:
    try:
        sides.file.set(name, sides.secrets[name].value)
    except EnvFileError as problem:
        console.warn(f"{problem}; it is left out\nfix: rename or correct it in Infisical")
        return False
    return True


def _write(sides: sync.Sides) -> None:
    content = sides.file.text().encode("utf-8", "surrogateescape")
    try:
        files.replace(sides.path, content, sides.content)
    except FileExistsError:
        raise ToolError(f"{sides.path} was changed while this ran; nothing was written\nfix: run it again") from None
    except OSError as problem:
        raise ToolError(
            f"{sides.path} cannot be written: {problem.strerror}\nfix: ls -ld {sides.path.parent}"
        ) from None
