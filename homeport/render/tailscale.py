"""The mesh's client on a host: its unit, and what installs it.

The programs come out of an image, which is pinned like every other: no package repository of a third party is trusted
with root. Unit: tailscale 1.84, cmd/tailscaled/tailscaled.service, with what systemd.exec(5) can take away from a
program that routes packets.
"""

from __future__ import annotations

from homeport.model.host import HostFile
from homeport.model.template import LINE
from homeport.render import host_text

UNIT = "/etc/systemd/system/tailscaled.service"
IMAGE = "/etc/homeport/mesh/image"
AUTHORITY = "/etc/homeport/mesh/authority.pem"
PROGRAMS = "/usr/local/lib/homeport/tailscale"
CLIENT = "/usr/local/bin/tailscale"
SERVICE = "tailscaled.service"


def files(port: int, authority: str) -> tuple[HostFile, ...]:
    """The client's files; ``{mesh-image}`` in them is the image that holds its programs.

    Args:
        port: UDP port that it talks to other members on.
        authority: Certificates (PEM) to trust instead of the system's, where the control server has its own; empty: the
            system's.
    """
    own = (HostFile(path=AUTHORITY, content=authority),) if authority else ()
    return (
        HostFile(path=IMAGE, content="{mesh-image}\n", template=LINE),
        *own,
        HostFile(path=UNIT, content=unit(port, own_authority=bool(authority))),
    )


def unit(port: int, *, own_authority: bool) -> str:
    """The client's systemd unit."""
    trust = host_text.Code(f"Environment=SSL_CERT_FILE={AUTHORITY}") if own_authority else None
    return host_text.filled("tailscale/tailscaled.service", port=str(port), trust=trust)


def install() -> str:
    """Shell: takes the programs out of the image, if they are not this image's already, and runs the unit."""
    return host_text.text("tailscale/install.sh")


def remove() -> str:
    """Shell: takes the host out of the mesh for good."""
    return host_text.text("tailscale/remove.sh")
