"""Variables in a compose file, and what each text was made of: a secret must be known wherever it went.

Source: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md, read 2026-11-29.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEEPEST = 20


class VariableError(ValueError):
    """A text that compose would refuse, or that it stops at; the message holds no value."""


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes:
        text: What stands there.
        variable: The variable that it came from; empty: it stands in the file itself.
    """

    text: str
    variable: str = ""


@dataclass(frozen=True)
class Text:
    """A text with its variables filled in.

    Attributes:
        pieces: In order; together they are the text.
        unset: Variables that nothing sets and that have no default: compose puts nothing in their place.
    """

    pieces: tuple[Piece, ...]
    unset: tuple[str, ...] = ()

    @classmethod
    def plain(cls, text: str) -> Text:
        """A text without variables."""
        return cls((Piece(text),))

    @property
    def value(self) -> str:
        """The whole."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def variables(self) -> tuple[str, ...]:
        """Those that have something in it, each once."""
        return tuple(dict.fromkeys(piece.variable for piece in self.pieces if piece.variable))

    def cut(self, mark: str) -> tuple[str, Text | None]:
        """What stands before a mark, and the text behind it; None where there is no mark."""
        before = ""
        for number, piece in enumerate(self.pieces):
            head, found, tail = piece.text.partition(mark)
            before += head
            if found:
                rest = (Piece(tail, piece.variable), *self.pieces[number + 1 :])
                return before, Text(tuple(item for item in rest if item.text) or (Piece(""),), self.unset)
        return before, None


def fill(text: str, values: Mapping[str, str], *, depth: int = 0) -> Text:
    """A text with its variables filled in.

    Args:
        text: As the file has it; ``$$`` stands for one ``$``.
        values: The variables that are set.
        depth: How many defaults stand around it.

    Raises:
        VariableError: It is no template, or it says itself that a variable must be set.
    """
    pieces: list[Piece] = []
    unset: list[str] = []
    at = 0
    while (start := text.find("$", at)) >= 0:
        pieces.append(Piece(text[at:start]))
        after = text[start + 1 : start + 2]
        if after == "$":
            pieces.append(Piece("$"))
            at = start + 2
        elif after == "{":
            end = _closing(text, start + 2)
            inner = _braced(text[start + 2 : end], values, depth)
            pieces += inner.pieces
            unset += inner.unset
            at = end + 1
        elif name := _NAME.match(text, start + 1):
            pieces.append(Piece(values.get(name[0], ""), name[0]))
            unset += [] if name[0] in values else [name[0]]
            at = name.end()
        else:
            # As compose does, whatever its specification says: a dollar that begins no variable is one.
            pieces.append(Piece("$"))
            at = start + 1
    pieces.append(Piece(text[at:]))
    return Text(tuple(piece for piece in pieces if piece.text) or (Piece(""),), tuple(dict.fromkeys(unset)))


def _closing(text: str, at: int) -> int:
    """Where the brace that was opened before is closed."""
    depth = 1
    for place in range(at, len(text)):
        if text.startswith("${", place):
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if not depth:
                return place
    raise VariableError("a ${ without a }")


def _braced(inner: str, values: Mapping[str, str], depth: int) -> Text:
    """``NAME``, ``NAME:-default``, ``NAME-default``, ``NAME:?why``, ``NAME?why``, ``NAME:+other``, ``NAME+other``."""
    name = _NAME.match(inner)
    if name is None or depth > _DEEPEST:
        raise VariableError("a ${…} without the name of a variable")
    rest = inner[name.end() :]
    variable = name[0]
    is_set = variable in values
    operator = _OPERATOR.match(rest)
    if not rest:
        return Text((Piece(values.get(variable, ""), variable),), () if is_set else (variable,))
    if operator is None:
        raise VariableError(f"${{{variable}…}} with something behind the name that is no operator")
    usable = bool(values.get(variable)) if operator[0].startswith(":") else is_set
    other = rest[operator.end() :]
    if operator[0].endswith("+"):
        return fill(other, values, depth=depth + 1) if usable else Text((Piece(""),))
    if usable:
        return Text((Piece(values[variable], variable),))
    if operator[0].endswith("?"):
        return Text((Piece("", variable),), (variable,))
    default = fill(other, values, depth=depth + 1)
    # The default is what the variable says here: a secret's default is a secret.
    return Text(tuple(Piece(piece.text, piece.variable or variable) for piece in default.pieces), default.unset)
