"""`homeport preview`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport preview --stack prod
homeport preview --diff                  further flags go to pulumi preview
homeport preview --json | jq .changeSummary
homeport preview --example jett/prod     a preset in an environment, without an account, a host or a network
"""
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def example_names(incomplete: str) -> list[str]:
    """For a shell's completion: the examples."""
    from homeport.cli.example import names

    return [name for name in names() if name.startswith(incomplete)]


Example = Annotated[
    str,
    typer.Option(
        "--example",
        metavar="PRESET/ENV",
        help="The example's configuration of a preset in dev, preprod or prod, instead of a stack's",
        autocompletion=example_names,
    ),
]


def command(context: typer.Context, stack: StackName = "dev", example: Example = "", json: Json = False) -> None:
    """Show what up would change; a stack on this machine needs its Docker for that. --json prints Pulumi's own."""
    if example:
        from homeport.cli.example import preview as preview_example

        raise typer.Exit(preview_example(example, json=json))
    from homeport.cli.lifecycle import preview
    from homeport.cli.stack import read

    raise typer.Exit(preview(read(stack), [*context.args, *(["--json"] if json else [])]))
