"""Apps are written into a stack's file as text, so that its comments, its order and its quotes stay as they are.

Pulumi's own `config set --path` writes one scalar at a time, and PyYAML drops comments.
"""

from __future__ import annotations

import copy
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTINGS = "homeport:settings"
_STEP = 2
_WIDTH = 110
_FLOW = frozenset({"route", "health", "command", "entrypoint", "needs", "database"})
# What a reader of YAML 1.2, as the engine's, might take for a number where PyYAML's does not.
_NUMBER_LIKE = re.compile(r"[-+.0-9~]")


class _Dumper(yaml.SafeDumper):
    """Short mappings on one line, and lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML's signature
        return True


class _Short(dict):  # type: ignore[type-arg]
    """A mapping on one line."""


class _Line(list):  # type: ignore[type-arg]
    """A list on one line."""


def _short(dumper: yaml.SafeDumper, data: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)


def _line(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)


def _word(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
    style = '"' if _NUMBER_LIKE.match(data) or not data.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(_Short, _short)
_Dumper.add_representer(_Line, _line)
_Dumper.add_representer(str, _word)


def shown(apps: Mapping[str, Mapping[str, Any]]) -> str:
    """Blocks as they stand below ``apps``."""
    return yaml.dump(
        {name: _styled(block) for name, block in apps.items()},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        indent=_STEP,
    )


def _styled(block: Mapping[str, Any]) -> dict[str, Any]:
    styled: dict[str, Any] = {}
    for key, value in block.items():
        if key in _FLOW and isinstance(value, dict):
            styled[key] = _Short(
                {name: _Line(item) if isinstance(item, list) else item for name, item in value.items()}
            )
        elif key in _FLOW and isinstance(value, list):
            styled[key] = _Line(value)
        elif isinstance(value, dict):
            styled[key] = {name: _Short(item) if isinstance(item, dict) else item for name, item in value.items()}
        else:
            styled[key] = value
    return styled


def with_apps(text: str, apps: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """The text of a stack's file with apps in it; all else stays as it is, to the byte.

    Args:
        text: The file.
        apps: Name to block; none of them is there.
        name: What the file is called, for messages.

    Raises:
        ToolError: It has no settings, an app of that name, or a form in which nothing can be put.
    """
    before = yaml.safe_load(text)
    wanted = copy.deepcopy(before)
    settings = ((wanted or {}).get("config") or {}).get(_SETTINGS) if isinstance(wanted, dict) else None
    if not isinstance(settings, dict):
        raise ToolError(f"{name}: it has no {_SETTINGS}\n  fix: copy Pulumi.dev.yaml to {name}")
    known = settings.get("apps") or {}
    if not isinstance(known, dict) or set(known) & set(apps):
        twice = ", ".join(sorted(set(known) & set(apps))) if isinstance(known, dict) else "apps"
        raise ToolError(
            f"{name}: {twice}: there already, and left as it is\n  fix: edit {name}, or take another --name"
        )
    settings["apps"] = {**known, **{app: dict(block) for app, block in apps.items()}}
    new = _edited(text, apps)
    try:
        fits = yaml.safe_load(new) == wanted
    except yaml.YAMLError:
        fits = False
    if not fits:
        raise ToolError(
            f"{name}: homeport:settings.apps is written in a form that nothing can be put into\n"
            f"  fix: edit {name}: put the block that is shown below homeport:settings.apps"
        )
    return new


def with_values(text: str, values: Mapping[tuple[str, ...], str], name: str) -> str:
    """The text of a stack's file with other words in the place of some; all else stays as it is, to the byte.

    Args:
        text: The file.
        values: By path below the settings, which is there and has one word.
        name: What the file is called, for messages.

    Raises:
        ToolError: A value stands elsewhere, as behind an anchor.
    """
    wanted = yaml.safe_load(text)
    places = []
    for path, value in values.items():
        node, inner = yaml.compose(text, Loader=yaml.SafeLoader), wanted
        for key in ("config", _SETTINGS, *path):
            node = _below(node, key)[1]
        for key in ("config", _SETTINGS, *path[:-1]):
            inner = inner[key]
        inner[path[-1]] = value
        if node is not None:
            places.append((node.start_mark.index, node.end_mark.index, value))
    for start, end, value in sorted(places, reverse=True):
        text = f"{text[:start]}{json.dumps(value)}{text[end:]}"
    if yaml.safe_load(text) != wanted:
        paths = ", ".join(".".join(path) for path in values)
        raise ToolError(
            f"{name}: {paths} cannot be changed where it stands\n  fix: edit {name}: write it there in full"
        )
    return text


def write(path: Path, text: str) -> None:
    """Puts a text in the place of a file, whole or not at all."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _edited(text: str, apps: Mapping[str, Mapping[str, Any]]) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    text += "" if text.endswith("\n") else end
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    settings_key, settings = _below(_below(root, "config")[1], _SETTINGS)
    key, node = _below(settings, "apps")
    lines = text.splitlines(keepends=True)
    if isinstance(node, yaml.MappingNode) and node.flow_style and node.value:
        at = node.end_mark.index - 1
        return f"{text[:at].rstrip()}, {_flow(apps)}{text[at:]}"
    if isinstance(settings, yaml.MappingNode) and settings.flow_style:
        if key is not None and node is not None:
            return f"{text[: node.start_mark.index]}{{{_flow(apps)}}}{text[node.end_mark.index :]}"
        at = settings.end_mark.index - 1
        comma = ", " if settings.value else ""
        return f"{text[:at].rstrip()}{comma}apps: {{{_flow(apps)}}}{text[at:]}"
    if key is not None and node is not None and isinstance(node, yaml.MappingNode) and node.value:
        indent = node.value[0][0].start_mark.column
        place = _after(lines, node, key.start_mark.column)
        return _inserted(lines, place, _indented(apps, indent, end))
    first = settings.value[0][0].start_mark.column
    step = max(1, first - settings_key.start_mark.column)
    if key is not None and node is not None:
        # `apps:` and `apps: {}` hold nothing; a comment behind them stays.
        row = key.start_mark.line
        head, _, rest = lines[row].partition(":")
        lines[row] = head + ":" + re.sub(r"^\s*(\{\s*\}|~|null)", "", rest, count=1)
        return _inserted(lines, row + 1, _indented(apps, first + step, end))
    place = _after(lines, settings, settings_key.start_mark.column)
    block = f"{' ' * first}apps:{end}{_indented(apps, first + step, end)}"
    return _inserted(lines, place, block)


def _below(node: Any, key: str) -> tuple[Any, Any]:
    """The key's own node and its value's; None where it is not there."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name, value
    return None, None


def _after(lines: list[str], node: yaml.Node, outer: int) -> int:
    """The number of lines up to the end of a mapping: with comments that stand in it, without those of what follows."""
    last = min(node.end_mark.line, len(lines))
    while last and _idle(lines[last - 1]) and not _inside(lines[last - 1], outer):
        last -= 1
    return last


def _idle(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _inside(line: str, outer: int) -> bool:
    return line.lstrip().startswith("#") and len(line) - len(line.lstrip()) > outer


def _indented(apps: Mapping[str, Mapping[str, Any]], indent: int, end: str) -> str:
    return "".join(f"{' ' * indent}{line}{end}" if line else end for line in shown(apps).rstrip("\n").split("\n"))


def _inserted(lines: list[str], at: int, block: str) -> str:
    return "".join([*lines[:at], block, *lines[at:]])


def _flow(apps: Mapping[str, Mapping[str, Any]]) -> str:
    text = yaml.dump(
        dict(apps), Dumper=_Dumper, sort_keys=False, default_flow_style=True, allow_unicode=True, width=10**6
    )
    return text.strip()[1:-1]
