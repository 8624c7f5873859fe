"""Claims on a mesh of several hosts: who reaches whom by which way, and what a stranger finds of names for members."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.doors import path_of
from rehearsal.probes.box import run
from rehearsal.probes.errors import ProbeError

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
_FORGED_NAMES = ("X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host", "X-HTTP-Host-Override")
_NOT_OPEN = ("members", "closed")
_CALL = """
import json, os, sys, tempfile, urllib.error, urllib.request
def called(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return {"status": answer.status, "body": answer.read(100).decode(errors="replace")}
    except urllib.error.HTTPError as refused:
        return {"status": refused.code, "body": refused.read(100).decode(errors="replace")}
    except OSError as nobody:
        return {"status": 0, "body": str(nobody)}
with tempfile.NamedTemporaryFile("w") as roots:
    if sys.argv[2]:
        roots.write(sys.argv[2])
        roots.flush()
        os.environ["SSL_CERT_FILE"] = roots.name
    print(json.dumps(called(sys.argv[1])))
"""
"""As `host_scripts/messages.py` calls; but that the world's authority stands in the place of the public ones."""


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


def answered(answer: Mapping[str, Any]) -> bool:
    """Whether it was a service that answered, and none that is broken.

    A proxy lets in whom it answers with 502 as well, and nobody is there; its own 404 has no body.
    """
    status = answer["status"]
    closed = status == HTTPStatus.FORBIDDEN or (status == HTTPStatus.NOT_FOUND and not answer["body"])
    return 0 < status < HTTPStatus.INTERNAL_SERVER_ERROR and not closed


def let_in(route: ExpectedRoute, answer: Mapping[str, Any]) -> str:
    """Whether a member's request came as far as to a service that works; else what was answered."""
    status = answer["status"]
    return _IS_IN if (status == HTTPStatus.OK if route.probe else answered(answer)) else str(status)


def _forged(view: View, name: str = "") -> dict[str, str]:
    """Headers that say that the caller is a member, and, where one is given, that he asks for another name."""
    member = next(address for host, address in sorted(view.mesh.items()) if host != view.name)
    as_member = {"Forwarded": f"for={member}{f';host={name}' if name else ''}", "Via": f"1.1 {member}"}
    return {header: as_member.get(header, member) for header in _FORGED} | dict.fromkeys(
        _FORGED_NAMES if name else (), name
    )


def _open_to_strangers(view: View) -> list[tuple[str, str, str]]:
    """Each name of each host that not only members come in by: where it is, the name, and a path that is open there."""
    open_places = []
    for host, system in sorted(view.systems.items()):
        names = view.names_of(system)
        for route_name, route in system.routes.items():
            if doors := [door for door in route.doors if door.kind not in _NOT_OPEN]:
                # One that is alone in its stack has no name there.
                open_places.append((view.machines[host or view.name][1][0], names[route_name], path_of(doors[0])))
    return open_places


def _request(address: str, tls_name: str, host: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {"url": f"https://{address}{path}", "server_name": tls_name, "headers": {"Host": host, **headers}}


def turned_away(answer: Mapping[str, Any]) -> bool:
    """Whether nobody answered, or a proxy that has nothing for the caller: what it says by itself has no body."""
    status, body = answer["status"], answer.get("body", "")
    refused = status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND) and not body
    return not status or status == HTTPStatus.MISDIRECTED_REQUEST or refused


def by_public_names(view: View, hostname: str, path: str) -> list[str]:
    """The ways by which a stranger got to a name for members where public names are, a relay's among them.

    He asks there for it by its own name; by the public one in TLS and its own in HTTP; and by the public one alone,
    while headers say that it is for the other, which must change nothing. The first two also with such headers.

    Raises:
        ProbeError: No public name is known.
    """
    if not (public := _open_to_strangers(view)):
        raise ProbeError(hostname, "no public name is known by which a stranger could come to it")
    forged = _forged(view, hostname)
    away: dict[str, dict[str, Any]] = {}
    same: dict[str, dict[str, Any]] = {}
    for address, name, open_path in public:
        for how, headers in (("", {}), (", forged", forged)):
            away[f"at {address}{how}"] = _request(address, hostname, hostname, path, headers)
            away[f"by {name}{how}"] = _request(address, name, hostname, path, headers)
            same[f"as {name}{how}"] = _request(address, name, name, open_path, headers)
    several = {**away, **same}
    answers = dict(zip(several, view.visit_all(list(several.values())), strict=True))
    through = [f"{way}: {answers[way]['status']}" for way in away if not turned_away(answers[way])]
    for _, name, _ in public:
        plain, changed = (answers[f"as {name}{how}"] for how in ("", ", forged"))
        if not plain["status"]:
            # Where nobody is, nobody is turned away.
            through.append(f"as {name}: no answer")
        elif (plain["status"], plain["body"]) != (changed["status"], changed.get("body")):
            through.append(f"as {name}, forged: {changed['status']}")
    return through


def to_strangers(view: View) -> dict[str, dict[str, Any]]:
    """Each name for members: a stranger's answer by the host's address, with headers that say he is one, and inside."""
    seen: dict[str, dict[str, Any]] = {}
    forged = {header.replace("-", "_"): value for header, value in _forged(view).items()}
    for name in _for_members(view):
        hostname, route = view.hostnames[name], view.expected.routes[name]
        path = route.probe or "/"
        seen[name] = {
            "a stranger": view.visit(hostname)["status"],
            "with forged headers": view.visit(hostname, **forged)["status"],
            "by public names": by_public_names(view, hostname, path),
            "a member": let_in(route, view.visit_as_member(hostname, path)),
        }
    return seen


def _refused(view: View) -> dict[str, dict[str, Any]]:
    answer = {"a stranger": 403, "with forged headers": 403, "by public names": [], "a member": _IS_IN}
    return dict.fromkeys(_for_members(view), answer)


def _heartbeat(view: View) -> tuple[str, str]:
    """As whom the host's backups run, and the URL that they call.

    Raises:
        ProbeError: They call nobody.
    """
    if not (call := view.expected.heartbeat):
        raise ProbeError("the backups", "call nobody")
    names = {name: host for system in view.systems.values() for name, host in view.names_of(system).items()}
    return call.user, f"https://{names[call.route]}{call.path}"


def heard(view: View) -> dict[str, str]:
    """Whether the host's backups come to whom they call: as their user, by DNS, by a certificate that they trust."""
    user, url = _heartbeat(view)
    answer = json.loads(view.run("runuser", "-u", user, "--", "python3", "-c", _CALL, url, view.authority))
    return {url: _IS_IN if answered(answer) else f"{answer['status']} {answer['body']}"}


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
        says="who is no member gets 403 from every name for members, nor more by a public one; to a member all works",
        observe=to_strangers,
        expected=_refused,
        spoil=lambda seen: {**seen, min(seen): {**seen[min(seen)], "by public names": ["by another: 200"]}},
    ),
    Claim(
        name="heartbeats-arrive",
        rows=("S5-60", "S5-90"),
        needs=frozenset({"mesh", "heartbeat"}),
        says="a host's backups come to the service that hears of them by its name, into the mesh, also on its own host",
        observe=heard,
        expected=lambda view: {_heartbeat(view)[1]: _IS_IN},
        spoil=lambda seen: dict.fromkeys(seen, "403 "),
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
