"""What a task's parameters must look like, as values; the check names the field that is wrong and never its content."""

from __future__ import annotations

import dataclasses
from typing import Any


class TaskInputError(ValueError):
    """The task is well-formed JSON, but its parameters are not what its type takes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Param:
    """One parameter.

    Attributes:
        kind: the Python type that its JSON value has; ``object`` takes any value.
        required: refused when missing; otherwise ``default`` stands in.
        default: the value of an optional parameter that is not given.
        choices: the only values taken, when given.
        longest: characters of a text or items of an array.
    """

    kind: type
    required: bool = True
    default: Any = None
    choices: tuple[str, ...] = ()
    longest: int | None = None


_NAMES = {str: "a text", int: "a whole number", bool: "true or false", list: "an array", dict: "an object"}


def checked(where: str, given: dict[str, Any], schema: dict[str, Param]) -> dict[str, Any]:
    """The parameters with defaults filled in.

    Args:
        where: what is checked, for the message.
        given: parameter name to JSON value.
        schema: every parameter that exists.

    Raises:
        TaskInputError: a parameter is unknown, missing, of another type, too long or no choice.
    """
    unknown = sorted(set(given) - set(schema))
    if unknown:
        known = ", ".join(sorted(schema)) or "none"
        raise TaskInputError(f"{where}: unknown field {short(unknown[0])}; known: {known}")
    return {name: _value(where, name, param, given) for name, param in schema.items()}


def short(text: str) -> str:
    """A foreign text for a message: ASCII, escaped, in quotes, at most 64 characters of it."""
    cut = text[:64]
    return ascii(cut) if cut == text else ascii(cut) + "..."


def _value(where: str, name: str, param: Param, given: dict[str, Any]) -> Any:
    if name not in given:
        if param.required:
            raise TaskInputError(f"{where}: missing field {name!r}")
        return param.default
    value = given[name]
    # bool is a subclass of int in Python and not in JSON.
    if param.kind is not object and type(value) is not param.kind:
        raise TaskInputError(f"{where}: field {name!r} must be {_NAMES[param.kind]}")
    if param.choices and value not in param.choices:
        raise TaskInputError(f"{where}: field {name!r} must be one of {', '.join(param.choices)}")
    if param.longest is not None and len(value) > param.longest:
        raise TaskInputError(f"{where}: field {name!r} is longer than {param.longest}")
    return value
