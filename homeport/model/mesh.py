"""The mesh as a value: its control server, who is in it, and who may talk to whom.

Whatever no rule allows is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, Literal, get_args

from homeport.model.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

RANGE = IPv4Network("100.64.0.0/10")
"""Clients route and guard this range only: headscale 0.26, config-example.yaml, ``prefixes``."""
RESOLVER = "100.100.100.100"
"""Where each member's own client answers for names of the mesh, also where the member asks others for all the rest.

Source: tailscale 1.84, ipn/ipnlocal, dnsConfigForNetmap ("so that quad-100 can always respond to MagicDNS queries").
"""
HOSTS = "hosts"
"""The user that the stack's own hosts belong to."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_PORTS = re.compile(r"\*|[0-9]{1,5}(?:-[0-9]{1,5})?(?:,[0-9]{1,5}(?:-[0-9]{1,5})?)*")
_LAST_PORT = 65535
_Protocol = Literal["", "tcp", "udp", "icmp"]
_PROTOCOLS: tuple[_Protocol, ...] = get_args(_Protocol)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A host of the stack that joins by itself.

    Attributes:
        name: Its name in the mesh, which is its host name there.
        tags: What it is, without ``tag:``: ``ai``, ``hub``. Rules speak of tags, so a host can be replaced without
            touching them.
    """

    name: str
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Somebody may reach something.

    Attributes:
        sources: ``tag:ai`` for hosts, ``alice`` for a person's devices, or a CIDR.
        targets: The same.
        ports: ``443``, ``80,443``, ``8000-8010`` or ``*``.
        protocol: ``tcp``, ``udp``, ``icmp``; empty: all three.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    ports: str = "*"
    protocol: _Protocol = ""


@dataclass(frozen=True, kw_only=True)
class MeshSpec:
    """What a preset says of its mesh; the settings say who is in it.

    Attributes:
        control: The service that is the control server.
        route: The route whose host name members reach it by.
        client: The tool, by its name in the preset, that the client's programs are taken out of.
        rules: Who may talk to whom, by the hosts' roles; one that speaks of a role that no host has is left out.
    """

    control: str
    route: str
    client: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """The whole mesh.

    Attributes:
        control: The service that is the control server.
        client: The tool that the client's programs are taken out of.
        server: The control server's host name; members reach it at ``https://<server>``.
        base_domain: Members are ``<name>.<base_domain>``; never the server's own domain, or nobody could reach it any
            more.
        members: The stack's hosts.
        users: People; their devices join by a key that the operator makes.
        rules: Who may talk to whom.
        subnet: The mesh's IPv4 addresses in CIDR form.
        port: UDP port that members talk to each other on.
        address: The server's public IPv4 address, for the relay's STUN; empty: members find it by name.
    """

    server: str
    base_domain: str
    members: tuple[Member, ...]
    control: str = ""
    client: str = ""
    users: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    subnet: str = str(RANGE)
    port: int = 41641
    address: str = ""

    @property
    def url(self) -> str:
        """What members log in to."""
        return f"https://{self.server}"

    @property
    def tags(self) -> tuple[str, ...]:
        """Every tag that a member has, in order."""
        return tuple(sorted({tag for member in self.members for tag in member.tags}))

    def member(self, name: str) -> Member | None:
        """The member of that name, or else the first with that role; None: there is neither."""
        named = [member for member in self.members if member.name == name]
        return next(iter([*named, *(member for member in self.members if name in member.tags)]), None)

    def hostname(self, member: Member) -> str:
        """A member's name in the mesh's own DNS."""
        return f"{member.name}.{self.base_domain}"

    def problems(self) -> tuple[Problem, ...]:
        """Everything that does not hold together, with the edit that fixes it."""
        return (*self._names(), *self._network(), *(problem for rule in self.rules for problem in self._rule(rule)))

    def _names(self) -> Iterator[Problem]:
        for name, uses in Counter(member.name for member in self.members).items():
            if uses > 1:
                yield Problem(f"mesh.members.{name}", "two members have this name", "Give one of them another.")
        for kind, names in (
            ("members", [member.name for member in self.members]),
            ("users", self.users),
            ("tags", self.tags),
        ):
            for name in names:
                if not _NAME.fullmatch(name):
                    fix = "Use lower-case letters, digits and '-', a letter first."
                    yield Problem(f"mesh.{kind}.{name}", "is no name that the control server takes", fix)
        if HOSTS in self.users:
            yield Problem(f"mesh.users.{HOSTS}", "the stack's own hosts belong to this user", "Give another name.")
        for member in self.members:
            if not member.tags:
                fix = "Give it a tag: rules speak of tags."
                yield Problem(f"mesh.members.{member.name}", "has no tag, so no rule can reach it by what it is", fix)

    def _network(self) -> Iterator[Problem]:
        try:
            inside = IPv4Network(self.subnet).subnet_of(RANGE)
        except ValueError:
            inside = False
        if not inside:
            yield Problem(
                "mesh.subnet", f"is no IPv4 network inside {RANGE}, the only range that clients take", "Narrow it."
            )
        if f".{self.server}".endswith(f".{self.base_domain}"):
            what = f"holds the control server {self.server}: the mesh's DNS would hide it from its own members"
            yield Problem("mesh.base_domain", what, f"Use a name beside it, such as mesh.{self.base_domain}.")

    def _rule(self, rule: Rule) -> Iterator[Problem]:
        where = f"mesh.rules.{','.join(rule.sources)}->{','.join(rule.targets)}"
        if not rule.sources or not rule.targets:
            yield Problem(where, "allows nothing", "Name sources and targets, or remove it.")
        for target in (*rule.sources, *rule.targets):
            if not self._known(target):
                yield Problem(
                    where, f"{target} is no tag of a member, no user and no network", "Declare it, or correct the name."
                )
        if not _PORTS.fullmatch(rule.ports) or any(int(port) > _LAST_PORT for port in re.findall(r"\d+", rule.ports)):
            yield Problem(where, f"{rule.ports} are no ports", "Write 443, 80,443, 8000-8010 or *.")
        if rule.protocol not in _PROTOCOLS:
            yield Problem(
                where, f"{rule.protocol} is no protocol that rules know", "Write tcp, udp, icmp, or none for all."
            )
        if rule.protocol == "icmp" and rule.ports != "*":
            yield Problem(where, "ICMP has no ports", "Write * for the ports.")

    def _known(self, target: str) -> bool:
        if target.startswith("tag:"):
            return target.removeprefix("tag:") in self.tags
        if target in self.users:
            return True
        try:
            return ip_network(target).version == 4  # noqa: PLR2004
        except ValueError:
            return False
