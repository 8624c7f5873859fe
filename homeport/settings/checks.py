"""What two settings together may not say.

The checks read the plain data, not the finished ``Settings``: so that they speak even where another field is wrong, and
a user sees every mistake at once. What they cannot read they leave to the schema.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, ip_address
from itertools import combinations
from typing import TYPE_CHECKING, Any

from homeport.model import names, zones
from homeport.model.addresses import IPV4, UNROUTED, host_name, literal, within
from homeport.model.errors import Problem
from homeport.model.network import RESERVED, free_network
from homeport.settings.app_checks import app_checks
from homeport.settings.findings import at, called, drop, twins
from homeport.settings.friendly import path_of
from homeport.settings.kinds import day, private_network
from homeport.settings.schema import ENVIRONMENTS, WAIVERS
from homeport.settings.section import section
from homeport.settings.vpn import DEFAULT_SUBNET
from homeport.settings.vpn_checks import vpn_checks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from homeport.settings.friendly import Loc

    Data = dict[str, Any]

_SSH = 22
_WEB = (80, 443)
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - named here to be refused
_LONGEST_WAIVER = timedelta(days=366)


def cross_checks(data: Data, stack: str, today: date, generated: Collection[str]) -> Iterator[tuple[Loc, Problem]]:
    """Every contradiction, with where it is; ``generated`` are the secrets that can be made anew."""
    yield from _environment(data, stack)
    yield from _cloud_names(data, stack)
    for check in (_exposure, _tunnel, _ssh, _ports, _certificates, _hosts, _networks, vpn_checks, _names, _zone, _dns):
        yield from check(data)
    yield from app_checks(data)
    yield from _protection(data, today)
    yield from _rotations(data, generated)
    yield from _waivers(data, today)


def waived(data: Data, rule: str, today: date) -> bool:
    """Whether a waiver for the rule is given and holds today."""
    return rule in section(data, "waivers") and not any(loc[1] == rule for loc, _ in _waivers(data, today))


def _environment(data: Data, stack: str) -> Iterator[tuple[Loc, Problem]]:
    environment = data.get("environment")
    if environment in ENVIRONMENTS and stack in ENVIRONMENTS and environment != stack:
        yield at(("environment",), f"contradicts the stack's name, {stack}: its careful defaults would be lost", stack)


def _exposure(data: Data) -> Iterator[tuple[Loc, Problem]]:
    exposure = data.get("exposure")
    try:
        bind = ip_address(section(data, "edge").get("bind", ""))
    except (TypeError, ValueError):
        bind = None
    if bind is not None and exposure in ("local", "tunnel", "vpn"):
        where = ("edge", "bind")
        if str(bind) in _WILDCARDS or bind.is_global:
            yield at(
                where, f"listens for the whole world, which only exposure direct may; this is {exposure}", "127.0.0.1"
            )
        elif exposure == "local" and not bind.is_loopback:
            yield at(where, "must be a loopback address, because exposure is local", "127.0.0.1")
    if exposure == "vpn":
        if section(data, "wireguard").get("enabled") is False:
            yield at(("wireguard", "enabled"), "must be true with exposure vpn: this would lock you out", True)
        if not section(data, "wireguard", "peers"):
            yield at(("wireguard", "peers", "laptop", "slot"), "nobody is in the VPN: this would lock you out", 2)
    if exposure in ("direct", "tunnel", "vpn") and data.get("domain") == "localhost":
        yield at(
            ("domain",), f"localhost has no certificate and no visitors; exposure is {exposure}", "<your own domain>"
        )


def _tunnel(data: Data) -> Iterator[tuple[Loc, Problem]]:
    access = section(data, "access")
    if data.get("exposure") != "tunnel":
        return
    if access.get("login") == "google" and not (access.get("google_client_id") or access.get("identity_provider")):
        yield at(("access", "google_client_id"), "is needed for logins with Google", "<the OAuth client's id>")
    cloudflare = section(data, "cloudflare")
    ids = ("account_id", "<32 hexadecimal digits>"), ("zone_id", "<32 hexadecimal digits>")
    for name, value in (*(() if cloudflare else ids), ("team", "<the team's name>")):
        if not cloudflare.get(name):
            yield at(
                ("cloudflare", name),
                "is needed with exposure tunnel: Cloudflare keeps the tunnel and its routes",
                value,
            )
    if not access.get("emails") and not access.get("email_domains"):
        yield at(
            ("access", "emails", 0), "nobody may come in by the tunnel: name at least one person", "<a mail address>"
        )


def _ssh(data: Data) -> Iterator[tuple[Loc, Problem]]:
    ssh, private = section(data, "ssh"), section(data, "wireguard")
    if ssh.get("reach") == "vpn" and not (private.get("enabled") and private.get("peers")):
        yield drop(("ssh", "reach"), "nobody is in the VPN to use SSH there: this would lock you out")


def _ports(data: Data) -> Iterator[tuple[Loc, Problem]]:
    edge = section(data, "edge")
    http, https = edge.get("http_port"), edge.get("https_port")
    if http is not None and http == https:
        free = next(port for port in (443, 8443) if port != http)
        yield at(("edge", "https_port"), "is the same as edge.http_port", free)


def _certificates(data: Data) -> Iterator[tuple[Loc, Problem]]:
    """An authority looks at ports 80 and 443 of the name and at no other (RFC 8555, 8.3; RFC 8737, 3)."""
    edge = section(data, "edge")
    ports = edge.get("http_port"), edge.get("https_port")
    known = all(isinstance(port, int) for port in ports)
    if data.get("exposure") == "direct" and known and ports[0] != _WEB[0] and ports[1] != _WEB[1]:
        what = "no certificate can come: the authority asks at ports 80 and 443 alone, and one of them must be open"
        yield at(("edge", "https_port"), what, _WEB[1])


def _cloud_names(data: Data, stack: str) -> Iterator[tuple[Loc, Problem]]:
    for name, host in section(data, "hosts").items():
        if not isinstance(host, dict) or host.get("mode") != "create" or not isinstance(name, str):
            continue
        if what := names.server_name_problem(names.rented(stack, name)):
            fix = f"Give it a short name in Pulumi.{stack}.yaml, of letters, digits and '-': hosts: {{main: ...}}"
            if names.server_name_problem(names.rented(stack, names.MAIN)):
                fix = f"Use a stack of another name, of letters, digits and '-': rename Pulumi.{stack}.yaml"
            yield ("hosts", name), Problem(path_of(("hosts", name)), what, fix)


def _hosts(data: Data) -> Iterator[tuple[Loc, Problem]]:
    """No machine twice: each host lays its own rules, and takes away what the other laid."""
    hosts = {name: host for name, host in section(data, "hosts").items() if isinstance(host, dict)}
    for (name, host), (other, former) in combinations(reversed(hosts.items()), 2):
        if mark := _same_machine(host, former):
            yield drop(("hosts", name), f"is the same machine as {called('hosts', other)}: one {mark}")
    records = section(data, "cloudflare") and data.get("exposure") == "direct"
    for name, host in hosts.items():
        address = literal(str(host.get("address"))) if records and host.get("mode") == "adopt" else None
        if address is not None and (address.version != IPV4 or within(address, UNROUTED)):
            what = "is where the records of its names would lead, and nobody would come: containers are published at "
            fix = "<its public IPv4 address or a host name>"
            yield at(("hosts", name, "address"), what + "IPv4 addresses, and visitors come from everywhere", fix)


def _same_machine(host: Data, other: Data) -> str:
    """By which mark two hosts are one machine; behind one address can be two, each with a port and a key of its own."""
    mode = host.get("mode")
    if mode != other.get("mode") or mode not in ("local", "adopt"):
        return ""
    if mode == "local":
        return "Docker"
    keys = {" ".join(str(one.get("host_key")).split()[:2]) for one in (host, other)}
    if len(keys) == 1 and next(iter(keys)).startswith("ssh-"):
        return "host key"
    places = {
        (str(literal(str(one.get("address"))) or one.get("address")).lower(), one.get("port", _SSH))
        for one in (host, other)
    }
    return "address" if len(places) == 1 else ""


def _networks(data: Data) -> Iterator[tuple[Loc, Problem]]:
    known: list[tuple[Loc, IPv4Network]] = []
    chosen: dict[Loc, Any] = {("networks", name): subnet for name, subnet in section(data, "networks").items()}
    vpn: dict[Loc, Any] = {("wireguard", "subnet"): section(data, "wireguard").get("subnet", DEFAULT_SUBNET)}
    for loc, subnet in {**vpn, **chosen}.items():
        try:
            known.append((loc, private_network(subnet)))
        except ValueError:
            continue
    hosts = [*_host_networks(data)]
    taken = [*(subnet for _, subnet in known), *(network for _, network in hosts)]
    for (first, left), (second, right) in combinations(known, 2):
        if left.overlaps(right):
            yield at(second, f"overlaps {path_of(first)}", free_network(taken))
    for loc, subnet in known:
        for network, whose in RESERVED.items():
            if subnet.overlaps(network):
                yield at(loc, f"overlaps {network}, {whose}", free_network(taken))
    for loc, network in hosts:
        if any(network.overlaps(subnet) for _, subnet in known):
            what = "lies inside a subnet of this stack: its traffic would stay there, which would lock you out"
            yield at(loc, what, "<an address outside of them>")


def _host_networks(data: Data) -> Iterator[tuple[Loc, IPv4Network]]:
    """What lies outside and must be reached: the hosts, the proxy's address."""
    for name, host in section(data, "hosts").items():
        address = literal(str(host.get("address"))) if isinstance(host, dict) else None
        if address is not None and address.version == IPV4:
            yield ("hosts", name, "address"), IPv4Network(str(address))


