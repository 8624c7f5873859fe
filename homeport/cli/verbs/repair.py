"""`homeport repair`."""

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport repair --stack prod
"""
KEYS = ("stack", "repaired")


def command(stack: StackName = "dev", json: Json = False) -> None:
    """Clear what a killed run left half-done. A data volume is never touched; up does the same by itself."""
    from homeport.cli.lifecycle import repair_stack
    from homeport.cli.output import print_json
    from homeport.cli.stack import read

    repaired = repair_stack(read(stack))
    if json:
        print_json({"stack": stack, "repaired": repaired})
    raise typer.Exit
