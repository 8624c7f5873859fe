"""The rules of a Hetzner Cloud firewall: the openings of a host, and nothing else.

Keys are those of `hcloud_firewall`'s ``rules``. With a firewall attached, what no rule allows inwards is dropped and
everything may go out (https://docs.hetzner.com/cloud/firewalls/overview). It does not filter private networks: the
host's own firewall must hold alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.model.host import Opening

EVERYWHERE = ("0.0.0.0/0", "::/0")


def hcloud_rules(openings: tuple[Opening, ...]) -> list[dict[str, Any]]:
    """One rule an opening, by protocol and port, and ICMP: without it path MTU discovery fails and large answers hang.

    The order is fixed and addresses are sorted, so that settings in another order are no change.
    """
    rules = [
        {
            "description": opening.purpose,
            "direction": "in",
            "protocol": opening.protocol,
            "port": str(opening.port),
            "source_ips": sorted(opening.sources) or list(EVERYWHERE),
        }
        for opening in sorted(set(openings), key=lambda opening: (opening.protocol, opening.port, opening.purpose))
    ]
    return [*rules, {"description": "ICMP", "direction": "in", "protocol": "icmp", "source_ips": list(EVERYWHERE)}]
