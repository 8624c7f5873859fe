"""Strict JSON in, bounded JSON out: what the executor reads is hostile, what it writes is one short line.

Refused although ``json`` would take it: a second value for one key, NaN and Infinity, numbers that a double can't hold
exactly, lone surrogates (they can't be written as UTF-8), a byte order mark, and nesting beyond MAX_DEPTH.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

INPUT_LIMIT = 65_536
"""Bytes of one task or request, line end included: 64 KiB is taken, one byte more is not."""
OUTPUT_LIMIT = 262_144
"""Bytes of one answer line. A 64 KiB echo needs at most three times its size (a four-byte character as two escapes)."""
MAX_DEPTH = 64
"""Arrays and objects inside each other, the outermost one counted."""
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest whole number that every JSON reader (n8n is JavaScript) returns unchanged (RFC 8259, section 6)."""
_MAX_NUMBER_TEXT = 64


class JsonProblemError(ValueError):
    """The text is no JSON that we take.

    Attributes:
        code: the answer's error code, ``invalid_json`` or ``too_large``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def loads(raw: bytes, *, limit: int = INPUT_LIMIT, depth: int = MAX_DEPTH) -> Any:
    """The one JSON value in these bytes.

    Raises:
        JsonProblemError: more than ``limit`` bytes or ``depth`` levels, or anything that the module's head names.
    """
    if len(raw) > limit:
        raise JsonProblemError("too_large", f"the input has more than {limit} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonProblemError("invalid_json", f"byte {error.start} is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise JsonProblemError("invalid_json", "the input starts with a byte order mark; send plain UTF-8")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonProblemError("invalid_json", f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise JsonProblemError("invalid_json", f"nested deeper than {depth} levels") from None
    _check(value, depth)
    return value


def dumps(value: Any, *, limit: int = OUTPUT_LIMIT) -> bytes:
    """One line of JSON, ASCII only: what a task puts in can steer no terminal and end no line.

    The encoder is stopped as soon as the limit is passed, so that a small value which shares one large part a
    thousand times costs the limit and not its full text.

    Raises:
        JsonProblemError: ``too_large``, the text has more than ``limit`` bytes.
        ValueError: the value holds NaN or Infinity.
    """
    parts: list[str] = []
    size = 1
    for part in _ENCODER.iterencode(value):
        size += len(part)
        if size > limit:
            raise JsonProblemError("too_large", f"the result has more than {limit} bytes")
        parts.append(part)
    return ("".join(parts) + "\n").encode("ascii")


def walk(value: Any) -> Iterator[tuple[Any, int]]:
    """Every value inside this one with its depth (the outermost is 1), keys included, without recursion."""
    pending: list[tuple[Any, int]] = [(value, 1)]
    while pending:
        current, depth = pending.pop()
        yield current, depth
        if isinstance(current, dict):
            for key, item in current.items():
                yield key, depth
                pending.append((item, depth + 1))
        elif isinstance(current, list):
            pending.extend((item, depth + 1) for item in current)


def _check(value: Any, deepest: int) -> None:
    for item, depth in walk(value):
        if depth > deepest and isinstance(item, (dict, list)):
            raise JsonProblemError("invalid_json", f"nested deeper than {deepest} levels")
        if isinstance(item, str) and any("\ud800" <= char <= "\udfff" for char in item):
            raise JsonProblemError("invalid_json", "a text holds a lone surrogate, which is no character")


def _no_constant(name: str) -> NoReturn:
    raise JsonProblemError("invalid_json", f"{name} is no JSON value")


def _integer(text: str) -> int:
    # int() of a long text is quadratic and raises ValueError past 4300 digits (CVE-2020-10735).
    if len(text) > _MAX_NUMBER_TEXT or abs(int(text)) > MAX_SAFE_INTEGER:
        raise JsonProblemError("invalid_json", "a whole number is beyond 2**53 - 1; send it as text")
    return int(text)


def _float(text: str) -> float:
    number = float(text) if len(text) <= _MAX_NUMBER_TEXT else float("inf")
    if number in {float("inf"), float("-inf")}:
        raise JsonProblemError("invalid_json", "a number is beyond what a double can hold")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise JsonProblemError("invalid_json", "an object has the same key twice")
    return result


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer, parse_float=_float
)
_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), check_circular=False)
