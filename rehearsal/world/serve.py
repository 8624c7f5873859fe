"""The process that serves a world: Hetzner's API with machines that boot, Cloudflare's API and edge, on one network."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from rehearsal.cloudflare.world import Addresses
from rehearsal.cloudflare.world import World as Cloudflare
from rehearsal.hetzner.service import Service
from rehearsal.hetzner.store import Store
from rehearsal.hetzner.web import Door
from rehearsal.hetzner.world import World as Hetzner
from rehearsal.images.ensure import ensure
from rehearsal.machine.daemon import IMAGE
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground
from rehearsal.machine.shelf import Shelf
from rehearsal.stopping import Stop
from rehearsal.world.folder import birth

if TYPE_CHECKING:
    from rehearsal.world.folder import Folder

CONNECTORS = "region1.v2.argotunnel.com"
"""Where cloudflared dials by default; machines find the emulated edge under this name. Port 7844."""
_TUNNEL, _HTTP = 7844, 80


def serve(folder: Folder, identity: dict[str, Any], images: list[str]) -> int:
    """Serves until SIGTERM; the machines stay when it ends, and are found again."""
    stop = Stop().by_signal()
    with contextlib.redirect_stdout(sys.stderr):
        ensure([IMAGE])
        ground = Ground(identity["id"])
        ground.prepare()
        shelf = Shelf(images)
        shelf.fill()
        machines = Containers(ground, shelf, hosts={CONNECTORS: ground.gateway}).watch()
    hetzner = Door(
        Service(Hetzner(Store(folder.path / "hetzner.json"), machines, 0.0), [identity["hcloud_token"]]),
        port=_kept(folder, "hcloud"),
    ).start()
    cloudflare = _cloudflare(folder, identity, ground)
    _say(folder, identity, ground, hetzner, cloudflare)
    stop.wait()
    cloudflare.close()
    hetzner.stop()
    return 0


def _cloudflare(folder: Folder, identity: dict[str, Any], ground: Ground) -> Cloudflare:
    zones = {identity["zone_id"]: identity["domain"]}
    accounts = {identity["account_id"]: {"name": "Rehearsal", "team": identity["team"], "zones": zones}}
    places = Addresses(
        api=f"127.0.0.1:{_kept(folder, 'cloudflare')}",
        edge=f"127.0.0.1:{_kept(folder, 'edge')},{ground.gateway}:{_HTTP}",
        tunnel=f"127.0.0.1:0,{ground.gateway}:{_TUNNEL}",
    )
    return Cloudflare(folder.path / "cloudflare", places, accounts, {identity["cloudflare_token"]: "edit"})


def _kept(folder: Folder, name: str) -> int:
    """The port that was used before, so that a stack's configuration holds when the world is served again; 0 the first time."""
    try:
        return int(json.loads((folder.path / "ports.json").read_text(encoding="utf-8"))[name])
    except (OSError, ValueError, KeyError):
        return 0


def _say(folder: Folder, identity: dict[str, Any], ground: Ground, hetzner: Door, cloudflare: Cloudflare) -> None:
    """Writes where everything is, last of all: whoever finds the file finds a world that answers."""
    ports = {
        "hcloud": hetzner.server_address[1],
        "cloudflare": int(cloudflare.api_url.split(":")[2].split("/")[0]),
        "edge": int(cloudflare.edge_url.split(":")[2].split("/")[0]),
    }
    (folder.path / "ports.json").write_text(json.dumps(ports), encoding="utf-8")
    said = {
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
            "control": hetzner.url.removesuffix("/v1") + "/_control",
        },
        "cloudflare": {
            "api": cloudflare.api_url,
            "edge": cloudflare.edge_url,
            "control": cloudflare.control_url,
            "token": identity["cloudflare_token"],
            "ids": {key: identity[key] for key in ("account_id", "zone_id", "team")},
        },
    }
    draft = folder.served.with_suffix(".new")
    draft.write_text(json.dumps(said, indent=2), encoding="utf-8")
    draft.chmod(0o600)
    draft.rename(folder.served)


def remove(folder: Folder, identity: dict[str, Any]) -> None:
    """Removes machines, network and filter of this world, and says what."""
    for line in Ground(identity["id"]).down():
        print(f"  removed {line}", file=sys.stderr)
    folder.served.unlink(missing_ok=True)
