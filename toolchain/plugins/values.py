"""Property values as resource types see them; `codec.py` turns them into protobufs and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

# Any, not a recursive union: state of all kinds passes through, and each type checks what it takes.
Value = Any
Props = dict[str, Any]


class Unknown(Enum):
    """A value that a preview does not know yet. There is one, `UNKNOWN`: compare with `is`; it survives copying."""

    VALUE = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("UNKNOWN has no truth value: test `is UNKNOWN` first")


UNKNOWN: Final = Unknown.VALUE


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine must encrypt in state and hide in output; never prints itself."""

    value: Value = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file's content: one of text, path (on the machine of the plugin) and uri is set. `hash` is SHA-256 in hex."""

    text: str | None = None
    path: str | None = None
    uri: str | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """A tree of files: one of assets (name to Asset or Archive), path and uri is set. `hash` is SHA-256 in hex."""

    assets: dict[str, Asset | Archive] | None = None
    path: str | None = None
    uri: str | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """A reference to another resource of the program."""

    urn: str
    id: Value = None
    version: str = ""


def plain(value: Value) -> Value:
    """The same value without any secret mark, at any depth."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def contains_unknown(value: Value) -> bool:
    """Whether UNKNOWN stands anywhere in the value."""
    if isinstance(value, Secret):
        return contains_unknown(value.value)
    if isinstance(value, dict):
        return any(contains_unknown(v) for v in value.values())
    if isinstance(value, list):
        return any(contains_unknown(v) for v in value)
    return value is UNKNOWN


def contains_secret(value: Value) -> bool:
    """Whether a secret stands anywhere in the value."""
    if isinstance(value, dict):
        return any(contains_secret(v) for v in value.values())
    if isinstance(value, list):
        return any(contains_secret(v) for v in value)
    return isinstance(value, Secret)
