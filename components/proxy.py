"""The edge proxy's own files, rendered from the routes; every other service's files are read as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from homeport.model.service import SecretFile
from homeport.render.caddy import caddyfile, snippets

if TYPE_CHECKING:
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service, StaticFile


def edge_files(blueprint: Blueprint, service: Service, root: Path) -> tuple[Service, dict[str, tuple[int, bytes]]]:
    """The service with the secret files that its doors need, and its other files: target to mode and content."""
    files = {target: found for file in service.files for target, found in _read(root, file)}
    if not service.edge:
        return service, files
    guards = tuple(
        SecretFile(target=target, template=text) for target, text in sorted(snippets(blueprint.routes).items())
    )
    files["Caddyfile"] = (0o444, caddyfile(blueprint).encode())
    return replace(service, secret_files=(*service.secret_files, *guards)), files


def _read(root: Path, file: StaticFile) -> list[tuple[str, tuple[int, bytes]]]:
    if "*" not in file.source:
        return [(file.target, (file.mode, (root / file.source).read_bytes()))]
    folder = "" if file.target == "." else f"{file.target}/"
    return [(f"{folder}{one.name}", (file.mode, one.read_bytes())) for one in sorted(root.glob(file.source))]
