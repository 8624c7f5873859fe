"""A task's helper: started by systemd when the agent opens the task's socket, as another user, with a fixed command.

It reads nothing of its caller. Which task it is, its unit says; what that runs, the settings and the allow-list, which
the caller cannot write. While it runs, it tells every other caller so; when it has ended, systemd ends what is left of
it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import host_agent_settings
from host_agent_client import BACKUP, NAME, OWN, PULL, STATUS
from host_agent_git import ConflictError, GitError, Repository, clean

if TYPE_CHECKING:
    from host_agent_settings import Settings

ANSWERS: dict[str, tuple[type, ...]] = {
    "workflows": (int,),
    "changed": (bool,),
    "commit": (str, type(None)),
    "pushed": (bool,),
}
"""What the backup's last line says, and in which types."""
LOCK_HELD = 4
"""Exit code of the backup where another one runs."""
_LISTENER = 3
"""The first descriptor that systemd hands over (sd_listen_fds(3))."""
_OUT, _ERR, _CHUNK = 64 * 1024, 2000, 64 * 1024
_GRACE = 5.0
_DRAINED = 0.5
"""Seconds for the last words: what got away from its group holds the streams open until systemd ends it."""


class RefusedError(Exception):
    """The task is none, or its program may not be run."""


class Tail:
    """The last bytes of a stream, whatever its length."""

    def __init__(self, most: int) -> None:
        self._most, self._size, self._parts = most, 0, deque[bytes]()

    def read(self, source: int) -> None:
        """Reads to the end."""
        while part := os.read(source, _CHUNK):
            self._parts.append(part[-self._most :])
            self._size += len(self._parts[-1])
            while self._size - len(self._parts[0]) >= self._most:
                self._size -= len(self._parts.popleft())

    def text(self) -> str:
        """The end of it."""
        return b"".join(self._parts)[-self._most :].decode(errors="replace")


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a task runs.

    Attributes:
        argv: A program's path, and its arguments.
        docker: Why it needs the host's Docker; empty: it has none.
    """

    argv: tuple[str, ...]
    docker: str = ""


def commands(settings: Settings) -> dict[str, Command]:
    """The tasks of the allow-list.

    Raises:
        RefusedError: The list is not as it must be, or somebody else may write it.
    """
    path = settings.tasks_file
    if not path.exists():
        return {}
    _own(path)
    try:
        tasks = dict(json.loads(path.read_text(encoding="utf-8"))["tasks"])
    except (ValueError, KeyError, TypeError, OSError):
        raise RefusedError(f'{path}: is no {{"tasks": {{"name": {{"argv": ["/program", "argument"]}}}}}}') from None
    return {name: _command(f"{path}: {name!r}", name, task) for name, task in tasks.items()}


def _command(where: str, name: str, task: Any) -> Command:
    if not NAME.fullmatch(name) or name in OWN:
        raise RefusedError(f"{where} is no name of a task, or one of the agent's own")
    argv, docker = (task.get("argv"), task.get("docker", "")) if isinstance(task, dict) else (None, "")
    if not isinstance(argv, list) or not all(isinstance(word, str) and "\0" not in word for word in (*argv, docker)):
        raise RefusedError(f'{where} has no "argv", which is a list of texts')
    if not argv or not argv[0].startswith("/"):
        raise RefusedError(f"{where} runs something that is no path of a program")
    return Command(argv=(*argv,), docker=docker)


def run(name: str, settings: Settings) -> dict[str, Any]:
    """Does a task, and says how it ended."""
    began = time.monotonic()
    try:
        if name in {STATUS, PULL}:
            outcome = _git(name, settings, began + settings.task_timeout)
        else:
            outcome = _program(name, settings)
    except ConflictError as error:
        return {"state": "conflict", "detail": str(error)}
    except (RefusedError, GitError) as error:
        return {"state": "refused", "detail": str(error)}
    except subprocess.TimeoutExpired:
        return {"state": "timeout"}
    return {**outcome, "duration_s": round(time.monotonic() - began, 3)}


def _git(name: str, settings: Settings, deadline: float) -> dict[str, Any]:
    repository = Repository(path=settings.repo, protocols=settings.protocols, deadline=deadline)
    return {"state": "ended", "exit_code": 0, "result": repository.pull() if name == PULL else repository.status()}


def _program(name: str, settings: Settings) -> dict[str, Any]:
    own = Command(argv=(str(settings.backup_script),))
    command = own if name == BACKUP else commands(settings).get(name)
    if command is None:
        raise RefusedError(f"{settings.tasks_file} has no task {name}; fix: sudo {settings.repo}/deploy.sh")
    _own(Path(command.argv[0]))
    outcome = _spawn(command.argv, settings)
    if name == BACKUP and outcome["state"] == "ended":
        if outcome["exit_code"] == LOCK_HELD:
            return {"state": "busy"}
        outcome["result"] = _result(outcome["stdout_tail"])
    return outcome


def _own(path: Path) -> None:
    """A file that only its owner writes, who is root or whom this runs as."""
    try:
        found = path.stat()
    except OSError:
        raise RefusedError(f"{path}: is not there") from None
    if found.st_mode & 0o022 or found.st_uid not in {0, os.geteuid()}:
        raise RefusedError(f"{path}: others may write it; fix: chmod go-w {path}")


def _spawn(argv: tuple[str, ...], settings: Settings) -> dict[str, Any]:
    """Runs a command without a shell, in a session of its own, which is killed as a whole when its time is over."""
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": os.environ.get("HOME", "/nonexistent"),
        "USER": os.environ.get("USER", ""),
        "LC_ALL": "C.UTF-8",
        "REPO_DIR": str(settings.repo),
    }
    try:
        process = subprocess.Popen(
            argv,
            cwd=settings.repo,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise RefusedError(f"{argv[0]}: cannot be run ({error.strerror})") from None
    out, err = Tail(_OUT), Tail(_ERR)
    readers = [
        threading.Thread(target=tail.read, args=(stream.fileno(),), daemon=True)
        for tail, stream in ((out, process.stdout), (err, process.stderr))
        if stream is not None
    ]
    for reader in readers:
        reader.start()
    try:
        code = process.wait(settings.task_timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        return {"state": "timeout"}
    # What the command left running may hold the streams open: it is ended, and then nothing more can come.
    _signal(process.pid, signal.SIGKILL)
    for reader in readers:
        reader.join(_DRAINED)
    return {
        "state": "ended",
        "exit_code": code,
        "stdout_tail": clean(out.text(), _OUT),
        "stderr_tail": clean(err.text()),
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    _signal(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _result(text: str) -> dict[str, Any] | None:
    """The fields in the last line of a backup's output; None where it says something else."""
    try:
        said = json.loads(text.strip().rpartition("\n")[2])
    except ValueError:
        return None
    fits = isinstance(said, dict) and all(type(said.get(key)) in kinds for key, kinds in ANSWERS.items())
    return {key: said[key] for key in ANSWERS} if fits else None


