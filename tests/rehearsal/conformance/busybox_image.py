"""The image of the recordings, made here: Debian's static busybox under the names `tryimg:2` and so on.

It is built only where no image of that name exists, carries a label, and is removed again only when it was made here.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

NAME = "tryimg:2"
LABEL = "homeport.test=conformance"
TAGS_BY_HAND = ("tryimg:3",)


def docker(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Runs docker's own command."""
    return subprocess.run(["docker", *arguments], input=data, capture_output=True, check=False, timeout=600)


def absence() -> str:
    """Why no container can be made on this machine; empty when one can."""
    if shutil.which("docker") is None or docker("version").returncode != 0:
        return "no Docker daemon answers on this machine"
    return ""


def _busybox() -> bytes:
    """The static program: installed, in the cache, or from the Debian package."""
    cache = Path(os.environ.get("HOMEPORT_CACHE", Path.home() / ".cache" / "homeport")) / "conformance"
    for candidate in (Path("/usr/bin/busybox-static"), cache / "busybox"):
        if candidate.is_file():
            return candidate.read_bytes()
    cache.mkdir(parents=True, exist_ok=True)
    # Others may do the same at this moment: it is there whole, or not at all.
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        fetch = "apt-get download busybox-static && dpkg-deb -x busybox-static_*.deb x && mv x/bin/busybox .."
        subprocess.run(["/bin/sh", "-c", fetch], cwd=folder, check=True, capture_output=True, timeout=300)
    return (cache / "busybox").read_bytes()


def _root_file_system() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "etc", "tmp", "data"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        program = _busybox()
        member = tarfile.TarInfo("bin/busybox")
        member.mode, member.size = 0o755, len(program)
        tar.addfile(member, io.BytesIO(program))
    return buffer.getvalue()


class BusyboxImage:
    """The image while a test module runs.

    Args:
        name: What to call it.
        by_hand: Other tags that the tests set themselves and that are to go as well.
        run: Docker's own command; another one speaks to another daemon.
    """

    def __init__(self, name: str = NAME, by_hand: tuple[str, ...] = TAGS_BY_HAND, run: Any = docker) -> None:
        self.name, self._by_hand, self._docker = name, by_hand, run
        self._ours: list[str] = []

    def make(self) -> None:
        """Makes it where there is none of that name, and remembers what is ours."""
        names = (self.name, *self._by_hand)
        self._ours = [name for name in names if self._docker("image", "inspect", name).returncode != 0]
        if self.name in self._ours:
            imported = self._docker("import", "--change", f"LABEL {LABEL}", "-", self.name, data=_root_file_system())
            assert imported.returncode == 0, imported.stderr.decode()

    def remove(self) -> None:
        """Removes what was made."""
        for name in self._ours:
            self._docker("image", "rm", name)
