"""docs/operate/<preset>.md: what whoever operates a preset has to know of each of its services.

Out of the preset, and out of the three configurations that it comes with. What is the same everywhere is said once.
"""

from __future__ import annotations

import json
import os.path
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from catalog.backups.works import RESTORES
from homeport.cli.example import ENVIRONMENTS
from homeport.cli.places import ROOT, examples
from homeport.cli.stack import read
from homeport.model import names, template
from homeport.model.blueprint import LOOPBACK
from homeport.model.declarations import declarations
from homeport.model.fixes import SETTINGS, keep, put_command
from homeport.model.sign_in import access, doors, guards
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.host_program import HostProgram
    from homeport.model.preset import Phase, Preset
    from homeport.model.route import Route
    from homeport.model.secret import SecretSpec
    from homeport.model.service import Service
    from homeport.model.sign_in import Door
    from homeport.plan.resolve import Plan
    from homeport.settings.hosts import AdoptHost, CreateHost, LocalHost

Named = TypeVar("Named", "Service", "HostProgram")
_COMMANDS = """```console
bin/homeport status --stack prod         # state, health and address of each service; exit code 1: one is not well
bin/homeport smoke --stack prod          # asks every address once: as a member of VPN or mesh where this machine is one
bin/homeport verify --stack prod         # compares ports, names, certificates and containers with what is described
bin/homeport credentials --stack prod    # who asks where, for which user and which secret; --show shows them
bin/homeport preview --stack prod        # what up would change, what was changed by hand, what would go away
bin/homeport up --stack prod             # brings it up, and back; also after a run that failed or was killed
bin/homeport images --stack prod         # which images run, by digest; --renew looks up newer ones
```

On a service's host, `NAME` being the service:

```console
docker logs --tail 100 NAME
docker inspect -f '{{json .State.Health}}' NAME
docker restart NAME
```
"""
_LAST = """For every preset: [when something goes wrong](../../README.md#when-something-goes-wrong);
all verbs: [reference](../reference.md)."""


def page(preset: Preset) -> str:
    """The page of a preset, in Markdown."""
    plans = {name: _plan(preset.name, name) for name in ENVIRONMENTS}
    prod = plans["prod"].blueprint
    folder = f"catalog/presets/{preset.name.replace('-', '_')}"
    head = (
        f"# Operating {preset.name}\n\nMade by `make docs` from `{folder}/`; do not edit by hand. Addresses are "
        f"those of the configurations in\n`{folder}/examples/`; of a stack of yours: `bin/homeport open --stack prod`. "
        f"Images, users and limits: [catalog](../catalog.md#{preset.name}).\n"
    )
    sections = (_hosts(plans), _addresses(preset, plans), _health(preset, prod), _data(preset, prod))
    rest = (_secrets(preset, plans), _troubles(preset), _more(preset, folder))
    return "\n".join((head, _COMMANDS, *_setting_up(preset), *_afterwards(prod), *sections, *rest))


def asked(door: Door) -> Iterator[str]:
    """What is asked at an address, in words: of a person in that order, then of programs."""
    yield from (
        f"{login.asked_by}: `{login.user}`" + f", `{login.secret}`" * bool(login.secret) for login in door.logins
    )
    yield from (f"programs at `{header.path}`: header `{header.header}`, `{header.secret}`" for header in door.headers)


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """A table; a cell that is empty has a dash in it."""
    lines = [" | ".join(cell.replace("|", "\\|") or "-" for cell in row) for row in rows]
    return "\n".join((f"| {head} |", f"|{'---|' * (head.count(' | ') + 1)}", *(f"| {line} |" for line in lines))) + "\n"


def _plan(preset: str, environment: str) -> Plan:
    """What the preset's example makes there; the lock of a stack of that name is the user's, and no part of it."""
    settings = read(environment, examples(preset)).settings
    values = {"homeport:preset": preset, SETTINGS: json.dumps(settings)}
    return resolve(Configuration(environment, values), sealed=True)


def _setting_up(preset: Preset) -> Iterator[str]:
    if preset.phases:
        yield (
            "## Setting it up\n\nIn the order of the description. `up` is `bin/homeport up --stack prod`. A step is "
            f"ticked by claims in\n`make rehearse PRESET={preset.name} ENV=prod`, on your own hosts by lines of "
            "`bin/homeport smoke --stack prod`, and by tests of the project.\n"
        )
    yield from (_phase(number, phase) for number, phase in enumerate(preset.phases, 1))


