"""docs/vps-infrastructure-variables.md: what each environment variable of a preset's services and host programs is for.

Names, and where values come from, are the model's; what they are for is in docs/variables.ini.
"""

from __future__ import annotations

import configparser
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.presets.registry import declared
from homeport.cli.places import ROOT
from homeport.model import template
from homeport.model.container import container_spec
from homeport.model.errors import BlueprintError, Problem
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from homeport.settings.secret_specs import known_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.preset import Preset
    from homeport.model.service import Service

PURPOSES = "docs/variables.ini"
_EXPORTED = re.compile(r"^export ([A-Z][A-Z0-9_]*)", re.MULTILINE)
_HEAD = """# Environment variables of {preset}

Made by `make docs` from `catalog/` and `docs/variables.ini`; do not edit by hand. **From** says where a value comes
from. *Plain*: a constant of the catalog, or made of settings; `docker inspect` shows it. A secret's name: the value is
in a file of mode 0400 in the container, or in the program's `.env` of mode 0600 on the host, never in what `docker
inspect` shows; a variable that the software reads in no other way is set of that file when the container starts.
*Generated*: made when it is missing. *Derived*: made of the secret that signs it. *Supplied*: by you. Each secret is
set by `bin/homeport pulumi config set --secret homeport:NAME --stack STACK`.
"""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """An environment variable.

    Attributes:
        owner: The service, or the host's program, that has it.
        name: Its name.
        secrets: What its value is made of, or what the file holds that it names; empty: nothing secret.
        origin: Where its value comes from, where that is no secret.
    """

    owner: str
    name: str
    secrets: tuple[str, ...] = ()
    origin: str = "plain"


def variables(system: Preset) -> tuple[Variable, ...]:
    """Every variable of the preset's services, those that are off by default among them, and of its host programs."""
    everything = {service.name: {"enabled": True} for service in system.services}
    settings = json.dumps({"exposure": "local", "services": everything})
    blueprint = resolve(
        Configuration("dev", {"homeport:preset": system.name, "homeport:settings": settings}), sealed=True
    )
    services = sorted(blueprint.blueprint.services, key=lambda service: service.name)
    of_services = [each for service in services for each in _of_service(blueprint.blueprint, service)]
    return (*of_services, *_of_programs(system))


def _of_service(blueprint: Blueprint, service: Service) -> Iterator[Variable]:
    found = {
        name: Variable(owner=service.name, name=name, secrets=_named(service, str(value)))
        for name, value in container_spec(blueprint, service).env.items()
    }
    for file in service.secret_files:
        folder, _, name = file.target.rpartition("/")
        if folder == "env":
            found[name] = Variable(owner=service.name, name=name, secrets=file.secrets)
    # Of files that start scripts read, the name and its secret are one: TOKEN of the file token.
    files = {file.target.upper(): file.secrets for file in service.secret_files}
    for name in _exported(service):
        found.setdefault(
            name, Variable(owner=service.name, name=name, secrets=files.get(name, ()), origin="its start script")
        )
    yield from (found[name] for name in sorted(found))


def _named(service: Service, value: str) -> tuple[str, ...]:
    """The secrets of the file that a value names: as a path, behind ``@``, or in a command that prints it."""
    paths = {f"{service.files_at}/{file.target}": file.secrets for file in service.secret_files}
    return paths.get(value.rpartition(" ")[2].removeprefix("@"), ())


def _exported(service: Service) -> Iterator[str]:
    for file in service.files:
        if file.source.endswith(".sh"):
            yield from _EXPORTED.findall((ROOT / file.source).read_text(encoding="utf-8"))


def _of_programs(system: Preset) -> Iterator[Variable]:
    chosen = {name: f"option `{name}`" for name in system.options}
    for section, group in system.groups.items():
        chosen |= {f"{section}-{name}": f"setting `{section}.{name}`" for name, _ in group.options}
    for program in system.programs:
        for file in program.files:
            if not file.target.endswith(".env"):
                continue
            for line in file.text.splitlines():
                name, _, value = line.partition("=")
                # Not texts of the blueprint, such as a service's port: they are neither chosen nor secret.
                asked = [each for each in template.names(value) if ":" not in each]
                options = [chosen[each] for each in asked if each in chosen]
                yield Variable(
                    owner=program.name,
                    name=name,
                    secrets=tuple(each for each in asked if each not in chosen),
                    origin=", ".join(options) or "plain",
                )


def _purposes(root: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(delimiters=(":",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their capitals
    parser.read(root / PURPOSES, encoding="utf-8")
    return {owner: dict(parser[owner]) for owner in parser.sections()}


def page(system: Preset, root: Path = ROOT) -> str:
    """The whole page, in Markdown.

    Raises:
        BlueprintError: Nothing says what a variable is for, or something is said of one that nobody has.
    """
    policies = {name: spec.policy for name, spec in known_secrets(declared()).items()}
    purposes = _purposes(root)
    unused = {(owner, name) for owner, names in purposes.items() for name in names}
    sections: dict[str, list[str]] = {}
    unknown = []
    for variable in variables(system):
        where = variable.owner if variable.name in purposes.get(variable.owner, {}) else "shared"
        purpose = purposes.get(where, {}).get(variable.name)
        if purpose is None:
            unknown.append(Problem(f"{variable.owner}.{variable.name}", f"is not in {PURPOSES}", "Say what it is for"))
            continue
        unused.discard((where, variable.name))
        origin = ", ".join(f"`{name}` ({policies[name]})" for name in variable.secrets) or variable.origin
        sections.setdefault(variable.owner, []).append(f"| `{variable.name}` | {purpose} | {origin} |")
    unknown += [
        Problem(f"{owner}.{name}", f"is in {PURPOSES}, and no service has it", "Take it out")
        for owner, name in sorted(unused)
    ]
    if unknown:
        raise BlueprintError(tuple(unknown))
    return _HEAD.format(preset=system.name) + "".join(
        f"\n## {owner}\n\n| Variable | For | From |\n|---|---|---|\n" + "\n".join(rows) + "\n"
        for owner, rows in sections.items()
    )
