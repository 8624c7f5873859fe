"""`homeport restore`."""

from enum import StrEnum
from typing import Annotated

import typer

from homeport.cli.options import HostName, StackName, Yes

EXAMPLES = """
homeport restore databases db                        where nothing is in the way; else it says what is
homeport restore databases db --replace              in the place of what is there; asks before
homeport restore workflows --revision 1a2b3c         as they were at a commit
homeport restore offsite --to /srv/look --host ai    into an empty folder of the host, to look at
homeport restore offsite --replace --host ai         everything, on a new host too
"""


class What(StrEnum):
    """What the host's own command knows."""

    workflows = "workflows"
    databases = "databases"
    copies = "copies"
    stores = "stores"
    offsite = "offsite"


def _no_option(name: str) -> str:
    """A name as it was typed; behind `--` one could look like an option of the host's command."""
    if name.startswith("-"):
        raise typer.BadParameter(f"{name} is no container")
    return name


def command(
    what: Annotated[What, typer.Argument(help="What comes back, as docs/backup.md has it")],
    container: Annotated[
        str, typer.Argument(metavar="CONTAINER", help="Whose databases, copies or stores", callback=_no_option)
    ] = "",
    *,
    stack: StackName = "prod",
    host: HostName = "",
    set_: Annotated[str, typer.Option("--set", metavar="NAME", help="Another set than the newest")] = "",
    database: Annotated[str, typer.Option("--database", metavar="NAME", help="One of the databases")] = "",
    revision: Annotated[str, typer.Option("--revision", metavar="COMMIT", help="Workflows of an older commit")] = "",
    snapshot: Annotated[str, typer.Option("--snapshot", metavar="ID", help="Another copy than the newest")] = "",
    to: Annotated[str, typer.Option("--to", metavar="FOLDER", help="An empty folder of the host, to look at it")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="In the place of what is there, which is lost")] = False,
    yes: Yes = False,
) -> None:
    """Bring a host's backups back; without --replace nothing is overwritten, and the host says what is in the way."""
    from homeport.cli import backups, pulumi_cli
    from homeport.cli.stack import read

    options = {"set": set_, "database": database, "revision": revision, "snapshot": snapshot, "to": to}
    words = ["restore", what.value, *([container] if container else [])]
    words += [f"--{name}={value}" for name, value in options.items() if value]
    words += ["--replace"] if replace else []
    raise typer.Exit(backups.run(pulumi_cli.prepared(read(stack)), words, host, replaces=replace and not yes))
