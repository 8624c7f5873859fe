"""A machine with homeport's network layers on it, somebody outside, and a member of the VPN.

Everything goes by its own handle.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import subprocess
import sys

import pytest

from components.wireguard import public_key
from homeport.model import template
from homeport.model.firewall import CONTAINERS, VPN, ContainerWays, FirewallRule
from homeport.model.host import Opening
from homeport.model.vpn import Peer, Vpn
from homeport.render import daemon_json, packages, shutdown, sysctl, systemd, ufw, wireguard
from rehearsal.machine.daemon import CONTAINER
from rehearsal.probes.box import IMAGE, Box, docker
from tests.support import subnets
from tests.support.checkout import ROOT
from tests.support.host_files import lay
from tests.support.waits import until

_ANYWHERE = ContainerWays()
LOCAL, LAPTOP = Peer(name="local", slot=1), Peer(name="laptop", slot=7)
SERVICE, BY_HAND, HOST_SERVICE, DECLARED, BRIDGED = 5678, 8081, 9000, 9100, 9200
RULES = (
    FirewallRule(opening=Opening(purpose="SSH", port=22)),
    FirewallRule(opening=Opening(purpose="WireGuard", port=51820, protocol="udp")),
    FirewallRule(
        opening=Opening(purpose="n8n", port=SERVICE, sources=("10.0.0.1/32",)),
        via=VPN,
        published=True,
        address="10.0.0.2",
    ),
    FirewallRule(opening=Opening(purpose="agent", port=DECLARED), via=CONTAINERS),
    # As a host's program is reached (homeport/plan/hosts.py): by the networks of the preset, and no other.
    FirewallRule(opening=Opening(purpose="program", port=BRIDGED, sources=("172.29.1.0/24",)), via=CONTAINERS),
)
# A program that listens and connects, and what it is linked with: an image of 3 MB, made where it runs.
_IMAGE = """
mkdir -p /run/image/bin && cd /run/image
for file in /bin/sh /usr/bin/nc.openbsd /usr/bin/sleep /usr/bin/timeout; do
  cp -L --parents $file $(ldd $file | grep -o '/[^ ]*') . && cp -L $file bin/
done
ln -sf nc.openbsd bin/nc
tar -c . | docker import -c 'ENV PATH=/bin' - tiny:1 >/dev/null
"""
_CONTAINERS = f"""
docker network create --subnet 172.29.0.0/24 front >/dev/null
docker network create --subnet 172.29.1.0/24 other >/dev/null
docker network create --internal --subnet 172.29.2.0/24 inner >/dev/null
docker run -d --restart unless-stopped --name service --network front -p 10.0.0.2:{SERVICE}:{SERVICE} tiny:1 \\
  nc -lk {SERVICE}
docker run -d --restart unless-stopped --name by-hand --network front -p 0.0.0.0:{BY_HAND}:80 tiny:1 nc -lk 80
docker run -d --restart unless-stopped --name other --network other tiny:1 sleep infinity
docker run -d --restart unless-stopped --name inner --network inner tiny:1 sleep infinity
"""


# Probes are lost where they are to be, not in a short queue of a listener that is busy (ListenOverflows: 5 for
# http.server).
_LISTENER = """
import asyncio, socket, sys
async def main():
    async def end(reader, writer):
        writer.close()
    one = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096)
    await (await asyncio.start_server(end, sock=one, backlog=4096)).serve_forever()
