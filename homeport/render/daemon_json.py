"""Docker's own settings on a host (reliability.md 4.4), merged into those that the host has.

An adopted host's ``data-root`` or mirrors are its owner's: overwriting the file would lose every container on it.
Only keys that Docker 20.10 and all later versions take: one that it does not know keeps dockerd from starting.
"""

from __future__ import annotations

import json

from homeport.model.host import HostFile

WANTED = "/etc/homeport/docker/daemon.json"
SETTINGS = {
    "default-address-pools": [{"base": "172.28.0.0/14", "size": 24}],
    "default-cgroupns-mode": "private",
    "default-ulimits": {
        "core": {"Name": "core", "Soft": 0, "Hard": 0},
        "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096},
    },
    "icc": False,
    # Where a port is published without an address.
    "ip": "127.0.0.1",
    "iptables": True,
    # Containers live on while the daemon restarts: a change of this file cuts nobody off.
    "live-restore": True,
    "log-driver": "local",
    "log-opts": {"max-file": "5", "max-size": "10m"},
    "no-new-privileges": True,
    # The proxy would take published ports in by INPUT, past DOCKER-USER.
    "userland-proxy": False,
}
_MERGE = """\
import json, pathlib
there, wanted = pathlib.Path("/etc/docker/daemon.json"), pathlib.Path("/etc/homeport/docker/daemon.json")
text = there.read_text() if there.exists() else ""
old = json.loads(text) if text.strip() else {}
new = old | (json.loads(wanted.read_text()) if wanted.exists() else {})
if new != old:
    there.parent.mkdir(exist_ok=True)
    there.with_suffix(".json.new").write_text(json.dumps(new, indent=2, sort_keys=True) + "\\n")
"""


def files() -> tuple[HostFile, ...]:
    """What homeport wants; dockerd reads the merged file beside it."""
    return (HostFile(path=WANTED, content=json.dumps(SETTINGS, indent=2, sort_keys=True) + "\n"),)


def apply() -> str:
    """Shell: merges, and restarts Docker only if that changed something; a daemon that does not come up gets its old file back."""
    return f"""\
rm -f /etc/docker/daemon.json.new
python3 - <<'MERGE' || {{ echo "/etc/docker/daemon.json is not JSON; mend it on the host" >&2; exit 1; }}
{_MERGE}MERGE
systemctl enable --quiet docker.service
if [ -e /etc/docker/daemon.json.new ]; then
  if dockerd --help 2>/dev/null | grep -q -e --validate; then dockerd --validate --config-file /etc/docker/daemon.json.new; fi
  rm -f /etc/docker/daemon.json.old
  [ ! -e /etc/docker/daemon.json ] || cp -p /etc/docker/daemon.json /etc/docker/daemon.json.old
  mv /etc/docker/daemon.json.new /etc/docker/daemon.json
  if ! systemctl restart docker.service; then
    journalctl --no-pager -q -n 5 -u docker.service >&2 || true
    rm -f /etc/docker/daemon.json
    [ ! -e /etc/docker/daemon.json.old ] || mv /etc/docker/daemon.json.old /etc/docker/daemon.json
    systemctl reset-failed docker.service || true
    systemctl restart docker.service || true
    echo "Docker does not start with homeport's settings; its own are back" >&2
    exit 1
  fi
else
  systemctl start docker.service
fi
docker version >/dev/null
"""
