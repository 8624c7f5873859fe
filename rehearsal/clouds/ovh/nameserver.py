"""The name servers of the emulated zones: what a refresh has handed to them, over UDP and TCP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from dnslib import CLASS, QTYPE, RCODE, RR
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from rehearsal.clouds.kit.listener import loopback
from rehearsal.clouds.ovh.records import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.clouds.ovh.store import Store

_TTL, _DEPTH = 3600, 8
_HOSTS: Final = ("CNAME", "NS", "DNAME")


class _Zones(BaseResolver):  # type: ignore[misc]  # dnslib has no types
    """Answers from what is served; of names beyond its zones it knows those of its name servers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def resolve(self, request: Any, handler: Any) -> Any:  # noqa: ARG002  # dnslib's interface
        """The answer to one question."""
        reply, name = request.reply(aa=1), str(request.q.qname).rstrip(".").lower()
        found = list(self._answers(name, QTYPE[request.q.qtype], _DEPTH))
        reply.add_answer(*found)
        if not found:
            zone, row = self._zone(name)
            if row is None:
                reply.header.rcode = RCODE.NOERROR if name in self._hosts() else RCODE.REFUSED
                return reply
            reply.add_auth(_record(zone, "SOA", 60, _soa(zone, row)))
            if not any(True for _ in self._rows(name, zone, row)) and name != zone:
                reply.header.rcode = RCODE.NXDOMAIN
        return reply

    def _hosts(self) -> dict[str, str]:
        rows = self._store.all("zones").values()
        return {name.lower(): address for row in rows for name, address in row["nameservers"].items()}

    def _zone(self, name: str) -> tuple[str, Mapping[str, Any] | None]:
        """The zone that a name is in."""
        for zone, row in self._store.all("zones").items():
            if f".{name}".endswith(f".{zone}"):
                return zone, row
        return "", None

    def _answers(self, name: str, kind: str, depth: int) -> Iterator[Any]:
        if kind == "A" and name in self._hosts():
            yield _record(name, "A", _TTL, self._hosts()[name])
            return
        zone, row = self._zone(name)
        if row is None:
            return
        if name == zone and kind == "SOA":
            yield _record(zone, "SOA", _TTL, _soa(zone, row))
        if name == zone and kind == "NS":
            yield from (_record(zone, "NS", _TTL, f"{server}.") for server in sorted(row["nameservers"]))
        for known in self._rows(name, zone, row):
            what = "TXT" if known["fieldType"] in TEXTS else known["fieldType"]
            target = _absolute(known["target"], zone) if what in _HOSTS else known["target"]
            if what in (kind, "CNAME"):
                yield _record(name, what, known["ttl"] or _TTL, target)
            if what == "CNAME" != kind and depth:
                yield from self._answers(target.rstrip(".").lower(), kind, depth - 1)

    @staticmethod
    def _rows(name: str, zone: str, row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The records of a name, or of the asterisk that stands for it."""
        label = name.removesuffix(zone).removesuffix(".")
        own = [known for known in row["served"] if known["subDomain"].lower() == label]
        parent = label.partition(".")[2]
        star = f"*.{parent}" if parent else "*"
        yield from own or ([known for known in row["served"] if known["subDomain"] == star] if label else [])


def _absolute(target: str, zone: str) -> str:
    """A host name without a dot at its end is one below the zone."""
    return target if target.endswith(".") else f"{target}.{zone}."


def _soa(zone: str, row: Mapping[str, Any]) -> str:
    server = next(iter(sorted(row["nameservers"])), f"ns.{zone}")
    return f"{server}. tech.{zone}. {row['serial']} 86400 3600 3600000 60"


def _record(name: str, kind: str, ttl: int, data: str) -> Any:
    return RR.fromZone(f"{name}. {ttl} {CLASS[1]} {kind} {data}")[0]


class NameServer:
    """The server.

    Args:
        store: The zones.
        address: Numeric `host:port`, loopback; port 0 takes a free one.
        machines: Whether rehearsed machines may ask too, see `kit.listener.loopback`.
    """

    def __init__(self, store: Store, address: str = "127.0.0.1:0", *, machines: bool = False) -> None:
        host, port = loopback(address, machines=machines)
        self._servers = _both(_Zones(store), host, port)
        self.port = int(self._servers[0].server_address[1])

    def start(self) -> NameServer:
        """Answers from now on."""
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self) -> None:
        """Answers no more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


def _both(zones: _Zones, host: str, port: int) -> list[Any]:
    """UDP and TCP at one port; where any will do, another if the first is taken for TCP."""
    quiet = DNSLogger("-request,-reply,-truncated,-error")
    udp = DNSServer(zones, address=host, port=port, logger=quiet).server
    try:
        free = int(udp.server_address[1])
        return [udp, DNSServer(zones, address=host, port=free, tcp=True, logger=quiet).server]
    except OSError:
        udp.server_close()
        if port:
            raise
        return _both(zones, host, port)
