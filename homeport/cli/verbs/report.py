"""`homeport report`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport report
homeport report --json | jq .images
homeport report --pins --stack prod    image pins, and facts about images, that are older than 90 days
"""
KEYS = ("stack", "engine", "images", "pins")


def command(
    stack: StackName = "dev",
    pins: Annotated[bool, typer.Option("--pins", help="Only the pins that are older than 90 days")] = False,
    json: Json = False,
) -> None:
    """Say which engine, plugins and images are in use, and why."""
    import json as json_module
    from datetime import UTC, datetime

    from homeport.cli import image_lock, pulumi_cli
    from homeport.cli.output import print_json
    from homeport.cli.stack import read

    old = image_lock.old_pins(read(stack), datetime.now(UTC).date())
    if pins:
        lines = [f"{one['day']}  {one['pin']}" for one in old] or ["no pin is older than 90 days"]
        if json:
            print_json({"stack": stack, "pins": old})
        else:
            print("\n".join(lines))
        raise typer.Exit
    images = ("toolchain.images", "report", *read(stack).images())
    if json:
        engine = pulumi_cli.module("toolchain.engine", "report", "--json", quiet=True).stdout
        used = pulumi_cli.module(*images, "--json", quiet=True).stdout
        print_json(
            {"stack": stack, "engine": json_module.loads(engine), "images": json_module.loads(used), "pins": old}
        )
    else:
        pulumi_cli.module("toolchain.engine", "report")
        print(flush=True)
        pulumi_cli.module(*images)
    raise typer.Exit
