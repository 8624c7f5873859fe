"""What presets and their services declare for the configuration of a stack; the general code knows no more of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homeport.model.host_program import HostProgram
    from homeport.model.preset import OptionGroup, Preset
    from homeport.model.secret import SecretSpec
    from homeport.model.service import Service


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """All that a set of presets declares.

    Attributes:
        secrets: Name to the secret.
        renamed: A former name, or one of a ``.env`` file, to the config key that took its place; of several the first.
        groups: Sections of the settings, by name.
        presets: The names of the presets.
    """

    secrets: Mapping[str, SecretSpec] = field(default_factory=lambda: MappingProxyType({}))
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, OptionGroup] = field(default_factory=lambda: MappingProxyType({}))
    presets: tuple[str, ...] = ()


def declarations(presets: Iterable[Preset]) -> Declarations:
    """What the presets and their services declare, in that order.

    Raises:
        ValueError: Two of them describe a secret, or a group of options, of one name differently.
    """
    secrets: dict[str, SecretSpec] = {}
    renamed: dict[str, str] = {}
    groups: dict[str, OptionGroup] = {}
    known = []
    for preset in presets:
        known.append(preset.name)
        for name, group in preset.groups.items():
            if groups.setdefault(name, group) != group:
                raise ValueError(f"{preset.name} describes the options {name} in another way than others do")
        owners: tuple[Service | HostProgram | Preset, ...] = (*preset.services, *preset.programs, preset)
        for owner in owners:
            for spec in owner.secrets:
                if secrets.setdefault(spec.name, spec) != spec:
                    raise ValueError(f"{owner.name} describes the secret {spec.name} in another way than others do")
        for former in (*(service.renamed for service in preset.services), preset.renamed):
            renamed = {**former, **renamed}
    return Declarations(secrets=secrets, renamed=renamed, groups=groups, presets=tuple(known))
