rm -f /etc/docker/daemon.json.new /etc/docker/daemon.json.live
#: Packets as large as Ethernet's do not come back over a line that takes less (a tunnel, some clouds' networks), and
#: bridges have 1500 whatever the line has (moby#34981).
link=$(ip -4 route show default | sed -n '1s/.* dev \([^ ]*\).*/\1/p')
mtu=$(cat "/sys/class/net/${link:-none}/mtu" 2>/dev/null || echo 1500)
if [ "$mtu" -ge 1500 ]; then
  mtu=
elif ! dockerd --help 2>/dev/null | grep -q -e --default-network-opt; then
  echo "note: this host's line takes packets of $mtu bytes, and its Docker is older than 24 and cannot give that to its networks: set homeport:settings.hosts.<name>.mtu to $mtu"
  networks=no
fi
mtu=$mtu networks=${networks:-} python3 - <<'MERGE' || { echo "/etc/docker/daemon.json is not JSON; mend it on the host" >&2; exit 1; }
import json, os, pathlib
there, wanted = pathlib.Path("/etc/docker/daemon.json"), pathlib.Path("/etc/homeport/docker/daemon.json")
text = there.read_text() if there.exists() else ""
old = json.loads(text) if text.strip() else {}
new = old | (json.loads(wanted.read_text()) if wanted.exists() else {})
if mtu := os.environ["mtu"]:
    new.setdefault("mtu", int(mtu))
    if not os.environ["networks"]:
        options = new.setdefault("default-network-opts", {}).setdefault("bridge", {})
        options.setdefault("com.docker.network.driver.mtu", mtu)
if new != old:
    there.parent.mkdir(exist_ok=True)
    there.with_suffix(".json.live").write_text(json.dumps(old | {"live-restore": True}) + "\n")
    there.with_suffix(".json.new").write_text(json.dumps(new, indent=2, sort_keys=True) + "\n")
MERGE
systemctl enable --quiet docker.service
if [ -e /etc/docker/daemon.json.new ]; then
  if dockerd --help 2>/dev/null | grep -q -e --validate; then dockerd --validate --config-file /etc/docker/daemon.json.new; fi
  rm -f /etc/docker/daemon.json.old
  [ ! -e /etc/docker/daemon.json ] || cp -p /etc/docker/daemon.json /etc/docker/daemon.json.old
  #: Containers that run already, whoever's they are, live through the restart only if Docker knows of it beforehand; it
  #: takes this setting while it runs (docs.docker.com/engine/containers/live-restore).
  if [ "$(docker info --format '{{.LiveRestoreEnabled}}' 2>/dev/null)" = false ]; then
    mv /etc/docker/daemon.json.live /etc/docker/daemon.json
    systemctl reload docker.service || true
    n=0
    until [ "$(docker info --format '{{.LiveRestoreEnabled}}' 2>/dev/null)" = true ] || [ "$n" -ge 20 ]; do n=$((n + 1)); sleep 0.2; done
  fi
  rm -f /etc/docker/daemon.json.live
  chmod 644 /etc/docker/daemon.json.new
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
  rm -f /etc/docker/daemon.json.old
else
  systemctl start docker.service
fi
docker version >/dev/null
