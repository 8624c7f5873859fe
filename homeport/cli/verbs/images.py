"""`homeport images`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport images
homeport images --ensure                pull or build them
homeport images --renew --stack prod    look up anew which digests their tags mean, and name what changed
"""
KEYS = ("stack", "images")


def command(
    stack: StackName = "dev",
    ensure: Annotated[bool, typer.Option("--ensure", help="Pull or build them")] = False,
    renew: Annotated[bool, typer.Option("--renew", help="Write the lock anew: what their tags mean today")] = False,
    json: Json = False,
) -> None:
    """List the images that the stack needs, by the digests of its lock."""
    from homeport.cli import image_lock, pulumi_cli
    from homeport.cli.output import print_json
    from homeport.cli.stack import read

    known = read(stack)
    if ensure:
        pulumi_cli.ensure(known.images(), engine=False, contracts=known.contracts())
    if renew:
        image_lock.settle(known, renew=True)
    images = read(stack).images()
    if json:
        print_json({"stack": stack, "images": images})
    elif not (ensure or renew):
        print("\n".join(images))
    raise typer.Exit
