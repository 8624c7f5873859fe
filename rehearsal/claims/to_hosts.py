"""Claims on what containers reach of hosts: of their own at each of its addresses, of others at theirs in the mesh.

The description says who calls members of the mesh, by which network and at which ports (`calls`), which of the host's
own programs take connections of containers (`bridged`), and what is published. Nothing else of a host answers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.mesh import BESIDES
from rehearsal.probes.box import run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rehearsal.claims.view import View

Target = tuple[str, int]
_AT_ONCE = 6
"""Containers that are asked from beside each other."""
_PATIENCE, _MORE_PATIENCE = 2.5, 10.0
"""Seconds in which an answer comes: a second SYN is among them. Of what must answer and did not it is asked once more,
for longer: on a busy machine it comes late."""
OPEN, REFUSED, SILENT, EITHER = "open", "refused", "no answer", "either"
_SAID = {OPEN: "reached", REFUSED: "refused"}
"""What answered to how the probe says it."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What containers were answered at hosts' addresses.

    Attributes:
        networks: Container to its networks, each with its address and the network's length.
        targets: Addresses of hosts and ports, all of which every container asked.
        answers: Container to what answered: `open`, or `refused`, which is an answer too. At another host's address it
            may be that of the world outside, which refuses what leaves by another way than the mesh.
    """

    networks: Mapping[str, Mapping[str, str]]
    targets: tuple[Target, ...]
    answers: Mapping[str, Mapping[Target, str]]


def answers(view: View) -> Answers:
    """Every container against every address of its host, and of the other hosts those in the mesh."""
    services = view.expected.services
    containers = {name: each for name, each in view.containers().items() if not services[name].listens}
    # Not a device that the claims play: what is declared for a host of its kind reaches it too, and nobody is there.
    others = [view.mesh[name] for name in view.systems if name in view.mesh and name != view.name]
    ports = _ports(view)
    seen = Answers(
        networks={name: _networks(container) for name, container in containers.items()},
        targets=tuple((address, port) for address in sorted({*_own(view), *others}) for port in ports),
        answers={},
    )
    pids = {name: container["State"]["Pid"] for name, container in containers.items()}
    seen = replace(seen, answers=_ask(view, pids, dict.fromkeys(pids, seen.targets), _PATIENCE))
    late = {
        name: missing
        for name, got in seen.answers.items()
        if (missing := [to for to in seen.targets if should(view, seen, name, to) == OPEN and got.get(to) != OPEN])
    }
    again = _ask(view, pids, late, _MORE_PATIENCE)
    return replace(seen, answers={name: {**got, **again.get(name, {})} for name, got in seen.answers.items()})


def should(view: View, seen: Answers, name: str, target: Target) -> str:
    """What a container is to be answered by the description."""
    address, port = target
    network = _comes_by(view, seen, name, address)
    if not network:
        # By Docker's version a container that has internal networks alone has a way to its host's other addresses.
        own = ":" not in address and not _member(view, address)
        let_in = own and any(_lets_in(view, seen, name, each, port) for each in seen.networks[name])
        return EITHER if let_in else SILENT
    for other, at in view.mesh.items():
        if at == address and other != view.name:
            return OPEN if port in view.expected.calls.get(network, {}).get(other, ()) else SILENT
    if _lets_in(view, seen, name, network, port):
        return OPEN
    # Where Docker leads by the host's port, a neighbour comes by the container's own as well.
    return EITHER if _publishing(view, address, port) & _neighbours(view, name) else SILENT


def _lets_in(view: View, seen: Answers, name: str, network: str, port: int) -> bool:
    """Whether the host's own program at a port takes connections of the container by this network."""
    sources = view.expected.bridged.get(str(port))
    own = ip_interface(seen.networks[name][network]).ip
    return sources is not None and (not sources or any(own in ip_network(source) for source in sources))


def beside_the_description(view: View, seen: Answers) -> list[str]:
    """Each answer that differs from the description: who asked whom at which port, what was to come and what came."""
    return [
        f"{name} to {_whose(view, to)} port {to[1]}: expected {expected}, measured {measured}"
        for name, got in sorted(seen.answers.items())
        for to in seen.targets
        for expected, measured in [(should(view, seen, name, to), got.get(to, SILENT))]
        if expected not in {measured, EITHER}
    ]


def _whose(view: View, to: Target) -> str:
    member = _member(view, to[0])
    return f"host {member} in the mesh, {to[0]}," if member else f"its own host, {to[0]},"


