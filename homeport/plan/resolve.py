"""The one way from a stack's configuration to what is to be built: settings parsed, laid over the preset, checked.

No Pulumi.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from catalog.presets import registry
from homeport.model.access import People, public_hostnames
from homeport.model.access import problems as access_problems
from homeport.model.check import check
from homeport.model.errors import BlueprintError, Problem, SettingsError
from homeport.plan.blueprint import build_blueprint
from homeport.plan.hosts import plan_hosts
from homeport.settings import defaults
from homeport.settings.load import Configuration, load
from homeport.settings.secrets import Masked, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from homeport.model.blueprint import Blueprint
    from homeport.model.secret import SecretSpec
    from homeport.model.service import Service
    from homeport.plan.hosts import HostPlan
    from homeport.settings.load import Loaded
    from homeport.settings.schema import Settings


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a stack is to be.

    Attributes:
        stack: The stack's name.
        settings: Everything that the configuration says in plain, defaults filled in.
        blueprint: The system in this environment, checked.
        hosts: Its hosts, by name.
        endpoints: ``hcloud`` and ``cloudflare`` to another API address than the cloud's own, which a rehearsal has.
        secrets: Every secret that the stack needs, by name.
        supplied: Those that the configuration holds; empty ones among them stand for what an unused section would need.
        generated: Those to make, by name, with their kind.
    """

    stack: str
    settings: Settings
    blueprint: Blueprint
    hosts: Mapping[str, HostPlan]
    endpoints: Mapping[str, str]
    secrets: Mapping[str, SecretSpec]
    supplied: Mapping[str, Masked] = field(repr=False)
    generated: Mapping[str, str]

    @property
    def local(self) -> bool:
        """Whether all of its hosts are this machine."""
        return all(host.mode == "local" for host in self.settings.hosts.values())

    @property
    def images(self) -> tuple[str, ...]:
        """The references of all images that it needs, each once, in order."""
        references = (*(service.image for service in self.blueprint.services), *self.blueprint.tools.values())
        return tuple(dict.fromkeys(references))


def resolve(configuration: Configuration, *, today: date | None = None, sealed: bool = False) -> Plan:
    """What a configuration asks for.

    Args:
        configuration: As Pulumi keeps it.
        today: The day by which waivers are judged; the real one unless a test says otherwise.
        sealed: The configuration's secrets are not at hand (a stack's file without its passphrase): whether all are
            there, and none too many, is left to the program.

    Raises:
        SettingsError: Settings or secrets are wrong, or a secret is missing; with everything that is wrong.
        BlueprintError: The settings and the preset together contradict themselves.
    """
    loaded = load(configuration, today, defaults=registry.defaults, declared=registry.declared())
    settings = loaded.settings
    blueprint = check(build_blueprint(registry.preset(loaded.preset), settings))
    if problems := tuple(_unsupported(settings, blueprint)):
        raise BlueprintError(problems)
    needed = [*blueprint.secrets(), *_layers_secrets(settings)]
    optional = {"ssh-private-key"} if any(host.mode != "local" for host in settings.hosts.values()) else set()
    unused = {name for name in needed if _of_unused_section(loaded, name)}
    if problems := () if sealed else tuple(_secret_problems(loaded, {*needed}, unused, optional)):
        raise SettingsError(problems)
    supplied = {name: loaded.secrets[name] for name in (*needed, *optional) if name in loaded.secrets}
    supplied |= {name: Masked("") for name in needed if name in unused and name not in supplied}
    return Plan(
        stack=configuration.stack,
        settings=settings,
        blueprint=blueprint,
        hosts=plan_hosts(configuration.stack, settings, blueprint),
        endpoints=loaded.endpoints,
        secrets={name: loaded.specs[name] for name in needed if name in loaded.specs},
        supplied=supplied,
        generated={name: loaded.specs[name].kind for name in needed if name in loaded.specs and name not in supplied},
    )


def with_defaults(stack: str, preset: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, unchecked, with everything filled in that depends on the stack's name, its preset or each other."""
    return defaults.with_defaults(dict(settings), stack, registry.defaults(preset))


def _layers_secrets(settings: Settings) -> Iterator[str]:
    """The secrets that layers need rather than services."""
    if any(host.mode == "create" for host in settings.hosts.values()):
        yield "hcloud-token"
    if settings.exposure == "tunnel" or (settings.exposure == "direct" and settings.cloudflare is not None):
        yield "cloudflare-api-token"
    if settings.exposure == "tunnel" and settings.access.login == "google" and not settings.access.identity_provider:
        yield "google-client-secret"


def _of_unused_section(loaded: Loaded, name: str) -> bool:
    section = loaded.specs[name].section if name in loaded.specs else ""
    return bool(section) and loaded.settings.group(section) is None


def _secret_problems(loaded: Loaded, needed: set[str], unused: set[str], optional: set[str]) -> Iterator[Problem]:
    """What is missing, what is rotated though nobody makes it, and what nothing reads: a secret too many."""
    yield from missing(needed - unused, loaded.secrets, loaded.specs)
    for name in sorted(loaded.settings.rotate):
        if name not in loaded.specs or loaded.specs[name].policy != "generated" or name in loaded.secrets:
            where, what = f"homeport:settings.rotate.{name}", "is no secret that homeport generates in this stack"
            yield Problem(where, what, f"Run: pulumi config rm --path {where}")
    for name in sorted(loaded.secrets.keys() - needed - optional):
        yield Problem(f"homeport:{name}", "is not needed by this stack", f"Run: pulumi config rm homeport:{name}")


def _unsupported(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """What the settings can say but this version cannot do is refused, never ignored."""
    root = "homeport:settings"
    local = [name for name, host in sorted(settings.hosts.items()) if host.mode == "local"]
    proxies = [service.name for service in blueprint.services if service.edge]
    if settings.exposure == "tunnel" and proxies:
        what = f"{proxies[0]} answers this preset's routes itself; no tunnel leads to it yet"
        yield Problem(f"{root}.exposure", what, f"Run: pulumi config set --path {root}.exposure direct")
    if local and settings.exposure in {"tunnel", "vpn"}:
        where, what = f"{root}.hosts.{local[0]}.mode", f"is local: exposure {settings.exposure} needs a server"
        yield Problem(where, what, f"Run: pulumi config set --path {where} adopt")
    if local and settings.wireguard.enabled and settings.exposure != "vpn":
        where, what = f"{root}.wireguard.enabled", "homeport leaves this machine's own network alone"
        yield Problem(where, what, f"Run: pulumi config set --path {where} false")
    private = {blueprint.homes[service.name] for service in blueprint.services if _in_vpn(service)}
    if len(private) > 1:
        what = f"services in the VPN are on {' and '.join(sorted(private))}; one host has it"
        yield Problem(f"{root}.hosts", what, "Give their services' hosts one role, or use one host")
    if settings.exposure == "tunnel" and not proxies:
        people = People(emails=settings.access.emails, domains=settings.access.email_domains)
        yield from access_problems(public_hostnames(blueprint), people)


def _in_vpn(service: Service) -> bool:
    return any(port.at == "vpn" for port in service.ports)
