"""`homeport backup`."""

from enum import StrEnum
from typing import Annotated

import typer

from homeport.cli.options import HostName, StackName

EXAMPLES = """
homeport backup status                     when each went well last; exit code 1 where that is too long ago
homeport backup databases                  now, whenever its timer would
homeport backup verify                     the drill: the newest ones are tried
homeport backup offsite --host ai          where several hosts keep backups
homeport backup list --host ai             the copies in the bucket
"""


class Work(StrEnum):
    """What the host's own command knows."""

    status = "status"
    workflows = "workflows"
    databases = "databases"
    copies = "copies"
    stores = "stores"
    state = "state"
    offsite = "offsite"
    list = "list"
    verify = "verify"


def command(
    work: Annotated[Work, typer.Argument(help="What the host does, as docs/backup.md has it")],
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Of state alone: where on the host it is written")
    ] = "",
    *,
    stack: StackName = "prod",
    host: HostName = "",
) -> None:
    """Have a host back up now, try its backups, or say how they are; its output and its exit code are the host's."""
    from homeport.cli import backups, pulumi_cli
    from homeport.cli.stack import read

    words = (work.value, *((folder,) if folder else ()))
    raise typer.Exit(backups.run(pulumi_cli.prepared(read(stack)), words, host))
