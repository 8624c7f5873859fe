"""What two settings of the VPN together may not say."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from homeport.settings.findings import at, called, drop, listed, twins
from homeport.settings.kinds import private_network
from homeport.settings.section import section
from homeport.settings.vpn import DEFAULT_SUBNET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from homeport.model.errors import Problem
    from homeport.settings.friendly import Loc

    Data = dict[str, Any]


def vpn_checks(data: Data) -> Iterator[tuple[Loc, Problem]]:
    """Every contradiction in the VPN's settings, with where it is."""
    private = section(data, "wireguard")
    peers = {name: peer for name, peer in section(private, "peers").items() if isinstance(peer, dict)}
    slots = {name: peer["slot"] for name, peer in peers.items() if isinstance(peer.get("slot"), int)}
    server = private.get("slot", 1)
    server = server if isinstance(server, int) else 0
    free = next(number for number in count(2) if number not in {*slots.values(), server})
    # Who came later, in the settings before the preset's own, moves.
    for name, other in twins(slots):
        yield at(
            ("wireguard", "peers", name, "slot"), f"is the slot of {called('wireguard', 'peers', other)} too", free
        )
    yield from _keys(private, peers)
    try:
        size = private_network(private.get("subnet", DEFAULT_SUBNET)).num_addresses
    except ValueError:
        return
    if "server" in peers:
        yield drop(("wireguard", "peers", "server"), "is what the server itself is called among the keys")
    for name, slot in slots.items():
        if slot >= size - 1:
            yield at(("wireguard", "peers", name, "slot"), "lies beyond wireguard.subnet", min(free, size - 2))
        elif slot == server:
            yield at(("wireguard", "peers", name, "slot"), "is the server's own slot", free)
    if server >= size - 1:
        yield at(("wireguard", "slot"), "lies beyond wireguard.subnet", 1)


def _keys(private: Data, peers: dict[str, Data]) -> Iterator[tuple[Loc, Problem]]:
    """Keys: whose they are, and that nobody has another's."""
    rotating = private.get("rotating")
    rotating = [name for name in rotating if isinstance(name, str)] if isinstance(rotating, list) else []
    own = {name: peer["public_key"] for name, peer in peers.items() if isinstance(peer.get("public_key"), str)}
    coming = section(private, "next_public_keys")
    yield from _rotating(rotating, own, coming, sorted({*peers, "server"}))
    for name in section(private, "versions"):
        if name not in {*peers, "server"}:
            yield drop(("wireguard", "versions", name), _no_peer(peers))
        elif name in own:
            yield drop(("wireguard", "versions", name), "counts keys that are made here; this peer brings its own")
    for name in coming:
        if name not in own:
            what = f"is no peer that brings its own key; those that do: {listed(own)}"
            yield drop(("wireguard", "next_public_keys", name), what)
        elif name not in rotating:
            yield drop(("wireguard", "next_public_keys", name), "is not in wireguard.rotating, so nothing reads it")
    yield from _shared(own, coming)


def _no_peer(peers: Iterable[str]) -> str:
    return f"is no peer; known: {listed({*peers, 'server'})}"


def _rotating(rotating: list[str], own: Data, coming: Data, known: list[str]) -> Iterator[tuple[Loc, Problem]]:
    for index, name in enumerate(rotating):
        where = ("wireguard", "rotating", index)
        if name not in known:
            yield drop(where, _no_peer(known))
        elif name in rotating[:index]:
            yield drop(where, "is named twice")
        elif name in own and name not in coming:
            what = "is needed: this peer brings its own key, so its next one comes from it too"
            yield at(("wireguard", "next_public_keys", name), what, "<the line that wg pubkey prints there>")


def _shared(own: Data, coming: Data) -> Iterator[tuple[Loc, Problem]]:
    held: list[str] = []
    keys: list[tuple[Loc, Any]] = [(("wireguard", "peers", name, "public_key"), text) for name, text in own.items()]
    keys += [(("wireguard", "next_public_keys", name), text) for name, text in coming.items()]
    for loc, text in keys:
        if isinstance(text, str) and text in held:
            yield at(loc, "is another key's twin: who holds one holds both", "<the line that wg pubkey prints there>")
        held.append(text)
