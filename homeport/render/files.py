"""What a service reads: its files as they are, those rendered from the blueprint, and its secret files as templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.model import template
from homeport.model.service import SecretFile
from homeport.render.bundle import Entry
from homeport.render.caddy import caddyfile, snippets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service, StaticFile


@dataclass(frozen=True, kw_only=True)
class ServiceFiles:
    """All files of a service, below its ``files_at``.

    Attributes:
        plain: Path to mode and content.
        secret: Files with secrets in them.
        owner: uid and gid of all of them, and of their folders.
    """

    plain: Mapping[str, tuple[int, bytes]]
    secret: tuple[SecretFile, ...]
    owner: int

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that stand in them, sorted."""
        return tuple(sorted({name for file in self.secret for name in file.secrets}))

    def entries(self, values: Mapping[str, str]) -> tuple[Entry, ...]:
        """The files as the container has them, the folder itself first.

        Raises:
            KeyError: A secret has no value.
        """
        contents = [(path, mode, content) for path, (mode, content) in sorted(self.plain.items())]
        contents += [
            (file.target, file.mode, template.fill(file.template, values, file.syntax).encode()) for file in self.secret
        ]
        return (
            Entry(path=".", mode=0o550, uid=self.owner, gid=self.owner),
            *(
                Entry(path=path, mode=mode, uid=self.owner, gid=self.owner, content=content)
                for path, mode, content in contents
            ),
        )


def service_files(blueprint: Blueprint, service: Service, root: Path) -> ServiceFiles:
    """The files of a service; static ones are read below ``root``, the project's folder."""
    plain = {target: content for file in service.files for target, content in _read(root, file)}
    secret = service.secret_files
    if service.edge:
        plain["Caddyfile"] = (0o444, caddyfile(blueprint).encode())
        guards = sorted(snippets(blueprint.routes).items())
        secret += tuple(SecretFile(target=target, template=text, syntax=template.PROXY) for target, text in guards)
    return ServiceFiles(plain=plain, secret=secret, owner=service.uid)


def _read(root: Path, file: StaticFile) -> list[tuple[str, tuple[int, bytes]]]:
    if "*" not in file.source:
        return [(file.target, (file.mode, (root / file.source).read_bytes()))]
    folder = "" if file.target == "." else f"{file.target}/"
    return [(f"{folder}{path.name}", (file.mode, path.read_bytes())) for path in sorted(root.glob(file.source))]
