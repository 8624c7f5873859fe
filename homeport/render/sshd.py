"""sshd's settings. Sources: Mozilla's OpenSSH guideline, dev-sec's ssh baseline, ssh-audit's policies, and what `sshd -T` of OpenSSH 9.2 takes."""

from __future__ import annotations

from homeport.model.host import HostFile

PATH = "/etc/ssh/sshd_config.d/00-homeport.conf"
"""The first value of a key wins, so it sorts before what others lay beside it."""
HOST_KEY = "/etc/ssh/homeport_host_ed25519_key"
"""The key that the program pins; made on the host, it never leaves it. Elsewhere the distribution's own key is pinned."""
DISTRIBUTION_KEY = "/etc/ssh/ssh_host_ed25519_key"
_PORTS = "/etc/ssh/sshd_config.d/00-b-homeport-port.conf"
"""What is left of the settings when they are removed."""
_KEX = "/etc/ssh/sshd_config.d/00-a-homeport-kex.conf"
REVOKED = "/etc/ssh/revoked_keys"
_USUAL = 22
# curve25519 stays: what homeport's command provider speaks has no sntrup761 (golang.org/x/crypto/ssh).
_KEX_ALGORITHMS = "sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org"
_FIXED = f"""\
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
RevokedKeys {REVOKED}
KexAlgorithms {_KEX_ALGORITHMS}
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,aes128-ctr
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com
"""


def files(
    *, ports: tuple[int, ...], users: tuple[str, ...], host_key: str, addresses: tuple[str, ...] = ()
) -> tuple[HostFile, ...]:
    """The settings, and the list of keys that are good no more.

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
    # sshd lets nobody in where the file of revoked keys is missing, so it comes first.
    return (HostFile(path=REVOKED, content=""), HostFile(path=PATH, content="\n".join(lines) + "\n" + _FIXED))


def apply(ports: tuple[int, ...]) -> str:
    """Shell: the settings are looked at before sshd is told; established connections stay. What sshd would do beside them is refused."""
    wanted = "".join(f"port {port}\n" for port in sorted(set(ports), key=str))
    return f"""\
rm -f {_PORTS}
{_newer()}{_RESTART}
if [ "$(sshd -T | grep '^port ' | LC_ALL=C sort -u)" != '{wanted.strip()}' ]; then
  echo 'sshd would listen on more ports than are declared; another file names one. Take it out there:'
  grep -RnE '^[[:space:]]*(Port|ListenAddress)[[:space:]]' /etc/ssh/sshd_config /etc/ssh/sshd_config.d || true
  exit 1
fi
"""


def remove(ports: tuple[int, ...]) -> str:
    """Shell: without our files the distribution's own settings hold again, but the port.

    What is removed after it comes by that port, and firewalls know no other. The pinned host key has a file of its own. Where a first
    change is undone, the port goes back as well.
    """
    lines = "".join(f"Port {port}\\n" for port in ports)
    keep = f"printf '{lines}' >{_PORTS}" if ports != (_USUAL,) else ":"
    return f'rm -f {_KEX}\n[ -n "${{HOMEPORT_UNDO:-}}" ] || {keep}\n{_RESTART}'


def _newer() -> str:
    """Key exchange that is safe from tomorrow's computers, where sshd knows it (OpenSSH 9.9): a name that it does not know would stop it."""
    return f"""\
if ssh -Q kex | grep -qx mlkem768x25519-sha256; then
  echo 'KexAlgorithms mlkem768x25519-sha256,{_KEX_ALGORITHMS}' >{_KEX}
else
  rm -f {_KEX}
fi
"""


_RESTART = """\
set -eu
export PATH="$PATH:/usr/sbin:/sbin"
mkdir -p /run/sshd
sshd -t
if [ -d /run/systemd/system ]; then
  # A socket that systemd holds would listen on the old port still (Ubuntu 22.10 and later).
  if systemctl is-active --quiet ssh.socket; then systemctl disable --now ssh.socket; systemctl enable ssh.service; fi
  unit=ssh.service; systemctl cat ssh.service >/dev/null 2>&1 || unit=sshd.service
  # Not reload: sshd refuses to start anew on another port at times, and a restart leaves established connections alone too.
  # Five starts within ten seconds are the last that systemd allows, and sshd would stay down: two updates and their undoing.
  systemctl reset-failed "$unit" 2>/dev/null || true
  systemctl restart "$unit"
else
  kill -HUP "$(cat /run/sshd.pid)"
fi
"""
