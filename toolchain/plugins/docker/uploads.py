"""Files that are put into a container before it starts."""

from __future__ import annotations

import base64
import io
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.plugins.docker.daemon import DaemonError

if TYPE_CHECKING:
    from toolchain.plugins.base import Props


def archive_of(upload: Props) -> bytes:
    """A tar with the one file, owned by root.

    Raises:
        DaemonError: When not exactly one source of content is given, or it cannot be read.
    """
    content = _content(upload)
    member = tarfile.TarInfo(upload["file"])
    member.mode = int(upload["permissions"], 8) if upload["permissions"] else 0o744 if upload["executable"] else 0o644
    member.size = len(content)
    member.mtime = int(time.time())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _content(upload: Props) -> bytes:
    sources = [upload[key] for key in ("content", "contentBase64", "source") if upload[key]]
    if not sources:
        raise DaemonError("error with upload content: one of 'content', 'content_base64', or 'source' must be set")
    if len(sources) > 1:
        raise DaemonError("error with upload content: only one of 'content', 'content_base64', or 'source' can be set")
    if upload["source"]:
        try:
            return Path(upload["source"]).read_bytes()
        except OSError as unreadable:
            reason = (unreadable.strerror or "").lower()
            raise DaemonError(f"could not read file: open {upload['source']}: {reason}") from unreadable
    if upload["contentBase64"]:
        return base64.b64decode(upload["contentBase64"])
    return str(upload["content"]).encode()