def _afterwards(blueprint: Blueprint) -> Iterator[str]:
    if blueprint.next_steps:
        steps = "\n".join(f"- {step}" for step in blueprint.next_steps)
        yield f"## After the first `up`\n\nIn prod this is left for a person; `status` says it too.\n\n{steps}\n"


def _phase(number: int, phase: Phase) -> str:
    rows = (
        (
            f"{at}. {step.text}",
            step.how,
            "<br>".join(
                f"{kind} {', '.join(f'`{name}`' for name in ticking)}"
                for kind, ticking in (("claims", step.claims), ("smoke", step.smoke), ("tests", step.tests))
                if ticking
            ),
        )
        for at, step in enumerate(phase.steps, 1)
    )
    return f"### Phase {number}: {phase.name}\n\n{table('Step | Who does it | Ticked by', rows)}"


def _hosts(plans: Mapping[str, Plan]) -> str:
    rows = (
        (environment, f"`{name}`", _machine(host), _on(plan.blueprint, name))
        for environment, plan in plans.items()
        for name, host in plan.settings.hosts.items()
    )
    return f"## Hosts\n\n{table('Environment | Host | What it is | What is on it', rows)}"


def _machine(host: LocalHost | AdoptHost | CreateHost) -> str:
    if host.mode == "create":
        return f"rented at Hetzner Cloud: `{host.server_type}` in `{host.location}`"
    return f"a server of yours at `{host.address}`" if host.mode == "adopt" else "this machine"


def _on(blueprint: Blueprint, host: str) -> str:
    """What runs on a host; everything, where there is no other."""
    programs = [f"`{program.name}`" for program in blueprint.programs if host in blueprint.program_hosts(program)]
    if {*blueprint.homes.values()} <= {host}:
        return ", ".join(("all of its services", *programs))
    services = [f"`{service.name}`" for service in blueprint.services if blueprint.homes[service.name] == host]
    return ", ".join((*services, *programs))


def _addresses(preset: Preset, plans: Mapping[str, Plan]) -> str:
    blueprints = [plan.blueprint for plan in plans.values()]
    prod = plans["prod"].blueprint
    rows = [
        (f"`{service.name}`", *(_of_service(each, service.name) for each in blueprints), _who(prod, service.name))
        for service in _sorted(preset.services)
    ]
    behind = {service.name for service in preset.services}
    rows += [
        (
            f"the name `{route.name}`{_only(route.section)}",
            *(_of_route(each, route) for each in blueprints),
            _may(prod, route),
        )
        for route in (*preset.routes, *preset.guests)
        if route.service not in behind
    ]
    return (
        "## Addresses, and who gets in\n\n*inside*: containers on its networks alone. -: it is not there.\n\n"
        + table(f"Service | {' | '.join(plans)} | Who gets in, in prod", rows)
    )


def _only(section: str) -> str:
    return f", only with the section `{section}`" if section else ""


def _of_service(blueprint: Blueprint, name: str) -> str:
    if name not in {service.name for service in blueprint.services}:
        return ""
    addresses = [blueprint.origin(route) for route in blueprint.routes if route.service == name]
    # The proxy publishes these, for what is behind it.
    here = {f"{LOOPBACK}:{route.here}": route.service for route in blueprint.routes if route.here}
    ports = [f"{port.address}:{port.outside}" for port in blueprint.published(blueprint.service(name))]
    ports = [port for port in ports if port not in here]
    if blueprint.exposure == "local":
        ports += [port for port, service in here.items() if service == name]
    addresses += [port for port in ports if not any(known.endswith(f"//{port}") for known in addresses)]
    return "<br>".join(addresses) or "inside"


def _of_route(blueprint: Blueprint, route: Route) -> str:
    return blueprint.origin(route) if route.name in {each.name for each in blueprint.routes} else ""


def _who(blueprint: Blueprint, name: str) -> str:
    if name not in {service.name for service in blueprint.services}:
        return ""
    behind = (words for route in blueprint.routes if route.service == name for words in _itself(route))
    return "<br>".join((access(blueprint, blueprint.service(name)), *behind, *_asked_at(blueprint, name)))


