"""The generated pages below docs/: written from what they describe, so that they cannot grow old unseen."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from catalog.presets.registry import declared, names, preset
from homeport.cli import adopting_page, imports, operating, requirements, variables
from homeport.cli.places import ROOT
from homeport.cli.reference import reference
from homeport.model.errors import BlueprintError
from homeport.model.sign_in import doors
from homeport.plan.resolve import resolve
from homeport.settings import docs as settings_page
from homeport.settings.load import Configuration
from homeport.settings.schema import PRESETS

if TYPE_CHECKING:
    from homeport.model.preset import Preset
    from homeport.model.service import Service

_HEAD = """# Catalog

Made by `make docs` from `catalog/`; do not edit by hand. Every container runs with a read-only root
file system, without capabilities, without new privileges, and with limits on memory, CPU and processes, unless a column
or a note says otherwise.
"""


def pages() -> dict[str, str]:
    """Path below the project to content."""
    return {
        "docs/settings.md": settings_page.page(declared()),
        "docs/catalog.md": catalog(),
        "docs/requirements.md": requirements.page(),
        "docs/architecture.md": imports.page(),
        "docs/reference.md": reference(),
        "docs/adopting.md": adopting_page.page(),
        "docs/vps-infrastructure-variables.md": variables.page(preset("vps-infrastructure")),
        **{f"docs/operate/{name}.md": operating.page(preset(name)) for name in names()},
    }


def write(*, only_check: bool) -> int:
    """Writes what is out of date, or only names it; 1 when something was to be named."""
    texts = pages()
    stale = [name for name, text in texts.items() if not (ROOT / name).is_file() or (ROOT / name).read_text() != text]
    for name in stale:
        if only_check:
            print(f"{name} is out of date\n  fix: make docs", file=sys.stderr)
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(texts[name], encoding="utf-8")
            print(f"wrote {name}")
    return 1 if stale and only_check else 0


def catalog() -> str:
    """One section per preset of this version, in Markdown."""
    parts = [_HEAD]
    later = []
    for name in PRESETS:
        try:
            parts.append(_preset(preset(name)))
        except BlueprintError:
            later.append(name)
    if later:
        parts.append(f"## Not part of this version yet\n\n{', '.join(later)}\n")
    return "\n".join(parts)


def _preset(system: Preset) -> str:
    rows = "\n".join(_row(service) for service in sorted(system.services, key=lambda service: service.name))
    notes = "\n".join(
        f"- {service.name}: {what}, because {reason}"
        for service in sorted(system.services, key=lambda service: service.name)
        for what, reason in sorted({**service.waivers, **service.capabilities, **_binds(service)}.items())
    )
    networks = "\n".join(
        f"- {network.name}: {network.subnet}{', no way out and none in' if network.internal else ''}"
        for network in system.networks
    )
    return (
        f"## {system.name}\n\n{system.purpose}.\n\n"
        "| Service | Purpose | Image | Networks | User | Memory | CPUs | Processes | Needs |\n"
        f"|---|---|---|---|---|---|---|---|---|\n{rows}\n\nNetworks:\n\n{networks}\n"
        + (f"\nWeakened defaults, each with its reason:\n\n{notes}\n" if notes else "")
        + _signing_in(system)
        + _options(system)
    )


def _signing_in(system: Preset) -> str:
    """What a browser is asked at each address of the stack that a settings file of a few lines makes."""
    values = {"homeport:preset": system.name, "homeport:settings": json.dumps({"exposure": "local"})}
    blueprint = resolve(Configuration("dev", values), sealed=True).blueprint
    rows = [
        f"| `{door.service}` | {door.address} | {'<br>'.join(operating.asked(door)) or 'nothing'} |"
        for door in doors(blueprint)
    ]
    head = (
        "Signing in, in dev and with no other setting (`homeport credentials` shows it for yours): who asks, in that "
        "order, for which user and which secret:\n\n| Service | Address | Asks for |\n|---|---|---|"
    )
    return f"\n{head}\n" + "\n".join(rows) + "\n" if rows else ""


def _options(system: Preset) -> str:
    if not system.options:
        return ""
    rows = "\n".join(
        f"| `{name}` | {f'`{option.default}`' if option.default else 'empty'} | {option.purpose} | {option.shape} |"
        for name, option in sorted(system.options.items())
    )
    head = (
        "What `homeport:settings.options` may choose:\n\n"
        "| Option | Unless chosen | What for | Must be |\n|---|---|---|---|"
    )
    return f"\n{head}\n{rows}\n"


def _binds(service: Service) -> dict[str, str]:
    return {
        f"{bind.source} of the host{', read-only' if bind.read_only else ''}": bind.reason
        for bind in service.binds.values()
    }


def _row(service: Service) -> str:
    cells = (
        f"`{service.name}`",
        service.purpose,
        f"`{service.image}`",
        ", ".join(service.networks) or ("the host's" if service.host_network else "none"),
        str(service.uid),
        f"{service.limits.memory} MB",
        service.limits.cpus,
        str(service.limits.pids),
        ", ".join(service.needs) or "-",
    )
    return f"| {' | '.join(cells)} |"
