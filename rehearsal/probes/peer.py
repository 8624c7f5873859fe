"""A WireGuard client in a container of its own, set up by nothing but the text of a wg-quick configuration."""

from __future__ import annotations

import re
import secrets
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from rehearsal.probes.box import IMAGE, Box, Running, docker, run, start
from rehearsal.probes.errors import ProbeError

INTERFACE = "wg0"
_FOLDER = "/etc/wireguard"
_FLAGS = (
    "--cap-add",
    "NET_BIND_SERVICE",
    "--cap-add",
    "DAC_OVERRIDE",
    "--device",
    "/dev/net/tun",
    "--tmpfs",
    "/run",
    "--tmpfs",
    f"{_FOLDER}:mode=0700",
    "--sysctl",
    "net.ipv4.conf.all.src_valid_mark=1",
    "--sysctl",
    "net.ipv6.conf.all.disable_ipv6=0",
    "--env",
    "WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go",
)


@dataclass(frozen=True, kw_only=True)
class Link:
    """What WireGuard says of its one peer.

    Attributes:
        handshake_age: Seconds since the last handshake, None when there was none.
        received: Bytes that came out of the tunnel's other end.
        sent: Bytes that went in.
    """

    handshake_age: float | None
    received: int
    sent: int


class Peer(Box):
    """The client. Inside a `with` its container runs; the tunnel is up between `up` and `down`.

    The configuration goes to a file system in memory by standard input, and is in no argument and no environment.
    """

    def __init__(self, network: str, image: str = IMAGE) -> None:
        super().__init__(network, image, _FLAGS, f"homeport-peer-{secrets.token_hex(4)}")

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def _shell(self, script: str, stdin: str = "") -> str:
        return docker("exec", "--interactive", self.name, "sh", "-eu", "-c", script, stdin=stdin.encode())

    def up(self, config: str, interface: str = INTERFACE) -> None:
        """Brings a tunnel up as a user would: the text as /etc/wireguard/wg0.conf, and `wg-quick up wg0`.

        Raises:
            ProbeError: wg-quick refused it.
        """
        self._write(config, interface)
        self._shell(f"wg-quick up {interface} >/run/wg-quick.log 2>&1 || {{ cat /run/wg-quick.log >&2; exit 1; }}")

    def switch(self, config: str, interface: str = INTERFACE) -> None:
        """Takes over other keys and peers while the tunnel is up, as `wg syncconf` does; addresses and routes stay."""
        self._write(config, interface)
        self._shell(
            f"umask 077; wg-quick strip {interface} >/run/strip; wg syncconf {interface} /run/strip; rm /run/strip"
        )

    def _write(self, config: str, interface: str) -> None:
        self._shell(f"umask 077; cat >{_FOLDER}/{interface}.conf", config)

    def lead(self, address: str, interface: str) -> None:
        """Sends what goes to an address by this tunnel from now on, so that another can be taken down without loss."""
        ours = self._shell(f"ip -4 -o address show dev {interface}").split()[3].split("/")[0]
        self._shell(f"ip route replace {address}/32 dev {interface} src {ours}")

    def down(self, interface: str = INTERFACE) -> None:
        """Takes a tunnel down and forgets its configuration."""
        with suppress(ProbeError):
            self._shell(f"wg-quick down {interface} 2>&1")
        self._shell(f"rm -f {_FOLDER}/{interface}.conf")

    def link(self, interface: str = INTERFACE) -> Link:
        """How the tunnel is.

        Raises:
            ProbeError: It is not up, or has not exactly one peer.
        """
        lines = self._shell(f"wg show {interface} dump").splitlines()[1:]
        if len(lines) != 1:
            raise ProbeError(self.name, f"the tunnel has {len(lines)} peers; a client has one")
        last, received, sent = (int(field) for field in lines[0].split("\t")[4:7])
        age = max(0.0, time.time() - last) if last else None
        return Link(handshake_age=age, received=received, sent=sent)

    def until_handshake(self, seconds: float = 120, interface: str = INTERFACE) -> float:
        """Waits for the first handshake; how long it took.

        Raises:
            ProbeError: There was none in that time.
        """
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.link(interface).handshake_age is not None:
                return time.monotonic() - began
            time.sleep(0.1)
        raise ProbeError(self.name, f"no handshake in {seconds} s")

    def knock(self, address: str, port: int = 9) -> None:
        """Sends one datagram into the tunnel, which makes WireGuard try a handshake even without a keepalive."""
        run(self.prefix, "udp", {"address": address, "ports": [port], "tries": 1, "patience": 0.1})

    def fetch(self, url: str, **about: Any) -> dict[str, Any]:
        """One HTTP request from here: `status`, `headers` and `body`, or status 0 and `error`.

        See `inside/fetch.py`.
        """
        return run(self.prefix, "fetch", {"url": url, **about})[0]

    def probes(self, address: str, port: int, *, kind: str = "tcp", rate: float = 10, patience: float = 0.9) -> Running:
        """Starts probing; `stop()[-1]` has `sent`, `answered` and `lost`. See `inside/loss.py`."""
        about = {"address": address, "port": port, "kind": kind, "rate": rate, "patience": patience}
        running = start(self.prefix, "loss", about)
        running.wait_for(0)
        return running

    def sink(self, port: int, *, address: str = "", answers: list[dict[str, Any]] | None = None) -> Running:
        """Starts a server that tells of every request: its `answers[1:]`. See `inside/sink.py`."""
        running = start(self.prefix, "sink", {"address": address, "port": port, "answers": answers})
        running.wait_for(0)
        return running


def with_strange_key(config: str) -> str:
    """The configuration with a private key that the other side has never heard of; everything else is right.

    Raises:
        ProbeError: It has no private key.
    """
    changed, number = re.subn(r"(?m)^(\s*PrivateKey\s*=\s*).*$", rf"\g<1>{new_key()}", config)
    if number != 1:
        raise ProbeError("WireGuard configuration", f"has {number} lines with a PrivateKey, one is needed")
    return changed


def new_key() -> str:
    """A private key, clamped as Curve25519 asks."""
    raw = bytearray(secrets.token_bytes(32))
    raw[0] &= 248
    raw[31] = (raw[31] & 127) | 64
    return b64encode(raw).decode()
