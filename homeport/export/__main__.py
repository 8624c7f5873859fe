"""`python -m homeport.export FOLDER STACK`, with the stack's keys as JSON on stdin: writes the stack's plain files into the folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.model.errors import HomeportError, ToolError
from homeport.plan.resolve import resolve
from homeport.render import deploy
from homeport.settings.load import Configuration

if TYPE_CHECKING:
    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service

ROOT = Path(__file__).resolve().parents[2]
_MARK = "manifest"


def files(blueprint: Blueprint) -> dict[str, bytes]:
    """All files of the export: path to content.

    Raises:
        BlueprintError: The system cannot be exported.
    """
    sources = {service.name: _sources(service) for service in blueprint.services}
    scripts = {
        one.name: {path.name: path.read_text(encoding="utf-8") for path in (ROOT / one.migrations).glob("*.sql")}
        for one in blueprint.databases
        if one.migrations
    }
    return {
        **deploy.tree(blueprint, sources),
        **deploy.databases(blueprint, scripts),
        _MARK: deploy.manifest(blueprint).encode(),
        ".env.example": deploy.example().encode(),
        ".gitignore": deploy.ignored(blueprint).encode(),
        "deploy.sh": (ROOT / "catalog/files/deploy/deploy.sh").read_bytes(),
        "README.md": (ROOT / "catalog/files/deploy/README.md").read_bytes(),
        "n8n/workflows/README.md": (ROOT / "catalog/presets/ai_orchestrator/n8n/workflows/README.md").read_bytes(),
    }


def write(folder: Path, made: dict[str, bytes]) -> None:
    """Writes the files; what else is in an earlier export (``.env``, data) stays.

    Raises:
        ToolError: The folder holds something else than an earlier export.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).is_file()):
        raise ToolError(f"{folder}: is not empty, and no earlier export\n  fix: name a new folder with --to")
    for path, content in sorted(made.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        (folder / path).chmod(0o755 if path.endswith(".sh") else 0o644)


def _sources(service: Service) -> dict[str, tuple[str, bytes]]:
    """Target below ``files_at`` to path below the project and content."""
    found = {}
    for file in service.files:
        folder = "" if file.target == "." else f"{file.target}/"
        for path in sorted(ROOT.glob(file.source)):
            target = f"{folder}{path.name}" if "*" in file.source else file.target
            found[target] = (str(path.relative_to(ROOT)), path.read_bytes())
    return found


def main(folder: str, stack: str) -> int:
    """Exit code: 0, or 1 with what is wrong on stderr."""
    try:
        keys = json.load(sys.stdin)
        write(Path(folder), files(resolve(Configuration(stack, keys), sealed=True).blueprint))
    except HomeportError as error:
        print(f"homeport: {error}", file=sys.stderr)
        return 1
    print(f"wrote {folder}: cp .env.example .env there, replace every CHANGE_ME, then run ./deploy.sh")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
