"""Check of a bridged resource: default values, automatic names, validation in the official plugin's words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.base import UNKNOWN, CheckFailed, Props

if TYPE_CHECKING:
    from toolchain.plugins.tfbridge.schema import Attr, Block

DEFAULTS: Final = "__defaults"
_TYPES: Final = {"string": str, "int": int, "bool": bool, "list": list, "set": list, "map": dict}
_WORDS: Final = {
    "string": "string",
    "int": "number",
    "bool": "boolean",
    "list": "array",
    "set": "array",
    "map": "object",
}


def unknown_settings(urn: str, news: Props, known: frozenset[str]) -> list[str]:
    """What is wrong with the settings of a provider that it does not know, one sentence each."""
    text = "could not validate provider configuration: Invalid or unknown key. Examine values at '{}.{}'."
    name = urn.rsplit("::", 1)[-1]
    return [text.format(name, key) for key in sorted(news) if key not in known and not key.startswith("__")]


def check_inputs(block: Block, urn: str, olds: Props, news: Props, seed: bytes, *, autoname: bool) -> Props:
    """The inputs with defaults filled in.

    Args:
        block: The resource's schema.
        urn: Its URN; the last part names it in messages.
        olds: Inputs of the last deployment, empty for a new resource.
        news: Inputs from the program.
        seed: Random bytes of the engine, the same at each check of one resource.
        autoname: Whether a missing `name` is made from the URN's name and seven random digits.

    Raises:
        CheckFailed: Everything that is wrong, at once.
    """
    name = urn.rsplit("::", 1)[-1]
    inputs = with_defaults(block, news)
    filled = sorted(set(inputs) - set(news))
    if autoname and inputs.get("name") is None:
        inputs["name"] = _automatic_name(name, olds, seed)
        filled = sorted([*filled, "name"])
    failures = [("", f"{reason} Examine values at '{name}.{path}'.") for path, reason in _problems(block, inputs, "")]
    inputs[DEFAULTS] = filled
    if failures:
        raise CheckFailed(failures, inputs)
    return inputs


def _automatic_name(name: str, olds: Props, seed: bytes) -> str:
    """The old automatic name, or a new one; a name that the user once gave is not reused."""
    old = olds.get("name")
    if isinstance(old, str) and "name" in olds.get(DEFAULTS, ["name"]):
        return old
    return f"{name}-{hashlib.sha256(seed).hexdigest()[:7]}"


def has_chosen_name(inputs: Props) -> bool:
    """Whether the name in checked inputs is the user's own choice, not an automatic one."""
    return "name" in inputs and "name" not in inputs.get(DEFAULTS, [])


def with_defaults(block: Block, values: Props) -> Props:
    """The values without nulls, each missing one replaced by its default unless that is false, 0 or empty."""
    out: Props = {}
    for key, value in values.items():
        attr = block.get(key)
        if value is None or key.startswith("__"):
            continue
        out[key] = _nested(attr, value) if attr is not None and attr.elem is not None else _coerced(attr, value)
    for key, attr in block.items():
        if key not in out and attr.default:
            out[key] = attr.default
    return out


def _coerced(attr: Attr | None, value: Any) -> Any:
    """Numbers and truth values where the schema wants text, and the other way round, as the bridge converts them."""
    kind = attr.kind if attr is not None else ""
    if kind == "string" and isinstance(value, bool):
        return str(value).lower()
    if kind == "string" and isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if (kind == "int" and isinstance(value, float)) or (kind == "int" and _is_digits(value)):
        return int(value)
    if kind == "bool" and value in ("true", "false"):
        return value == "true"
    return value


def _is_digits(value: Any) -> bool:
    return isinstance(value, str) and value.removeprefix("-").isdigit()


def _nested(attr: Attr, value: Any) -> Any:
    elem = attr.elem or {}
    if isinstance(value, dict):
        return with_defaults(elem, value)
    if isinstance(value, list):
        return [with_defaults(elem, v) if isinstance(v, dict) else v for v in value]
    return value


def _problems(block: Block, values: Props, prefix: str) -> list[tuple[str, str]]:
    """Pairs of path and reason, the reason with its full stop."""
    problems: list[tuple[str, str]] = []
    for key, value in values.items():
        if key not in block or not block[key].is_input:
            problems.append((prefix + key, "Invalid or unknown key."))
        else:
            problems += _value_problems(block[key], value, prefix + key)
    for key, attr in block.items():
        if attr.required and key not in values:
            missing = (
                f'Missing required argument. The argument "{snake(key)}" is required, but no definition was found..'
            )
            problems.append((prefix + key, missing))
    return problems


def _value_problems(attr: Attr, value: Any, path: str) -> list[tuple[str, str]]:
    if value is UNKNOWN or value is None:
        return []
    expected = dict if attr.single else _TYPES[attr.kind]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        word = "object" if attr.single else _WORDS[attr.kind]
        return [(path, f"expected {word} type, got {value!r} of type {type(value).__name__}.")]
    if attr.elem is not None:
        return _element_problems(attr, value, path)
    reason = attr.check(value) if attr.check is not None else None
    return [(path, f"{reason}. {reason}.")] if reason else []


def _element_problems(attr: Attr, value: Any, path: str) -> list[tuple[str, str]]:
    elem = attr.elem or {}
    if attr.single:
        return _problems(elem, value, f"{path}[?]." if attr.kind == "set" else f"{path}.")
    problems: list[tuple[str, str]] = []
    for index, element in enumerate(value):
        at = path if attr.kind == "set" else f"{path}[{index}]"
        if isinstance(element, dict):
            problems += _problems(elem, element, f"{at}.")
        elif element is not UNKNOWN:
            problems.append((at, f"expected object type, got {element!r} of type {type(element).__name__}."))
    return problems


def snake(camel: str) -> str:
    """The Terraform spelling of a property's name."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in camel)
