"""`python -m rehearsal.clouds.github`: serves the emulated GitHub; the first line of standard output is its address."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rehearsal.clouds.github.service import Service
from rehearsal.clouds.github.store import Store
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.kit.main import serve


def main(arguments: list[str]) -> int:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(prog="rehearsal.clouds.github", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:0", help="loopback host:port, port 0 for a free one")
    parser.add_argument("--folder", type=Path, required=True, help="where the repositories and the state are kept")
    parser.add_argument("--seed", type=Path, required=True, help="JSON file: repositories and tokens")
    options = parser.parse_args(arguments)

    def server() -> ApiServer:
        store = Store(options.folder / "state.json", json.loads(options.seed.read_text(encoding="utf-8")))
        service = Service(store, options.folder)
        api = ApiServer(service, options.address)
        service.url = api.url
        return api

    return serve("rehearsal.clouds.github", server)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
