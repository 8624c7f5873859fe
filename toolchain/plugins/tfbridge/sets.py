"""Order and equality of sets, which Pulumi shows as lists."""

from __future__ import annotations

from typing import Any

from toolchain.plugins.base import UNKNOWN, contains_unknown
from toolchain.plugins.tfbridge.schema import ZERO, Attr, Block


def ordered(attr: Attr, values: list[Any]) -> list[Any]:
    """The elements without doubles, in the order in which a state holds them (go-cty, set_internals.go)."""
    unique: dict[tuple[str, int], Any] = {}
    for index, value in enumerate(values):
        # What is unknown may turn out different from what is like it now.
        unique.setdefault((sort_key(attr, value), index if contains_unknown(value) else -1), value)
    return [unique[key] for key in sorted(unique)]


def sort_key(attr: Attr, value: Any) -> str:
    """Text sorts by itself, objects by their serialised properties; what is unknown comes last."""
    if attr.elem is None:
        return value if isinstance(value, str) else "\U0010ffff"
    return _object_key(attr.elem, value) if isinstance(value, dict) else "\U0010ffff"


def _object_key(elem: Block, value: dict[str, Any]) -> str:
    return "<" + "".join(_serialised(elem[key], value.get(key)) for key in sorted(elem)) + ">"


def _serialised(attr: Attr, value: Any) -> str:
    text: str
    if value is UNKNOWN:
        text = "?"
    elif value is None:
        text = "[]" if attr.block else "~"
    elif isinstance(value, bool):
        text = "T" if value else "F"
    elif isinstance(value, str):
        text = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    elif isinstance(value, dict) and attr.kind == "map":
        text = "{" + "".join(f'"{k}";{value[k]!r};' for k in sorted(value)) + "}"
    elif isinstance(value, dict):
        text = "[" + _object_key(attr.elem or {}, value) + "]"
    elif isinstance(value, list):
        elem = attr.elem
        parts = [_object_key(elem, v) if elem and isinstance(v, dict) else _serialised(attr, v) for v in value]
        text = "[" + "".join(parts) + "]"
    else:
        text = str(value)
    return text + ";"


def zero_filled(attr: Attr, value: Any) -> Any:
    """The value with every null inside its elements replaced by the zero of its type, as a read state has it."""
    if value is UNKNOWN or attr.elem is None or value is None:
        return value
    if isinstance(value, dict):
        return {key: _zero(sub, value.get(key)) for key, sub in attr.elem.items()}
    return [zero_filled(attr, element) if isinstance(element, dict) else element for element in value]


def _zero(attr: Attr, value: Any) -> Any:
    if value is None:
        if attr.scalar:
            return ZERO[attr.kind]
        return {} if attr.kind == "map" else None if attr.single else []
    return zero_filled(attr, value)


def identity(attr: Attr, value: Any) -> str:
    """What makes two elements of a set the same: all properties that a user can set, nulls as zeros, sets unordered."""
    if attr.elem is None or not isinstance(value, dict):
        return repr(value)
    parts = []
    for key, sub in sorted(attr.elem.items()):
        if not sub.is_input:
            continue
        part = _zero(sub, value.get(key) if value.get(key) is not None else sub.default)
        if sub.kind == "set" and isinstance(part, list):
            part = sorted({identity(sub, p) for p in part})
        elif isinstance(part, dict):
            part = identity(sub, part) if sub.elem is not None else sorted(part.items())
        parts.append((key, part))
    return repr(parts)


def fingerprint(attr: Attr, value: Any) -> str:
    """What the bridge tells elements of a set apart by: null text is empty text, a null number is not zero."""
    if attr.elem is None or not isinstance(value, dict):
        return repr(value)
    parts = []
    for key, sub in sorted(attr.elem.items()):
        part = value.get(key)
        if isinstance(part, dict):
            part = fingerprint(sub, part) if sub.elem is not None else sorted(part.items())
        parts.append((key, "" if part is None and sub.kind == "string" else part))
    return repr(parts)


def same(attr: Attr, before: Any, after: Any) -> bool:
    """Whether two sets hold the same elements; one with anything unknown in it never equals another."""
    if contains_unknown(after) or before is None:
        return False
    olds = [before] if attr.single else before
    news = [after] if attr.single else after
    return {identity(attr, v) for v in olds} == {identity(attr, v) for v in news}
