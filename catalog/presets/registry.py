"""Which presets there are. Imported one at a time: a stack pays for its own only."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from homeport.model import fixes
from homeport.model.declarations import Declarations, declarations
from homeport.model.errors import BlueprintError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.preset import Preset

_BUILT = {
    "ai-orchestrator": "catalog.presets.ai_orchestrator.preset",
    "jett": "catalog.presets.jett.preset",
    "shared-infrastructure": "catalog.presets.shared_infrastructure.preset",
    "vpai": "catalog.presets.vpai.preset",
    "vps-infrastructure": "catalog.presets.vps_infrastructure.preset",
}


def names() -> tuple[str, ...]:
    """The presets of this version."""
    return tuple(_BUILT)


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        BlueprintError: It is not there, or not yet.
    """
    if name not in _BUILT:
        fix = fixes.run(f"{fixes.PULUMI} config set homeport:preset {min(_BUILT)} --plaintext")
        raise BlueprintError((Problem("homeport:preset", f"preset {name} is not part of this version", fix),))
    found: Preset = import_module(_BUILT[name]).PRESET
    return found


def defaults(name: str) -> Mapping[str, Any]:
    """The settings that a preset has where the user says nothing; none for a name that is no preset, or not yet one."""
    return preset(name).defaults if name in _BUILT else {}


def sharing(network: str) -> tuple[str, ...]:
    """The presets that have a network of that name for others to join."""
    return tuple(
        name for name in sorted(_BUILT) if any(own.shared and own.name == network for own in preset(name).networks)
    )


def declared(own: str = "") -> Declarations:
    """What all presets and their services declare for the configuration of a stack; ``own``: the stack's, first."""
    return declarations(preset(name) for name in sorted(_BUILT, key=lambda name: name != own))
