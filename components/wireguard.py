"""WireGuard: the server's and the members' keys, wg0 on the host, and a configuration for each member."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from components.random_secret import random_secret
from homeport.model import fixes, template
from homeport.model.errors import Problem
from homeport.render import wireguard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.vpn import Peer, Vpn

SERVER = "server"
"""The server's name among versions; no peer's settings clash with it, for keys of peers are called after ``peer-``."""
GUARD = 120
OWN_KEY = "<the private key of this device>"


@dataclass(frozen=True, kw_only=True)
class WireGuardArgs:
    """The network, and where its server is.

    Attributes:
        host: The server.
        vpn: Network and members.
        endpoint: The server's public address, as members call it.
        versions: Counter of a key, by peer's name or ``server``; 1 where none is given. Each counter is a key of its
            own.
        rotating: Peers whose next key (counter + 1) is taken too. To change a key without losing a packet's worth of
            service:
            1. name the peer here, ``up``: its new configuration is in ``client_configs``, the old one still works;
            2. load it on the device, at any time: with the first handshake the host hands the address over to the new
               key;
            3. raise the peer's counter, leave it out here, ``up``: the key is the same, the old one is forgotten. With
               ``server`` here, members' configurations already name its next key; raise its counter when all have them.
        next_public_keys: Of rotating peers that bring their own key: the next one.
        guard: Seconds of the revert timer.
        after: Resources that must be there first: the packages.
    """

    host: Host
    vpn: Vpn
    endpoint: pulumi.Input[str]
    versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    rotating: tuple[str, ...] = ()
    next_public_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    guard: int = GUARD
    after: tuple[pulumi.Resource, ...] = ()


class WireGuard(pulumi.ComponentResource):
    """The VPN's server, and its members' configurations.

    Attributes:
        client_configs: Member's name to a whole text for ``wg-quick``, secret. For a member that brings its own key, a
            placeholder stands where the private key belongs.
        public_key: The server's.
        ready: To depend on: wg0 is up and has its address.
    """

    client_configs: dict[str, pulumi.Output[str]]
    public_key: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(self, name: str, args: WireGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:wireguard:WireGuard", name, None, opts)
        self._name, self._args = name, args
        private = self._private(SERVER)
        self.public_key = _public(private)
        values: dict[str, pulumi.Input[str]] = {"private-key": private, "public-key": self.public_key}
        # Members are told the next key before the server changes to it.
        announced = _public(self._private(SERVER, 1)) if SERVER in args.rotating else self.public_key
        self._servers = pulumi.Output.all(self.public_key, announced)
        self.client_configs = {}
        for peer in sorted(args.vpn.peers, key=lambda peer: peer.slot):
            steps = (0, 1) if peer.name in args.rotating else (0,)
            for step in steps:
                prefix = "next-" if step else ""
                key, public = self._pair(peer, step)
                shared = self._shared(peer, step)
                values |= {f"{prefix}public:{peer.name}": public, f"{prefix}psk:{peer.name}": shared}
            self.client_configs[peer.name] = self._config(peer, key, announced, shared)
        files = HostFiles(
            f"{name}-wg0",
            HostFilesArgs(
                host=args.host,
                files=wireguard.files(args.vpn, tuple(sorted(set(args.rotating) - {SERVER}))),
                values=values,
                apply=wireguard.apply(args.vpn),
                units=(wireguard.UNIT,),
                remove=wireguard.remove(),
                guard=args.guard,
                after=args.after,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.ready = files.ready
        self.register_outputs({"publicKey": self.public_key})

    def _bytes(self, part: str, owner: str, step: int) -> pulumi.Output[str]:
        """A key of its own for every version, so that two can be there at once."""
        version = self._args.versions.get(owner, 1) + step
        here = pulumi.ResourceOptions(parent=self)
        return random_secret(f"{self._name}-{part}-{version}", here)

    def _private(self, owner: str, step: int = 0) -> pulumi.Output[str]:
        part = SERVER if owner == SERVER else f"peer-{owner}"
        return self._bytes(part, owner, step).apply(wireguard.clamp)

    def _shared(self, peer: Peer, step: int) -> pulumi.Output[str]:
        return self._bytes(f"psk-{peer.name}", peer.name, step)

    def _pair(self, peer: Peer, step: int) -> tuple[pulumi.Input[str], pulumi.Input[str]]:
        """Private and public key; a device that has its own never shows the private one."""
        if peer.public_key is not None:
            where = f"next_public_keys.{peer.name}" if step else f"peers.{peer.name}.public_key"
            own = self._args.next_public_keys[peer.name] if step else peer.public_key
            return OWN_KEY, self._servers.apply(lambda servers: _not_the_servers(where, own, servers))
        private = self._private(peer.name, step)
        return private, _public(private)

    def _config(
        self, peer: Peer, key: pulumi.Input[str], server: pulumi.Input[str], shared: pulumi.Input[str]
    ) -> pulumi.Output[str]:
        vpn = self._args.vpn
        parts = pulumi.Output.all(key=key, server=server, psk=shared, endpoint=self._args.endpoint)

        def filled(values: dict[str, str]) -> str:
            address = values["endpoint"]
            text = wireguard.client(vpn, peer)
            if values["key"] == OWN_KEY:
                # For a person to put a key there: no value yet.
                text = text.replace("{private-key}", OWN_KEY)
            known = {"private-key": values["key"], "server": values["server"], "psk": values["psk"]}
            return template.fill(
                text,
                known | {"endpoint": f"[{address}]" if ":" in address else address},
                template.SETTING,
            )

        return pulumi.Output.secret(parts.apply(filled))


def _not_the_servers(where: str, own: str, servers: list[str]) -> str:
    """A device's own key. The server's, which its configuration names too, is known from the second preview on.

    WireGuard passes over a peer that has its own key, without a word.

    Raises:
        pulumi.RunError: It is the server's.
    """
    if own in servers:
        path, fix = f"{fixes.SETTINGS}.wireguard.{where}", "<the line that wg pubkey prints there>"
        what = "is the server's key: with it the device would never come in"
        raise pulumi.RunError(str(Problem(path, what, fixes.put(path, fix))))
    return own


def _public(private: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.unsecret(private.apply(public_key))


def public_key(private: str) -> str:
    """The public key that belongs to a private one, both in base64.

    Raises:
        ValueError: It is not 32 bytes in base64.
    """
    import base64  # noqa: PLC0415  # with the next one: only stacks with a VPN pay for it

    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415

    key = X25519PrivateKey.from_private_bytes(base64.b64decode(wireguard.clamp(private)))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
