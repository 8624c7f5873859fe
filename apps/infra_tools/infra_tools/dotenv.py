"""`.env` files: read as docker compose reads them, changed without losing anything else that is in them.

The dialect is compose-go's (compose-spec/compose-go, dotenv/parser.go): single quotes keep all but an escaped quote,
double quotes know escapes and variables, without quotes a value ends at ` #`; a quoted value may go over many lines; a
later line of one name wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOM: Final = "\ufeff"
# What compose skips before a name, and between a name and its value: Unicode's spaces but the line's end.
_SPACE: Final = r"[^\S\n]"
_HEAD: Final = re.compile(rf"({_SPACE}*(?:export{_SPACE}+)?)([^\W\d][\w.\-\[\]]*)({_SPACE}*[=:]{_SPACE}*)")
_BARE_NAME: Final = re.compile(rf"{_SPACE}*(?:export{_SPACE}+)?[\w.\-\[\]]+{_SPACE}*(?:\n|$)")
_NOTHING: Final = re.compile(rf"{_SPACE}*(?:#[^\n]*)?(?:\n|$)")
_ESCAPE: Final = re.compile(r"\\([abcfnrtv$\"\\]|0[0-7]{0,3})")
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}
_LAST_BYTE: Final = 0o377
_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{([^\W\d]\w*)(?:(:?[-?+])([^{}]*))?\}|([^\W\d]\w*))")
# Nothing in it has a meaning for compose, for a shell that sources the file, or for python-dotenv.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*|")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class EnvFileError(Exception):
    """A line that cannot be read, or a value that cannot be written; the message never holds a value."""


@dataclass
class _Entry:
    """One assignment, or the text between two (`name` is empty then).

    Attributes:
        name: Of the variable.
        head: All before the value: indentation, `export`, name, sign.
        raw: The value as it is written, with its quotes.
        tail: All after it: comment and the line's end.
        line: Its first line's number.
    """

    head: str = ""
    name: str = ""
    raw: str = ""
    tail: str = ""
    line: int = 0

    def text(self) -> str:
        return f"{self.head}{self.raw}{self.tail}"


@dataclass
class EnvFile:
    """The content of a `.env` file.

    Attributes:
        entries: In the file's order; their texts together are the file.
        bom: Whether it began with a byte order mark.
    """

    entries: list[_Entry] = field(default_factory=list)
    bom: bool = False

    @classmethod
    def parse(cls, text: str, called: str = ".env") -> EnvFile:
        """Reads the text of a file.

        Raises:
            EnvFileError: Names the line, and nothing of its content.
        """
        bom = text.startswith(_BOM)
        rest, line, entries = text.removeprefix(_BOM), 1, list[_Entry]()
        while rest:
            entry = _statement(rest, line, called)
            entries.append(entry)
            whole = entry.text()
            line += whole.count("\n")
            rest = rest[len(whole) :]
        return cls(entries, bom)

    def text(self) -> str:
        """The file's text; what was not changed is as it was, to the byte."""
        return (_BOM if self.bom else "") + "".join(entry.text() for entry in self.entries)

    def names(self) -> list[str]:
        """The variables, each once, in the order in which they are first set."""
        return list(dict.fromkeys(entry.name for entry in self.entries if entry.name))

    def values(self, known: Mapping[str, str] | None = None) -> dict[str, str]:
        """What each variable is, with `$NAME` and `${NAME}` filled in where compose does.

        Args:
            known: Variables of elsewhere that lines may refer to; a variable of this file that was set above wins.

        Raises:
            EnvFileError: A line refers to what is set nowhere; compose would put nothing in its place.
        """
        values: dict[str, str] = {}
        for entry in self.entries:
            if entry.name:
                values[entry.name] = _meaning(entry, {**(known or {}), **values})
        return values

    def set(self, name: str, value: str) -> None:
        """Gives a variable another value, where it stands, or in a new line at the end.

        Raises:
            EnvFileError: Name or value cannot be in such a file.
        """
        if not _NAME.fullmatch(name):
            raise EnvFileError(f"{name!r} cannot be the name of an environment variable")
        raw = quoted(value, name)
        # Of several lines the last one counts.
        for entry in reversed(self.entries):
            if entry.name == name:
                # Without a value before it compose takes a comment for the value.
                entry.raw = raw or ("''" if "#" in entry.tail else "")
                entry.tail = f" {entry.tail}" if entry.tail.startswith("#") else entry.tail
                return
        end = "\r\n" if any(entry.tail.endswith("\r\n") for entry in self.entries) else "\n"
        if self.entries and not self.entries[-1].text().endswith("\n"):
            self.entries[-1].tail += end
        self.entries.append(_Entry(head=f"{name}=", name=name, raw=raw, tail=end))


