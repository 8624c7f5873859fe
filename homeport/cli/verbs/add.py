"""`homeport add`."""

from typing import Annotated

import typer

from homeport.cli.options import StackName, Yes

EXAMPLES = """
homeport add registry.example.com/wiki:1.4                        asks for what the image does not say
homeport add registry.example.com/wiki:1.4 --port 8080 --yes      in a script
homeport add registry.example.com/wiki:1.4 --volume data:/data --secret ADMIN_PASSWORD --database
"""


def command(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="The image, by tag or digest")],
    *,
    stack: StackName = "dev",
    name: Annotated[str | None, typer.Option("--name", help="The app's name; without it, the image's")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="The port that it listens on, inside; 0: none")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="The route's host: a label below the domain, or a whole name; -: no route"),
    ] = None,
    access: Annotated[
        str | None, typer.Option("--access", metavar="CLASS", help="Who may come in: login, public, api-key, vpn")
    ] = None,
    health: Annotated[
        str | None,
        typer.Option("--health", metavar="PATH", help="A path that answers 200; -: the port alone is looked at"),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="UID", help="Whom it runs as: uid, or uid:gid")] = None,
    root: Annotated[str | None, typer.Option("--root", metavar="WHY", help="It runs as root, for this reason")] = None,
    writable_root: Annotated[
        str | None,
        typer.Option("--writable-root", metavar="WHY", help="It writes to its image's files, for this reason"),
    ] = None,
    capability: Annotated[
        list[str] | None,
        typer.Option("--capability", metavar="NAME=WHY", help="A right of root that it keeps, with the reason"),
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="A variable; several times")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option("--secret", metavar="NAME", help="A secret by the name of its variable")
    ] = None,
    volume: Annotated[
        list[str] | None, typer.Option("--volume", metavar="NAME:PATH", help="A volume; several times")
    ] = None,
    memory: Annotated[int | None, typer.Option("--memory", metavar="MB", min=16, help="Its memory limit")] = None,
    internet: Annotated[bool, typer.Option("--internet", help="It may open connections to the outside")] = False,
    database: Annotated[bool, typer.Option("--database", help="It has a database on the stack's PostgreSQL")] = False,
    yes: Yes = False,
) -> None:
    """Write the block of an app into the stack's file, out of what its image says of itself; the rest is asked."""
    import shlex
    from functools import partial

    from homeport.cli import adding, consent, image_facts, importing, stack_file
    from homeport.cli.phases import say
    from homeport.cli.stack import read
    from homeport.model.errors import ProblemsError, ToolError

    described = read(stack)
    if access is not None and access not in adding.ACCESS:
        raise typer.BadParameter(f"{access} is none of {', '.join(adding.ACCESS)}", param_hint="--access")
    asked = adding.Asked(
        image=image,
        name=name,
        port=port,
        host=host,
        access=access,
        health=health,
        user=user,
        root=root,
        writable_root=writable_root,
        env=dict(_pair(text, "=", "--env") for text in env or ()),
        secrets=tuple(secret or ()),
        volumes=dict(_pair(text, ":", "--volume") for text in volume or ()),
        capabilities=dict(_pair(text, "=", "--capability") for text in capability or ()),
        memory=memory,
        internet=internet,
        database=database,
    )
    somebody = consent.somebody()
    known = image_facts.find([image], described.docker).get(image)
    asks = _ask if somebody and not yes else None
    added = adding.block(asked, known, importing.taken(described), asks, partial(importing.ports, described))
    apps = {added.name: added.block}
    print(stack_file.shown({"apps": apps}).rstrip())
    for warning in added.warnings:
        say(f"    {warning}")
    try:
        importing.checked(described, apps)
    except ProblemsError as error:
        raise error.of(stack) from None
    if not yes:
        if not somebody:
            words = shlex.join([*adding.words(asked), "--stack", stack, "--yes"])
            raise ToolError(f"add: nothing was written: nobody is here to say yes\n  fix: bin/homeport add {words}")
        if consent.answer(f"==> write it into Pulumi.{stack}.yaml? Type yes").lower() not in {"yes", "y"}:
            say("==> nothing was written")
            raise typer.Exit(1)
    importing.write(described, apps)
    say(f"==> {added.name} stands in Pulumi.{stack}.yaml; next: bin/homeport preview --stack {stack}")


def _ask(question: str, flag: str, default: str) -> str:
    return str(typer.prompt(f"{question} ({flag})", default=default or None, err=True))


def _pair(text: str, mark: str, flag: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not (name and found):
        raise typer.BadParameter(f"it is no NAME{mark}VALUE", param_hint=flag)
    return name, value