def _may(blueprint: Blueprint, route: Route) -> str:
    return "<br>".join((guards(route), *_itself(route), *_asked_at(blueprint, route.name)))


def _itself(route: Route) -> Iterator[str]:
    yield from (f"the service itself: {guard.itself}" for guard in route.guards if guard.itself)


def _asked_at(blueprint: Blueprint, name: str) -> Iterator[str]:
    for door in doors(blueprint):
        if door.service == name and (questions := "; ".join(asked(door))):
            yield f"{door.address}: {questions}"


def _health(preset: Preset, blueprint: Blueprint) -> str:
    rows = [
        (
            f"`{service.name}`",
            _quoted(service.needs),
            _asking(service),
            f"{service.health.gate} s" if service.health else "",
        )
        for service in _sorted(preset.services)
    ]
    rows += [
        (
            f"`{program.name}`, on the host",
            _quoted(program.needs),
            f"`{_filled(program.health, blueprint)}`" if program.health else _quoted(program.watched),
            f"{program.gate} s",
        )
        for program in _sorted(preset.programs)
    ]
    logs = " What a unit of the host says: `journalctl -n 100 -u UNIT`." if preset.programs else ""
    return (
        "## Is it well\n\nWhat is not healthy in time fails the update, and what starts after it is not touched: "
        f"its log says why.{logs}\n\n" + table("Service | Starts after | What asks it | An update waits", rows)
    )


def _asking(service: Service) -> str:
    # For a reader: quoted for a shell, a command with a shell in it is none.
    return f"`{' '.join(service.health.test)}`" if service.health else service.waivers["health"]


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _filled(text: str, blueprint: Blueprint) -> str:
    texts = blueprint.texts()
    return template.fill(text, texts, template.TEXT) if {*template.names(text)} <= texts.keys() else text


def _data(preset: Preset, blueprint: Blueprint) -> str:
    keeping = next((program for program in preset.programs if program.backup), None)
    copies = restores(keeping, blueprint) if keeping else {}
    there = {service.name: service for service in blueprint.services}
    rows = []
    for service in _sorted(preset.services):
        kept = list(_kept(preset, blueprint, there.get(service.name, service)))
        back = [f"`{command}`" for command in copies.get(service.name, ())]
        back += [f"with `{other}`" for other in _beside(preset, service) if other in copies]
        rows.append((f"`{service.name}`", "<br>".join(kept), "<br>".join(back) or ("no copy" if kept else "")))
    return f"## Data, and how it comes back\n\n{_backups(preset, keeping)}\n\n" + table(
        "Service | What it keeps, in prod | What brings it back", rows
    )


def _beside(preset: Preset, service: Service) -> Iterator[str]:
    """Services whose copies hold what a service keeps there: its databases, and volumes that they share."""
    servers = (database.server for database in preset.databases if service.name in database.users)
    shared = {volume.shared for volume in service.volumes.values()} - {None}
    yield from dict.fromkeys(servers)
    yield from (
        other.name
        for other in preset.services
        if other.name != service.name and shared & {volume.shared for volume in other.volumes.values()}
    )


def _backups(preset: Preset, keeping: HostProgram | None) -> str:
    if keeping is None:
        return (
            f"**{preset.name} makes no copies**: what is kept is on its host alone, until you copy the volumes by "
            "hand.\n`bin/homeport down --keep-data --stack prod` leaves them."
        )
    until = ""
    if keeping.section:
        options = _quoted(name for name, _ in preset.groups[keeping.section].options)
        until = f"**Nothing is copied until the settings have the section `{keeping.section}`** ({options}).\n"
    return (
        f"{until}`bin/homeport backup status --stack prod` says when each copy went well last. Without `--replace` a "
        "restore overwrites nothing and\nnames what is in the way. The whole of it: [backups](../backup.md)."
    )


def restores(program: HostProgram, blueprint: Blueprint) -> dict[str, list[str]]:
    """Each container that the program's ``backup.env`` names, with the commands that bring its data back."""
    commands: dict[str, list[str]] = {}
    several = len(blueprint.program_hosts(program)) > 1
    for line in "".join(file.text for file in program.files).splitlines():
        key, _, words = line.partition("=")
        for word in words.split() if key in RESTORES else ():
            container = word.lstrip("?!").partition("=")[0]
            host = f" --host {blueprint.homes[container]}" if several else ""
            command = f"bin/homeport restore {RESTORES[key].format(container=container)} --replace --stack prod{host}"
            commands.setdefault(container, []).append(command)
    return commands


