"""A bundle: files with owner and mode as one tar, base64, the same bytes for the same content.

Docker unpacks a tar into a volume of a container that never ran (``docker cp -``) and keeps owner and mode, so that no
image needs a shell and no host needs a folder. Tried on Docker 20.10; the API is ``PUT /containers/{id}/archive``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import tarfile
from dataclasses import dataclass

FOLDER = "bundle"
"""The folder of everything in the tar. Docker passes over an entry for the place that it unpacks to, so a volume's own
root gets owner and mode only as a folder below that place (moby, pkg/archive ``Unpack``)."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, or a folder where ``content`` is None; ``path`` is relative, ``.`` is the volume's root."""

    path: str
    mode: int
    uid: int
    gid: int
    content: bytes | None = None


def folders(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The folders that the entries' paths need, owned like the first entry in them, mode 0550."""
    parents: dict[str, Entry] = {}
    for entry in entries:
        parts = entry.path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            parents.setdefault(path, Entry(path=path, mode=0o550, uid=entry.uid, gid=entry.gid))
    present = {entry.path for entry in entries}
    return tuple(parents[path] for path in sorted(parents) if path not in present)


def bundle(entries: tuple[Entry, ...]) -> str:
    """The entries as a base64 tar; times are 1970 and the order is by path, so equal content gives equal text."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry in sorted((*folders(entries), *entries), key=lambda entry: entry.path):
            info = tarfile.TarInfo(FOLDER if entry.path == "." else f"{FOLDER}/{entry.path}")
            info.uid, info.gid, info.mode = entry.uid, entry.gid, entry.mode
            if entry.content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(entry.content)
                tar.addfile(info, io.BytesIO(entry.content))
    return base64.b64encode(target.getvalue()).decode()


def fingerprint(text: str, key: str) -> str:
    """Twelve hex digits that name a bundle.

    Keyed, because a plain hash of a bundle with a short supplied secret in it could be guessed from the volume's name.
    """
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:12]


def roots(owner: tuple[int, int] | None, mode: int, inner: tuple[str, ...] = ()) -> tuple[Entry, ...]:
    """The entries that give a volume's root and its folders owner and mode; none where the image's are kept."""
    if owner is None:
        return ()
    uid, gid = owner
    # Docker gives an empty volume the owner and mode of the image's folder when a container first mounts it; this file
    # is in the way.
    marker = Entry(path=".homeport", mode=0o444, uid=uid, gid=gid, content=b"prepared\n")
    return (*(Entry(path=path, mode=mode, uid=uid, gid=gid) for path in (".", *inner)), marker)