def _member(view: View, address: str) -> str:
    """The other host whose address in the mesh this is; empty: it is one of the container's own host."""
    return next((name for name, at in view.mesh.items() if at == address and name != view.name), "")


def _comes_by(view: View, seen: Answers, name: str, address: str) -> str:
    """The network by which a container comes to an address; empty: by none.

    One that the address is on; else, by IPv4, the first by name of those that have a way out: Docker's default route.
    """
    networks = seen.networks[name]
    for network, own in networks.items():
        if ip_address(address) in ip_interface(own).network:
            return network
    ways = [network for network in networks if view.expected.networks.get(network) != "internal"]
    return "" if ":" in address else min(ways, default="")


def _publishing(view: View, address: str, port: int) -> set[str]:
    """The services that publish a port at an address of the host."""
    publishing = {
        name for name, each in view.expected.services.items() if each.port == port and address == view.vpn_address
    }
    places = {(at, str(port)) for at in ("0.0.0.0", address)}  # noqa: S104  # compared, not bound
    for name, service in view.expected.services.items():
        for binding in service.published:
            at, _, number = binding.partition("->")[0].rpartition(":")
            if binding.endswith("/tcp") and (at, number) in places:
                publishing.add(name)
    return publishing


def _neighbours(view: View, name: str) -> set[str]:
    """A service, and those that share a network with it."""
    networks = {*view.expected.services[name].networks}
    return {other for other, service in view.expected.services.items() if networks & {*service.networks}}


def _networks(container: Mapping[str, Any]) -> dict[str, str]:
    several = container["NetworkSettings"]["Networks"].items()
    return {name: f"{about['IPAddress']}/{about['IPPrefixLen']}" for name, about in several if about.get("IPAddress")}


def _own(view: View) -> set[str]:
    """All addresses of the host, of both families: the public ones, the mesh's and VPN's, and the bridges' gateways."""
    lines = view.run("ip", "-o", "address", "show", "up", "scope", "global").splitlines()
    return {*view.addresses, *(line.split()[3].partition("/")[0] for line in lines)}


def _ports(view: View) -> list[int]:
    """What is usual, what is declared, and wherever anything listens on a host, for the loopback address too."""
    expected = view.expected
    published = [
        binding.partition("->")[0].rpartition(":")[2]
        for each in expected.services.values()
        for binding in each.published
    ]
    called = [port for hosts in expected.calls.values() for ports in hosts.values() for port in ports]
    declared = {*expected.tcp, *expected.members_tcp, *expected.all_vpn_tcp(), *called, *map(int, expected.bridged)}
    hosts = [view, *(replace(view, host=command) for command, _ in view.machines.values() if command != view.host)]
    listening = {port for host in hosts for port in _listening(host.run("ss", "-H", "-l", "-t", "-n"))}
    return sorted({*BESIDES, *map(int, published), *declared, *listening})


def _listening(text: str) -> set[int]:
    return {int(line.split()[3].rpartition(":")[2]) for line in text.splitlines() if line.split()}


def _ask(
    view: View, pids: Mapping[str, int], targets: Mapping[str, Collection[Target]], patience: float
) -> dict[str, dict[Target, str]]:
    """What answers in each container's network namespace."""

    def asked(name: str) -> dict[Target, str]:
        enter = [*view.host, "nsenter", "--target", str(pids[name]), "--net"]
        told = run(enter, "reach", {"targets": list(targets[name]), "patience": patience})[0]
        return {(at, port): kind for kind, said in _SAID.items() for at, port in told[said]}

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(targets, pool.map(asked, targets), strict=True))


def _with_a_way(seen: tuple[View, Answers]) -> tuple[View, Answers]:
    """A negative control: a container was answered by a port of a host that is to be silent."""
    view, table = seen
    name = min(table.answers)
    silent = next(to for to in table.targets if should(view, table, name, to) == SILENT)
    return view, replace(table, answers={**table.answers, name: {**table.answers[name], silent: OPEN}})


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="hosts-answer-containers-as-declared",
        rows=("B-06", "B-07"),
        says="at all addresses of its host, and of others in the mesh, a container reaches declared ports alone",
        observe=lambda view: (view, answers(view)),
        value=lambda seen: beside_the_description(*seen),
        expected=lambda _: [],
        spoil=_with_a_way,
    ),
)
