"""`python -m rehearsal.hetzner`: serves the emulated API with machines that are only remembered."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rehearsal.hetzner.machines import InMemory
from rehearsal.hetzner.service import Service
from rehearsal.hetzner.store import Store
from rehearsal.hetzner.web import Door
from rehearsal.hetzner.world import World


def main(arguments: list[str]) -> int:
    """Serves until interrupted; the first line of standard output is the endpoint."""
    parser = argparse.ArgumentParser(prog="rehearsal.hetzner", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port, 0 for any free one")
    parser.add_argument("--state", type=Path, help="file that keeps the project; without it nothing is kept")
    parser.add_argument(
        "--token", action="append", default=[], help="accepted token; any of 64 characters if not given"
    )
    parser.add_argument("--action-seconds", type=float, default=0.0, help="how long an action takes")
    given = parser.parse_args(arguments)
    try:
        world = World(Store(given.state), InMemory(), given.action_seconds)
        door = Door(Service(world, given.token), given.host, given.port)
    except (ValueError, OSError) as problem:
        print(f"rehearsal.hetzner: {problem}", file=sys.stderr)
        return 2
    print(door.url, flush=True)
    try:
        door.serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
