"""`python -m rehearsal.machine`: what is there of a world of machines, and its removal."""

from __future__ import annotations

import argparse
import sys

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import labelled
from rehearsal.machine.ground import Ground


def main(arguments: list[str]) -> int:
    """`list` or `down` of one world; 0 when it went well."""
    parser = argparse.ArgumentParser(prog="rehearsal.machine", description=__doc__)
    parser.add_argument("command", choices=("list", "down"))
    parser.add_argument("--world", required=True, help="the world's name")
    options = parser.parse_args(arguments)
    try:
        ground = Ground(options.world)
        if options.command == "down":
            lines = ground.down()
        else:
            lines = [
                f"{kind} {name}" for kind in ("container", "volume", "network") for name in labelled(kind, ground.name)
            ]
    except (ValueError, MachineError) as problem:
        print(f"rehearsal.machine: {problem}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
