"""`homeport colleague`."""

from enum import StrEnum
from typing import Annotated

import typer

from homeport.cli.options import StackName, Yes

EXAMPLES = """
homeport colleague add jo@example.com --stack prod
homeport colleague add jo@example.com --device jo-phone --stack prod    one more device
homeport colleague remove jo@example.com --stack prod
"""


class What(StrEnum):
    """What is done."""

    add = "add"
    remove = "remove"


def command(
    what: Annotated[What, typer.Argument(help="add or remove")],
    mail: Annotated[str, typer.Argument(metavar="MAIL", help="Whom: a mail address")],
    *,
    stack: StackName = "dev",
    device: Annotated[
        str,
        typer.Option("--device", metavar="NAME", help="A device for the VPN; without it, one named after the address"),
    ] = "",
    no_up: Annotated[bool, typer.Option("--no-up", help="Change the settings alone")] = False,
    yes: Yes = False,
) -> None:
    """Let a person in, through Cloudflare Access and into the VPN, or take both away; then bring the stack up."""
    from homeport.cli import colleagues, lifecycle, pulumi_cli
    from homeport.cli.phases import say
    from homeport.cli.stack import read

    change = (colleagues.add if what is What.add else colleagues.remove)(read(stack), mail, device)
    pulumi_cli.ensure()
    colleagues.write(read(stack), change)
    for line in change.said:
        say(f"    {line}")
    if no_up:
        say(f"==> Pulumi.{stack}.yaml says so now; it holds from the next update: homeport up --stack {stack}")
        raise typer.Exit
    code = lifecycle.up(read(stack), yes=yes)
    if code:
        say(f"    Pulumi.{stack}.yaml says so already; it holds once `homeport up --stack {stack}` has ended well")
    raise typer.Exit(code)
