"""The files below ``host/``.

What runs on hosts and what it reads, as scripts, units and settings that their own tools can check.

Values get in by two forms, and no other:

- A script has a **header** of quoted variables behind its first line (``script``): ``name='it''s'``. Its body says
  ``$name``.
- A unit or a settings file names them as ``@name@`` (``filled``), each written as the file's syntax wants it, which its
  name's end tells. A line that consists of a name alone goes where the value is None. Some shell has this form too:
  where a host already had the value in the middle of a text before there was a header, for another text would restart
  its sshd and its VPN for nothing. What is a piece of the syntax itself, and no value, is ``Code``.

A line ``. file`` stands for that file's text, so that a host gets one text and two scripts can share a part. Remarks
for who works on the files (``#: …``) and for shellcheck (``# shellcheck …``) stay here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from shlex import quote

from homeport.model.template import SETTING, SHELL, UNIT, Syntax

ROOT = Path(__file__).parent / "host"
_PART = re.compile(r"^( *)\. ([\w./-]+)\n", re.MULTILINE)
_REMARK = re.compile(r"^ *#(?::| shellcheck) .*\n", re.MULTILINE)
_SYNTAXES: dict[str, Syntax] = {".sh": SHELL, ".service": UNIT, ".conf": UNIT, ".local": SETTING}
"""By the end of a file's name; ``.conf`` is a drop-in of systemd wherever it has values."""
_VALUE = re.compile(r"^@([a-z_]+)@\n|@([a-z_]+)@", re.MULTILINE)


class Code(str):
    """A piece of the file's own syntax: lines of shell, settings of a unit."""

    __slots__ = ()


@cache
def text(path: str) -> str:
    """A file below ``host/`` as a host gets it; an absolute path is a file elsewhere."""
    return whole(ROOT / path)


def whole(path: Path) -> str:
    """A file with the text of each file that it names in a line ``. file``, and without remarks."""
    source = _REMARK.sub("", path.read_text(encoding="utf-8"))
    return _PART.sub(lambda match: match[1] + whole(path.parent / match[2]), source)


def script(path: str, **values: str) -> str:
    """A shell script with its values in front."""
    first, body = text(path).split("\n", 1)
    return "\n".join([first, *(f"{name}={quote(value)}" for name, value in values.items()), body])


def filled(path: str, **values: str | tuple[str, ...] | None) -> str:
    """A text with its values in their places, several of one name with a space between them.

    Raises:
        ValueError: The text names a value that is not there, or does not name one that is.
        UnwritableError: The file's syntax has no way to write one of them.
    """
    source, syntax = text(path), _SYNTAXES[Path(path).suffix]
    names = {match[1] or match[2] for match in _VALUE.finditer(source)}
    if names != set(values):
        raise ValueError(f"host/{path} names {sorted(names)}, not {sorted(values)}")

    def value(match: re.Match[str]) -> str:
        given = values[match[1] or match[2]]
        before, after = source[: match.start()], source[match.end() :]
        parts = () if given is None else given if isinstance(given, tuple) else (given,)
        line = " ".join(part if isinstance(part, Code) else syntax.write(part, before, after) for part in parts)
        if match[1] is None:
            return line
        return "" if given is None else f"{line}\n"

    return _VALUE.sub(value, source)
