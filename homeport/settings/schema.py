"""The settings of a stack: one structured key, ``homeport:settings``, frozen, with no unknown field.

Each field says in one place what it means, what it may be, and an example; the refusals, the commands that fix them and
docs/settings.md are made from that. Whatever depends on another field (defaults by environment and exposure) is filled
in by ``homeport.settings.defaults`` before this is built; what two fields together may not say is in
``homeport.settings.checks``.
"""

from functools import cache
from typing import Annotated, Any, get_args

from pydantic import Field, create_model

from homeport.model.blueprint import Environment, Exposure
from homeport.model.preset import Option, OptionGroup
from homeport.settings.apps import APP_SHAPE, App, AppName
from homeport.settings.clouds import Access, Cloudflare
from homeport.settings.guests import Guest, NetworkName
from homeport.settings.hosts import AdoptHost, CreateHost, Host, LocalHost
from homeport.settings.kinds import (
    Contact,
    Cores,
    DataFolder,
    Day,
    Endpoint,
    HostName,
    Image,
    IpLiteral,
    Mail,
    Memory,
    Name,
    Port,
    PrivateNetwork,
    ServiceName,
    Text,
)
from homeport.settings.mesh import Mesh
from homeport.settings.runner import Runner
from homeport.settings.section import Section, key
from homeport.settings.smoke import SmokeTest
from homeport.settings.vpn import Ssh, WireGuard
from homeport.settings.zone import Certificates, Dns

__all__ = ["ENVIRONMENTS", "PRESETS", "WAIVERS", "AdoptHost", "CreateHost", "LocalHost", "Settings"]

PRESETS = ("ai-orchestrator", "jett", "shared-infrastructure", "vpai", "vps-infrastructure")
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
WAIVERS = {
    "protect-data": "environment prod with protect_data: false",
    "floating-image": "an image that goes by its tag in prod, because no digest of it could be found",
    "edge-certificate": "names of the tunnel deeper than one level below the zone: another certificate covers them",
    "placeholders": "example.com, addresses of documentation, made-up ids and keys in a stack that is only tried",
}


class Edge(Section):
    """Where the proxy, the only one that answers web traffic, listens on its host."""

    bind: IpLiteral = key(
        "The address it listens on; every address (0.0.0.0, ::) only with exposure direct.",
        shape="an IP address such as 127.0.0.1",
        example="127.0.0.1",
        says="0.0.0.0 when direct, the VPN's first address when vpn, else 127.0.0.1",
    )
    http_port: Port = key(
        "The port that redirects to HTTPS.",
        shape="a whole number from 1 to 65535",
        example=8080,
        says="80 when direct or vpn, else 8080",
    )
    https_port: Port = key(
        "The port of HTTPS.",
        shape="a whole number from 1 to 65535",
        example=8443,
        says="443 when direct or vpn, else 8443",
    )


class ServiceOverride(Section):
    """What one service of the preset does differently in this stack."""

    enabled: bool | None = key(
        "Whether it runs; off, its data and keys are kept.",
        shape="true or false",
        example=True,
        default=None,
        says="by preset",
    )
    memory: Memory | None = key(
        "Its memory limit, in MB.",
        shape="a whole number of MB from 16 to 1048576",
        example=512,
        default=None,
        says="by catalog",
    )
    cpus: Cores | None = key(
        "Its limit of processor cores.", shape="a number from 0.1 to 256", example=1.5, default=None, says="by catalog"
    )
    image: Image | None = key(
        "Another image than the catalog's.",
        shape="an image reference such as registry.example.com/app:1.4",
        example="<image>:<tag>",
        default=None,
        says="by catalog",
    )
    port: Port | None = key(
        "Another number for its port in the VPN (on this machine: on the loopback address).",
        shape="a whole number from 1 to 65535",
        example=8080,
        default=None,
        says="by catalog",
    )


