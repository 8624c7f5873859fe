"""fail2ban's settings: addresses that guess at SSH are shut out for an hour.

Source: https://github.com/fail2ban/fail2ban/blob/master/config/jail.conf and man jail.conf(5).
"""

from __future__ import annotations

from homeport.model.host import HostFile, Package
from homeport.render import host_text

PATH = "/etc/fail2ban/jail.d/homeport.local"
UNIT = "fail2ban.service"
PACKAGES = (
    Package(name="fail2ban", program="fail2ban-server"),
    # Without it fail2ban cannot read the journal; it only recommends the package. It brings no program to look for.
    Package(
        name="python3-systemd", program="python3-systemd", unless="python3 -c 'import systemd.journal' 2>/dev/null"
    ),
)
CHAINS = ("f2b-sshd",)
"""Of iptables, which it fills by itself."""


def files(*, ports: tuple[int, ...], trusted: tuple[str, ...]) -> tuple[HostFile, ...]:
    """The jail.

    Args:
        ports: Where sshd listens.
        trusted: Networks whose members are never banned, in CIDR form.
    """
    text = host_text.filled(
        "fail2ban/jail.local",
        ports=host_text.Code(",".join(str(port) for port in ports)),
        trusted=("127.0.0.1/8", "::1", *trusted),
    )
    return (HostFile(path=PATH, content=text),)


def apply() -> str:
    """Shell: the settings are tested before the running fail2ban gets them; ends when it watches sshd."""
    return host_text.text("fail2ban/apply.sh")


def remove() -> str:
    """Shell for after the jail is gone."""
    return host_text.text("fail2ban/remove.sh")
