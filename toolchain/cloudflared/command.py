"""The stub's command line, cloudflared's as far as homeport uses it.

`cloudflared --config FILE tunnel run`, with a token likewise. Also `tunnel ready`, `tunnel ingress validate` and
`--version`. Where the
edge is: `--edge`, TUNNEL_EDGE, else cloudflared's own `region1.v2.argotunnel.com:7844`, which a machine of the
rehearsal has in its /etc/hosts.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolchain.cloudflared.connector import VERSION, Connector, metrics
from toolchain.cloudflared.settings_file import Local, SettingsError, checked, read

if TYPE_CHECKING:
    from collections.abc import Sequence

_EDGE: Final = "region1.v2.argotunnel.com:7844"
_ASK: Final = 5.0
_WORDS: Final = ("tunnel", "run", "ready", "ingress", "validate")


def _parser() -> argparse.ArgumentParser:
    environ = os.environ
    parser = argparse.ArgumentParser(prog="connector", description=__doc__)
    parser.add_argument("--version", "-v", action="version", version=f"cloudflared version 0.0.0 ({VERSION})")
    parser.add_argument("--config", help="config.yml of a locally managed tunnel")
    parser.add_argument("--credentials-file", "--cred-file", default="", help="in place of the one that the file names")
    parser.add_argument("--token", help="the token itself (cloudflared has it; the process list shows it)")
    parser.add_argument("--token-file", help="file that holds the token")
    parser.add_argument(
        "--edge", default=environ.get("TUNNEL_EDGE") or _EDGE, help="host:port or unix:FILE of the edge"
    )
    parser.add_argument("--metrics", default=environ.get("TUNNEL_METRICS", ""), help="host:port of /ready")
    for ignored in ("--protocol", "--loglevel", "--retries", "--grace-period"):
        parser.add_argument(ignored, help="taken, without meaning here")
    parser.add_argument("--no-autoupdate", action="store_true", help="taken: the stub never updates itself")
    return parser


def _asked(given: argparse.Namespace) -> Local:
    """The tunnel that is to run.

    Raises:
        SettingsError: Nothing says which, or what says it cannot be used.
    """
    file = given.token_file or os.environ.get("TUNNEL_TOKEN_FILE")
    token = str(given.token or os.environ.get("TUNNEL_TOKEN", ""))
    if file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise SettingsError(f"{problem}; name a readable file in --token-file") from problem
    if token:
        return Local(token, {}, "")
    if given.config:
        return read(given.config, given.credentials_file)
    raise SettingsError("needs TUNNEL_TOKEN or --token-file, or --config")


def _is_ready(metrics: str) -> bool:
    """Whether a connector that runs says by its metrics that it is ready, as ``cloudflared tunnel ready`` asks it."""
    try:
        with urllib.request.urlopen(f"http://{metrics}/ready", timeout=_ASK) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, ValueError) as problem:
        print(f"connector stub: not ready: {problem}", file=sys.stderr)
        return False


def _notify() -> None:
    """Tells systemd that a connection stands, as cloudflared does under `Type=notify` (sd_notify(3))."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.sendto(b"READY=1", "\0" + where[1:] if where.startswith("@") else where)


def main(arguments: Sequence[str]) -> int:
    """Runs until SIGTERM or SIGINT; the exit status."""
    # cloudflared takes its flags before or after the words "tunnel" and "run"; so does this.
    given = _parser().parse_args([word for word in arguments if word not in _WORDS])
    if "ready" in arguments:
        return 0 if _is_ready(given.metrics) else 1
    try:
        if "validate" in arguments:
            checked(str(given.config))
            print("OK")
            return 0
        tunnel = _asked(given)
    except SettingsError as problem:
        print(f"connector stub: {problem}", file=sys.stderr)
        return 2
    connector = Connector(tunnel.token, given.edge, tunnel.config or None, _notify)
    connector.stop.by_signal()
    if given.metrics or tunnel.metrics:
        metrics(connector, given.metrics or tunnel.metrics)
    connector.run()
    if connector.refused:
        print(f"connector stub: the edge refuses the connector: {connector.refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