class Waiver(Section):
    """Leave to break one rule, for a reason, until a day."""

    reason: Annotated[str, Field(min_length=10, max_length=500)] = key(
        "Why, for whoever reads this later.",
        shape="a sentence of 10 to 500 characters",
        example="data is copied from prod every night",
    )
    expires: Day = key(
        "The last day it holds, at most a year ahead.", shape="a day such as 2027-01-31", example="2027-01-31"
    )


class Settings(Section):
    """Everything that a stack can be told, apart from its preset and its secrets."""

    environment: Environment = key(
        "What the stack is for; decides the careful defaults.",
        shape="one of dev, preprod, prod",
        example="dev",
        says="the stack's name, if it is one of these",
    )
    domain: HostName = key(
        "The domain below which the routes have their host names.",
        shape="a host name such as example.com",
        example="example.com",
        says="localhost in dev, else example.com",
    )
    acme_email: Contact | None = key(
        "Where the certificate authority writes to.",
        shape="a mail address",
        example="admin@example.com",
        default=None,
        says="none",
    )
    exposure: Exposure = key(
        "How people and programs come in: direct (public proxy), tunnel (no inbound port), vpn (members only), local "
        "(loopback only).",
        shape="one of direct, tunnel, vpn, local",
        example="direct",
        says="local in dev, else direct",
    )
    protect_data: bool = key(
        "Whether volumes and databases are kept from deletion.",
        shape="true or false",
        example=True,
        says="true in prod",
    )
    hosts: Annotated[dict[Name, Host], Field(min_length=1, max_length=32)] = key(
        "The machines, by name.",
        shape="a mapping of names to hosts",
        example={"main": {"mode": "local"}},
        says="main, this machine",
    )
    edge: Edge = key("Where the proxy listens.", shape="a mapping", example={}, says="by exposure")
    ssh: Ssh = key("How the program itself reaches the hosts.", shape="a mapping", example={}, default=Ssh())
    wireguard: WireGuard = key("The VPN.", shape="a mapping", example={}, says="by preset and exposure")
    mesh: Mesh = key("The mesh of the hosts.", shape="a mapping", example={}, default=Mesh(), says="by preset")
    cloudflare: Cloudflare | None = key(
        "Which account holds the tunnel; needed with exposure tunnel. With exposure direct: whose zone gets the "
        "names of the proxy's routes.",
        shape="a mapping",
        example={},
        default=None,
        says="none",
    )
    dns: Dns | None = key(
        "Who keeps the records of the names that the proxy answers, with exposure direct or vpn.",
        shape="a mapping",
        example={},
        default=None,
        says="Cloudflare where the section cloudflare is there, else nobody",
    )
    certificates: Certificates | None = key(
        "Who issues the certificates of these names.",
        shape="a mapping",
        example={},
        default=None,
        says="Let's Encrypt with exposure direct, else the proxy itself",
    )
    access: Access = key("Who may come in by the tunnel.", shape="a mapping", example={}, default=Access())
    runner: Runner | None = key(
        "Takes the jobs of a GitHub repository, on the main host where that is not this machine.",
        shape="a mapping",
        example={},
        default=None,
        says="none",
    )
    networks: Annotated[dict[Name, PrivateNetwork], Field(max_length=64)] = key(
        "Another subnet for a network of the preset.",
        shape="a private IPv4 network such as 10.20.0.0/24",
        example="10.20.0.0/24",
        default={},
        says="by preset",
    )
    services: Annotated[dict[ServiceName, ServiceOverride], Field(max_length=64)] = key(
        "Limits and images that differ from the catalog's.",
        shape="a mapping of services",
        example={},
        default={},
        names="a name of at most 40 lower-case letters, digits, '-', '_' and '.', beginning with a letter",
    )
    apps: Annotated[dict[AppName, App], Field(max_length=64)] = key(
        "Services of your own, by name; docs/apps.md teaches it.",
        shape="a mapping of names to apps",
        example={},
        default={},
        names=APP_SHAPE,
    )
    guests: Annotated[dict[Name, Guest], Field(max_length=64)] = key(
        "Routes to services of other stacks, which have joined the network of this stack's proxy.",
        shape="a mapping of names to guests",
        example={},
        default={},
        says="by preset",
    )
    join: Annotated[
        dict[NetworkName, Annotated[tuple[Name, ...], Field(min_length=1, max_length=64)]], Field(max_length=8)
    ] = key(
        "Networks of other stacks, each with the services of this one that join it.",
        shape="a mapping of networks to lists of services",
        example={"shared-network": ["app"]},
        default={},
        names="the name of a network of another stack, as docker network ls shows it",
    )
    hostnames: Annotated[dict[Name, HostName], Field(max_length=64)] = key(
        "Another host name for a route of the preset.",
        shape="a host name such as app.example.com",
        example="app.example.com",
        default={},
        says="<route>.<domain>",
    )
    smoke: Annotated[dict[Name, SmokeTest], Field(max_length=64)] = key(
        "Smoke tests of your own, beside those that follow from the routes (homeport smoke).",
        shape="a mapping of names to smoke tests",
        example={},
        default={},
        says="none",
    )
    options: Annotated[dict[Name, Annotated[Text, Field(max_length=256)]], Field(max_length=64)] = key(
        "What the preset itself lets you choose; docs/catalog.md lists it.",
        shape="a text, a number or a truth value",
        example={},
        default={},
        says="by preset",
    )
    waivers: Annotated[dict[Name, Waiver], Field(max_length=16)] = key(
        "Rules that this stack may break.", shape="a mapping of rules to waivers", example={}, default={}
    )
    data_folder: DataFolder | None = key(
        "The folder on each host that is not this machine below which every service has one of its own with its data.",
        shape="a path below /opt, /srv or /mnt such as /opt/platform/data",
        example="/opt/platform/data",
        default=None,
        says="by preset, else Docker keeps the data",
    )
    namespace: Annotated[str, Field(pattern=r"^(?:[a-z][a-z0-9-]{0,18}[a-z0-9])?$")] = key(
        "Goes before every name in Docker, where several stacks share a machine.",
        shape="a name of 2 to 20 lower-case letters, digits and '-'",
        example="dev",
        default="",
        says="none",
    )
    rotate: Annotated[dict[Name, Annotated[int, Field(ge=1, le=1_000_000)]], Field(max_length=64)] = key(
        "Raise a generated secret's number to have a new one made at the next update.",
        shape="a whole number from 1 to 1000000",
        example=2,
        default={},
        says="1 each",
    )

    def group(self, name: str) -> dict[str, Any] | None:
        """The options of a group that the catalog declares; None where they are left out."""
        section = getattr(self, name, None)
        return dict(section) if isinstance(section, Section) else None

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups that are chosen."""
        return tuple(name for name in type(self).model_fields if name not in Settings.model_fields and self.group(name))


@cache
def with_groups(groups: tuple[tuple[str, OptionGroup], ...]) -> type[Settings]:
    """The schema with the sections that presets declare: each option a field, all or none of them given."""
    sections: dict[str, Any] = {
        name: (
            group_section(name, group) | None,
            key(group.purpose, shape="a mapping", example={}, default=None, says=group.default),
        )
        for name, group in groups
    }
    if not sections:
        return Settings
    schema = create_model("Settings", __base__=Settings, **sections)
    schema.__doc__ = Settings.__doc__
    return schema


@cache
def group_section(name: str, group: OptionGroup) -> type[Section]:
    """The section of one group."""
    fields: dict[str, Any] = {option: (_annotation(declared), _field(declared)) for option, declared in group.options}
    section = create_model(name.title(), __base__=Section, **fields)
    section.__doc__ = f"{group.purpose} {group.without}"
    return section


def _annotation(option: Option) -> Any:
    if option.kind == "number":
        return Annotated[int, Field(ge=option.low, le=option.high)]
    if option.kind in ("url", "mail"):
        return Endpoint if option.kind == "url" else Mail
    return Annotated[Text, Field(pattern=f"^(?:{option.pattern})$")]


def _field(option: Option) -> Any:
    example = int(option.example) if option.kind == "number" else option.example
    return key(option.purpose, shape=option.shape, example=example)
