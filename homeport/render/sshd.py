"""sshd's settings.

Sources: Mozilla's OpenSSH guideline, dev-sec's ssh baseline, ssh-audit's policies, and what `sshd -T` of OpenSSH 9.2
takes.
"""

from __future__ import annotations

from homeport.model.host import HostFile
from homeport.model.template import NAME
from homeport.render import host_text

PATH = "/etc/ssh/sshd_config.d/00-homeport.conf"
"""The first value of a key wins, so it sorts before what others lay beside it."""
HOST_KEY = "/etc/ssh/homeport_host_ed25519_key"
"""The key that the program pins; made on the host, it never leaves it.

Elsewhere the distribution's own key is pinned.
"""
DISTRIBUTION_KEY = "/etc/ssh/ssh_host_ed25519_key"
_PORTS = "/etc/ssh/sshd_config.d/00-b-homeport-port.conf"
"""What is left of the settings when they are removed."""
REVOKED = "/etc/ssh/revoked_keys"
UNIT = "ssh.service"
_USUAL = 22


def files(
    *,
    ports: tuple[int, ...],
    users: tuple[str, ...],
    host_key: str,
    addresses: tuple[str, ...] = (),
    forward: tuple[str, int] | None = None,
) -> tuple[HostFile, ...]:
    """The settings, and the list of revoked keys.

    Args:
        ports: Where it listens; the first is the one that counts, another is about to go.
        users: Who may come in; root only if it is named.
        host_key: The key that the program pins.
        addresses: The only addresses that it listens on; none named means all.
        forward: A user, and the port of the loopback address that is forwarded for it; None: nothing is, for nobody.
    """
    root = "prohibit-password" if "root" in users else "no"
    lines = [
        "# By homeport: what is changed here by hand is undone by the next update.",
        *(f"Port {port}" for port in ports),
        *(f"ListenAddress {NAME(address)}" for address in addresses),
        f"HostKey {NAME(host_key)}",
        f"PermitRootLogin {root}",
        f"AllowUsers {' '.join(map(NAME, users))}",
    ]
    # sshd lets nobody in where the file of revoked keys is missing, so it comes first.
    return (
        HostFile(path=REVOKED, content=""),
        HostFile(path=PATH, content="\n".join(lines) + "\n" + host_text.text("sshd/sshd.conf") + _forwarded(forward)),
    )


def _forwarded(forward: tuple[str, int] | None) -> str:
    """The block that opens one port to one user: what it does not name stays as it is for everybody (sshd_config)."""
    if forward is None:
        return ""
    user, port = forward
    lines = [
        f"Match User {NAME(user)}",
        "  DisableForwarding no",
        # One way: from the user's machine to the host.
        "  AllowTcpForwarding local",
        f"  PermitOpen 127.0.0.1:{port}",
        # Nothing that another file says after this is of the block.
        "Match all",
    ]
    return "\n".join(lines) + "\n"


def apply(ports: tuple[int, ...]) -> str:
    """Shell: the settings are looked at before sshd is told; established connections stay.

    What sshd would do beside them is refused.
    """
    wanted = "".join(f"port {port}\n" for port in sorted(set(ports), key=str))
    return host_text.filled("sshd/apply.sh", ports=wanted.strip())


def remove(ports: tuple[int, ...]) -> str:
    """Shell: without our files the distribution's own settings hold again, but the port.

    What is removed after it comes by that port, and firewalls know no other. The pinned host key has a file of its own.
    Where a first change is undone, the port goes back as well.
    """
    lines = "".join(f"Port {port}\\n" for port in ports)
    keep = host_text.Code(f"printf '{lines}' >{_PORTS}" if ports != (_USUAL,) else ":")
    return host_text.filled("sshd/remove.sh", keep=keep)
