"""`python -m rehearsal.clouds.hetzner`: serves the emulated API, with machines that are only remembered or containers that boot."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import sys
import uuid
from pathlib import Path

from rehearsal.clouds.hetzner.machines import InMemory, MachineError, Machines
from rehearsal.clouds.hetzner.service import Service
from rehearsal.clouds.hetzner.store import Store
from rehearsal.clouds.hetzner.web import Door
from rehearsal.clouds.hetzner.world import World


def main(arguments: list[str]) -> int:
    """Serves until interrupted; the first line of standard output is the endpoint."""
    parser = argparse.ArgumentParser(prog="rehearsal.clouds.hetzner", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port, 0 for any free one")
    parser.add_argument("--state", type=Path, help="file that keeps the project; without it nothing is kept")
    parser.add_argument(
        "--token", action="append", default=[], help="accepted token; any of 64 characters if not given"
    )
    parser.add_argument("--action-seconds", type=float, default=0.0, help="how long an action takes")
    parser.add_argument("--machines", choices=("memory", "docker"), default="memory", help="what a server is")
    parser.add_argument(
        "--world", default="", help="name of the world of the docker machines; it decides what `down` removes"
    )
    parser.add_argument("--image", action="append", default=[], help="image that every machine's own Docker shall have")
    given = parser.parse_args(arguments)
    try:
        world = World(Store(given.state), _machines(given), given.action_seconds)
        door = Door(Service(world, given.token), given.host, given.port)
    except (ValueError, OSError, MachineError) as problem:
        print(f"rehearsal.clouds.hetzner: {problem}", file=sys.stderr)
        return 2
    print(door.url, flush=True)
    try:
        door.serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


def _machines(given: argparse.Namespace) -> Machines:
    """The driver that was asked for; a world without a name is called after its state, or by chance."""
    if given.machines == "memory":
        return InMemory()
    # Only here: who remembers machines needs no Docker and no images.
    from rehearsal.machine.daemon import IMAGE  # noqa: PLC0415
    from rehearsal.machine.driver import Containers  # noqa: PLC0415
    from rehearsal.machine.ground import Ground  # noqa: PLC0415
    from rehearsal.machine.shelf import Shelf  # noqa: PLC0415
    from toolchain.images.ensure import ensure  # noqa: PLC0415

    seen = hashlib.sha256(str(given.state.absolute()).encode()) if given.state else hashlib.sha256(uuid.uuid4().bytes)
    shelf = Shelf(given.image)
    ground = Ground(given.world or seen.hexdigest()[:8])
    with contextlib.redirect_stdout(sys.stderr):  # The first line of standard output is the endpoint.
        ensure([IMAGE, *given.image])
        shelf.fill()
        ground.prepare()
        print(
            f"world {ground.name}: machines on {ground.ipv4}; mend: python -m rehearsal.machine down --world {ground.name}"
        )
    return Containers(ground, shelf).watch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