def _protection(data: Data, today: date) -> Iterator[tuple[Loc, Problem]]:
    careless = data.get("environment") == "prod" and data.get("protect_data") is False
    if careless and not waived(data, "protect-data", today):
        what = "must be true in prod, unless waivers.protect-data gives a reason and a day"
        yield at(("protect_data",), what, True)


def _names(data: Data) -> Iterator[tuple[Loc, Problem]]:
    hostnames = {route: name for route, name in section(data, "hostnames").items() if isinstance(name, str)}
    for route, other in twins(hostnames):
        yield drop(("hostnames", route), f"is the host name of {called('hostnames', other)} too")
    for name, host in section(data, "hosts").items():
        roles = host.get("roles") if isinstance(host, dict) else None
        if isinstance(roles, list) and len({str(role) for role in roles}) < len(roles):
            yield drop(("hosts", name, "roles"), "names a role twice")
        ports = host.get("open") if isinstance(host, dict) else None
        if isinstance(ports, list) and len({str(port) for port in ports}) < len(ports):
            yield drop(("hosts", name, "open"), "names a port twice")
    access = section(data, "access")
    for part in ("emails", "email_domains"):
        listed = access.get(part)
        # Access compares both without case.
        texts = (
            [text.casefold() if isinstance(text, str) else None for text in listed] if isinstance(listed, list) else []
        )
        for index, text in enumerate(texts):
            if text is not None and text in texts[:index]:
                yield drop(("access", part, index), "is named twice")


