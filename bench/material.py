"""What a system needs beside its compose file: config and secret files with owner and mode, and the SQL of its databases."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.presets.registry import declared
from components.proxy import edge_files
from homeport.model import names, template
from homeport.render import migrations, sql
from homeport.settings.secret_specs import known_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.database import Database
    from homeport.model.service import Service, Volume


@dataclass(frozen=True, kw_only=True)
class File:
    """A file for a container: ``path`` below the service's folder, ``secret`` where secrets stand in it."""

    path: str
    mode: int
    content: bytes
    secret: bool = False


def generate(blueprint: Blueprint) -> dict[str, str]:
    """A random value for every secret that homeport would generate; the others stay empty, as in a stack without them."""
    made = {}
    specs = known_secrets(declared())
    for name in blueprint.secrets():
        spec = specs[name]
        fresh = secrets.token_hex(32) if spec.kind == "hex64" else f"A1{secrets.token_urlsafe(32)}"
        made[name] = fresh if spec.policy == "generated" else ""
    return made


def files(blueprint: Blueprint, service: Service, root: Path, values: Mapping[str, str]) -> list[File]:
    """All files of a service, filled in."""
    whole, fixed = edge_files(blueprint, service, root)
    plain = [File(path=path, mode=mode, content=content) for path, (mode, content) in sorted(fixed.items())]
    return plain + [
        File(path=one.target, mode=one.mode, content=template.fill(one.template, values).encode(), secret=True)
        for one in whole.secret_files
    ]


def fingerprint(found: list[File]) -> str:
    """A text that changes with the files."""
    digest = hashlib.sha256()
    for one in found:
        digest.update(repr((one.path, one.mode, one.content)).encode())
    return digest.hexdigest()[:12]


def script(blueprint: Blueprint, server: str, root: Path, values: Mapping[str, str]) -> str:
    """The psql script that makes all roles, databases and schemas on a server; empty where it has none."""
    return "".join(_database(blueprint, one, root, values) for one in blueprint.databases if one.server == server)


def _database(blueprint: Blueprint, database: Database, root: Path, values: Mapping[str, str]) -> str:
    schema = sql.extensions(database)
    if database.migrations:
        found = {path.name: path.read_text() for path in (root / database.migrations).glob("*.sql")}
        variables = tuple((name, template.fill(text, blueprint.texts())) for name, text in database.variables)
        schema += migrations.script(database.owner, found, variables)
    start = f"\\connect postgres\n{sql.roles(database, values)}{sql.database(database)}"
    return f"{start}\\connect {database.name}\n{schema}"


def write(blueprint: Blueprint, root: Path, folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Writes ``files/<service>/``, ``initdb/<service>/`` and the folders of prepared volumes below ``folder``.

    What is already there as it should be is left alone. Only root can give files to a container's user.

    Returns:
        Service to a text that changes with its files.
    """
    marks = {}
    for service in blueprint.services:
        found = files(blueprint, service, root, values)
        for one in found:
            _write(folder / "files" / service.name / one.path, one.content, one.mode, service.uid)
        for inner in {one.path.rpartition("/")[0] for one in found} | ({""} if found else set()):
            _own(folder / "files" / service.name / inner, 0o550, service.uid)
        marks[service.name] = fingerprint(found)
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

    Docker has no field for it: they are folders of the host here, ``volumes/<name>``, which a volume of the driver's own makes mountable.
    """
    found = {
        names.volume(blueprint.namespace, service.name, key): volume
        for service in blueprint.services
        for key, volume in service.volumes.items()
        if volume.shared is None and volume.owner is not None
    }
    return found | {
        names.physical(blueprint.namespace, f"shared-{key}"): one for key, one in blueprint.shared_volumes.items()
    }


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
