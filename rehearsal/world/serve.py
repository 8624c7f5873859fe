"""The process that serves a world: Hetzner's API with machines that boot, Cloudflare's API and edge, on one network."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rehearsal.clouds.cloudflare.emulator import Addresses, Cloudflare
from rehearsal.clouds.hetzner.outage import restored
from rehearsal.clouds.hetzner.project import Project
from rehearsal.clouds.hetzner.service import Service
from rehearsal.clouds.hetzner.store import Store
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.ovh.nameserver import NameServer
from rehearsal.clouds.ovh.service import Service as OvhService
from rehearsal.clouds.ovh.store import Store as OvhStore
from rehearsal.machine.daemon import IMAGE
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground
from rehearsal.machine.packages import Packages
from rehearsal.machine.resolver import Resolver
from rehearsal.machine.shelf import Shelf
from rehearsal.whole_file import write_whole
from rehearsal.world import adopted, authority
from rehearsal.world.folder import birth
from toolchain.images.ensure import ensure
from toolchain.stopping import Stop

if TYPE_CHECKING:
    from rehearsal.world.folder import Folder

CONNECTORS = "region1.v2.argotunnel.com"
"""Where cloudflared dials by default; machines find the emulated edge under this name. Port 7844."""
_TUNNEL, _HTTP = 7844, 80
NAME_SERVER = "dns1.example.net"
"""The name server of the zone at OVH, which is at the gateway as everything else."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a world is made of.

    Attributes:
        images: Those that every machine has from birth.
        systems: Names of the cloud's images to those that such machines are made of.
        ovh: Whether the zone is at OVH, and an authority issues certificates for names in it.
        adopted: Machines that run already, as ``adopted`` takes them.
    """

    images: list[str]
    systems: dict[str, str]
    ovh: bool = False
    adopted: dict[str, dict[str, str]] = field(default_factory=dict)


def serve(folder: Folder, identity: dict[str, Any], asked: Surroundings) -> int:
    """Serves until SIGTERM; the machines stay when it ends, and are found again."""
    stop = Stop().by_signal()
    with contextlib.redirect_stdout(sys.stderr):
        ensure([IMAGE, *asked.systems.values(), *([authority.IMAGE] if asked.ovh else [])])
        ground = Ground(identity["id"])
        ground.prepare()
        shelf = Shelf(asked.images)
        shelf.fill()
        packages = Packages(ground.gateway).start()
        zone = Zone(folder, identity, ground) if asked.ovh else None
        known = {CONNECTORS: ground.gateway, **({NAME_SERVER: ground.gateway} if zone else {})}
        resolver = Resolver(ground.gateway, known, zones=zone.servers if zone else {}).start()
        machines = Containers(ground, shelf, hosts={CONNECTORS: ground.gateway}, systems=asked.systems)
    project = Project(Store(folder.path / "hetzner.json"), machines, 0.0)
    lost = _restore(project, machines)
    machines.watch(lambda: _restore_after_docker(project, machines))
    address = f"127.0.0.1:{_port_before(folder, 'hcloud')}"
    hetzner = ApiServer(Service(project, [identity["hcloud_token"]]), address).start()
    cloudflare = _cloudflare(folder, identity, ground)
    world = {"lost": lost, **_surroundings(folder, identity, ground, hetzner, cloudflare)}
    if zone:
        (server,) = zone.servers.values()
        world["ovh"] = {**zone.about, "authority": authority.authority(ground, server)}
    if asked.adopted:
        world["adopted"] = adopted.adopted(machines, asked.adopted, identity["ssh_key"])
        world["ssh_key"] = identity["ssh_key"]
    _announce(folder, world)
    stop.wait()
    if zone:
        zone.close()
    cloudflare.close()
    hetzner.stop()
    packages.close()
    resolver.close()
    return 0


def _restore(project: Project, machines: Containers) -> list[str]:
    """Turns on the servers that were on, and waits until they have booted; what could not be brought back."""
    result = restored(project)
    waiting = [f"server {row['name']}: it has not booted yet" for row in result.on if not machines.wait(row)]
    for line in (*result.lost, *waiting):
        print(f"rehearsal.world: {line}", file=sys.stderr, flush=True)
    return result.lost


def _restore_after_docker(project: Project, machines: Containers) -> None:
    """The Docker daemon went away and is back: the bridges' filter may have gone with it."""
    machines.ground.prepare()
    _restore(project, machines)


