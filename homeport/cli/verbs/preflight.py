"""`homeport preflight`."""

import typer

from homeport.cli.options import Json, StackName, Yes

EXAMPLES = """
homeport preflight --stack prod              all that up needs, and nothing is made
homeport preflight --stack prod --json
homeport preflight --stack prod --take-over  remove records and applications of others under our names
"""
KEYS = ("stack", "ready", "findings")


def command(
    stack: StackName = "dev",
    json: Json = False,
    take_over: bool = typer.Option(False, "--take-over", help="Remove what others made under our names, after asking"),
    yes: Yes = False,
) -> None:
    """Look at tokens, names, what can be ordered, its price, and DNS before up makes anything; exit code 1 if not."""
    from homeport.cli.lifecycle import preflight
    from homeport.cli.stack import read

    raise typer.Exit(preflight(read(stack), json=json, others=take_over, yes=yes))
