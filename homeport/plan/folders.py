"""Folders of the operator's own, by option: what services read in place of the files that come with homeport."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.model import fixes
from homeport.model.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.model.preset import Preset
    from homeport.model.service import Service, StaticFile
    from homeport.settings.schema import Settings

ROOT = Path(__file__).parents[2]
"""The checkout, which their paths are relative to."""
_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,64}"
SHAPE = re.compile(f"{_PART}(?:/{_PART}){{0,7}}")
_MOST = 4 * 1024 * 1024
"""Bytes of all files of a folder: they are in the state, and each update hands them to Docker."""


def laid(service: Service, preset: Preset, settings: Settings) -> Service:
    """The service, its files read below the chosen folders."""
    files = service.files
    for default, folder in _chosen(preset, settings).values():
        files = tuple(_moved(file, default, folder) for file in files)
    return service if files == service.files else replace(service, files=files)


def problems(preset: Preset, settings: Settings) -> Iterator[Problem]:
    """Chosen folders that are not there, or do not hold what their services read."""
    for option, (default, folder) in _chosen(preset, settings).items():
        path = f"homeport:settings.options.{option}"
        if not SHAPE.fullmatch(folder):
            continue
        sources = [
            _moved(file, default, folder).source
            for service in preset.services
            for file in service.files
            if _below(file, default)
        ]
        missing = [source for source in sources if "*" not in source and not (ROOT / source).is_file()]
        if not (ROOT / folder).is_dir():
            what = f"{folder} is no folder of the checkout"
        elif missing:
            what = f"{missing[0]} is not there"
        else:
            files = {file for source in sources for file in ROOT.glob(source) if file.is_file()}
            size = sum(file.stat().st_size for file in files)
            if files and size <= _MOST:
                continue
            large = f"{folder} has files of {size / 1024**2:.1f} MB, the most is {_MOST // 1024**2}"
            what = large if files else f"{folder} is empty"
        yield Problem(path, what, fixes.drop(path))


def _chosen(preset: Preset, settings: Settings) -> Mapping[str, tuple[str, str]]:
    """Option to the folder that it has by itself, and to the other one that was chosen."""
    return {
        name: (option.default, settings.options[name])
        for name, option in preset.options.items()
        if option.kind == "folder" and settings.options.get(name, option.default) != option.default
    }


def _below(file: StaticFile, folder: str) -> bool:
    return file.source.startswith(f"{folder}/")


def _moved(file: StaticFile, default: str, folder: str) -> StaticFile:
    return replace(file, source=f"{folder}{file.source.removeprefix(default)}") if _below(file, default) else file