asyncio.run(main())
"""


def private(name):
    return wireguard.clamp(base64.b64encode(hashlib.sha256(name.encode()).digest()).decode())


class Server:
    """A rented server whose public address is on the network."""

    def __init__(self, network):
        self.name = f"homeport-network-{secrets.token_hex(4)}"
        self.vpn = Vpn(subnet="10.0.0.0/24", slot=2, peers=(LOCAL,))
        self.keys = {"server": 1, "local": 1, "laptop": 1}
        docker(
            "run",
            "--detach",
            "--name",
            self.name,
            "--label",
            "homeport.test=network",
            "--network",
            network,
            *CONTAINER,
            "--sysctl",
            "net.ipv6.conf.all.disable_ipv6=0",
            "--volume",
            "/var/lib/docker",
            IMAGE,
        )

    def settle(self):
        """As the program brings a host up: packages, engine, firewall, VPN; then containers."""
        until(lambda: self.ok("systemctl is-system-running --wait >/dev/null; docker version"), "no Docker")
        self.run("systemctl disable -q --now ssh || true")
        self.put(packages.files(), packages.apply(wireguard.PACKAGES))
        self.engine()
        self.firewall()
        self.wireguard()
        self.run(_IMAGE)
        self.run(_CONTAINERS)
        self.listen()

    def listen(self):
        """Services of the host itself, on all addresses: what a careless program does."""
        docker("exec", "-i", self.name, "sh", "-c", "cat >/usr/local/bin/listener", stdin=_LISTENER.encode())
        for port in (22, HOST_SERVICE, DECLARED, BRIDGED):
            unit = f"[Service]\\nExecStart=/usr/bin/python3 /usr/local/bin/listener {port}\\n"
            unit += "[Install]\\nWantedBy=multi-user.target"
            self.run(
                f"printf '{unit}\\n' >/etc/systemd/system/port-{port}.service; systemctl enable -q --now port-{port}"
            )
        until(lambda: self.ok(f"ss -ltn | grep -q :{HOST_SERVICE} && ss -ltn | grep -q :{DECLARED}"), "nobody listens")

    def engine(self):
        ending = shutdown.files((("service",), ("by-hand", "other")), (wireguard.UNIT,))
        files = (*sysctl.files(), *daemon_json.files(), systemd.docker_after((wireguard.UNIT,)), *ending)
        shell = ("set -eu", "systemctl daemon-reload", sysctl.apply(), daemon_json.apply(), shutdown.apply())
        return self.put(files, "\n".join(shell))

    def firewall(self, rules=RULES, chains=(), ways=_ANYWHERE):
        return self.put(ufw.files(rules, chains, ways), ufw.apply())

    def wireguard(self, rotating=()):
        values = {"private-key": self.key("server"), "public-key": public_key(self.key("server"))}
        for peer in self.vpn.peers:
            for prefix, step in (("", 0), ("next-", 1)):
                values[f"{prefix}public:{peer.name}"] = public_key(self.key(peer.name, step))
                values[f"{prefix}psk:{peer.name}"] = self.key(f"psk-{peer.name}", step)
        for gone in ("/etc/homeport/wireguard/rotating",) if not rotating else ():
            self.run(f"rm -f {gone}")
        return self.put(wireguard.files(self.vpn, rotating), wireguard.apply(self.vpn), values)

    def key(self, owner, step=0):
        return private(f"{owner}-{self.keys.get(owner.removeprefix('psk-'), 1) + step}")

    def config(self, peer, step=0):
        """What the member is given."""
        known = {"private-key": self.key(peer.name, step), "psk": self.key(f"psk-{peer.name}", step)}
        known |= {"server": public_key(self.key("server")), "endpoint": self.address()}
        return template.fill(wireguard.client(self.vpn, peer), known, template.SETTING)

    def put(self, files, apply, values=None):
        """The files, then the shell as root. Returns what it printed."""
        lay(self.name, files, values)
        return docker("exec", "-i", self.name, "sh", stdin=apply.encode())

    def address(self, family=4):
        key = "IPAddress" if family == 4 else "GlobalIPv6Address"
        return docker(
            "inspect", "--format", f"{{{{range .NetworkSettings.Networks}}}}{{{{.{key}}}}}{{{{end}}}}", self.name
        ).strip()

    def run(self, shell):
        return docker("exec", "-i", self.name, "sh", "-euc", shell)

    def ok(self, shell):
        done = subprocess.run(
            ["docker", "exec", self.name, "sh", "-c", shell], capture_output=True, check=False, timeout=120
        )
        return done.returncode == 0

    def reaches(self, container, address, port):
        """Whether a container on it gets a connection."""
        return self.ok(f"docker exec {container} nc -z -w 1 {address} {port}")

    def reboot(self):
        docker("restart", "--time", "30", self.name)
        until(lambda: self.ok("systemctl is-active docker"), "no Docker after the boot")

    def remove(self):
        docker("rm", "--force", "--volumes", self.name)


@pytest.fixture(scope="session")
def network():
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", IMAGE], check=True, cwd=ROOT)
    name = f"homeport-network-{secrets.token_hex(4)}"
    subnets.network(
        name, "--label", "homeport.test=network", "--ipv6", "--subnet", f"fd7e:57ee:{secrets.token_hex(2)}::/64"
    )
    yield name
    docker("network", "rm", name)


@pytest.fixture(scope="session")
def server(network):
    server = Server(network)
    try:
        server.settle()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def outside(network):
    with Box(network, IMAGE, ("--sysctl", "net.ipv6.conf.all.disable_ipv6=0")) as box:
        yield box
