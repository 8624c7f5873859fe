"""A compose file into a stack's file: what was taken, what was hardened, what was left, and then the blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from homeport.cli import compose_files, image_facts, stack_file
from homeport.cli.phases import say
from homeport.model.errors import ProblemsError, ToolError
from homeport.plan.compose.document import items, said
from homeport.plan.compose.services import translate
from homeport.plan.compose.shapes import Choices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from homeport.cli.stack import Stack
    from homeport.plan.compose.account import Finding
    from homeport.plan.compose.services import Imported

HEADINGS = {
    "taken": "taken: the app does what the file says",
    "hardened": "hardened: the app is more careful than the file; a line below names the way back",
    "left": "not taken, and why",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says.

    Attributes:
        file: The compose file.
        env_files: Files with variables in the place of ``.env``.
        services: Services to take; empty: all.
        profiles: Profiles that are switched on.
        images: Service to another image.
        access: Access class of routes.
        database: The service whose place the stack's PostgreSQL takes.
    """

    file: Path
    env_files: tuple[Path, ...] = ()
    services: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    images: Mapping[str, str]
    access: str
    database: str


def look(stack: Stack, asked: Asked) -> Imported:
    """What the file becomes in a stack.

    Raises:
        ToolError: The file cannot be read, or names no such service.
    """
    content = compose_files.read(asked.file, asked.env_files)
    for name in content.beside:
        say(f"    {name} lies beside it and was not read: docker compose would lay it over {asked.file.name}")
    if content.example:
        say(f"    .env is not there; {content.example} is: with --env-file {content.example} its values are taken")
    services = items(content.tree.get("services"))
    for name in (*asked.services, *asked.images, *((asked.database,) if asked.database else ())):
        if name not in services:
            raise ToolError(
                f"{asked.file.name}: it has no service {name}; it has {', '.join(services)}\n"
                f"  fix: bin/homeport import {asked.file.name} --service {next(iter(services))}"
            )
    named = [*(said(items(node).get("image")) for node in services.values()), *asked.images.values()]
    images = image_facts.find(filter(None, named), stack.docker)
    return translate(
        content.tree,
        content.env_files,
        Choices(
            project=content.project,
            only=asked.services,
            profiles=asked.profiles,
            images=asked.images,
            access=asked.access,
            database=asked.database,
            taken=taken(stack),
            words=frozenset(stack.plan.blueprint.texts()),
            hosts=hosts(stack),
            ports=ports(stack, asked.access),
            pins={name: image.pinned for name, image in images.items() if image.pinned},
            facts={name: image.known for name, image in images.items()},
        ),
        content.variables,
    )


def taken(stack: Stack) -> frozenset[str]:
    """The names that the preset and the apps of a stack have."""
    from catalog.presets import registry  # noqa: PLC0415  # imports all of the preset
    from homeport.plan.apps import LOOPBACK_NAMES, TOOL  # noqa: PLC0415  # as above

    preset = registry.preset(stack.preset)
    # Of the preset what is switched off as well: its names are kept.
    names = {TOOL, *preset.tools, *LOOPBACK_NAMES}
    names |= {service.name for service in preset.services} | {route.name for route in preset.routes}
    # And whatever is called so at the proxy: a route's host and an app's are looked up by one name.
    return frozenset(names | hosts(stack) | set(stack.settings.get("apps") or {}))


def hosts(stack: Stack) -> frozenset[str]:
    """The labels below the stack's domain that its routes have."""
    blueprint = stack.plan.blueprint
    return frozenset(blueprint.host(route).removesuffix(f".{blueprint.domain}") for route in blueprint.routes)


def ports(stack: Stack, access: str) -> frozenset[int] | None:
    """The ports that are taken on the host, where an app has one of its own there; None: a proxy leads to it."""
    blueprint = stack.plan.blueprint
    if access != "vpn" and any(service.edge for service in blueprint.services):
        return None
    return frozenset(port.outside for service in blueprint.services for port in blueprint.published(service))


def report(imported: Imported) -> str:
    """The blocks and the three lists, for a person."""
    lines = [
        "apps:",
        *(f"  {line}" if line else "" for line in stack_file.shown(imported.apps).rstrip("\n").split("\n")),
    ]
    for kind, heading in HEADINGS.items():
        findings = [finding for finding in imported.findings if finding.kind == kind]
        if findings:
            count = sum(len(finding.leaves) or 1 for finding in findings)
            lines += ["", f"{heading} ({count}):", *(f"  {line}" for line in _lines(findings))]
    return "\n".join(lines)


def _lines(findings: Iterable[Finding]) -> Iterable[str]:
    """A line each; what is said of whole services is said once."""
    everywhere: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.leaves:
            yield f"{finding.where}: {finding.what}"
            if finding.waiver:
                yield f"    {finding.waiver}"
        else:
            way = finding.waiver.partition(".apps.")[2].partition(".")[2]
            everywhere.setdefault((finding.what, way), []).append(finding)
    for (what, way), group in everywhere.items():
        yield f"{', '.join(finding.about for finding in group)}: {what}"
        if way:
            yield f"    homeport:settings.apps.<app>.{way}"


def document(imported: Imported) -> dict[str, Any]:
    """All of it for a program."""
    return {
        "apps": {name: dict(block) for name, block in imported.apps.items()},
        **{
            kind: [
                {
                    "lines": list(finding.leaves),
                    "service": finding.about,
                    "what": finding.what,
                    "way_back": finding.waiver,
                }
                for finding in imported.findings
                if finding.kind == kind
            ]
            for kind in HEADINGS
        },
        "open": [{"where": problem.path, "what": problem.what, "fix": problem.fix} for problem in imported.open],
        "supplied": dict(imported.supplied),
    }


def checked(stack: Stack, apps: Mapping[str, Any]) -> Stack:
    """The stack as it would be with the apps.

    Raises:
        SettingsError, BlueprintError: It would be wrong.
    """
    settings = {**stack.settings, "apps": {**(stack.settings.get("apps") or {}), **apps}}
    new = replace(stack, settings=settings)
    _ = new.plan
    return new


def write(stack: Stack, apps: Mapping[str, Any]) -> None:
    """Puts the apps into the stack's file, once the whole is right.

    Raises:
        ToolError, SettingsError, BlueprintError: It is not; nothing was written.
    """
    from homeport.cli.stack import path_of  # noqa: PLC0415  # the module that gives the stack its file

    path = path_of(stack.name)
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    new = stack_file.with_apps(text, apps, path.name)
    try:
        checked(stack, apps)
    except ProblemsError as error:
        raise error.of(stack.name) from None
    stack_file.write(path, new)


def refuse_open(imported: Imported, stack: str, file: str) -> None:
    """Nothing is written while something is to be decided.

    Raises:
        ToolError: With each of them.
    """
    if not imported.open:
        return
    lines = "\n".join(f"  - {problem.path}: {problem.what}\n    {problem.fix}" for problem in imported.open)
    flags = " ".join(problem.fix.partition(", ")[0] for problem in imported.open if problem.fix.startswith("--"))
    raise ToolError(
        f"import: to be decided first:\n{lines}\n  fix: bin/homeport import {file} --stack {stack} {flags}".rstrip()
    )
