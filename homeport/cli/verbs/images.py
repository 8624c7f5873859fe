"""`homeport images`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport images
homeport images --ensure   pull or build them
"""
KEYS = ("stack", "images")


def command(
    stack: StackName = "dev",
    ensure: Annotated[bool, typer.Option("--ensure", help="Pull or build them")] = False,
    json: Json = False,
) -> None:
    """List the images that the stack needs."""
    from homeport.cli import pulumi_cli
    from homeport.cli.output import print_json
    from homeport.cli.stack import read

    images = read(stack).images()
    if ensure:
        pulumi_cli.ensure(images, engine=False)
    if json:
        print_json({"stack": stack, "images": images})
    elif not ensure:
        print("\n".join(images))
    raise typer.Exit
