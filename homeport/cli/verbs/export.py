"""`homeport export`."""

from typing import Annotated

import typer

from homeport.cli.options import StackName

EXAMPLES = """
homeport export --to out             .env and out/deploy.sh ask for the secrets, or make them
homeport export --to out --secrets   with those of the stack, for its own data
sudo out/deploy.sh                   make what is missing, start it with docker compose, look at it
"""


def command(
    stack: StackName = "dev",
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="The folder to write")] = "",
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Write the stack's secrets too: .env and the files that hold them")
    ] = False,
) -> None:
    """Write the stack as files for docker compose: the way out of homeport."""
    from homeport.cli import pulumi_cli
    from homeport.cli.export import export
    from homeport.cli.places import from_here
    from homeport.cli.stack import read
    from homeport.model.errors import ToolError

    described = read(stack)
    values = pulumi_cli.prepared(described).outputs(secrets=True).get("credentials") if secrets else None
    if secrets and not values:
        raise ToolError(f"export: stack {stack} has no secrets yet\n  fix: make up STACK={stack}")
    raise typer.Exit(export(described, from_here(to), values))
