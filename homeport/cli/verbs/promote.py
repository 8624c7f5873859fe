"""`homeport promote`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName, Yes

EXAMPLES = """
homeport promote --from dev --stack preprod
homeport promote --from preprod --stack prod    show which images change, and ask
homeport promote --from preprod --stack prod --yes
"""
KEYS = ("from", "stack", "changes")


def command(
    source: Annotated[str, typer.Option("--from", help="The stack where they ran well")],
    stack: StackName = "prod",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Give a stack the very images that run in another one, unless that one's last update or its health says no."""
    from homeport.cli import promotion, pulumi_cli
    from homeport.cli.stack import read

    tried = pulumi_cli.prepared(read(source))
    raise typer.Exit(0 if promotion.promote(tried, read(stack), yes=yes, json=json) else 1)
