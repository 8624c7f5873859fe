"""What a system needs beside its compose file: config and secret files with owner and mode, and its databases' SQL."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.presets.registry import declared
from homeport.model import names
from homeport.model.container import own_volumes
from homeport.render.databases import script
from homeport.render.files import service_files
from homeport.settings.secret_specs import known_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service, Volume


@dataclass(frozen=True, kw_only=True)
class File:
    """A file for a container: ``path`` below the service's folder, ``secret`` where secrets stand in it."""

    path: str
    mode: int
    content: bytes
    secret: bool = False


_FRESH: dict[str, Callable[[], str]] = {
    "hex64": lambda: secrets.token_hex(32),
    "hex32": lambda: secrets.token_hex(16),
    "long-hex": lambda: secrets.token_hex(64),
    "sk-key": lambda: secrets.token_hex(32),
    "base64": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
}
"""Kinds of secrets whose text is not the usual one."""


def generate(blueprint: Blueprint) -> dict[str, str]:
    """A random value for every secret that homeport would generate; the others are empty."""
    values = {}
    specs = known_secrets(declared())
    for name in blueprint.secrets():
        spec = specs[name]
        fresh = _FRESH.get(spec.kind, lambda: f"A1{secrets.token_urlsafe(32)}")()
        values[name] = fresh if spec.policy == "generated" else ""
    return values


def files(blueprint: Blueprint, service: Service, root: Path, values: Mapping[str, str]) -> list[File]:
    """All files of a service, filled in."""
    all_files = service_files(blueprint, service, root)
    secret = {file.target for file in all_files.secret}
    return [
        File(path=entry.path, mode=entry.mode, content=entry.content, secret=entry.path in secret)
        for entry in all_files.entries(values, "bench")
        if entry.content is not None
    ]


def fingerprint(delivered: list[File]) -> str:
    """A text that changes with the files."""
    digest = hashlib.sha256()
    for file in delivered:
        digest.update(repr((file.path, file.mode, file.content)).encode())
    return digest.hexdigest()[:12]


def write(blueprint: Blueprint, root: Path, folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Writes ``files/<service>/``, ``initdb/<service>/`` and the folders of prepared volumes below ``folder``.

    What is already there as it should be is left alone. Only root can give files to a container's user.

    Returns:
        Service to a text that changes with its files.
    """
    marks = {}
    for service in blueprint.services:
        delivered = files(blueprint, service, root, values)
        for file in delivered:
            _write(folder / "files" / service.name / file.path, file.content, file.mode, service.uid)
        for inner in {file.path.rpartition("/")[0] for file in delivered} | ({""} if delivered else set()):
            _own(folder / "files" / service.name / inner, 0o550, service.uid)
        marks[service.name] = fingerprint(delivered)
        text = script(blueprint, service.name, root, values)
        if text:
            _write(folder / "initdb" / service.name / "databases.sql", text.encode(), 0o400, service.uid)
            _own(folder / "initdb" / service.name, 0o550, service.uid)
    for name, volume in prepared(blueprint).items():
        for inner in ("", *volume.folders):
            path = folder / "volumes" / name / inner
            path.mkdir(parents=True, exist_ok=True)
            _own(path, volume.mode, *(volume.owner or (0, 0)))
    return marks


def prepared(blueprint: Blueprint) -> dict[str, Volume]:
    """The volumes whose root needs an owner and a mode, by their names in Docker.

    Docker has no field for it: they are folders of the host here, ``volumes/<name>``, which a volume of the driver's
    own makes mountable.
    """
    own = {
        name: service.volumes[key]
        for service in blueprint.services
        for key, name in own_volumes(blueprint, service).items()
        if service.volumes[key].owner is not None
    }
    shared = blueprint.shared_volumes.items()
    return own | {names.shared_volume(blueprint.namespace, key): volume for key, volume in shared}


def options(folder: Path, name: str) -> dict[str, str]:
    """The options of Docker's own volume driver for a prepared volume."""
    return {"type": "none", "o": "bind", "device": str(folder / "volumes" / name)}


def _write(path: Path, content: bytes, mode: int, owner: int) -> None:
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        draft.replace(path)
    _own(path, mode, owner)


def _own(path: Path, mode: int, owner: int, group: int | None = None) -> None:
    os.chown(path, owner, owner if group is None else group)
    path.chmod(mode)
