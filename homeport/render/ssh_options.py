"""ssh's options for a host whose key is known beforehand."""

from __future__ import annotations


def pinned(address: str, port: int, key: str) -> tuple[str, ...]:
    """Options of ssh under which only a host with this public key is spoken to; no file has to be written for it.

    A host that falls silent is given up within 40 seconds at any point: ConnectTimeout ends with the banner, the rest
    of a login and all that follows are under ServerAlive* only (measured on OpenSSH 9.2: without them a login hung for
    as long as it was watched).

    Source: ssh_config(5), KnownHostsCommand (OpenSSH 8.5).
    """
    name = address if port == 22 else f"[{address}]:{port}"  # noqa: PLR2004  # SSH's own port
    return (
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=none",
        "GlobalKnownHostsFile=none",
        f"KnownHostsCommand=/bin/echo {name} {key}",
        "BatchMode=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
    )
