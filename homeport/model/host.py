"""What belongs on a host itself, outside of every container."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class HostFile:
    """A file on a host.

    Attributes:
        path: Absolute path.
        content: A template: ``{name}`` stands for a value that the layer is handed; other braces are left alone.
        mode: Permission bits; at most 0o600 where a value is secret.
        owner: ``user:group``.
    """

    path: str
    content: str
    mode: int = 0o644
    owner: str = "root:root"


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A port of a host that strangers may reach; everything else is closed.

    Attributes:
        purpose: For the rule's comment and the tables: ``SSH``, ``WireGuard``, ``HTTPS``.
        port: The number.
        protocol: ``tcp`` or ``udp``.
        sources: CIDRs that may use it; empty: the whole internet, IPv4 and IPv6.
    """

    purpose: str
    port: int
    protocol: str = "tcp"
    sources: tuple[str, ...] = ()