def _zone(data: Data) -> Iterator[tuple[Loc, Problem]]:
    """The zone holds the domain; what it makes of single names is said by ``homeport.plan.contradictions``."""
    cloudflare, domain = section(data, "cloudflare"), data.get("domain")
    zone = cloudflare.get("zone")
    try:
        if not cloudflare or not isinstance(domain, str) or host_name(domain) == "localhost":
            return
        zone = host_name(zone) if isinstance(zone, str) else zones.of(domain)
    except ValueError:
        return
    if not zones.holds(zone, domain):
        yield drop(("cloudflare", "zone"), "does not hold the domain: its records would be of other names")


def _dns(data: Data) -> Iterator[tuple[Loc, Problem]]:
    """Who keeps the records, and who sees them for a certificate."""
    dns, certificates, domain = section(data, "dns"), section(data, "certificates"), data.get("domain")
    provider = dns.get("provider")
    if dns and provider != "cloudflare" and data.get("exposure") == "tunnel":
        yield at(("dns", "provider"), "must be cloudflare with exposure tunnel: the names lead into it", "cloudflare")
    elif provider == "cloudflare" and not section(data, "cloudflare"):
        yield at(("cloudflare", "zone_id"), "is needed: dns.provider is cloudflare", "<32 hexadecimal digits>")
    if certificates.get("challenge") == "ovh" and provider != "ovh":
        yield at(("dns", "provider"), "must be ovh: certificates.challenge sets records there", "ovh")
    if provider == "ovh" and isinstance(dns.get("zone"), str) and isinstance(domain, str):
        try:
            inside = zones.holds(host_name(dns["zone"]), host_name(domain))
        except ValueError:
            return
        if not inside:
            yield drop(("dns", "zone"), "does not hold the domain: its records would be of other names")


def _rotations(data: Data, generated: Collection[str]) -> Iterator[tuple[Loc, Problem]]:
    for name in section(data, "rotate"):
        if name not in generated:
            yield drop(("rotate", name), f"is no generated secret; known: {', '.join(generated)}")


def _waivers(data: Data, today: date) -> Iterator[tuple[Loc, Problem]]:
    for rule, waiver in section(data, "waivers").items():
        if rule not in WAIVERS:
            yield drop(("waivers", rule), f"waives no rule; known: {', '.join(sorted(WAIVERS))}")
            continue
        try:
            until = day(waiver.get("expires") if isinstance(waiver, dict) else None)
        except ValueError:
            continue
        where = ("waivers", rule, "expires")
        if until < today:
            yield drop(where, "is over: put right what it waived, or give a new reason and day")
        elif until - today > _LONGEST_WAIVER:
            yield at(where, "is more than a year ahead", str(today + _LONGEST_WAIVER))
