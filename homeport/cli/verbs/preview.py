"""`homeport preview`."""

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport preview --stack prod
homeport preview --diff                  further flags go to pulumi preview
homeport preview --json | jq .changeSummary
"""
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(context: typer.Context, stack: StackName = "dev", json: Json = False) -> None:
    """Show what up would change; a stack on this machine needs its Docker for that. --json prints Pulumi's own."""
    from homeport.cli.lifecycle import preview
    from homeport.cli.stack import read

    raise typer.Exit(preview(read(stack), [*context.args, *(["--json"] if json else [])]))
