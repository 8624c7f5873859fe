"""Claims on a mesh of several hosts: who reaches whom by which way, and what a stranger finds of names for members."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.probes.box import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.claims.expected import ExpectedRoute
    from rehearsal.claims.view import View

_NEEDS = frozenset({"mesh"})
_MEMBERS = frozenset({"door members"})
BESIDES = (
    *(22, 53, 80, 443, 804, 2019, 2375, 3000, 3306, 4000, 5432, 5678, 5984, 6333, 6379, 8080, 8428, 9000, 9010, 9090),
    9100,
)
"""Ports at which something of a platform listens as a rule."""
_IS_IN = "is in"
_FORGED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP", "Via")


def _ports(view: View) -> list[int]:
    declared = {port for ports in view.expected.mesh_tcp.values() for port in ports}
    return sorted({*BESIDES, *view.expected.tcp, *declared})


def _reached(command: list[str], addresses: tuple[str, ...], ports: list[int]) -> dict[str, list[int]]:
    targets = [(address, port) for address in addresses for port in ports]
    answered = run(command, "reach", {"targets": targets, "patience": 3})[0]["reached"]
    return {address: sorted(port for at, port in answered if at == address) for address in addresses}


def by_mesh(view: View) -> dict[str, list[int]]:
    """Each other host to the ports that it reaches at this one's address in the mesh."""
    address = view.mesh[view.name]
    return {
        other: _reached(command, (address,), _ports(view))[address]
        for other, (command, _) in sorted(view.machines.items())
        if other != view.name
    }


def by_the_internet(view: View) -> dict[str, dict[str, list[int]]]:
    """Each other host to the ports that it reaches at this one's public addresses, of both families."""
    return {
        other: {
            "IPv6" if ":" in address else "IPv4": ports
            for address, ports in _reached(command, view.addresses, _ports(view)).items()
        }
        for other, (command, _) in sorted(view.machines.items())
        if other != view.name
    }


def _declared_to_the_internet(view: View) -> dict[str, dict[str, list[int]]]:
    """Docker publishes a proxy at IPv4 addresses alone (``edge.bind``); sshd listens at both."""
    own = [port for port in view.expected.tcp if port not in (80, 443)]
    families = {"IPv4" if ":" not in address else "IPv6" for address in view.addresses}
    ports = {"IPv4": sorted(view.expected.tcp), "IPv6": own}
    return {
        other: {family: ports[family] for family in sorted(families)}
        for other in sorted(view.machines)
        if other != view.name
    }


def _for_members(view: View) -> list[str]:
    return sorted(
        name for name, route in view.expected.routes.items() if any(door.kind == "members" for door in route.doors)
    )


def let_in(route: ExpectedRoute, status: int) -> str:
    """Whether a member's request came as far as to a service that works; else what was answered.

    A proxy lets in whom it answers with 502 as well, and nobody is there.
    """
    if route.probe:
        well = status == HTTPStatus.OK
    else:
        well = 0 < status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.FORBIDDEN
    return _IS_IN if well else str(status)


def to_strangers(view: View) -> dict[str, dict[str, int | str]]:
    """Each name for members: a stranger's answer by the host's address, with headers that say he is one, and inside."""
    seen: dict[str, dict[str, int | str]] = {}
    member = next(address for name, address in sorted(view.mesh.items()) if name != view.name)
    forged = {
        name.replace("-", "_"): f"for={member}" if name == "Forwarded" else f"1.1 {member}" if name == "Via" else member
        for name in _FORGED
    }
    for name in _for_members(view):
        hostname, route = view.hostnames[name], view.expected.routes[name]
        seen[name] = {
            "a stranger": view.visit(hostname)["status"],
            "with forged headers": view.visit(hostname, **forged)["status"],
            "a member": let_in(route, view.visit_as_member(hostname, route.probe or "/")["status"]),
        }
    return seen


def _refused(view: View) -> dict[str, dict[str, int | str]]:
    answer: dict[str, int | str] = {"a stranger": 403, "with forged headers": 403, "a member": _IS_IN}
    return dict.fromkeys(_for_members(view), answer)


def by_name(view: View) -> dict[str, str]:
    """Where the name server says that each name of this host is."""
    found: dict[str, str] = {}
    for name in view.expected.routes:
        script = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"
        found[name] = view.run("python3", "-c", script, view.hostnames[name]).strip()
    return found


def _declared_names(view: View) -> Mapping[str, str]:
    inside = _for_members(view)
    return {name: view.mesh[view.name] if name in inside else view.addresses[0] for name in view.expected.routes}


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="members-reach-declared-ports",
        rows=("S5-12", "S5-90"),
        needs=_NEEDS,
        says="at a host's address in the mesh each other member reaches the ports that a rule names for it, no other",
        observe=by_mesh,
        expected=lambda view: {name: sorted(ports) for name, ports in view.expected.mesh_tcp.items()},
        spoil=lambda seen: {**seen, min(seen): [*seen[min(seen)], 5432]},
    ),
    Claim(
        name="hosts-reach-declared-ports",
        rows=("S5-09", "S5-91"),
        needs=_NEEDS,
        says="at a host's public addresses, of both families, another host of the stack reaches what the world does",
        observe=by_the_internet,
        expected=_declared_to_the_internet,
        spoil=lambda seen: {**seen, min(seen): {"IPv4": [22, 9100]}},
    ),
    Claim(
        name="names-for-members",
        rows=("S5-60", "S5-61", "S5-90"),
        needs=_MEMBERS,
        says="who is no member gets 403 from every name for members, whatever his headers say; to a member all works",
        observe=to_strangers,
        expected=_refused,
        spoil=lambda seen: {**seen, min(seen): {**seen[min(seen)], "with forged headers": 200, "a member": "502"}},
    ),
    Claim(
        name="names-lead-where-declared",
        rows=("S5-64", "S5-65"),
        needs=_NEEDS,
        says="a name for members leads into the mesh, where a stranger finds nobody, and any other to its host",
        observe=by_name,
        expected=_declared_names,
        spoil=lambda seen: {**seen, "somebody": "192.0.2.1"},
    ),
)
