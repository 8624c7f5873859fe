"""The host's agent: ``host_agent.py serve|check|tasks ENV-FILE`` and ``host_agent.py version``."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import sys
from pathlib import Path

import host_agent_settings
import host_agent_task
from host_agent_api import Api
from host_agent_client import BACKUP, OWN, TASKS, Tasks
from host_agent_guard import Guard, state_file
from host_agent_http import MOST_HEAD, Server

HERE = Path(__file__).resolve().parent
VERSION = "1.0"
_BACKLOG = 512
_BEAT = 10.0
"""Seconds between two signs of life for systemd, whose patience is 30 (``WatchdogSec=``)."""


def version() -> str:
    """The version, and what tells this code from another of the same version."""
    digest = hashlib.sha256()
    for path in sorted([*HERE.glob("host_agent*.py"), HERE / "openapi.json"]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{VERSION}+{digest.hexdigest()[:12]}"


async def serve(settings: host_agent_settings.Settings, tasks: Path = TASKS) -> None:
    """Listens until it is told to end."""
    guard = Guard(settings.token, state_file(), alert=_log)
    api = Api(guard, Tasks(folder=tasks, timeout=settings.task_timeout), version(), HERE / "openapi.json")
    server = Server(answer=api.answer, log=_log)
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    listening = await asyncio.start_server(
        server.connection, settings.host, settings.port, backlog=_BACKLOG, limit=MOST_HEAD
    )
    async with listening:
        _log(f"host-agent {version()} listens on {settings.host} port {settings.port}")
        _tell_systemd("READY=1")
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), _BEAT)
            _tell_systemd("WATCHDOG=1")


def _log(line: str) -> None:
    print(line, flush=True)


def _tell_systemd(state: str) -> None:
    """sd_notify(3), where systemd listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        # Whether systemd hears it or not, there is somebody to serve.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, contextlib.suppress(OSError):
            notify.connect("\0" + address[1:] if address.startswith("@") else address)
            notify.sendall(state.encode())


def main(argv: list[str]) -> int:
    """The command; 2 where it is none, 1 where the settings are wrong."""
    if argv == ["version"]:
        print(version())
        return 0
    if len(argv) != 2 or argv[0] not in {"serve", "check", "tasks"}:  # noqa: PLR2004
        print("host_agent.py serve|check|tasks ENV-FILE, or host_agent.py version", file=sys.stderr)
        return 2
    verb, file = argv[0], Path(argv[1])
    try:
        settings = host_agent_settings.read(file)
        if verb == "tasks":
            listed = host_agent_task.commands(settings)
            # Saving n8n's workflows is a `docker exec`.
            docker = {BACKUP, *(name for name, command in listed.items() if command.docker)}
            print("\n".join(f"{name} docker" if name in docker else name for name in (*OWN, *sorted(listed))))
        elif verb == "serve":
            asyncio.run(serve(settings, Path(os.environ.get("HOST_AGENT_TASKS", TASKS))))
    except (host_agent_settings.SettingsError, host_agent_task.RefusedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
