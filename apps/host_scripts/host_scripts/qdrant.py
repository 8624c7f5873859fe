"""Qdrant: a snapshot of each collection by its API, and which names stand for which collection.

https://qdrant.tech/documentation/concepts/snapshots/. The host reaches a container by its own address.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import json
import secrets
import urllib.parse
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from host_scripts.common import BackupError, Store, docker, tail, throw_away, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from host_scripts.sets import Draft

_SECONDS: Final = 600
_BLOCK: Final = 1 << 20
_BOUNDARY: Final = "homeport-snapshot-boundary"


def dump(store: Store, password: str, draft: Draft) -> dict[str, Any]:
    """Has the server write a snapshot of each collection, takes it, and has it removed there."""
    api = _Api(store, password)
    rows = []
    for number, name in enumerate(api.collections()):
        path = f"/collections/{urllib.parse.quote(name, safe='')}"
        before = api.points(name)
        taken = api.call("POST", f"{path}/snapshots?wait=true")
        snapshot = f"{path}/snapshots/{urllib.parse.quote(taken['name'], safe='')}"
        try:
            with api.open("GET", snapshot) as answer:
                reader = _Hashing(answer)
                size, _ = draft.read(f"{number}.snapshot.gz", reader)
        finally:
            api.call("DELETE", snapshot)
        if size != taken.get("size", size) or reader.digest() != (taken.get("checksum") or reader.digest()):
            what = f"{store.container}: the snapshot of {name} did not come whole"
            raise BackupError(what, "./backup.sh stores tries again")
        after = api.points(name)
        # What was written meanwhile may be in it or not.
        points = {"points": before} if before == after else {}
        rows.append({"name": name, "file": f"{number}.snapshot.gz", "bytes": size, **points})
    return {"collections": rows, "aliases": api.call("GET", "/aliases")["aliases"]}


def held(store: Store, password: str) -> int:
    """Points in all of its collections."""
    api = _Api(store, password)
    return sum(api.points(name) for name in api.collections())


def load(store: Store, password: str, folder: Path, manifest: dict[str, Any]) -> None:
    """Each collection as it is in its snapshot; others stay."""
    api = _Api(store, password)
    for row in manifest["collections"]:
        api.upload(row, folder)
    actions = [{"create_alias": alias} for alias in manifest["aliases"]]
    if actions:
        api.call("POST", "/collections/aliases", {"actions": actions})


def drill(store: Store, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Loads the snapshots into a server of the same image, whose key nobody knows, and counts the points."""
    key = secrets.token_hex(32)
    flags = ("--pids-limit=256", "--env=QDRANT__TELEMETRY_DISABLED=true", f"--env=QDRANT__SERVICE__API_KEY={key}")
    with throw_away(store.container, *flags) as name:
        docker("start", name)
        copy = Store(store.kind, name, store.at)
        wait(name, lambda: _ready(copy, key), "./backup.sh verify once the machine has less to do")
        load(copy, key, folder, manifest)
        api = _Api(copy, key)
        counts = {each: api.points(each) for each in api.collections()}
    for row in manifest["collections"]:
        if counts.get(row["name"]) != row.get("points", counts.get(row["name"])) or row["name"] not in counts:
            what = f"{folder.name}: {row['name']} has {counts.get(row['name'])} points, {row.get('points')} were copied"
            raise BackupError(what, "take another set: --set NAME")
    return {"collections": counts}


def _ready(store: Store, key: str) -> bool:
    try:
        _Api(store, key).collections()
    except BackupError:
        return False
    return True


class _Hashing:
    """An answer that is read, and its checksum."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer, self._hash = answer, hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        block = self._answer.read(size)
        self._hash.update(block)
        return block

    def digest(self) -> str:
        return self._hash.hexdigest()


class _Api:
    """Qdrant's API at a container."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        addresses = docker("inspect", "--type=container", f"--format={form}", store.container).split()
        if not addresses:
            raise BackupError(f"{store.container} is on no network", f"docker start {store.container}")
        self._address = addresses[0]

    def collections(self) -> list[str]:
        return sorted(row["name"] for row in self.call("GET", "/collections")["collections"])

    def points(self, name: str) -> int:
        path = f"/collections/{urllib.parse.quote(name, safe='')}/points/count"
        return int(self.call("POST", path, {"exact": True})["count"])

    def call(self, method: str, path: str, document: Any = None) -> Any:
        body = b"" if document is None else json.dumps(document).encode()
        with self.open(method, path, body, {"Content-Type": "application/json"} if body else {}) as answer:
            return json.loads(answer.read())["result"]

    def upload(self, row: dict[str, Any], folder: Path) -> None:
        """A collection's snapshot in the place of what is there, as a form's file."""
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="snapshot"; filename="snapshot"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        end = f"\r\n--{_BOUNDARY}--\r\n".encode()

        def body() -> Iterator[bytes]:
            yield head
            with gzip.open(folder / row["file"]) as packed:
                while block := packed.read(_BLOCK):
                    yield block
            yield end

        headers = {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(len(head) + row["bytes"] + len(end)),
        }
        path = f"/collections/{urllib.parse.quote(row['name'], safe='')}/snapshots/upload?priority=snapshot&wait=true"
        with self.open("POST", path, body(), headers) as answer:
            answer.read()

    @contextlib.contextmanager
    def open(
        self, method: str, path: str, body: bytes | Iterator[bytes] = b"", headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self._address, int(self._store.at), timeout=_SECONDS)
        try:
            connection.request(method, path, body or None, {"api-key": self._key, **(headers or {})})
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                words = answer.read(2000).decode(errors="replace")
                raise BackupError(
                    f"{self._store.container}: {method} {path}: HTTP {answer.status} {tail(words.encode())}",
                    f"docker logs --tail 50 {self._store.container}",
                )
            yield answer
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            what = f"{self._store.container}: {method} {path}: {error!r}"
            raise BackupError(what, f"docker logs --tail 50 {self._store.container}") from error
        finally:
            connection.close()