def serve(listener: socket.socket, name: str, file: Path) -> None:
    """Does the task once for the first caller, and tells others meanwhile that it runs."""
    # Before anything that can fail: systemd would start this again for a caller that nobody took.
    caller, _ = listener.accept()
    over = threading.Event()
    # Whoever asks how the repository is waits for a turn.
    door = threading.Thread(target=_refuse, args=(listener, over), daemon=True) if name != STATUS else None
    with caller:
        _tell(caller, {"state": "started"})
        if door:
            door.start()
        try:
            outcome = run(name, host_agent_settings.read(file))
        except host_agent_settings.SettingsError as error:
            outcome = {"state": "refused", "detail": str(error)}
        over.set()
        if door:
            door.join()
        words = {key: outcome[key] for key in ("state", "exit_code", "duration_s", "detail") if key in outcome}
        print(f"{name}: {words}", flush=True)
        _tell(caller, outcome)


def _refuse(listener: socket.socket, over: threading.Event) -> None:
    listener.settimeout(0.1)
    while not over.is_set():
        with contextlib.suppress(OSError):
            other, _ = listener.accept()
            with other:
                _tell(other, {"state": "busy"})


def _tell(caller: socket.socket, what: dict[str, Any]) -> None:
    """A caller may be gone: the task is done all the same."""
    with contextlib.suppress(OSError):
        caller.settimeout(_GRACE)
        caller.sendall(json.dumps(what).encode() + b"\n")


def main(argv: list[str], descriptor: int = _LISTENER) -> int:
    """``host_agent_task.py NAME ENV-FILE``, under systemd."""
    name, file = argv
    with socket.socket(fileno=descriptor) as listener:
        listener.setblocking(True)
        serve(listener, name, Path(file))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
