"""Folders of containers' volumes as they are: the storage of a registry, databases in files.

Docker's client reads them out of the container, so the container needs no program for it, and its owners and modes are
kept. What refers to other files is read before those: a push while a copy is made adds files, and takes none away.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import re
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from host_scripts import sets
from host_scripts.common import BackupError, Copy, Settings, docker, each, still, stream, tail

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING: Final = re.compile(rb"[Cc]ould not find the file|no such file or directory", re.IGNORECASE)
# A registry's file that is named after what is in it: distribution/distribution registry/storage/paths.go.
_BLOB: Final = re.compile(r"(?:.*/)?blobs/sha256/[0-9a-f]{2}/([0-9a-f]{64})/data")
_SQLITE: Final = b"SQLite format 3\0"
_LOGS: Final = ("-wal", "-journal")
"""Ends of the names of SQLite's logs."""
_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %'"
_REFERENCE: Final = re.compile(r".*/_manifests/(?:revisions|tags)/.*/link")


def backup(settings: Settings) -> dict[str, Any]:
    """Copies each of them into a set.

    Raises:
        BackupError: One cannot be read, or is empty though it was not; the others are copied all the same.
    """
    return each("copies", {copy.container: partial(_copied, settings, copy) for copy in settings.copies})


def sets_of(settings: Settings, copy: Copy) -> Path:
    """Where a copy's sets are."""
    return settings.folder / "copies" / copy.container


def _copied(settings: Settings, copy: Copy) -> dict[str, Any]:
    folder = sets_of(settings, copy)
    parts = [part for part in copy.parts if _is_there(copy, part)]
    if not parts:
        if sets.all_in(folder):
            what = f"{copy.container}: {copy.root} holds nothing, and did when it was copied last"
            raise BackupError(what, f"./backup.sh restore copies {copy.container}, if it was not you who emptied it")
        return {"set": None, "stored": 0}
    files = [f"{number}.tar.gz" for number in range(len(parts))]
    rows = [{"part": part, "file": file} for part, file in zip(parts, files, strict=True)]
    with sets.new(folder, settings.keep_copies) as draft:
        with still(settings.folder, _paused(copy), "pause", "unpause"):
            for file, part in zip(files, parts, strict=True):
                draft.stream(file, _read(copy, part))
        for row in rows:
            # What could not be laid back is said today, not on the day when it is wanted.
            for _ in _members(draft.folder, row):
                pass
        draft.finish({"container": copy.container, "root": copy.root, "parts": rows})
    newest = sets.all_in(folder)[-1]
    return {"set": newest.name, "stored": sum(path.stat().st_size for path in newest.iterdir())}


def _read(copy: Copy, part: str) -> list[str]:
    """The command that prints a part as an archive."""
    return ["docker", "cp", f"{copy.container}:{copy.root}/{part}".rstrip("/"), "-"]


def _paused(copy: Copy) -> tuple[str, ...]:
    return (copy.container,) if copy.paused else ()


