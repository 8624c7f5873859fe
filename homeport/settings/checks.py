"""What two settings together may not say.

The checks read the plain data, not the finished ``Settings``: so that they speak even where another field is wrong, and
a user sees every mistake at once. What they cannot read they leave to the schema.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from ipaddress import IPv4Network, ip_address, ip_network
from itertools import combinations
from typing import TYPE_CHECKING, Any

from homeport.model.errors import Problem
from homeport.settings.friendly import path_of, remove_command, set_command
from homeport.settings.kinds import day, private_network
from homeport.settings.schema import ENVIRONMENTS, WAIVERS
from homeport.settings.vpn import DEFAULT_SUBNET

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from homeport.settings.friendly import Loc

    Data = dict[str, Any]

_DOCKER_BRIDGE = IPv4Network("172.17.0.0/16")
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - named here to be refused
_LONGEST_WAIVER = timedelta(days=366)


def cross_checks(data: Data, stack: str, today: date, generated: Collection[str]) -> Iterator[tuple[Loc, Problem]]:
    """Every contradiction, with where it is; ``generated`` are the secrets that can be made anew."""
    yield from _environment(data, stack)
    for check in (_exposure, _tunnel, _ssh, _ports, _networks, _peers, _names):
        yield from check(data)
    yield from _protection(data, today)
    yield from _images(data, today)
    yield from _rotations(data, generated)
    yield from _waivers(data, today)


def waived(data: Data, rule: str, today: date) -> bool:
    """Whether a waiver for the rule is given and holds today."""
    return rule in _section(data, "waivers") and not any(loc[1] == rule for loc, _ in _waivers(data, today))


def _section(data: Any, *path: str) -> Data:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _set(loc: Loc, what: str, value: Any) -> tuple[Loc, Problem]:
    return loc, Problem(path_of(loc), what, set_command(path_of(loc), value))


def _drop(loc: Loc, what: str) -> tuple[Loc, Problem]:
    return loc, Problem(path_of(loc), what, remove_command(loc))


def _environment(data: Data, stack: str) -> Iterator[tuple[Loc, Problem]]:
    environment = data.get("environment")
    if environment in ENVIRONMENTS and stack in ENVIRONMENTS and environment != stack:
        yield _set(
            ("environment",), f"contradicts the stack's name, {stack}: its careful defaults would be lost", stack
        )


def _exposure(data: Data) -> Iterator[tuple[Loc, Problem]]:
    exposure = data.get("exposure")
    try:
        bind = ip_address(_section(data, "edge").get("bind", ""))
    except (TypeError, ValueError):
        bind = None
    if bind is not None and exposure in ("local", "tunnel", "vpn"):
        where = ("edge", "bind")
        if str(bind) in _WILDCARDS or bind.is_global:
            yield _set(
                where, f"listens for the whole world, which only exposure direct may; this is {exposure}", "127.0.0.1"
            )
        elif exposure == "local" and not bind.is_loopback:
            yield _set(where, "must be a loopback address, because exposure is local", "127.0.0.1")
    if exposure == "vpn":
        if _section(data, "wireguard").get("enabled") is False:
            yield _set(("wireguard", "enabled"), "must be true with exposure vpn: this would lock you out", True)
        if not _section(data, "wireguard", "peers"):
            yield _set(("wireguard", "peers", "laptop", "slot"), "nobody is in the VPN: this would lock you out", 2)
    if exposure in ("direct", "tunnel", "vpn") and data.get("domain") == "localhost":
        yield _set(("domain",), f"localhost has no certificate and no visitors; exposure is {exposure}", "example.com")


def _tunnel(data: Data) -> Iterator[tuple[Loc, Problem]]:
    access = _section(data, "access")
    if access.get("login") == "google" and not (access.get("google_client_id") or access.get("identity_provider")):
        yield _set(("access", "google_client_id"), "is needed for logins with Google", "<the OAuth client's id>")
    if data.get("exposure") != "tunnel":
        return
    cloudflare = _section(data, "cloudflare")
    ids = ("account_id", "<32 hexadecimal digits>"), ("zone_id", "<32 hexadecimal digits>")
    for name, value in (*(() if cloudflare else ids), ("team", "<team>")):
        if not cloudflare.get(name):
            yield _set(
                ("cloudflare", name),
                "is needed with exposure tunnel: Cloudflare keeps the tunnel and its routes",
                value,
            )
    if not access.get("emails") and not access.get("email_domains"):
        yield _set(
            ("access", "emails", 0), "nobody may come in by the tunnel: name at least one person", "admin@example.com"
        )


def _ssh(data: Data) -> Iterator[tuple[Loc, Problem]]:
    ssh, private = _section(data, "ssh"), _section(data, "wireguard")
    if ssh.get("reach") == "vpn" and not (private.get("enabled") and private.get("peers")):
        yield _set(("ssh", "reach"), "nobody is in the VPN to use SSH there: this would lock you out", "public")
    taken = (_section(data, "edge").get("http_port"), _section(data, "edge").get("https_port"))
    if data.get("exposure") == "direct" and ssh.get("port") is not None and ssh.get("port") in taken:
        yield _set(("ssh", "port"), "is also a port of the edge: sshd and the proxy cannot both listen there", 22)


def _ports(data: Data) -> Iterator[tuple[Loc, Problem]]:
    edge = _section(data, "edge")
    http, https = edge.get("http_port"), edge.get("https_port")
    if http is not None and http == https:
        free = next(port for port in (8443, 8444) if port != http)
        yield _set(("edge", "https_port"), "is the same as edge.http_port", free)
    for name, host in _section(data, "hosts").items():
        if isinstance(host, dict) and host.get("mode") == "adopt" and host.get("port", 22) in (http, https):
            where = ("hosts", name, "port")
            yield _set(where, "is also a port of the edge: sshd and the proxy cannot both listen there", 22)


def _networks(data: Data) -> Iterator[tuple[Loc, Problem]]:
    known: list[tuple[Loc, IPv4Network]] = []
    chosen: dict[Loc, Any] = {("networks", name): subnet for name, subnet in _section(data, "networks").items()}
    vpn: dict[Loc, Any] = {("wireguard", "subnet"): _section(data, "wireguard").get("subnet", DEFAULT_SUBNET)}
    for loc, subnet in {**vpn, **chosen}.items():
        try:
            known.append((loc, private_network(subnet)))
        except ValueError:
            continue
    for (first, left), (second, right) in combinations(known, 2):
        if left.overlaps(right):
            yield _set(second, f"overlaps {path_of(first)}", "10.20.0.0/24")
    for loc, subnet in known:
        if subnet.overlaps(_DOCKER_BRIDGE):
            yield _set(loc, f"overlaps {_DOCKER_BRIDGE}, the network that Docker makes for itself", "10.20.0.0/24")
    yield from _hosts_inside(data, [subnet for _, subnet in known])


def _hosts_inside(data: Data, subnets: list[IPv4Network]) -> Iterator[tuple[Loc, Problem]]:
    for name, host in _section(data, "hosts").items():
        try:
            address = ip_network(str(host.get("address"))) if isinstance(host, dict) else None
        except ValueError:
            continue
        if isinstance(address, IPv4Network) and any(address.subnet_of(subnet) for subnet in subnets):
            what = "lies inside a subnet of this stack: its traffic would stay there, which would lock you out"
            yield _set(("hosts", name, "address"), what, "192.0.2.10")


def _peers(data: Data) -> Iterator[tuple[Loc, Problem]]:
    peers = {name: peer for name, peer in _section(data, "wireguard", "peers").items() if isinstance(peer, dict)}
    for field in ("slot", "public_key"):
        values = {name: peer[field] for name, peer in peers.items() if isinstance(peer.get(field), (int, str))}
        taken = Counter(values.values())
        for name in [name for name, value in values.items() if taken[value] > 1]:
            yield _drop(("wireguard", "peers", name, field), "is given to two peers")
    try:
        size = private_network(_section(data, "wireguard").get("subnet", DEFAULT_SUBNET)).num_addresses
    except ValueError:
        return
    if "server" in peers:
        yield _drop(("wireguard", "peers", "server"), "is what the server itself is called among the keys")
    server = _section(data, "wireguard").get("slot", 1)
    for name, peer in peers.items():
        slot = peer.get("slot")
        if isinstance(slot, int) and slot >= size - 1:
            yield _set(("wireguard", "peers", name, "slot"), "lies beyond wireguard.subnet", 2)
        elif isinstance(slot, int) and slot == server:
            yield _set(("wireguard", "peers", name, "slot"), "is the server's own slot", slot + 1)
    if isinstance(server, int) and server >= size - 1:
        yield _set(("wireguard", "slot"), "lies beyond wireguard.subnet", 1)


def _protection(data: Data, today: date) -> Iterator[tuple[Loc, Problem]]:
    careless = data.get("environment") == "prod" and data.get("protect_data") is False
    if careless and not waived(data, "protect-data", today):
        what = "must be true in prod, unless waivers.protect-data gives a reason and a day"
        yield _set(("protect_data",), what, True)


def _names(data: Data) -> Iterator[tuple[Loc, Problem]]:
    names = {route: name for route, name in _section(data, "hostnames").items() if isinstance(name, str)}
    taken = Counter(names.values())
    for route in [route for route, name in names.items() if taken[name] > 1]:
        yield _set(("hostnames", route), "is also the host name of another route", f"{route[:40]}.example.com")
    for name, host in _section(data, "hosts").items():
        roles = host.get("roles") if isinstance(host, dict) else None
        if isinstance(roles, list) and len({str(role) for role in roles}) < len(roles):
            yield _drop(("hosts", name, "roles"), "names a role twice")


def _images(data: Data, today: date) -> Iterator[tuple[Loc, Problem]]:
    if data.get("environment") != "prod" or waived(data, "floating-image", today):
        return
    for name, service in _section(data, "services").items():
        image = service.get("image") if isinstance(service, dict) else None
        if isinstance(image, str) and "@sha256:" not in image:
            what = "must end in @sha256:<digest> in prod, unless waivers.floating-image gives a reason and a day"
            yield _drop(("services", name, "image"), what)


def _rotations(data: Data, generated: Collection[str]) -> Iterator[tuple[Loc, Problem]]:
    for name in _section(data, "rotate"):
        if name not in generated:
            yield _drop(("rotate", name), f"is no generated secret; known: {', '.join(generated)}")


def _waivers(data: Data, today: date) -> Iterator[tuple[Loc, Problem]]:
    for rule, waiver in _section(data, "waivers").items():
        if rule not in WAIVERS:
            yield _drop(("waivers", rule), f"waives no rule; known: {', '.join(sorted(WAIVERS))}")
            continue
        try:
            until = day(waiver.get("expires") if isinstance(waiver, dict) else None)
        except ValueError:
            continue
        where = ("waivers", rule, "expires")
        if until < today:
            yield _drop(where, "is over: put right what it waived, or give a new reason and day")
        elif until - today > _LONGEST_WAIVER:
            yield _set(where, "is more than a year ahead", str(today + _LONGEST_WAIVER))
