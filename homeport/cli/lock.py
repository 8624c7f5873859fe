"""One command at a time on a stack: ours by a lock that dies with its holder, Pulumi's by a file that outlives it."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.cli.interrupts import CutOffError, in_order
from homeport.cli.phases import duration, say
from homeport.cli.places import lock_file, unfinished
from homeport.cli.stack import PROJECT
from homeport.model import fixes
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.cli.pulumi_cli import PulumiCli

_SAYING = 1.0
"""Seconds that whoever has just taken a lock may need to say so, or whoever lets it go to have done so."""


@dataclass
class Run:
    """A command that holds a stack's lock.

    Attributes:
        stack: The stack's name.
        killed: Whether the command before it was killed, so that its work may be half done.
        since: When that one began, in seconds of the epoch; 0 if none was killed.
        recovered: Whether what that one left is repaired. As long as it is not, the next command knows of the kill as
            well.
        changing: Whether Pulumi changes something, or may have. Cut off before, it leaves nothing.
    """

    stack: str
    killed: bool = False
    since: float = 0.0
    recovered: bool = False
    changing: bool = False


@contextmanager
def locked(path: Path, stack: str, command: str) -> Iterator[None]:
    """Holds the lock of a file, which says who has it.

    Raises:
        ToolError: Another command holds it; the message says whose, and since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        end = time.monotonic() + _SAYING
        while not _taken(file.fileno()):
            record = _record(path)
            if _is_there(record) or time.monotonic() > end:
                raise ToolError(f"stack {stack}: {_holder(record)}\n  fix: wait until it has ended, or end it")
            time.sleep(0.01)
        _write(file.fileno(), _me(command))
        try:
            yield
        finally:
            os.ftruncate(file.fileno(), 0)


@contextmanager
def held(stack: str, command: str, noted: Run | None = None) -> Iterator[Run]:
    """Holds the stack's lock.

    Args:
        stack: The stack's name.
        command: What whoever comes second is told.
        noted: Where is noted how far it comes, for a caller that has to know also when it fails.

    Raises:
        ToolError: Another command holds it; the message says whose, and since when.
    """
    run = noted or Run(stack=stack)
    with locked(lock_file(stack), stack, command):
        mark = unfinished(stack)
        run.killed = killed = mark.exists()
        run.since = mark.stat().st_mtime if killed else 0.0
        # Killed again and again, it is still the first of them that began it.
        if not killed:
            mark.touch()
        cut_off = False
        try:
            with in_order():
                yield run
        except (KeyboardInterrupt, CutOffError, BrokenPipeError):
            # Pulumi was asked to end in order, or was ended; whether all is noted, the next run finds out.
            cut_off = run.changing
            raise
        finally:
            if not cut_off and (run.recovered or not killed):
                mark.unlink(missing_ok=True)


def _me(command: str) -> dict[str, Any]:
    return {
        "user": _user(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "command": command,
        "since": time.time(),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number that nobody has named, as in a container
        return str(os.getuid())


def _write(descriptor: int, record: dict[str, Any]) -> None:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps(record).encode())


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _record(path: Path) -> dict[str, Any]:
    """What a lock's holder has said of itself; empty where it has said nothing yet, or no more."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _is_there(record: dict[str, Any]) -> bool:
    """Whether it tells of the holder: one that was killed before has left its own, until the next has said so."""
    if record.get("host") != socket.gethostname():
        return bool(record)
    try:
        os.kill(int(record.get("pid") or 0), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _holder(record: dict[str, Any]) -> str:
    try:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record["since"]))
        ago = duration(max(time.time() - record["since"], 0))
        who = f"{record['user']} on {record['host']} (process {record['pid']})"
    except (KeyError, TypeError):
        return "another command holds it and has not said which yet"
    return f"`{record['command']}` of {who} holds it since {since}, {ago} ago"


def remove_dead_lock(pulumi: PulumiCli) -> float:
    """Removes the lock that a killed Pulumi left in a state folder; when that was taken, 0 where there was none.

    Pulumi's own backends for files and buckets lock by a file, which a killed engine cannot remove
    (https://www.pulumi.com/docs/iac/cli/commands/pulumi_cancel/).

    Raises:
        ToolError: Whoever wrote the lock is alive, or works on another machine.
    """
    remove_half_written(pulumi)
    locks = _pulumi_locks(pulumi)
    for path, record in locks:
        user, machine = record.get("username", "somebody"), record.get("hostname", "some machine")
        who = f"{user} on {machine} (process {record.get('pid', '?')})"
        if record.get("hostname") != socket.gethostname() or _is_alive(int(record.get("pid") or 0)):
            raise ToolError(
                f"stack {pulumi.stack.name}: pulumi of {who} holds it since {record.get('timestamp', 'some time')}\n"
                "  fix: wait until it has ended; if it is surely gone, "
                f"{fixes.PULUMI} cancel --yes --stack {pulumi.stack.name}"
            )
        say(f"    pulumi of {who} was killed and left its lock; removing it ({path.name})")
    taken = min((path.stat().st_mtime for path, _ in locks), default=0.0)
    if locks:
        pulumi.ask("cancel", "--yes")
    return taken


def remove_half_written(pulumi: PulumiCli) -> list[Path]:
    """Removes what a killed Pulumi wrote half of beside its state, and what keeps the state from being read.

    Pulumi's file backend replaces a state file in one step, but writes the file's attributes (`.attrs`: content type
    and checksum, of no use to Pulumi) in place, before it: killed there, every later command ends with "failed to load
    checkpoint: EOF".
    Source: gocloud.dev v0.46.0, blob/fileblob/attrs.go, setAttrs and getAttrs.
    """
    folder = pulumi.state_folder
    paths: list[Path] = []
    if folder is None:
        return paths
    for part in ("stacks", "locks"):
        paths += [path for path in sorted((folder / part).rglob("*.attrs")) if not _is_whole(path)]
    for path in paths:
        say(f"    Pulumi was killed while it wrote {path.name}, which nothing depends on; removing it")
        path.unlink(missing_ok=True)
    return paths


def _is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


def _pulumi_locks(pulumi: PulumiCli) -> list[tuple[Path, dict[str, Any]]]:
    folder = pulumi.state_folder
    if folder is None:
        return []
    locks = []
    for path in sorted((folder / "locks").glob(f"**/{PROJECT}/{pulumi.stack.name}/*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # Killed while it wrote the lock: nobody can be told by it, so nobody is asked.
            record = {"hostname": socket.gethostname(), "pid": 0}
        locks.append((path, record))
    return locks


def _is_alive(pid: int) -> bool:
    """Whether the process is there and is a Pulumi; numbers are given out again."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return not Path("/proc/self").exists()
    return state != "Z" and "pulumi" in name
