"""A cloud firewall as nftables text: pure, atomic to load, one table per world.

The table stands outside of the machines, in the network of this machine's daemon: the kernel hands bridged packets to
it as well (br_netfilter), so it sees what other machines send, what this machine sends, and what a machine sends. It
only ever drops, so it agrees with whatever rules Docker has.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Final

Row = dict[str, Any]
# Without these no machine on the network finds another by IPv6; a cloud's own router answers them.
_NEIGHBOURS: Final = (
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } return"
)


@dataclass(frozen=True, kw_only=True)
class Port:
    """Where a machine is plugged in.

    Attributes:
        server: Id of the server.
        addresses: Its addresses and networks, IPv4 and IPv6.
    """

    server: int
    addresses: tuple[str, ...]


def table(world: str) -> str:
    """Name of the world's table."""
    return f"homeport_{world}"


def base(world: str, networks: tuple[str, ...]) -> str:
    """The table before there is any machine: nothing leaves the network, everything in it may pass."""
    kept = "\n".join(
        f"    {family(net)} saddr {net} {family(net)} daddr != {net} reject\n"
        f"    {family(net)} daddr {net} {family(net)} saddr != {net} reject"
        for net in networks
    )
    # A neighbour is asked for at a multicast address, which is in no network.
    kept = f"    {_NEIGHBOURS}\n{kept}"
    hooks = "\n".join(
        f"  chain {hook} {{\n    type filter hook {hook} priority -5; policy accept;\n"
        f"{kept if hook == 'forward' else ''}\n    jump machines\n  }}"
        for hook in ("input", "forward", "output")
    )
    maps = "\n".join(
        f"  map {side}{version} {{ type {kind} : verdict; flags interval; }}"
        for side in ("fault", "from", "to")
        for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr"))
    )
    order = (("saddr", "fault"), ("daddr", "fault"), ("saddr", "from"), ("daddr", "to"))
    jumps = "\n    ".join(f"{ip} {end} vmap @{side}{v}" for end, side in order for ip, v in (("ip", 4), ("ip6", 6)))
    return f"table inet {table(world)} {{\n{maps}\n  chain machines {{\n    {jumps}\n  }}\n{hooks}\n}}\n"


def filtered(world: str, port: Port, rules: list[Row] | None) -> str:
    """The commands that make a machine's traffic obey these rules, all at once; None filters nothing.

    As at Hetzner: what is not allowed inwards is dropped as soon as there is a firewall; outwards everything may pass
    unless there is a rule for that direction (https://docs.hetzner.com/cloud/firewalls/overview).
    """
    name = table(world)
    lines = []
    for side, direction in (("from", "out"), ("to", "in")):
        chain = f"{side}_{port.server}"
        lines += [f"add chain inet {name} {chain}", f"flush chain inet {name} {chain}"]
        lines += [f"add rule inet {name} {chain} {rule}" for rule in _chain(direction, rules)]
        lines += _elements(name, side, port, chain)
    return "\n".join(lines) + "\n"


def faulty(world: str, port: Port, fault: str) -> str:
    """Commands that disturb all traffic of a machine by an nftables statement such as `drop`.

    An empty one ends that.
    """
    name, chain = table(world), f"fault_{port.server}"
    lines = [f"add chain inet {name} {chain}", f"flush chain inet {name} {chain}"]
    lines += [f"add rule inet {name} {chain} {fault}"] if fault else []
    return "\n".join([*lines, *_elements(name, "fault", port, chain)]) + "\n"


def removed(world: str, port: Port) -> str:
    """The commands that forget a machine; made so that they work when it is not known, too."""
    name = table(world)
    lines = [filtered(world, port, None).rstrip(), faulty(world, port, "").rstrip()]
    for side in ("fault", "from", "to"):
        known = _elements(name, side, port, f"{side}_{port.server}")
        lines += [line.replace("add element", "delete element", 1) for line in known]
        lines += [f"flush chain inet {name} {side}_{port.server}", f"delete chain inet {name} {side}_{port.server}"]
    return "\n".join(lines) + "\n"


def family(network: str) -> str:
    """`ip` or `ip6`."""
    return "ip" if ipaddress.ip_network(network, strict=False).version == 4 else "ip6"  # noqa: PLR2004


def _elements(name: str, side: str, port: Port, chain: str) -> list[str]:
    versions = {"ip": 4, "ip6": 6}
    return [
        f"add element inet {name} {side}{versions[family(address)]} {{ {address} : jump {chain} }}"
        for address in port.addresses
    ]


def _chain(direction: str, rules: list[Row] | None) -> list[str]:
    if rules is None:
        return []
    wanted = [rule for rule in rules if rule["direction"] == direction]
    if direction == "out" and not wanted:
        return []
    allowed = [line for rule in wanted for line in _rule(rule)]
    return ["ct state established,related return", _NEIGHBOURS, *allowed, "drop"]


def _rule(rule: Row) -> list[str]:
    """One line per network that the rule names."""
    side, key = ("saddr", "source_ips") if rule["direction"] == "in" else ("daddr", "destination_ips")
    lines = []
    for network in rule[key]:
        version = family(network)
        protocol = rule["protocol"]
        if protocol in ("tcp", "udp"):
            what = f"{protocol} dport {'1-65535' if rule['port'] == 'any' else rule['port']}"
        else:
            what = f"meta l4proto {'ipv6-icmp' if (protocol, version) == ('icmp', 'ip6') else protocol}"
        far = (
            f"meta nfproto {'ipv4' if version == 'ip' else 'ipv6'}"
            if network.endswith("/0")
            else f"{version} {side} {network}"
        )
        lines.append(f"{far} {what} return")
    return lines