def _kept(preset: Preset, blueprint: Blueprint, service: Service) -> Iterator[str]:
    for key, volume in service.volumes.items():
        # Who mounts a volume of several knows neither its folder nor whether it holds data.
        whole = blueprint.shared_volumes[volume.shared] if volume.shared else volume
        if whole.data:
            own = names.volume("", service.name, key, volume.name)
            name = names.shared_volume("", volume.shared) if volume.shared else own
            yield f"`{whole.folder}`" if whole.folder else f"volume `{name}`"
    for database in preset.databases:
        if database.server == service.name:
            yield f"database `{database.name}`"
        elif service.name in database.users:
            yield f"database `{database.name}` of `{database.server}`"


def _secrets(preset: Preset, plans: Mapping[str, Plan]) -> str:
    specs = dict(declarations((preset,)).secrets)
    holders: dict[str, dict[str, None]] = {}
    for plan in plans.values():
        specs |= plan.secrets
        for name, holding in plan.blueprint.secrets().items():
            holders.setdefault(name, {}).update(dict.fromkeys(holding))
    for program in preset.programs:
        for spec in program.secrets:
            holders.setdefault(spec.name, {program.name: None})
    once = {name: service.name for service in preset.services for name in service.set_once}
    rows = (
        (
            f"`{name}`",
            f"{spec.purpose}{_only(spec.section)}",
            ", ".join(holders.get(name, ("homeport itself",))),
            _renewed(spec, once.get(name, "")),
        )
        for name, spec in sorted(specs.items())
    )
    return (
        "## Secrets, and who renews them\n\nNone is renewed by itself. *rotate*: homeport makes another value, and "
        "what holds it is replaced in order. *supply*: you give another one.\n\n```console\n"
        f"{put_command(f'{SETTINGS}.rotate.NAME', 2)} --stack prod    # rotate: a higher number each time\n"
        f"{keep('NAME')} --stack prod    # supply: it asks for the value\n"
        "bin/homeport up --stack prod\n"
        "bin/homeport credentials --only NAME --stack prod\n```\n\n"
        + table("Secret | What it is needed for | Who holds it | Another value", rows)
    )


def _renewed(spec: SecretSpec, read_once_by: str) -> str:
    if read_once_by:
        return f"`{read_once_by}` reads it once: set another one in it, then supply the same"
    if spec.encrypts:
        return "never: what it encrypts would be lost"
    if spec.same:
        return f"supply; else it is `{spec.made_of}`"
    by_policy = {
        "generated": "rotate",
        "supplied": "supply",
        "issued": "comes with `up`",
        "derived": f"comes with another `{spec.made_of}`",
    }
    return by_policy[spec.policy]


def _troubles(preset: Preset) -> str:
    rows = (
        (f"`{service.name}`", seen, why)
        for service in _sorted(preset.services)
        for seen, why in service.troubles.items()
    )
    return f"## When something looks wrong\n\n{table('Service | What is seen | Why, and what helps', rows)}\n{_LAST}\n"


def _more(preset: Preset, folder: str) -> str:
    """Pages that people wrote: of the preset, of its services' folders, of its own files for them."""
    images = {service.image for service in preset.services}
    paths = [ROOT / "docs" / f"{preset.name}.md", ROOT / "docs" / "runbooks" / f"{preset.name}.md"]
    paths += [
        module.parent / "README.md"
        for module in sorted((ROOT / "catalog").glob("*/service.py"))
        if import_module(f"catalog.{module.parent.name}.service").SERVICE.image in images
    ]
    paths += sorted((ROOT / folder).glob("*/README.md"))
    lines = (
        f"- [{path.read_text(encoding='utf-8').partition(chr(10))[0].removeprefix('# ')}]({_from_here(path)})\n"
        for path in paths
        if path.is_file()
    )
    return f"## More\n\n{''.join(lines)}"


def _from_here(path: Path) -> str:
    return os.path.relpath(path, ROOT / "docs" / "operate")


def _sorted(things: Iterable[Named]) -> list[Named]:
    return sorted(things, key=lambda thing: thing.name)
