"""Files of the project that are laid beside a system's own, for people to read or run."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NOT_FOR_USERS = frozenset({"tests", "__pycache__", "pyproject.toml"})


def project_files(sources: Mapping[str, str], root: Path) -> Iterator[tuple[str, Path]]:
    """Path in the target, and the file for it; of a folder all that is in it, tests aside.

    Args:
        sources: Path in the target to a file or folder below the project's.
        root: The project's folder.
    """
    for path, source in sources.items():
        place = root / source
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            inner = file.relative_to(place).parts
            if file.is_file() and not _NOT_FOR_USERS & set(inner):
                yield str(PurePosixPath(path, *inner)), file
