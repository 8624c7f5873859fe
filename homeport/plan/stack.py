"""A configuration and its preset made ready for the program: the checked blueprint, and where each secret comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.model.access import People, doors
from homeport.model.access import problems as access_problems
from homeport.model.check import check
from homeport.model.errors import BlueprintError, Problem, SettingsError
from homeport.plan.overlay import blueprint as overlaid
from homeport.settings.secrets import missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pulumi

    from homeport.model.blueprint import Blueprint
    from homeport.model.preset import Preset
    from homeport.settings.load import Loaded
    from homeport.settings.schema import Settings


def prepare(loaded: Loaded, preset: Preset) -> tuple[Blueprint, dict[str, pulumi.Output[str]], dict[str, str]]:
    """The blueprint, the secrets that are supplied, and those to generate (name to kind).

    Raises:
        BlueprintError: The settings and the preset together contradict themselves.
        SettingsError: A secret that only its issuer can give is missing; a secret is rotated that is not generated.
    """
    blueprint = check(overlaid(preset, loaded.settings))
    _refuse_unbuilt(loaded, blueprint)
    wanted = {**blueprint.secrets(), **_of_layers(loaded.settings)}
    specs = loaded.specs
    idle = {
        name
        for name in wanted
        if name in specs and specs[name].section and getattr(loaded.settings, specs[name].section) is None
    }
    optional = {"ssh-private-key"} if any(host.mode != "local" for host in loaded.settings.hosts.values()) else set()
    unused = _unused(loaded, {*wanted, *optional})
    problems = [*missing(set(wanted) - idle, loaded.secrets.names(), specs), *_rotations(loaded), *unused]
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
            generated[name] = specs[name].kind
    supplied |= {name: value for name in sorted(optional) if (value := loaded.secrets.get(name)) is not None}
    return blueprint, supplied, generated


def _of_layers(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The secrets that layers need rather than services."""
    wanted: dict[str, tuple[str, ...]] = {}
    if any(host.mode == "create" for host in settings.hosts.values()):
        wanted["hcloud-token"] = ("hosts",)
    if settings.exposure == "tunnel" or (settings.exposure == "direct" and settings.cloudflare is not None):
        wanted["cloudflare-api-token"] = ("cloudflare",)
    if settings.exposure == "tunnel" and settings.access.login == "google":
        wanted["google-client-secret"] = ("access",)
    return wanted


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
        if name not in loaded.specs or loaded.specs[name].policy != "generated" or name in loaded.secrets.names()
    ]


def _refuse_unbuilt(loaded: Loaded, blueprint: Blueprint) -> None:
    """What the settings can say but this version cannot do is refused, never ignored."""
    settings, problems = loaded.settings, []
    local = [name for name, host in sorted(settings.hosts.items()) if host.mode == "local"]
    proxied = [service.name for service in blueprint.services if service.edge]
    if settings.exposure == "tunnel" and proxied:
        mend = "Run: pulumi config set --path homeport:settings.exposure direct"
        problems.append(("exposure", f"{proxied[0]} opens this preset's doors itself; no tunnel leads to it yet", mend))
    if local and settings.exposure in {"tunnel", "vpn"}:
        mend = f"Run: pulumi config set --path homeport:settings.hosts.{local[0]}.mode adopt"
        problems.append((f"hosts.{local[0]}.mode", f"is local: exposure {settings.exposure} needs a server", mend))
    if local and settings.wireguard.enabled and settings.exposure != "vpn":
        mend = "Run: pulumi config set --path homeport:settings.wireguard.enabled false"
        problems.append(("wireguard.enabled", "homeport leaves this machine's own network alone", mend))
    private = {blueprint.homes[one.name] for one in blueprint.services for port in one.ports if port.at == "vpn"}
    if len(private) > 1:
        mend = "Give their services' hosts one role, or use one host"
        problems.append(("hosts", f"services in the VPN are on {' and '.join(sorted(private))}; one host has it", mend))
    if settings.exposure == "tunnel" and not proxied:
        people = People(emails=settings.access.emails, domains=settings.access.email_domains)
        found = tuple(access_problems(doors(blueprint), people))
        if found:
            raise BlueprintError(found)
    if problems:
        raise BlueprintError(tuple(Problem(f"homeport:settings.{where}", what, mend) for where, what, mend in problems))