def quoted(value: str, name: str) -> str:
    """A value as it is written into the file: read back it is the same, by compose and by a shell.

    Raises:
        EnvFileError: It holds what no environment variable can.
    """
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise EnvFileError(f"{name}: its value holds a byte that no environment variable can hold")
    if _PLAIN.fullmatch(value):
        return value
    backslashes = len(value) - len(value.rstrip("\\"))
    if "'" not in value and "\r" not in value and backslashes % 2 == 0:
        return f"'{value}'"
    escaped = re.sub(r'[\\"$]', r"\\\g<0>", value).replace("\r", "\\r")
    return f'"{escaped}"'


def _statement(text: str, line: int, called: str) -> _Entry:
    blank = _NOTHING.match(text)
    if blank is None:
        # A name alone takes its value from the environment: nothing that the file says.
        blank = _BARE_NAME.match(text)
    if blank is not None and blank.end():
        return _Entry(tail=blank[0], line=line)
    head = _HEAD.match(text)
    if head is None:
        raise EnvFileError(f"{called}, line {line}: this is no NAME=value, no comment and no empty line")
    rest = text[head.end() :]
    raw = _quoted_part(rest, line, called, head[2]) if rest[:1] in ("'", '"') else _unquoted_part(rest)
    tail = _NOTHING.match(rest[len(raw) :])
    if tail is None:
        raise EnvFileError(f"{called}, line {line}: {head[2]} goes on after its closing quote")
    return _Entry(head[0], head[2], raw, tail[0], line)


def _quoted_part(rest: str, line: int, called: str, name: str) -> str:
    quote, escaped = rest[0], False
    for place, letter in enumerate(rest[1:], 1):
        if letter == quote and not escaped:
            return rest[: place + 1]
        escaped = letter == "\\" and not escaped
    raise EnvFileError(f"{called}, line {line}: the quote that begins {name} is never closed")


def _unquoted_part(rest: str) -> str:
    return rest.split("\n", 1)[0].split(" #", 1)[0].rstrip()


def _meaning(entry: _Entry, known: Mapping[str, str]) -> str:
    raw = entry.raw
    if raw[:1] == "'":
        return _unescaped_quote(raw[1:-1], "'")
    if raw[:1] == '"':
        return _filled(_unescaped_quote(raw[1:-1], '"'), known, entry, escapes=True)
    return _filled(raw, known, entry, escapes=False)


def _unescaped_quote(text: str, quote: str) -> str:
    # A backslash before a backslash stays, and takes from the second its power over a quote.
    return re.sub(rf"\\(\\|{quote})", lambda found: quote if found[1] == quote else found[0], text)


def _filled(text: str, known: Mapping[str, str], entry: _Entry, *, escapes: bool) -> str:
    """Escapes and variables in one pass, so that what a variable holds is never read again."""
    pieces, place = list[str](), 0
    while place < len(text):
        found = _ESCAPE.match(text, place) if escapes else None
        if found is not None:
            pieces.append(_escape(found))
        elif (found := _VARIABLE.match(text, place)) is not None:
            pieces.append(_variable(found, known, entry))
        place = found.end() if found else place + 1
        if found is None:
            pieces.append(text[place - 1])
    return "".join(pieces)


def _escape(found: re.Match[str]) -> str:
    letter = found[1]
    if letter == "$":
        return "$"
    if letter[0] == "0" and len(letter) == len("0123") and int(letter, 8) <= _LAST_BYTE:
        return chr(int(letter, 8))
    return _ESCAPES.get(letter, found[0])


def _variable(found: re.Match[str], known: Mapping[str, str], entry: _Entry) -> str:
    if found[1]:
        return "$"
    name, rule, other = found[2] or found[5], found[3] or "", found[4] or ""
    # With a colon an empty value counts as none.
    there = name in known and not (rule[:1] == ":" and not known[name])
    if rule[-1:] == "+":
        return other if there else ""
    if there:
        return known[name]
    if rule[-1:] == "-":
        return other
    # Not which variable: in `pass$word` it is a part of the password.
    raise EnvFileError(
        f"line {entry.line}: {entry.name} refers, by a dollar sign, to a variable that is set nowhere\n"
        "fix: put the value in single quotes if the dollar sign is part of it, or set that variable above it"
    )