def _cloudflare(folder: Folder, identity: dict[str, Any], ground: Ground) -> Cloudflare:
    zones = {identity["zone_id"]: identity["domain"]}
    accounts = {identity["account_id"]: {"name": "Rehearsal", "team": identity["team"], "zones": zones}}
    addresses = Addresses(
        api=f"127.0.0.1:{_port_before(folder, 'cloudflare')}",
        edge=f"127.0.0.1:{_port_before(folder, 'edge')},{ground.gateway}:{_HTTP}",
        edge_tls=f"127.0.0.1:{_port_before(folder, 'edge_tls')}",
        tunnel=f"127.0.0.1:0,{ground.gateway}:{_TUNNEL}",
    )
    return Cloudflare(folder.path / "cloudflare", addresses, accounts, {identity["cloudflare_token"]: "edit"})


def _port_before(folder: Folder, name: str) -> int:
    """The port that was used before, so that a stack's configuration stays valid; 0 the first time."""
    try:
        return int(json.loads((folder.path / "ports.json").read_text(encoding="utf-8"))[name])
    except (OSError, ValueError, KeyError):
        return 0


def _surroundings(
    folder: Folder, identity: dict[str, Any], ground: Ground, hetzner: ApiServer, cloudflare: Cloudflare
) -> dict[str, Any]:
    """Everything that a stack, a claim or a person must know of this world."""
    return {
        "id": identity["id"],
        "folder": str(folder.path),
        "process": os.getpid(),
        "born": birth(os.getpid()),
        "domain": identity["domain"],
        "network": {
            "name": ground.network,
            "ipv4": str(ground.ipv4),
            "ipv6": str(ground.ipv6),
            "gateway": ground.gateway,
        },
        "hcloud": {
            "endpoint": hetzner.url,
            "token": identity["hcloud_token"],
            "control": hetzner.control_url,
        },
        "cloudflare": {
            "api": cloudflare.api_url,
            "edge": cloudflare.edge_url,
            "edge_tls": cloudflare.edge_tls_url,
            "edge_ca": str(cloudflare.edge_ca),
            "control": cloudflare.control_url,
            "control_token": cloudflare.control_token,
            "token": identity["cloudflare_token"],
            "ids": {key: identity[key] for key in ("account_id", "zone_id", "team")},
        },
    }


def _announce(folder: Folder, world: dict[str, Any]) -> None:
    """Writes where everything is, last of all: whoever finds the file finds a world that answers."""
    urls = {
        "hcloud": world["hcloud"]["endpoint"],
        "cloudflare": world["cloudflare"]["api"],
        "edge": world["cloudflare"]["edge"],
        "edge_tls": world["cloudflare"]["edge_tls"],
        **({"ovh": world["ovh"]["endpoint"], "name_server": world["ovh"]["name_server"]} if "ovh" in world else {}),
    }
    ports = {name: urlsplit(url).port for name, url in urls.items()}
    write_whole(folder.path / "ports.json", json.dumps(ports))
    write_whole(folder.served, json.dumps(world, indent=2))


class Zone:
    """The world's domain at an emulated OVH, with the name server that answers for it.

    Attributes:
        servers: The zone to address and port of its name server.
        about: Where its interface is, and the keys that it takes.
    """

    def __init__(self, folder: Folder, identity: dict[str, Any], ground: Ground) -> None:
        keys, domain = identity["ovh"], identity["domain"]
        rules = [{"method": method, "path": "/domain/zone/*"} for method in ("GET", "POST", "PUT", "DELETE")]
        seed = {
            "applications": {keys["application"]: {"secret": keys["secret"]}},
            "consumers": {keys["consumer"]: {"application": keys["application"], "rules": rules}},
            "zones": {domain: {"nameservers": {NAME_SERVER: ground.gateway}}},
        }
        store = OvhStore(folder.path / "ovh.json", seed)
        self._api = ApiServer(
            OvhService(store), f"{ground.gateway}:{_port_before(folder, 'ovh')}", machines=True
        ).start()
        # At the port that it had: the authority is told once where it is.
        port = _port_before(folder, "name_server")
        self._server = NameServer(store, f"{ground.gateway}:{port}", machines=True).start()
        self.servers = {domain: (ground.gateway, self._server.port)}
        self.about = {
            "endpoint": self._api.url,
            "control": self._api.control_url,
            "keys": keys,
            "name_server": f"dns://{ground.gateway}:{self._server.port}",
        }

    def close(self) -> None:
        """Answers no more."""
        self._server.close()
        self._api.stop()


def remove(folder: Folder, identity: dict[str, Any]) -> None:
    """Removes machines, network and filter of this world, and says what."""
    for line in Ground(identity["id"]).down():
        print(f"  removed {line}", file=sys.stderr)
    folder.served.unlink(missing_ok=True)
