"""`homeport import`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport import compose.yaml                            what would become of it; nothing is written
homeport import compose.yaml --write                    into Pulumi.dev.yaml
homeport import compose.yaml --service web --image web=registry.example.com/web:1.4 --write
homeport import compose.yaml --database db --write      the stack's PostgreSQL in the place of the file's own
"""
KEYS = ("apps", "taken", "hardened", "left", "open", "supplied")


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The compose file, or its folder")] = ".",
    *,
    stack: StackName = "dev",
    service: Annotated[
        list[str] | None, typer.Option("--service", metavar="NAME", help="Take this one; may be given several times")
    ] = None,
    profile: Annotated[
        list[str] | None, typer.Option("--profile", metavar="NAME", help="Switch a profile on; several times")
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option("--image", metavar="NAME=IMAGE", help="The image of a service, in the place of the file's"),
    ] = None,
    access: Annotated[
        str, typer.Option("--access", metavar="CLASS", help="Who may come in by routes: login, api-key, vpn, public")
    ] = "login",
    database: Annotated[
        str,
        typer.Option("--database", metavar="NAME", help="The service that the stack's PostgreSQL takes the place of"),
    ] = "",
    env_file: Annotated[
        list[str] | None,
        typer.Option("--env-file", metavar="FILE", help="Variables, in the place of .env beside the compose file"),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the blocks into the stack's file")] = False,
    json: Json = False,
) -> None:
    """Make apps of a compose file, and list what was taken, what was hardened, and what was not taken and why."""
    from pathlib import Path

    from homeport.cli import adding, compose_files, importing
    from homeport.cli.output import print_json
    from homeport.cli.phases import say
    from homeport.cli.places import from_here
    from homeport.cli.stack import read
    from homeport.model import fixes

    if access not in adding.ACCESS:
        raise typer.BadParameter(f"{access} is none of {', '.join(adding.ACCESS)}", param_hint="--access")
    images = dict(_pair(text) for text in image or ())
    described = read(stack)
    asked = importing.Asked(
        file=compose_files.find(from_here(file), Path("/")),
        env_files=tuple(Path(from_here(name)) for name in env_file or ()),
        services=tuple(service or ()),
        profiles=tuple(profile or ()),
        images=images,
        access=access,
        database=database,
    )
    imported = importing.look(described, asked)
    if json:
        print_json(importing.document(imported))
    else:
        print(importing.report(imported))
    importing.refuse_open(imported, stack, file)
    if not write:
        say(f"==> nothing was written; the same with --write puts it into Pulumi.{stack}.yaml")
        raise typer.Exit
    importing.write(described, imported.apps)
    say(f"==> {', '.join(imported.apps)} stand in Pulumi.{stack}.yaml")
    for key, what in imported.supplied.items():
        say(f"    {what} comes from whoever made it: {fixes.for_stack(fixes.keep(key), stack)}")
    say(f"    next: bin/homeport preview --stack {stack}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, image = text.partition("=")
    if not (name and equals and image):
        raise typer.BadParameter(f"{text} is no NAME=IMAGE", param_hint="--image")
    return name, image
