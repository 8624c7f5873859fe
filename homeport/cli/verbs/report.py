"""`homeport report`."""

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport report
homeport report --json | jq .images
"""
KEYS = ("stack", "engine", "images")


def command(stack: StackName = "dev", json: Json = False) -> None:
    """Say which engine, plugins and images are in use, and why."""
    import json as json_module

    from homeport.cli import pulumi_cli
    from homeport.cli.output import print_json
    from homeport.cli.stack import read

    images = ("toolchain.images", "report", *read(stack).images())
    if json:
        engine = pulumi_cli.module("toolchain.engine", "report", "--json", quiet=True).stdout
        used = pulumi_cli.module(*images, "--json", quiet=True).stdout
        print_json({"stack": stack, "engine": json_module.loads(engine), "images": json_module.loads(used)})
    else:
        pulumi_cli.module("toolchain.engine", "report")
        print(flush=True)
        pulumi_cli.module(*images)
    raise typer.Exit
