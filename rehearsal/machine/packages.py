"""The package mirrors of this machine, for the machines of a world: at the gateway, and nothing else of the outside.

Machines ask `http://packages:3142/debian/…` (or `debian-security`, `ubuntu`, `ubuntu-security`); what they ask for is
fetched by this machine's own apt from where its own configuration says, and kept in the cache. apt on the machine
checks the signatures, as from any mirror.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections import defaultdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from toolchain.images import store

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "packages"
"""By which machines find it in their `/etc/hosts`."""
PORT: Final = 3142
_SUITES: Final = {"bullseye": "debian", "bookworm": "debian", "trixie": "debian", "noble": "ubuntu"}
_PATH: Final = re.compile(r"/(?P<archive>[a-z-]+)/(?P<file>(?:dists|pool)/[A-Za-z0-9+.~_%:/-]+)")
_FRESH_SECONDS: Final = 3600
_HELPER: Final = "/usr/lib/apt/apt-helper"


def archives() -> dict[str, str]:
    """Name of an archive to where this machine's apt has it.

    All releases of Debian's are in one archive, so the source of any of them will do.
    """
    line = "$(REPO_URI)|$(RELEASE)"
    argv = ["apt-get", "indextargets", "--no-release-info", "--format", line, "Created-By: Packages"]
    try:
        listed = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return {}
    known: dict[str, str] = {}
    for uri, _, release in (each.partition("|") for each in listed.splitlines()):
        suite, _, part = release.partition("-")
        if suite in _SUITES and part in {"", "security"}:
            known.setdefault(f"{_SUITES[suite]}-security" if part else _SUITES[suite], uri.rstrip("/"))
    return known


class Packages:
    """The mirrors at one address.

    Args:
        address: Where it listens: a world's gateway.
        folder: Where files are kept; the cache's own if there is none.
        port: Another one than the usual; 0 for a free one.
    """

    def __init__(self, address: str, folder: Path | None = None, port: int = PORT) -> None:
        self._archives = archives()
        self._folder = folder or store.folder("packages")
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._server = ThreadingHTTPServer((address, port), _handler(self))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> Packages:
        """Answers from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="packages").start()
        return self

    def close(self) -> None:
        """Answers no more."""
        self._server.shutdown()
        self._server.server_close()

    def file(self, path: str) -> Path | None:
        """A file of an archive, fetched if need be; None where there is none of that name."""
        match = _PATH.fullmatch(path)
        if match is None or ".." in path or match["archive"] not in self._archives:
            return None
        kept = self._folder / match["archive"] / match["file"]
        with self._locks[path]:
            # What is named after its content or its version never changes.
            final = match["file"].startswith("pool/") or "/by-hash/" in match["file"]
            # No file of an archive that is asked for is empty.
            if _has_content(kept) and (final or time.time() - kept.stat().st_mtime < _FRESH_SECONDS):
                return kept
            kept.parent.mkdir(parents=True, exist_ok=True)
            # The mirrors of other worlds keep their files in the same folder, and may be fetching this one.
            draft = kept.with_name(f"{kept.name}.{secrets.token_hex(4)}.draft")
            if _fetched(f"{self._archives[match['archive']]}/{match['file']}", draft):
                os.utime(draft)
                draft.replace(kept)
        # Without the mirror an older list does, as long as the packages in it are kept.
        return kept if _has_content(kept) else None


def _has_content(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _fetched(uri: str, into: Path) -> bool:
    """Whether apt got it, by its own proxies, keys and methods."""
    argv = [_HELPER, "-o", "APT::Sandbox::User=root", "-q", "download-file", uri, str(into)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        into.unlink(missing_ok=True)
        print(f"packages: {uri.rpartition('/')[2]}: {done.stderr.strip()[-200:]}", file=sys.stderr, flush=True)
    return done.returncode == 0


def _handler(packages: Packages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answers with the file, or that there is none."""
            path = packages.file(self.path)
            self.send_response(HTTPStatus.OK if path else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", str(path.stat().st_size if path else 0))
            self.end_headers()
            if path:
                with path.open("rb") as content:
                    while part := content.read(1 << 20):
                        self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            """Says nothing of each request."""

    return Handler
