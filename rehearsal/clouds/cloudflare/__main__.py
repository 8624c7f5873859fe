"""`python -m rehearsal.clouds.cloudflare --state FOLDER --seed FILE`: the emulated Cloudflare, until it is stopped."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rehearsal.clouds.cloudflare.emulator import Addresses, Cloudflare
from rehearsal.clouds.kit.listener import NotLoopbackError
from toolchain.stopping import Stop


def main(arguments: list[str]) -> int:
    """Serves until SIGTERM or SIGINT; prints one line of JSON with the addresses. The exit status.

    The seed file holds `{"accounts": {id: {"name", "team", "zones": {id: name}}}, "tokens": {token: "edit" or "read" or
    {permission: "edit" or "read"}}}`.
    """
    parser = argparse.ArgumentParser(prog="rehearsal.clouds.cloudflare", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the state, kept over restarts")
    parser.add_argument("--seed", type=Path, required=True, help="JSON file with accounts, zones and API tokens")
    for name in ("api", "edge", "edge-tls", "tunnel"):
        more = "" if name in ("api", "edge-tls") else "; after a comma, more of them, also in 198.18.0.0/15"
        parser.add_argument(f"--{name}", default="127.0.0.1:0", help=f"loopback host:port, port 0 for a free one{more}")
    options = parser.parse_args(arguments)
    stop = Stop().by_signal()
    try:
        seed = json.loads(options.seed.read_text(encoding="utf-8"))
        addresses = Addresses(options.api, options.edge, options.edge_tls, options.tunnel)
        cloud = Cloudflare(options.state, addresses, seed["accounts"], seed["tokens"])
    except (OSError, ValueError, KeyError, NotLoopbackError) as problem:
        print(
            f"rehearsal.clouds.cloudflare: {problem}; see python -m rehearsal.clouds.cloudflare --help", file=sys.stderr
        )
        return 2
    urls = {"api": cloud.api_url, "edge": cloud.edge_url, "tunnel": cloud.tunnel, "control": cloud.control_url}
    urls |= {"edge_tls": cloud.edge_tls_url, "edge_ca": str(cloud.edge_ca), "control_token": cloud.control_token}
    print(json.dumps({**urls, "socket": str(options.state / "tunnel.sock")}), flush=True)
    stop.wait()
    cloud.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
