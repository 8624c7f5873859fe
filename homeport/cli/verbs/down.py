"""`homeport down`."""

import typer

from homeport.cli.options import Json, StackName, Yes

EXAMPLES = """
homeport down                     dev, with all its data
homeport down --stack prod --yes  prod; its data volumes are protected
"""
KEYS = ("stack", "removed", "kept")


def command(stack: StackName = "dev", yes: Yes = False, json: Json = False) -> None:
    """Remove the stack: pulumi destroy, then a check that nothing is left. In dev that is all data too."""
    from homeport.cli.lifecycle import down
    from homeport.cli.stack import read

    raise typer.Exit(down(read(stack), yes=yes, json=json))
