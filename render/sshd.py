"""sshd's settings. Sources: Mozilla's OpenSSH guideline, dev-sec's ssh baseline, ssh-audit's policies, and what `sshd -T` of OpenSSH 9.2 takes."""

from __future__ import annotations

from model.host import HostFile

PATH = "/etc/ssh/sshd_config.d/00-homeport.conf"
"""The first value of a key wins, so it sorts before what others lay beside it."""
HOST_KEY = "/etc/ssh/homeport_host_ed25519_key"
"""The key that the program pins; made on the host, it never leaves it. Elsewhere the distribution's own key is pinned."""
DISTRIBUTION_KEY = "/etc/ssh/ssh_host_ed25519_key"
_FIXED = """\
HostKeyAlgorithms ssh-ed25519
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
HostbasedAuthentication no
IgnoreRhosts yes
IgnoreUserKnownHosts yes
UsePAM yes
MaxAuthTries 3
# One multiplexed connection carries all of an update's commands; plain logins come 64 at once. Debian's 10:30:100 drops
# almost half of them (docker/compose#10117).
MaxSessions 100
MaxStartups 64:30:128
PerSourceMaxStartups none
LoginGraceTime 30
ClientAliveInterval 300
ClientAliveCountMax 2
TCPKeepAlive no
StrictModes yes
X11Forwarding no
AllowAgentForwarding no
AllowTcpForwarding no
AllowStreamLocalForwarding no
DisableForwarding yes
GatewayPorts no
PermitTunnel no
PermitUserEnvironment no
PermitUserRC no
Compression no
UseDNS no
PrintMotd no
Banner none
DebianBanner no
RequiredRSASize 3072
LogLevel VERBOSE
SyslogFacility AUTH
# curve25519 stays: what homeport's command provider speaks has no sntrup761 (golang.org/x/crypto/ssh).
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,aes128-ctr
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com
"""


def files(
    *, ports: tuple[int, ...], users: tuple[str, ...], host_key: str, addresses: tuple[str, ...] = ()
) -> tuple[HostFile, ...]:
    """The one file.

    Args:
        ports: Where it listens; the first is the one that counts, another is about to go.
        users: Who may come in; root only if it is named.
        host_key: The key that the program pins.
        addresses: The only addresses that it listens on; none named means all.
    """
    root = "prohibit-password" if "root" in users else "no"
    lines = [
        "# By homeport: what is changed here by hand is undone by the next update.",
        *(f"Port {port}" for port in ports),
        *(f"ListenAddress {address}" for address in addresses),
        f"HostKey {host_key}",
        f"PermitRootLogin {root}",
        f"AllowUsers {' '.join(users)}",
    ]
    return (HostFile(path=PATH, content="\n".join(lines) + "\n" + _FIXED),)


def apply() -> str:
    """Shell: the settings are looked at before sshd is told; established connections stay."""
    return """\
set -eu
export PATH="$PATH:/usr/sbin:/sbin"
mkdir -p /run/sshd
sshd -t
if [ -d /run/systemd/system ]; then
  # A socket that systemd holds would listen on the old port still (Ubuntu 22.10 and later).
  if systemctl is-active --quiet ssh.socket; then systemctl disable --now ssh.socket; systemctl enable ssh.service; fi
  unit=ssh.service; systemctl cat ssh.service >/dev/null 2>&1 || unit=sshd.service
  # Not reload: sshd refuses to start anew on another port at times, and a restart leaves established connections alone too.
  systemctl restart "$unit"
else
  kill -HUP "$(cat /run/sshd.pid)"
fi
"""
