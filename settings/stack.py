"""A configuration and its preset made ready for the program: the checked blueprint, and where each secret comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.check import check
from model.errors import BlueprintError, Problem, SettingsError
from settings.overlay import blueprint as overlaid
from settings.secret_specs import SPECS
from settings.secrets import missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pulumi

    from model.blueprint import Blueprint
    from model.preset import Preset
    from settings.load import Loaded

_OPTIONAL = {"embedding-api-key": "embedding"}
"""Secrets that are needed only where a section of the settings is given; elsewhere they are empty."""


def prepare(loaded: Loaded, preset: Preset) -> tuple[Blueprint, dict[str, pulumi.Output[str]], dict[str, str]]:
    """The blueprint, the secrets that are supplied, and those to generate (name to kind).

    Raises:
        BlueprintError: The settings and the preset together contradict themselves.
        SettingsError: A secret that only its issuer can give is missing; a secret is rotated that is not generated.
    """
    blueprint = check(overlaid(preset, loaded.settings))
    _refuse_unbuilt(loaded)
    wanted = blueprint.secrets()
    idle = {name for name, section in _OPTIONAL.items() if getattr(loaded.settings, section) is None}
    problems = [*missing(set(wanted) - idle, loaded.secrets.names()), *_rotations(loaded), *_unused(loaded, wanted)]
    if problems:
        raise SettingsError(tuple(problems))
    supplied: dict[str, pulumi.Output[str]] = {}
    generated: dict[str, str] = {}
    for name in wanted:
        value = loaded.secrets.get(name)
        if value is not None:
            supplied[name] = value
        elif name in idle:
            supplied[name] = _empty()
        else:
            generated[name] = SPECS[name].kind
    return blueprint, supplied, generated


def _empty() -> pulumi.Output[str]:
    from pulumi import Output  # noqa: PLC0415  # the caller's process has it loaded; ours need not

    return Output.secret("")


def _unused(loaded: Loaded, wanted: Iterable[str]) -> list[Problem]:
    """A secret that nothing reads is a secret too many."""
    return [
        Problem(f"homeport:{name}", "is not needed by this stack", f"Run: pulumi config rm homeport:{name}")
        for name in sorted(loaded.secrets.names() - set(wanted))
    ]


def _rotations(loaded: Loaded) -> list[Problem]:
    return [
        Problem(
            f"homeport:settings.rotate.{name}",
            "is no secret that homeport generates in this stack",
            f"Run: pulumi config rm --path homeport:settings.rotate.{name}",
        )
        for name in sorted(loaded.settings.rotate)
        if name not in SPECS or SPECS[name].policy != "generated" or name in loaded.secrets.names()
    ]


def _refuse_unbuilt(loaded: Loaded) -> None:
    """What the settings can say but this version cannot do is refused, never ignored."""
    settings, problems = loaded.settings, []
    if len(settings.hosts) != 1:
        problems.append(
            ("hosts", "this version runs a stack on one host", "Keep one host below homeport:settings.hosts")
        )
    for name, host in settings.hosts.items():
        if host.mode == "create":
            mend = f"Run: pulumi config set --path homeport:settings.hosts.{name}.mode adopt"
            problems.append((f"hosts.{name}.mode", "creating servers is not part of this version", mend))
    if settings.exposure in {"tunnel", "vpn"}:
        mend = "Run: pulumi config set --path homeport:settings.exposure direct"
        problems.append(("exposure", f"{settings.exposure} is not part of this version", mend))
    if problems:
        raise BlueprintError(tuple(Problem(f"homeport:settings.{where}", what, mend) for where, what, mend in problems))
