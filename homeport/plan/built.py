"""Images of our own: what they are called, and what they stand on."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Build

_ROOT = Path(__file__).parents[2]
_RUNTIME = re.compile(r"^ARG RUNTIME=(\S+)$", re.MULTILINE)


def named(blueprint: Blueprint) -> Blueprint:
    """The blueprint with the whole names of the images that are built: registry, name, and what they are built of.

    The same folder gives the same name: an update builds anew what was changed, and nothing else.
    """
    hosts = {route.name: blueprint.host(route) for route in blueprint.routes}
    services = (
        replace(
            service, image=f"{hosts.get(service.build.registry, 'homeport')}/{service.image}:{_content(service.build)}"
        )
        if service.build
        else service
        for service in blueprint.services
    )
    return replace(blueprint, services=tuple(services))


def runtimes(blueprint: Blueprint) -> tuple[str, ...]:
    """The images that those stand on, each once."""
    folders = [service.build.folder for service in blueprint.services if service.build]
    return tuple(dict.fromkeys(map(runtime, folders)))


def runtime(folder: str) -> str:
    """The image that the one of a folder stands on, as its Dockerfile names it.

    Raises:
        ValueError: It names none.
    """
    file = _ROOT / folder / "Dockerfile"
    names = _RUNTIME.search(file.read_text(encoding="utf-8"))
    if names is None:
        raise ValueError(f"{folder}/Dockerfile names no image in ARG RUNTIME=")
    return names[1]


def _content(build: Build) -> str:
    digest = hashlib.sha256()
    for file in _files(_ROOT / build.folder):
        digest.update(f"{file.relative_to(_ROOT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def _files(folder: Path) -> Iterator[Path]:
    """What the image is built of: everything but what its .dockerignore keeps out."""
    kept_out = {line.removeprefix("**/") for line in (folder / ".dockerignore").read_text(encoding="utf-8").split()}
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not kept_out.intersection(parts) and not parts[0].startswith("."):
            yield file
