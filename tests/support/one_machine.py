"""A preset's stack on this machine: what it does not have there, and the secrets that only their issuer can give."""

from __future__ import annotations

import hashlib

from catalog.presets import registry
from homeport.model.declarations import declarations


def elsewhere(preset: str) -> set[str]:
    """Services that one machine does not have: of several proxies it takes one, and nobody joins a mesh."""
    system = registry.preset(preset)
    proxies = [service.name for service in system.services if service.edge]
    return {*proxies[1:], *([system.mesh.control] if system.mesh else [])}


def supplied(preset: str, *, hosts: bool = False) -> dict[str, str]:
    """A value for each of a preset's supplied secrets, by config key; none of its layers, such as a cloud's token.

    Args:
        preset: Its name.
        hosts: Whether it has hosts: what runs on these themselves has secrets of its own.
    """
    system = registry.preset(preset)
    specs = declarations([system]).secrets.values()
    theirs = {spec.name for program in system.programs for spec in program.secrets}
    needed = (
        spec.name
        for spec in specs
        if spec.policy == "supplied" and not spec.section and (hosts or spec.name not in theirs)
    )
    return {f"homeport:{name}": hashlib.sha256(name.encode()).hexdigest() for name in needed}
