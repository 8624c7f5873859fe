"""Redis: its snapshot by BGSAVE, which is of one moment; laid back while the server is stopped."""

from __future__ import annotations

import gzip
import io
import re
import shutil
import tarfile
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from host_scripts.common import BackupError, Store, docker, run, tail, throw_away, wait

if TYPE_CHECKING:
    from pathlib import Path

    from host_scripts.sets import Draft

_FILE: Final = "snapshot.tar.gz"
_LOGS: Final = "appendonlydir"
_BASE: Final = "appendonly.aof.1.base.rdb"
_MANIFEST: Final = f"file {_BASE} seq 1 type b\n".encode()
_SECONDS: Final = 600
_ERROR: Final = re.compile(
    r"^(?:ERR|NOAUTH|NOPERM|WRONGPASS|LOADING|MISCONF|READONLY)\b.*|.*Connection refused.*", re.MULTILINE
)


def dump(store: Store, password: str, draft: Draft) -> dict[str, Any]:
    """Has the server write its snapshot, and takes that."""
    # One that is under way began before this run: what was written since would not be in it.
    _saved(store, password)
    _ask(store, password, "BGSAVE")
    if _saved(store, password)["rdb_last_bgsave_status"] != "ok":
        raise BackupError(f"{store.container}: BGSAVE failed", f"docker logs --tail 50 {store.container}")
    size = draft.stream(_FILE, ["docker", "cp", f"{store.container}:{store.at}", "-"])
    return {"bytes": size}


def _saved(store: Store, password: str) -> dict[str, str]:
    """What the server says once no snapshot is under way."""
    ends = time.monotonic() + _SECONDS
    while (state := _persistence(store, password))["rdb_bgsave_in_progress"] != "0":
        if time.monotonic() > ends:
            what = f"{store.container}: no snapshot after {_SECONDS} s"
            raise BackupError(what, f"docker logs --tail 50 {store.container}")
        time.sleep(0.2)
    return state


def _persistence(store: Store, password: str) -> dict[str, str]:
    rows = _ask(store, password, "INFO persistence").splitlines()
    return dict(row.strip().split(":", 1) for row in rows if ":" in row)


def held(store: Store, password: str) -> int:
    """Its keys, in all of its databases."""
    rows = _ask(store, password, "INFO keyspace")
    return sum(int(number) for number in re.findall(r"keys=(\d+)", rows))


def load(store: Store, password: str, folder: Path, manifest: dict[str, Any]) -> None:
    """Lays the snapshot where the server reads it from when it starts: it writes its own when it stops."""
    del manifest
    # With a log of every write a server reads that, and no snapshot beside it.
    logs = _persistence(store, password)["aof_enabled"] == "1"
    docker("stop", store.container)
    try:
        _lay(store.container, store.at, folder, as_log=logs)
    finally:
        docker("start", store.container)
    _answers(store, password)


def drill(store: Store, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Starts a server of the same image on the snapshot, on no network."""
    del manifest
    file = PurePosixPath(store.at)
    command = ("redis-server", "--dir", str(file.parent), "--dbfilename", file.name, "--save", "", "--appendonly", "no")
    with throw_away(store.container, "--network=none", "--pids-limit=64", command=command) as name:
        _lay(name, store.at, folder)
        docker("start", name)
        copy = Store(store.kind, name, store.at)
        _answers(copy, "")
        return {"keys": held(copy, "")}


def _lay(container: str, at: str, folder: Path, *, as_log: bool = False) -> None:
    with gzip.open(folder / _FILE) as packed, io.BytesIO() as tar, io.BytesIO() as laid:
        shutil.copyfileobj(packed, tar)
        tar.seek(0)
        with tarfile.open(fileobj=tar) as archive, tarfile.open(fileobj=laid, mode="w") as files:
            members = [member for member in archive if member.isfile()]
            content = archive.extractfile(members[0]) if len(members) == 1 else None
            if content is None or members[0].name != PurePosixPath(at).name:
                raise BackupError(f"{folder / _FILE} is no snapshot of {container}", "take another set")
            snapshot = content.read()
            whole = {members[0].name: snapshot}
            if as_log:
                # A log that begins with a snapshot and holds nothing else (redis.io, "Redis persistence").
                _add(files, members[0], _LOGS, None)
                whole = {f"{_LOGS}/{_BASE}": snapshot, f"{_LOGS}/appendonly.aof.manifest": _MANIFEST, **whole}
            for name, text in whole.items():
                _add(files, members[0], name, text)
        docker("cp", "-", f"{container}:{PurePosixPath(at).parent}", text=laid.getvalue())


def _add(files: tarfile.TarFile, like: tarfile.TarInfo, name: str, content: bytes | None) -> None:
    """Adds a file, or a folder where there is no content, of the snapshot's owner."""
    member = tarfile.TarInfo(name)
    member.uid, member.gid, member.mode = like.uid, like.gid, 0o600 if content is not None else 0o700
    member.type, member.size = (tarfile.DIRTYPE, 0) if content is None else (tarfile.REGTYPE, len(content))
    files.addfile(member, io.BytesIO(content or b""))


def _answers(store: Store, password: str) -> None:
    """Waits until the server has loaded its snapshot."""
    argv, text = _command(store, password, "PING")
    wait(store.container, lambda: b"PONG" in run(argv, seconds=60, text=text).stdout, "take another set: --set NAME")


def _ask(store: Store, password: str, command: str) -> str:
    argv, text = _command(store, password, command)
    done = run(argv, seconds=60, text=text)
    answer = done.stdout.decode(errors="replace").removeprefix("OK\n") if password else done.stdout.decode()
    wrong = _ERROR.search(answer)
    if done.returncode or wrong:
        what = f"{store.container}: {command}: {wrong[0].strip() if wrong else tail(done.stderr)}"
        raise BackupError(what, f"docker logs --tail 50 {store.container}")
    return answer


def _command(store: Store, password: str, command: str) -> tuple[list[str], bytes]:
    """The password goes in with the commands: it is in no argument and no environment."""
    # As redis-cli reads its lines: between quotes, with these two behind a backslash.
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    text = f'AUTH "{quoted}"\n{command}\n' if password else f"{command}\n"
    return ["docker", "exec", "-i", store.container, "redis-cli"], text.encode()
