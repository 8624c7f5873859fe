"""A labelled issue becomes a pull request: ``auto_fix.py receive|work|jobs|version``, settings in the environment."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import sqlite3
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import auto_fix_settings
from auto_fix_queue import Queue
from auto_fix_receiver import Server
from auto_fix_worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
VERSION = "1.0"


def version() -> str:
    """The version, and what tells this code from another of the same version."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(HERE.glob("auto_fix*.py"))))
    return f"{VERSION}+{digest.hexdigest()[:12]}"


def receive(settings: auto_fix_settings.Receiver) -> int:
    """Listens until it is told to end."""
    server = Server(settings, version())
    # `shutdown` waits for the loop that the signal has interrupted.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"auto-fix {version()} listens on {settings.address} port {server.server_port}", flush=True)
    with server:
        server.serve_forever()
    return 0


def work(settings: auto_fix_settings.Worker, *, once: bool) -> int:
    """Works until it is told to end; with `once` until there is nothing left that can be done now."""
    settings.work.mkdir(parents=True, exist_ok=True)
    with settings.work.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("auto-fix: another worker is at it", file=sys.stderr)
            return 1
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Every step may be done again: nothing has to be brought to an end first.
            signal.signal(number, lambda *_: os._exit(0))
        worker = Worker(settings, Queue(settings.queue), lambda line: print(line, flush=True))
        while True:
            if not worker.work():
                if once:
                    return 0
                ended.wait(settings.pause)


def jobs(queue: Path) -> int:
    """Shows the queue, a JSON object a line."""
    for job in Queue(queue).jobs():
        print(json.dumps({key: value for key, value in asdict(job).items() if key not in {"body", "patch"}}))
    return 0


def shown_version() -> int:
    """Shows the version."""
    print(version())
    return 0


def main(argv: list[str]) -> int:
    """The command; 2 where it is none, or the settings are wrong."""
    verbs = {("receive",), ("work",), ("work", "--once"), ("jobs",), ("version",)}
    if tuple(argv) not in verbs:
        print("auto_fix.py receive | work [--once] | jobs | version", file=sys.stderr)
        return 2
    begin: dict[str, Callable[[], int]] = {
        "receive": lambda: receive(auto_fix_settings.receiver(os.environ)),
        "work": lambda: work(auto_fix_settings.worker(os.environ), once="--once" in argv),
        "jobs": lambda: jobs(Path(os.environ.get("QUEUE", "/var/lib/auto-fix/queue.db"))),
        "version": shown_version,
    }
    try:
        return begin[argv[0]]()
    except auto_fix_settings.SettingsError as error:
        print(f"auto-fix: {error}", file=sys.stderr)
        return 2
    except (sqlite3.Error, UnicodeDecodeError) as error:
        print(f"auto-fix: the queue: {error}; a damaged one is set aside at the next start", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
