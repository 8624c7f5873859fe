"""The configuration of a system as a folder on its host: a compose file for each of its folders, documents, Git."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from homeport.model import names, template
from homeport.model.errors import BlueprintError, Problem
from homeport.model.host import HostFile, Package
from homeport.render import host_text, packages
from homeport.render.export import compose
from homeport.render.export.project_files import project_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.preset import Checkout

_COMPOSE = (
    # Docker's own plugin where the host's owner has set it up.
    Package(name="docker-compose", program="docker-compose", unless="docker compose version >/dev/null 2>&1"),
    Package(name="git", program="git"),
)


def place(blueprint: Blueprint, checkout: Checkout) -> str:
    """The folder's absolute path."""
    return template.fill(checkout.path, blueprint.texts(), template.TEXT)


def compose_texts(blueprint: Blueprint, checkout: Checkout, stack: str, files: Mapping[str, str]) -> dict[str, str]:
    """Path in the folder to the compose file there.

    Args:
        blueprint: The system, with the services of one host.
        checkout: The folder.
        stack: The stack's name: what compose makes is marked with it.
        files: Service name to where its files are, a volume's name or a path that compose reads from that folder.
    """
    folders: dict[str, list[str]] = {}
    for service in blueprint.services:
        folders.setdefault(checkout.folder(service.name), []).append(service.name)
    return {
        f"docker-compose/{folder}/docker-compose.yml": _text(blueprint, stack, files, several)
        for folder, several in sorted(folders.items())
    }


def _text(blueprint: Blueprint, stack: str, files: Mapping[str, str], several: list[str]) -> str:
    mine = {service: where for service, where in files.items() if service in several}
    whole = compose.model(blueprint, mine, several)
    # The project is called as its folder is: docker-compose 1 knows no other way in the file.
    del whole["name"]
    for service in whole["services"].values():
        service["labels"] = {names.COMPOSED: stack}
    return compose.text(whole)


def documents(checkout: Checkout, root: Path) -> Iterator[tuple[str, str]]:
    """Path in the folder and text of each document.

    Raises:
        BlueprintError: One of them is not in the project.
    """
    for path, source in checkout.documents.items():
        if not (root / source).exists():
            raise BlueprintError((Problem(f"checkout.documents.{path}", f"{source} is not there", "Name a file"),))
    for path, file in project_files(checkout.documents, root):
        yield path, file.read_text(encoding="utf-8")


def files(blueprint: Blueprint, checkout: Checkout, root: Path, folders: tuple[str, ...]) -> tuple[HostFile, ...]:
    """The folder's files on a host; compose files are templates that want ``compose-<number>``, in that order."""
    path, user = place(blueprint, checkout), owner_of(blueprint, checkout)
    owner = f"{user}:{user}"
    laid = [
        HostFile(path=f"{path}/{inner}", content=text, owner=owner, mode=0o755 if inner.endswith(".sh") else 0o644)
        for inner, text in documents(checkout, root)
    ]
    made = [
        HostFile(path=f"{path}/{inner}", content=f"{{compose-{number}}}", owner=owner, template=template.TEXT)
        for number, inner in enumerate(folders)
    ]
    return (*laid, *made)


def owner_of(blueprint: Blueprint, checkout: Checkout) -> str:
    """The user whom the folder belongs to."""
    return template.fill(checkout.owner, blueprint.texts(), template.TEXT)


def ground(blueprint: Blueprint, checkout: Checkout, laid: tuple[HostFile, ...]) -> str:
    """Shell, before the files: compose and Git, the owner, the folders."""
    path = place(blueprint, checkout)
    parents = {str(parent) for file in laid for parent in PurePosixPath(file.path).parents}
    folders = sorted({path} | {parent for parent in parents if parent.startswith(f"{path}/")})
    script = host_text.script(
        "checkout/ground.sh", owner=owner_of(blueprint, checkout), folder=path, folders="\n".join(folders)
    )
    return f"{packages.install(_COMPOSE)}\n{script}"


def ground_removed() -> str:
    """Shell, when the folder is gone."""
    return host_text.script("checkout/ground_removed.sh")


def apply(blueprint: Blueprint, checkout: Checkout) -> str:
    """Shell, once the files are there: what changed is committed."""
    remote = template.fill(checkout.remote, blueprint.texts(), template.TEXT)
    return host_text.script(
        "checkout/apply.sh", owner=owner_of(blueprint, checkout), folder=place(blueprint, checkout), remote=remote
    )


def remove(blueprint: Blueprint, checkout: Checkout) -> str:
    """Shell, when the files are gone: so are the folders that nothing is left in."""
    return host_text.script("checkout/remove.sh", folder=place(blueprint, checkout))
