"""A device in a stack's mesh, made of nothing but what a host of it has: a second member where the host is alone.

It joins by a key of the control server's own, under the tags of that host, so rules let it do what they let a second
host of those roles do.
"""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rehearsal.probes.box import Box, docker
from rehearsal.probes.errors import ProbeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "a device"
"""What a host is called that is none: no host's name has a blank."""
_HOSTNAME = "claims-device"
_PROGRAMS = "/usr/local/lib/homeport/tailscale"
_AUTHORITY = "/etc/homeport/mesh/authority.pem"
_SOCKET = "/run/tailscaled.sock"
_UP = f"cat >/run/key; tailscale --socket={_SOCKET} up --auth-key=file:/run/key --hostname={_HOSTNAME}"
# The box has its own firewall and resolver, and nobody asks it for anything.
_FLAGS = "--accept-dns=false --netfilter-mode=off --timeout=120s"
_SECONDS = 60


@contextmanager
def joined(
    network: str, member: str, host: list[str], address: str, control: Callable[[str], list[str]]
) -> Iterator[tuple[Box, str]]:
    """The device, and its address in the mesh; the control server forgets it at the end.

    Args:
        network: The Docker network of the outside.
        member: The one host, as the mesh calls it.
        host: Command that leads into it, as root.
        address: Its public address.
        control: The command that is `headscale`, by the control server's name on the internet.

    Raises:
        ProbeError: It does not come in.
    """
    url = json.loads(_said([*host, "tailscale", "debug", "prefs"]))["ControlURL"]
    name = urlsplit(url).hostname or ""
    headscale = control(name)
    node = next(node for node in _nodes(headscale) if node["given_name"] == member)
    words = ("--user", str(node["user"]["id"]), "--tags", ",".join(node["forced_tags"]), "--expiration", "10m")
    # The last word: with JSON logs, the command's own stand before it.
    key = _said([*headscale, "preauthkeys", "create", *words]).split()[-1]
    flags = ("--device", "/dev/net/tun", "--add-host", f"{name}:{address}", "--env", f"SSL_CERT_FILE={_AUTHORITY}")
    with Box(network, flags=(*flags, "--env", "TS_NO_LOGS_NO_SUPPORT=true")) as box:
        _copied(host, box, f"{_PROGRAMS}/tailscale", f"{_PROGRAMS}/tailscaled", _AUTHORITY)
        docker("exec", box.name, "ln", "-s", f"{_PROGRAMS}/tailscale", "/usr/local/bin/")
        docker("exec", "--detach", box.name, f"{_PROGRAMS}/tailscaled", "--state=mem:", f"--socket={_SOCKET}")
        _until(lambda: docker("exec", box.name, "test", "-S", _SOCKET), "the device's client does not run")
        up = f"{_UP} --login-server={url} {_FLAGS}"
        docker("exec", "--interactive", box.name, "sh", "-c", up, stdin=key.encode(), timeout=180)
        try:
            yield box, docker("exec", box.name, "tailscale", f"--socket={_SOCKET}", "ip", "-4").strip()
        finally:
            for other in _nodes(headscale):
                if other["name"] == _HOSTNAME:
                    _said([*headscale, "nodes", "delete", "--identifier", str(other["id"]), "--force"])


def _nodes(headscale: list[str]) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = json.loads(_said([*headscale, "nodes", "list", "-o", "json"]))
    return nodes


def _copied(host: list[str], box: Box, *files: str) -> None:
    """Files of the host, at the same places in the box."""
    pack = [*host, "tar", "-chPf", "-", *files]
    packed = subprocess.run(pack, capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    if packed.returncode:
        raise ProbeError("`tar` on the host", packed.stderr.decode(errors="replace").strip())
    unpack = ("tar", "-xPf", "-", "--no-same-owner")
    docker("exec", "--interactive", box.name, *unpack, stdin=packed.stdout)


def _said(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ProbeError("the mesh", (done.stderr or done.stdout).decode(errors="replace").strip())
    return done.stdout.decode(errors="replace")


def _until(check: Callable[[], object], why: str) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        with suppress(ProbeError):
            check()
            return
        time.sleep(0.2)
    raise ProbeError(NAME, why)
