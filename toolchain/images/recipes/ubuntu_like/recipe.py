"""A server by the name of Ubuntu 24.04: Debian 13 with what matters to homeport of Ubuntu's and is otherwise there.

For places whose apt has no source for Ubuntu: the name, and sshd on a socket.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.images import daemon
from toolchain.images.errors import ImageError
from toolchain.images.recipe import Recipe

if TYPE_CHECKING:
    from toolchain.images.kit import Kit

_BASE = "homeport/machine:debian-13"


def assemble(kit: Kit) -> str:
    """Lay the files, and have systemd start the socket; the Dockerfile takes away what starts sshd without it."""
    for path in ("usr/lib/os-release", "usr/lib/systemd/system/ssh.socket"):
        target = kit.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kit.files / target.name, target)
    for wants in ("sockets.target.wants", "ssh.service.requires"):
        folder = kit.root / "etc/systemd/system" / wants
        folder.mkdir(parents=True)
        (folder / "ssh.socket").symlink_to("/usr/lib/systemd/system/ssh.socket")
    base = daemon.inspect(_BASE)
    if base is None:
        raise ImageError(kit.image, f"{_BASE}, which it stands on, is not there", f"make images  # for {kit.image}")
    return base.labels["version"]


RECIPE = Recipe(
    image="homeport/machine:ubuntu-like",
    software="Debian 13 by the name of Ubuntu 24.04, with sshd on a socket as there; version is systemd's",
    source=f"{_BASE}, whose packages are Debian's",
    assemble=assemble,
    folder=Path(__file__).parent,
    base=_BASE,
)
