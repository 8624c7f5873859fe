"""The verb that leaves homeport behind: a stack as files for docker compose."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.presets.registry import preset
from homeport.cli.places import ROOT
from homeport.model.errors import ToolError
from homeport.render.export.tree import Export

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.stack import Stack
    from homeport.render.bundle import Entry

_MARK = "manifest"


def export(stack: Stack, to: str, secrets: Mapping[str, str] | None = None) -> int:
    """Writes the stack's files into a folder; an exit code.

    Args:
        stack: The stack.
        to: The folder.
        secrets: Values of the stack's secrets by name: the files that hold them are written too; None: ``deploy.sh``
            makes them.

    Raises:
        ToolError: No folder was named, or it holds something else than an earlier export.
    """
    if not to:
        raise ToolError(f"export: no folder is named\n  fix: bin/homeport export --stack {stack.name} --to DIR")
    folder = Path(to).absolute()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).is_file()):
        raise ToolError(f"{folder}: is not empty, and no earlier export\n  fix: name a new folder with --to")
    whole = of(stack)
    for path, content in sorted(whole.tree().items()):
        _write(folder / path, content, 0o755 if path.endswith(".sh") else 0o644)
    if secrets is not None:
        _write_secrets(folder, whole.with_secrets(secrets))
    first = "" if secrets is not None else "cp .env.example .env there, replace every CHANGE_ME, then "
    print(f"wrote {folder}: {first}run ./deploy.sh there")
    return 0


def of(stack: Stack) -> Export:
    """The export of a stack as its file describes it.

    Raises:
        HomeportError: The stack's settings are refused.
    """
    plan = stack.plan
    return Export(blueprint=plan.blueprint, preset=preset(plan.blueprint.preset), specs=plan.secrets, root=ROOT)


def _write_secrets(folder: Path, entries: Mapping[str, Entry]) -> None:
    inner = [(folder / path, entry) for path, entry in sorted(entries.items()) if entry.content is None]
    for path, _ in inner:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
    for name, entry in sorted(entries.items()):
        if entry.content is not None:
            _write(folder / name, entry.content, entry.mode, (entry.uid, entry.gid))
    for path, entry in inner:
        _give(path, entry.mode, (entry.uid, entry.gid))


def _write(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Writes beside and moves over: ``.env`` and data of an earlier export stay, and no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    _give(draft, mode, owner)
    draft.replace(path)


def _give(path: Path, mode: int, owner: tuple[int, int] | None) -> None:
    """Only root can give a file away; ``deploy.sh``, which runs as root, does it in any case."""
    if owner is not None and os.geteuid() == 0:
        os.chown(path, *owner)
    path.chmod(mode)
