"""The copy elsewhere: the newest set of every store, and volumes as they are, encrypted, incremental, with retention.

Beside the copies lies a list of them, as a snapshot of its own, so that a copy which somebody has taken away is missed:
restic itself knows no more than what is there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from host_scripts import buckets, copies, databases, messages, sets, stores
from host_scripts.common import BackupError, Offsite, Settings, docker, last_good, made, still, write
from host_scripts.restic import Restic
from host_scripts.workflows import FOLDER as WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG: Final = "homeport"
_LIST_TAG: Final = "homeport-list"
_LIST: Final = "copies.json"
_ROOT: Final = "/backup"
_MANIFEST: Final = "manifest.json"
_COPIES: Final = "copies"
_KINDS: Final = ("databases", "stores", "copies")
_ANOTHER: Final = "take another copy: ./backup.sh list, then ./backup.sh restore offsite --snapshot ID"


def _chosen(settings: Settings) -> Offsite:
    if settings.offsite is None:
        raise BackupError("S3_ENDPOINT is not set: there is no copy elsewhere", "docs/backup.md, A copy elsewhere")
    return settings.offsite


def _to_restore(settings: Settings, offsite: Offsite) -> Restic:
    repository = Restic(settings, offsite, "restore")
    repository.alone()
    return repository


def prepared(settings: Settings) -> dict[str, Any]:
    """Makes buckets and the repository where they are missing.

    Raises:
        BackupError: The server does not answer or does not take the keys, or the repository is gone.
    """
    offsite = _chosen(settings)
    messages.checked(settings)
    done = buckets.ensure(settings, offsite)
    Restic(settings, offsite, _COPIES).ready(known=last_good(settings.folder, "offsite") is not None)
    return {"buckets_made": done}


def backup(settings: Settings) -> dict[str, Any]:
    """Copies what lies here to the repository, lets old copies go, and checks what is there.

    Raises:
        BackupError: It could not be copied whole, or what is there is damaged.
    """
    offsite = _chosen(settings)
    repository = Restic(settings, offsite, _COPIES)
    mounts = list(_mounts(settings, offsite))
    words = ("backup", "--json", "--quiet", "--host", offsite.name, "--tag", _TAG, _ROOT)
    summary = json.loads(repository.call(*words, mounts=mounts).splitlines()[-1])
    policy = [f"--keep-{name}={getattr(offsite, name)}" for name in ("daily", "weekly", "monthly")]
    # Without the paths: a set's name is another each day. The list comes first: a run that is killed between the two
    # would leave one that names copies which are gone.
    going = ("forget", "--dry-run", "--json", "--tag", _TAG, "--group-by=host", *policy, "--keep-last=1")
    groups = json.loads(repository.call(*going))
    keep, old = ([row["id"] for group in groups for row in group[what] or ()] for what in ("keep", "remove"))
    # restic goes by the clock: what was made just now, when it had been put back, is to it the older one of a day.
    (new,) = [name for name in (*keep, *old) if name.startswith(summary["snapshot_id"])]
    kept, old = [new, *(name for name in keep if name != new)], [name for name in old if name != new]
    _listed(repository, offsite, kept)
    if old:
        repository.call("forget", "--quiet", *old)
    # Not in one run with forget, which would let go the data of a copy whose own file could not be removed
    # (restic's cmd/restic/cmd_forget.go, v0.18.1).
    repository.call("prune", "--quiet")
    repository.call("check", "--quiet")
    return {
        "snapshot": summary["snapshot_id"][:8],
        "files": summary["total_files_processed"],
        "bytes": summary["total_bytes_processed"],
        "added": summary["data_added_packed"],
        "copies": len(kept),
    }


def _mounts(settings: Settings, offsite: Offsite) -> Iterator[tuple[str, str]]:
    """What is copied: where it is on this host, and where in a copy."""
    newest: dict[str, dict[str, str]] = {}
    for kind in _KINDS:
        for folder in sorted((settings.folder / kind).glob("*")):
            if there := sets.all_in(folder):
                newest.setdefault(kind, {})[folder.name] = there[-1].name
                yield str(there[-1]), f"{_ROOT}/{kind}/{folder.name}/{there[-1].name}"
    for container, root in offsite.files:
        yield _source(container, root), f"{_ROOT}/files/{container}{root}"
    for name, folder in (("state", settings.folder / "state"), ("workflows", settings.checkout / WORKFLOWS)):
        if folder.is_dir():
            yield str(folder), f"{_ROOT}/{name}"
    manifest = made(settings.folder / "offsite") / _MANIFEST
    write(manifest, json.dumps({"sets": newest, "files": dict(offsite.files)}, indent=2).encode() + b"\n")
    yield str(manifest), f"{_ROOT}/{_MANIFEST}"


def _source(container: str, root: str) -> str:
    """Where a folder of a container is on this host.

    Raises:
        BackupError: It is on no volume.
    """
    mounts = json.loads(docker("inspect", "--type=container", "--format={{json .Mounts}}", container))
    known = [row for row in mounts if PurePosixPath(root).is_relative_to(row["Destination"])]
    if not known:
        raise BackupError(f"{container}: {root} is on no volume", f"docker inspect {container}")
    mount = max(known, key=lambda row: len(row["Destination"]))
    return str(PurePosixPath(mount["Source"]) / PurePosixPath(root).relative_to(mount["Destination"]))


def _listed(repository: Restic, offsite: Offsite, names: list[str]) -> None:
    """Writes the list of copies anew, the one that was made last first, and lets the list before go."""
    (before,) = repository.snapshots(_LIST_TAG)
    words = ("--quiet", "--host", offsite.name, "--tag", _LIST_TAG, "--stdin", f"--stdin-filename={_LIST}")
    repository.call("backup", *words, text=json.dumps(names).encode())
    # Not as restic would choose: to it a list that was made when the clock had been put back is the older one.
    if before:
        repository.call("forget", "--quiet", *(row["id"] for row in before))


def _newest(repository: Restic) -> dict[str, Any]:
    """The copy that was made last, once the whole repository was read and none of its copies is missing.

    By the list, not by the clock of then.

    Raises:
        BackupError: Something is damaged or missing.
    """
    repository.call("check", "--read-data", "--quiet", "--no-lock")
    there, lists = repository.snapshots(_TAG, _LIST_TAG)
    fix = "./backup.sh list, then ./backup.sh restore offsite --snapshot ID takes one that is there all the same"
    if not there:
        raise BackupError(f"{repository.location} holds no copy", "./backup.sh offsite makes one")
    if not lists:
        raise BackupError(f"{repository.location}: the list of copies is gone, so one may be missing", fix)
    wanted = json.loads(repository.call("dump", "--no-lock", lists[-1]["id"], f"/{_LIST}"))
    if missing := {*wanted} - {row["id"] for row in there}:
        what = f"{repository.location}: {len(missing)} copies are missing, {min(missing)[:8]} among them"
        raise BackupError(what, fix)
    return next((row for row in there if row["id"] in wanted[:1]), there[-1])


def listing(settings: Settings) -> dict[str, Any]:
    """All copies that are there, newest first."""
    (rows,) = Restic(settings, _chosen(settings), "list").snapshots(_TAG)
    keys = ("total_files_processed", "total_bytes_processed")
    return {
        "copies": [
            {
                "snapshot": row["id"][:8],
                "time": row["time"][:19] + "Z",
                **{key.split("_")[1]: row.get("summary", {}).get(key) for key in keys},
            }
            for row in reversed(rows)
        ]
    }


def verify(settings: Settings) -> dict[str, Any]:
    """Reads the whole repository, and tries the newest copy: each store is loaded into a throw-away container.

    Raises:
        BackupError: Something is damaged or missing, or a store does not take its part.
    """
    repository = _to_restore(settings, _chosen(settings))
    newest = _newest(repository)
    with _staged(settings, repository, newest["id"]) as stage:
        done: dict[str, Any] = {"files": stage.files, "servers": {}, "stores": {}, "copies": {}}
        for server in settings.servers:
            done["servers"][server.container] = databases.drill(server, stage.set("databases", server.container))
        for store in settings.stores:
            done["stores"][store.container] = stores.drill(store, stage.set("stores", store.container))
        for copy in settings.copies:
            if folder := stage.found("copies", copy.container):
                done["copies"][copy.container] = copies.examined(folder)
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(newest["time"])
    return {"snapshot": newest["id"][:8], "age_hours": round(age.total_seconds() / 3600, 1), **done}


class _Stage:
    """A copy's sets, read back and whole.

    Attributes:
        folder: Where they are.
        files: How many files were read in all; those of volumes were read and let go.
        volumes: Container to folder: the volumes in the copy.
    """

    def __init__(self, folder: Path, files: int) -> None:
        self.folder, self.files = folder, files
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        self._sets: dict[str, dict[str, str]] = manifest["sets"]
        self.volumes: dict[str, str] = manifest["files"]
        for kind, named in self._sets.items():
            for container, name in named.items():
                if not sets.is_name(name):
                    raise BackupError(f"{name!r} is no set of {container}", _ANOTHER)
                sets.checked(self.set(kind, container))

    def found(self, kind: str, container: str) -> Path | None:
        name = self._sets.get(kind, {}).get(container)
        return self.folder / kind / container / name if name else None

    def set(self, kind: str, container: str) -> Path:
        folder = self.found(kind, container)
        if folder is None:
            what = f"the copy has nothing of {container}: it was not dumped when the copy was made"
            raise BackupError(what, f"take another copy, or leave {container} out of the settings")
        return folder


@contextlib.contextmanager
def _staged(settings: Settings, repository: Restic, snapshot: str) -> Iterator[_Stage]:
    """Reads all of a copy, and keeps its sets for a while: restic tells what is not as it was written.

    Raises:
        BackupError: It cannot be read, or is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="copy-", dir=made(settings.folder / "offsite")) as place:
        files = 0
        with repository.stream("dump", "--no-lock", "--archive=tar", f"{snapshot}:{_ROOT}", "/") as program:
            try:
                with tarfile.open(fileobj=program.output, mode="r|") as archive:
                    for member in archive:
                        files += member.isfile()
                        path = PurePosixPath(member.name)
                        if path.is_absolute() or ".." in path.parts:
                            raise BackupError(f"{member.name!r} has no place in a copy", _ANOTHER)
                        if member.isfile() and not path.is_relative_to("files"):
                            content = archive.extractfile(member)
                            target = made(Path(place, path).parent) / path.name
                            with target.open("xb") as file:
                                shutil.copyfileobj(content, file)  # type: ignore[arg-type]  # it is a file
                            target.chmod(0o600)
            except tarfile.TarError as error:
                # What restic says of it is the cause.
                repository.failed("dump", program)
                raise BackupError(f"{repository.location}: {error}", "./backup.sh verify") from error
            program.output.read()
            repository.failed("dump", program)
        yield _Stage(Path(place), files)