def _is_there(copy: Copy, part: str) -> bool:
    with subprocess.Popen(_read(copy, part), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018  # they were asked for
        first = process.stdout.read(1)
        if first:
            process.kill()
            return True
        errors = process.stderr.read()
    if _MISSING.search(errors):
        return False
    raise BackupError(f"{copy.container}: {tail(errors)}", f"docker logs --tail 50 {copy.container}")


def restore(settings: Settings, container: str, name: str, *, replace: bool) -> dict[str, Any]:
    """Lays a set's files into a container's volume, with their owners and modes.

    Args:
        settings: The settings.
        container: Whose.
        name: The set's; empty: the newest.
        replace: Whether they are laid over files that are there.

    Raises:
        BackupError: The set is damaged, or files are there, or Docker refuses.
    """
    copy = next((one for one in settings.copies if one.container == container), None)
    if copy is None:
        known = ", ".join(one.container for one in settings.copies)
        raise BackupError(f"{container} is none of COPIES: {known}", "name one of them")
    folder = sets.chosen(sets_of(settings, copy), name)
    manifest = checked(folder)
    if not replace and (held := [part for part in copy.parts if _is_there(copy, part)]):
        what = f"{container}: {copy.root}/{held[0]} is there already"
        fix = f"./backup.sh restore copies {container} --replace lays the files of the set over what is there"
        raise BackupError(what, fix)
    files = 0
    with still(settings.folder, _paused(copy), "stop", "start"):
        # What is referred to comes first: nobody sees a reference that leads nowhere.
        for row in reversed(manifest["parts"]):
            files += _laid(copy, folder, row)
        if copy.paused:
            _emptied(copy, folder, manifest)
    return {"set": folder.name, "files": files}


def verify(settings: Settings) -> dict[str, Any]:
    """Reads the newest set of each: checksums, and whether each file of a registry is what its name says.

    Raises:
        BackupError: A set is damaged; the others are read all the same.
    """
    folders = {copy.container: sets_of(settings, copy) for copy in settings.copies}
    held = {container: folder for container, folder in folders.items() if sets.all_in(folder)}
    return each("copies", {container: partial(_newest, folder) for container, folder in held.items()})


def _newest(folder: Path) -> dict[str, Any]:
    return examined(sets.chosen(folder, ""))


def examined(folder: Path) -> dict[str, Any]:
    """Reads a set: checksums, whether each file of a registry is what its name says, whether SQLite's are sound.

    Raises:
        BackupError: It is damaged.
    """
    manifest = checked(folder)
    sound = {"sqlite": rows} if (rows := _sqlite(folder, manifest)) else {}
    return {"age_hours": sets.age_hours(folder), **_registry(folder, manifest), **sound}


def checked(folder: Path) -> dict[str, Any]:
    """A set's manifest, once all of it was read and found as it was written, and all of it has a place in a copy."""
    manifest = sets.checked(folder)
    for row in manifest["parts"]:
        part = PurePosixPath(row["part"])
        if part.is_absolute() or ".." in part.parts:
            raise BackupError(f"{folder}: {row['part']!r} has no place in a copy", "take another set")
        for _ in _members(folder, row):
            pass
    return manifest


def _sqlite(folder: Path, manifest: dict[str, Any]) -> int:
    """Rows in the set's databases of SQLite, each of which is opened and examined by SQLite itself.

    Raises:
        BackupError: One of them is not sound.
    """
    rows = 0
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        for row in manifest["parts"]:
            for archive, member in _members(folder, row):
                content = archive.extractfile(member) if member.isfile() else None
                head = content.read(len(_SQLITE)) if content else b""
                if content and (member.name.endswith(_LOGS) or head == _SQLITE):
                    # Beside each other, whichever archive they are in: a log belongs to its database.
                    path = Path(scratch, PurePosixPath(row["part"]).parent, member.name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with path.open("wb") as file:
                        file.write(head)
                        shutil.copyfileobj(content, file)
        for path in sorted(each for each in Path(scratch).rglob("*") if each.is_file()):
            if not path.name.endswith(_LOGS):
                rows += _rows(path)
    return rows


def _rows(path: Path) -> int:
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            # Checks may call functions that are younger than the SQLite of this host, and tables be a module's that it
            # does not have.
            database.execute("PRAGMA ignore_check_constraints = ON")
            answer = database.execute("PRAGMA integrity_check").fetchone()[0]
            names = database.execute(_TABLES).fetchall() if answer == "ok" else []
            quoted = ['"' + str(name).replace('"', '""') + '"' for (name,) in names]
            counts = [database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in quoted]  # noqa: S608  # quoted above
    except sqlite3.DatabaseError as error:
        answer, counts = str(error), []
    if answer != "ok":
        raise BackupError(f"{path.name} is no sound database of SQLite: {answer}", "take another set")
    return sum(counts)


def _registry(folder: Path, manifest: dict[str, Any]) -> dict[str, int]:
    """What a registry's storage refers to is in it; of other storages nothing is known."""
    blobs, wanted = set(), set()
    for row in manifest["parts"]:
        for archive, member in _members(folder, row):
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if blob := _BLOB.fullmatch(member.name):
                if hashlib.file_digest(content, "sha256").hexdigest() != blob[1]:  # type: ignore[arg-type]  # a reader
                    what = f"{folder.name}: {member.name} is not what its name says"
                    raise BackupError(what, "push that image again; the registry itself holds it so")
                blobs.add(blob[1])
            elif _REFERENCE.fullmatch(member.name):
                wanted.add(content.read().decode().removeprefix("sha256:").strip())
    if missing := wanted - blobs:
        what = f"{folder.name}: {len(missing)} manifests of the registry are missing, {min(missing)} among them"
        raise BackupError(what, "push these images again; the registry itself holds them so")
    return {"blobs": len(blobs), "manifests": len(wanted)}


def _members(folder: Path, row: dict[str, str]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The members of an archive of a set, one after the other.

    Only folders and files, each below the first; of all of a folder also links, which nothing is laid through.

    Args:
        folder: The set.
        row: What its manifest says of the archive.

    Raises:
        BackupError: There is another one.
    """
    file = folder / row["file"]
    links: set[PurePosixPath] = set()
    try:
        # Unpacked by gzip, which is four times as fast as tarfile's own where a few bytes become many.
        with gzip.open(file) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as archive:
            root: tuple[str, ...] = ()
            for member in archive:
                path = PurePosixPath(member.name)
                root = root or path.parts[:1]
                inside = bool(root) and path.parts[:1] == root and not path.is_absolute() and ".." not in path.parts
                link = member.issym() and not row["part"]
                if not (
                    inside and (member.isdir() or member.isfile() or link) and links.isdisjoint((path, *path.parents))
                ):
                    raise BackupError(f"{file}: {member.name!r} has no place in a copy", "take another set")
                if link:
                    links.add(path)
                yield archive, member
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BackupError(f"{file}: {error}", "take another set") from error


def _place(part: str, member: tarfile.TarInfo) -> PurePosixPath:
    """Where a member of a part's archive is, below the copy's root."""
    return PurePosixPath(part, *PurePosixPath(member.name).parts[1:])


def _laid(copy: Copy, folder: Path, row: dict[str, str]) -> int:
    """Lays an archive below the root, with the folders between them."""
    argv = ["docker", "cp", "-", f"{copy.container}:{copy.root}"]
    files = 0
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stderr is not None  # noqa: S101, PT018  # they were asked for
        try:
            with tarfile.open(fileobj=process.stdin, mode="w|") as laid:
                between: tarfile.TarInfo | None = None
                for archive, member in _members(folder, row):
                    if between is None:
                        between = member
                        for parent in reversed(PurePosixPath(row["part"]).parents[:-1]):
                            laid.addfile(_folder(member, str(parent)))
                    place = _place(row["part"], member)
                    # The root itself is as it is there.
                    if place.parts:
                        member.name = str(place)
                        laid.addfile(member, archive.extractfile(member) if member.isfile() else None)
                        files += member.isfile()
        except BrokenPipeError:
            pass  # it says why
        process.stdin.close()
        errors = process.stderr.read()
    if process.returncode:
        raise BackupError(f"{copy.container}: {tail(errors)}", f"docker logs --tail 50 {copy.container}")
    return files


def _emptied(copy: Copy, folder: Path, manifest: dict[str, Any]) -> None:
    """Empties logs that the copy had none of: that of another state of a database would be played onto this one."""
    kept = {_place(row["part"], member) for row in manifest["parts"] for _, member in _members(folder, row)}
    with io.BytesIO() as laid:
        with tarfile.open(fileobj=laid, mode="w") as empty:
            for part in copy.parts:
                if (not part or part.endswith(_LOGS)) and _is_there(copy, part):
                    for member in _listed(copy, part):
                        place = _place(part, member)
                        if member.isfile() and place.name.endswith(_LOGS) and place not in kept:
                            member.name, member.size = str(place), 0
                            empty.addfile(member)
            some = bool(empty.getmembers())
        if some:
            docker("cp", "-", f"{copy.container}:{copy.root}", text=laid.getvalue())


def _listed(copy: Copy, part: str) -> list[tarfile.TarInfo]:
    """What is there of a part."""
    with stream(_read(copy, part)) as program:
        try:
            with tarfile.open(fileobj=program.output, mode="r|") as archive:
                return list(archive)
        except tarfile.TarError as error:
            what = f"{copy.container}: {tail(program.ended()[1]) or error}"
            raise BackupError(what, f"docker logs --tail 50 {copy.container}") from error


def _folder(like: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    folder = tarfile.TarInfo(name)
    folder.type, folder.mode, folder.uid, folder.gid = tarfile.DIRTYPE, like.mode, like.uid, like.gid
    return folder
