"""Tars of a service's files and folders, as a volume takes them."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from homeport.model.template import fill
from homeport.render.hashed import hashed
from tests.support.checkout import ROOT

if TYPE_CHECKING:
    from homeport.model.service import Service


def files_tar(service: Service, values: dict[str, str]) -> bytes:
    """A service's static and secret files below ``v``, with owner and mode."""
    texts: dict[str, tuple[bytes, int]] = {}
    for file in service.files:
        found = sorted(ROOT.glob(file.source))
        assert found, f"{service.name}: {file.source} is not there"
        for path in found:
            target = str(PurePosixPath(file.target, path.name)) if "*" in file.source else file.target
            texts[target] = (path.read_bytes(), file.mode)
    for secret in service.secret_files:
        texts[secret.target] = (fill(secret.template, values, secret.syntax, hashed("memory")).encode(), secret.mode)
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        folders = sorted({"v", *(f"v/{path.rpartition('/')[0]}" for path in texts if "/" in path)})
        for folder in folders:
            tar.addfile(_entry(folder, (service.uid, service.uid), 0o550, folder=True))
        for path, (content, mode) in sorted(texts.items()):
            entry = _entry(f"v/{path}", (service.uid, service.uid), mode)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def folders_tar(owner: tuple[int, int], mode: int, below: tuple[str, ...]) -> bytes:
    """A folder ``v`` and what is below it, with owner and mode."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path in ("v", *(f"v/{one}" for one in below)):
            tar.addfile(_entry(path, owner, mode, folder=True))
    return target.getvalue()


def _entry(path: str, owner: tuple[int, int], mode: int, *, folder: bool = False) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.uid, info.gid, info.mode = owner[0], owner[1], mode
    if folder:
        info.type = tarfile.DIRTYPE
    return info
