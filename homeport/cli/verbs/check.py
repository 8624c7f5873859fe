"""`homeport check`."""

import typer

EXAMPLES = """
homeport check
"""


def command() -> None:
    """Run style, types and unit tests, in seconds."""
    from homeport.cli.testing import check

    raise typer.Exit(check())
