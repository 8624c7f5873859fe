"""Claims on what containers reach: each other, by the networks that they share, and the world where one lets out.

Everything is asked from the containers' own network namespaces by the host's Python, so an image needs no tool for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.network import listeners
from rehearsal.probes.box import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.claims.view import View

_BOTH_FAMILIES = ("IPAddress", "GlobalIPv6Address")
"""What Docker calls a container's addresses on a network. homeport's have none of the second, and one would count."""
_OUTSIDE = 8099
"""A port of a host of the outside."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Who reached whom.

    Attributes:
        listening: Containers with a port that others could reach.
        reached: Container to those that it reached at a port of theirs.
        out: Container to whether it reached a host of the outside.
    """

    listening: tuple[str, ...]
    reached: Mapping[str, tuple[str, ...]]
    out: Mapping[str, bool]


def matrix(view: View) -> Matrix:
    """Every container against every port that another one listens at, by each address of both families, and outside.

    One in the host's own network is the host, which is on all networks.
    """
    expected = view.expected.services
    containers = {name: container for name, container in view.containers().items() if not expected[name].listens}
    enter = {
        name: ["nsenter", "--target", str(container["State"]["Pid"]), "--net"] for name, container in containers.items()
    }
    addresses: dict[str, list[str]] = {}
    ports: dict[str, list[int]] = {}
    for name, container in containers.items():
        networks = container["NetworkSettings"]["Networks"].values()
        addresses[name] = [network[key] for network in networks for key in _BOTH_FAMILIES if network.get(key)]
        there = listeners(view.run(*enter[name], "ss", "-H", "-l", "-t", "-n"))
        ports[name] = sorted({int(address.rpartition(":")[2]) for address in there})
    whose = {(address, port): name for name in containers for address in addresses[name] for port in ports[name]}
    sink = view.peer.sink(_OUTSIDE)
    outside = (view.peer.address(), _OUTSIDE)
    reached: dict[str, tuple[str, ...]] = {}
    out: dict[str, bool] = {}
    for name in containers:
        targets = [*(target for target, owner in whose.items() if owner != name), outside]
        answers = {
            (address, port)
            for address, port in run([*view.host, *enter[name]], "reach", {"targets": targets})[0]["reached"]
        }
        reached[name] = tuple(sorted({whose[target] for target in answers - {outside}}))
        out[name] = outside in answers
    sink.stop()
    return Matrix(
        listening=tuple(sorted(name for name in containers if ports[name] and addresses[name])),
        reached=reached,
        out=out,
    )


def beside_the_description(view: View, seen: Matrix) -> dict[str, list[str]]:
    """What differs from the description: pairs that reached each other though apart, or did not though together."""
    services = view.expected.services.items()
    networks = {name: set(service.networks) for name, service in services if not service.listens}
    pairs = [(one, other) for one in seen.reached for other in seen.listening if one != other]
    together = {(one, other) for one, other in pairs if networks.get(one, set()) & networks.get(other, set())}
    reached = {(one, other) for one, several in seen.reached.items() for other in several}
    lets_out = {
        name for name, several in networks.items() if any(view.expected.networks[each] == "open" for each in several)
    }
    went_out = {name for name, way in seen.out.items() if way}
    return {
        "reached, though apart": sorted(f"{one} {other}" for one, other in reached - together),
        "not reached, though together": sorted(f"{one} {other}" for one, other in together - reached),
        "reached the outside": sorted(went_out - lets_out),
        "did not reach the outside": sorted(lets_out - went_out),
    }


def _with_a_way(seen: tuple[View, Matrix]) -> tuple[View, Matrix]:
    """A negative control: whoever reaches least has reached all others, and the outside was reached by the wrong ones.

    Where all are on one network and may go out, only the latter is to be seen.
    """
    view, table = seen
    name = min(table.reached, key=lambda each: len(table.reached[each]))
    all_others = tuple(each for each in table.listening if each != name)
    everywhere = {**table.reached, name: all_others}
    return view, Matrix(
        listening=table.listening, reached=everywhere, out={each: not way for each, way in table.out.items()}
    )


NOTHING: dict[str, list[str]] = {
    "reached, though apart": [],
    "not reached, though together": [],
    "reached the outside": [],
    "did not reach the outside": [],
}
CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="reached-by-networks",
        rows=("AT-04", "AT-08", "S5-20", "B-06"),
        says="a container reaches the ports of those that it shares a network with, no others, and out if one lets out",
        observe=lambda view: (view, matrix(view)),
        value=lambda seen: beside_the_description(*seen),
        expected=lambda _: NOTHING,
        spoil=_with_a_way,
    ),
)
