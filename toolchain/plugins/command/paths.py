"""Differences between property values, by path, as Pulumi's SDK for Go finds and spells them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolchain.plugins.base import Archive, Asset

if TYPE_CHECKING:
    from toolchain.plugins.base import Props


def changes(olds: Props, news: Props) -> dict[str, str]:
    """Path of every difference to ADD, DELETE or UPDATE."""
    kinds: dict[str, str] = {}
    _object(olds, news, "", kinds)
    return kinds


def _object(olds: Props, news: Props, path: str, kinds: dict[str, str]) -> None:
    for key in [*olds, *(key for key in news if key not in olds)]:
        _value(olds.get(key), news.get(key), _step(path, key), kinds)


def _value(old: Any, new: Any, path: str, kinds: dict[str, str]) -> None:
    if old is None or new is None:
        if old is not None or new is not None:
            kinds[path] = "ADD" if old is None else "DELETE"
    elif isinstance(old, dict) and isinstance(new, dict):
        _object(old, new, path, kinds)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            here = f"{path}[{index}]"
            if index >= len(old) or index >= len(new):
                kinds[here] = "ADD" if index >= len(old) else "DELETE"
            else:
                _value(old[index], new[index], here, kinds)
    elif not _same(old, new):
        kinds[path] = "UPDATE"


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, bool) != isinstance(new, bool):
        return False
    # Assets are the same when their content is: the path may differ.
    if isinstance(old, Asset | Archive) and type(old) is type(new) and old.hash and new.hash:
        return bool(old.hash == new.hash)
    # A secret never equals its plain value: pulumi-command#447 is about the updates that this causes.
    return bool(old == new)


def _step(path: str, key: str) -> str:
    if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", key):
        return f"{path}.{key}" if path else key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{escaped}"]'
