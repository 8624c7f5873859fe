"""`python -m rehearsal.clouds.ovh`: serves the emulated API; the first line of standard output is its address."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.kit.main import serve
from rehearsal.clouds.ovh.nameserver import NameServer
from rehearsal.clouds.ovh.service import Service
from rehearsal.clouds.ovh.store import Store


def main(arguments: list[str]) -> int:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(prog="rehearsal.clouds.ovh", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:0", help="loopback host:port, port 0 for a free one")
    parser.add_argument("--dns", help="loopback host:port of the name server, over UDP and TCP; none without it")
    parser.add_argument("--machines", action="store_true", help="addresses of rehearsed machines will do as well")
    parser.add_argument("--state", type=Path, help="file that keeps everything; without it nothing is kept")
    parser.add_argument("--seed", type=Path, required=True, help="JSON file: applications, consumers and zones")
    options = parser.parse_args(arguments)

    def server() -> ApiServer:
        store = Store(options.state, json.loads(options.seed.read_text(encoding="utf-8")))
        api = ApiServer(Service(store), options.address, machines=options.machines)
        if options.dns:
            NameServer(store, options.dns, machines=options.machines).start()
        return api

    return serve("rehearsal.clouds.ovh", server)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
