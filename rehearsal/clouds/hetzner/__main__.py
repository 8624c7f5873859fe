"""`python -m rehearsal.clouds.hetzner`: serves the emulated API; machines are only remembered, or boot."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import sys
import uuid
from pathlib import Path

from rehearsal.clouds.hetzner.machines import InMemory, MachineError, Machines
from rehearsal.clouds.hetzner.project import Project
from rehearsal.clouds.hetzner.service import Service
from rehearsal.clouds.hetzner.store import Store
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.kit.main import serve


def main(arguments: list[str]) -> int:
    """Serves until interrupted; the first line of standard output is the endpoint."""
    parser = argparse.ArgumentParser(prog="rehearsal.clouds.hetzner", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:0", help="loopback host:port, port 0 for a free one")
    parser.add_argument("--state", type=Path, help="file that keeps the project; without it nothing is kept")
    parser.add_argument(
        "--token", action="append", default=[], help="accepted token; any of 64 characters if there is none"
    )
    parser.add_argument("--action-seconds", type=float, default=0.0, help="how long an action takes")
    parser.add_argument("--machines", choices=("memory", "docker"), default="memory", help="what a server is")
    parser.add_argument(
        "--world", default="", help="name of the world of the docker machines; it decides what `down` removes"
    )
    parser.add_argument("--image", action="append", default=[], help="image that every machine's own Docker shall have")
    options = parser.parse_args(arguments)

    def server() -> ApiServer:
        project = Project(Store(options.state), _machines(options), options.action_seconds)
        return ApiServer(Service(project, options.token), options.address)

    return serve("rehearsal.clouds.hetzner", server, MachineError)


def _machines(options: argparse.Namespace) -> Machines:
    """The driver that was asked for; a world without a name is called after its state, or by chance."""
    if options.machines == "memory":
        return InMemory()
    # Only here: who remembers machines needs no Docker and no images.
    from rehearsal.machine.daemon import IMAGE  # noqa: PLC0415
    from rehearsal.machine.driver import Containers  # noqa: PLC0415
    from rehearsal.machine.ground import Ground  # noqa: PLC0415
    from rehearsal.machine.shelf import Shelf  # noqa: PLC0415
    from toolchain.images.ensure import ensure  # noqa: PLC0415

    origin = str(options.state.absolute()).encode() if options.state else uuid.uuid4().bytes
    shelf = Shelf(options.image)
    ground = Ground(options.world or hashlib.sha256(origin).hexdigest()[:8])
    with contextlib.redirect_stdout(sys.stderr):  # The first line of standard output is the endpoint.
        ensure([IMAGE, *options.image])
        shelf.fill()
        ground.prepare()
        print(f"world {ground.name}: machines on {ground.ipv4}")
        print(f"  remove it: python -m rehearsal.machine down --world {ground.name}")
    return Containers(ground, shelf).watch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
