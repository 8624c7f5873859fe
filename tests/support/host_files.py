"""What HostFiles does in the end, without its journal and its timer.

Files with their modes in a container that runs.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homeport.model.host import HostFile


def lay(container: str, files: Iterable[HostFile], values: Mapping[str, str] | None = None) -> None:
    """Writes the files as root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in (each.filled(values or {}) for each in files):
            content = file.content.encode()
            info = tarfile.TarInfo(file.path[1:])
            info.size, info.mode = len(content), file.mode
            tar.addfile(info, io.BytesIO(content))
    subprocess.run(
        ["docker", "exec", "-i", container, "tar", "--no-overwrite-dir", "-C", "/", "-xf", "-"],
        input=buffer.getvalue(),
        check=True,
        timeout=300,
    )