def to_folder(settings: Settings, snapshot: str, folder: Path) -> dict[str, Any]:
    """Writes a copy into an empty folder, with owners and modes.

    Raises:
        BackupError: Something is in it, or the copy is damaged.
    """
    repository = _to_restore(settings, _chosen(settings))
    chosen = _snapshot(repository, snapshot)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty", f"ls -A {folder}, or name another folder")
    words = ("restore", "--quiet", "--no-lock", "--verify", f"{chosen}:{_ROOT}", "--target=/target")
    repository.call(*words, mounts=[(str(folder.resolve()), "/target")], writes=True)
    return {"snapshot": chosen[:8], "folder": str(folder)}


def _snapshot(repository: Restic, name: str) -> str:
    """A copy by the beginning of its name; without one the newest, once nothing of any copy is damaged or missing."""
    if not name:
        return str(_newest(repository)["id"])
    (rows,) = repository.snapshots(_TAG)
    known = [row["id"] for row in rows if row["id"].startswith(name)]
    if len(known) != 1:
        raise BackupError(f"{repository.location}: there is no copy {name}", "./backup.sh list")
    return str(known[0])


def restore(settings: Settings, snapshot: str, *, replace: bool) -> dict[str, Any]:
    """Brings all of a copy back into what runs here: databases, stores, files of volumes.

    All of it is read, and every store but PostgreSQL, which loads beside what it has, is tried in a throw-away
    container, before anything is overwritten.

    Args:
        settings: The settings.
        snapshot: The copy; empty: the newest, and that the whole repository is as it was written is looked at first.
        replace: Whether it takes the place of what is there.

    Raises:
        BackupError: The copy is damaged, or something is there.
    """
    offsite = _chosen(settings)
    repository = _to_restore(settings, offsite)
    chosen = _snapshot(repository, snapshot)
    with _staged(settings, repository, chosen) as stage:
        kept = [copy for copy in settings.copies if stage.found("copies", copy.container)]
        for store in settings.stores:
            stores.drill(store, stage.set("stores", store.container))
            if not replace:
                stores.free(store)
        for copy in kept:
            copies.examined(stage.set("copies", copy.container))
        volumes = _to_lay(offsite, stage.volumes)
        if (volumes or kept) and not replace:
            what = f"{', '.join(volumes or [copy.container for copy in kept])}: files would be overwritten"
            raise BackupError(what, "./backup.sh restore offsite --replace puts the copy in the place of what is there")
        targets = {container: _source(container, root) for container, root in volumes.items()}
        names = {
            (kind, container): _moved(settings, stage, kind, container)
            for kind, containers in (
                ("databases", [server.container for server in settings.servers]),
                ("stores", [store.container for store in settings.stores]),
                ("copies", [copy.container for copy in kept]),
            )
            for container in containers
        }
    with still(settings.folder, dict.fromkeys((*offsite.clients, *targets)), "stop", "start"):
        for server in settings.servers:
            name = names["databases", server.container]
            databases.restore(settings, server.container, name, "", replace=replace)
        for store in settings.stores:
            stores.restore(settings, store.container, names["stores", store.container], replace=replace)
        for copy in kept:
            copies.restore(settings, copy.container, names["copies", copy.container], replace=True)
        for container, target in targets.items():
            where = f"{chosen}:{_ROOT}/files/{container}{volumes[container]}"
            words = ("restore", "--quiet", "--no-lock", "--delete", "--verify", where, "--target=/target")
            repository.call(*words, mounts=[(target, "/target")], writes=True)
    return {"snapshot": chosen[:8], "sets": len(names), "volumes": len(targets), "files": stage.files}


def _to_lay(offsite: Offsite, volumes: dict[str, str]) -> dict[str, str]:
    """The volumes of a copy that are this host's: the settings say what a restore writes to, never what was copied."""
    ours = {container: root for container, root in volumes.items() if (container, root) in offsite.files}
    for container in sorted(volumes.keys() - ours.keys()):
        what = f"{container}: {volumes[container]} of the copy is none of FILES, and is left out"
        print(f"{what}; ./backup.sh restore offsite --to FOLDER has it", file=sys.stderr)
    return ours


def _moved(settings: Settings, stage: _Stage, kind: str, container: str) -> str:
    """Puts a set among those of this host; its name."""
    folder = stage.set(kind, container)
    place = made(settings.folder / kind / container) / folder.name
    if place.exists():
        # The same, which may be damaged here.
        shutil.rmtree(place)
    folder.rename(place)
    return folder.name
