"""The system jett: how the claims come to see it, and all of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rehearsal.claims import jett_containers, jett_doors, jett_edge, jett_faults, jett_host, jett_secrets
from rehearsal.claims.view import View
from rehearsal.probes.box import inside
from rehearsal.probes.errors import ProbeError
from rehearsal.probes.peer import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.claims.claim import Claim

CLAIMS: tuple[Claim[View, Any], ...] = (
    *jett_doors.CLAIMS, *jett_containers.CLAIMS, *jett_host.CLAIMS, *jett_edge.CLAIMS, *jett_secrets.CLAIMS, *jett_faults.CLAIMS
)  # fmt: skip
PEER, ADDRESS, PEER_ADDRESS = "local", "10.0.0.2", "10.0.0.1"
"""The local machine's name, and the addresses in the VPN that S2-08 and S2-10 name."""
SEVEN = (
    "bound-to-wg-ip", "nothing-on-public-ip", "socket-read-only", "non-root", "caps-dropped", "ufw-only-ssh-and-wg", "zero-trust-on",
)  # fmt: skip
"""The security checklist of S2-55, in its order."""
_VPN_TCP = (22, 5432, 5678, 6333, 9000)


@contextmanager
def seen(world: Mapping[str, Any], outputs: Mapping[str, Any]) -> Iterator[View]:
    """The rehearsed system, with the local machine as a container in its VPN.

    Args:
        world: What `python -m rehearsal.world up` printed.
        outputs: The stack's outputs, secret ones in plain: `client_configs`, `service_tokens`, `credentials`.

    Raises:
        ProbeError: something is missing, or the tunnel does not come up.
    """
    network, cloudflare = world["network"]["name"], world["cloudflare"]
    clouds = {
        "hcloud": (world["hcloud"]["endpoint"], {"Authorization": f"Bearer {world['hcloud']['token']}"}),
        "cloudflare": (cloudflare["api"], {"Authorization": f"Bearer {cloudflare['token']}"}),
    }
    with Peer(network) as peer:
        config = _output(outputs, "client_configs", PEER)
        token = _output(outputs, "service_tokens", "n8n")
        view = View(
            host=[], network=network, addresses=(), vpn_address=ADDRESS, peer=peer, peer_address=PEER_ADDRESS,
            hostnames={name: f"{name}.{world['domain']}" for name in ("n8n", "jett")},
            edge=cloudflare["edge"], clouds=clouds, ids=cloudflare["ids"], tcp=(22,), udp=(51820,), vpn_tcp=_VPN_TCP, peer_config=config,
            token={"CF-Access-Client-Id": token["client_id"], "CF-Access-Client-Secret": token["client_secret"]},
            secrets=outputs.get("credentials") or {},
        )  # fmt: skip
        server = _server(view)
        view.host = inside(f"homeport-{world['id']}-{server['id']}")
        public = server["public_net"]
        addresses = [
            public["ipv4"] and public["ipv4"]["ip"],
            public["ipv6"] and public["ipv6"]["ip"].replace("::/64", "::1"),
        ]
        view.addresses = tuple(filter(None, addresses))
        peer.up(config)
        yield view


def _output(outputs: Mapping[str, Any], name: str, key: str) -> Any:
    found = outputs.get(name) or {}
    if key not in found:
        raise ProbeError(
            f"stack output {name}", f"has no {key}; it has: {', '.join(sorted(found)) or 'nothing'}", "make rehearse"
        )
    return found[key]


def _server(view: View) -> Any:
    servers = view.cloud("hcloud", "/servers")["servers"]
    if len(servers) != 1:
        raise ProbeError("emulated Hetzner", f"has {len(servers)} servers, jett has one", "make rehearse")
    return servers[0]
