"""`python -m rehearsal.clouds.llm`: serves the emulated provider; the first line of standard output is its address."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.kit.main import serve
from rehearsal.clouds.llm.service import Service


def main(arguments: list[str]) -> int:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(prog="rehearsal.clouds.llm", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:0", help="loopback host:port, port 0 for a free one")
    parser.add_argument("--machines", action="store_true", help="rehearsed machines may come too")
    parser.add_argument("--seed", type=Path, required=True, help="JSON file: keys and prices")
    options = parser.parse_args(arguments)

    def server() -> ApiServer:
        seed = json.loads(options.seed.read_text(encoding="utf-8"))
        return ApiServer(Service(seed), options.address, machines=options.machines)

    return serve("rehearsal.clouds.llm", server)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
