"""What a program says, and the values that it never says."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

OK: Final = 0
FAILED: Final = 1
"""Something differs, or could not be done."""
USAGE: Final = 2
"""The command line or the configuration is wrong; nothing was done."""
_SHORTEST: Final = 4
_HIDDEN: Final = "[hidden]"


class ToolError(Exception):
    """What a user can mend: a line that says where and what, and one that begins with `fix:`.

    Args:
        message: Both lines.
        code: What the program ends with.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: What.
        state: `ok`, `problem`, `note` (a choice that may be meant), `unknown` (the token may not look) or `skipped`
            (what it needs is not set).
        text: What is there.
        fix: What helps, empty for nothing to do.
    """

    check: str
    state: str
    text: str
    fix: str = ""


class Console:
    """Standard output, and standard error through a sieve.

    Nothing of ours prints a value. The sieve is for what others word, which ends in errors: answers of an API, the last
    lines of docker. Results are ours, and not sifted: the name of an image may be somebody's password.
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._warned: set[str] = set()

    def hide(self, values: Iterable[str]) -> None:
        """Values that are not to be printed; very short ones are words of any sentence, and stay."""
        for value in values:
            for part in {value, value.strip(), *value.splitlines()}:
                if len(part) >= _SHORTEST:
                    self._secrets |= {
                        part,
                        json.dumps(part)[1:-1],
                        json.dumps(part, ensure_ascii=False)[1:-1],
                        repr(part)[1:-1],
                    }

    def clean(self, text: str) -> str:
        """The text without any of those values."""
        for value in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(value, _HIDDEN)
        return text

    def say(self, text: str) -> None:
        """A line for whoever runs the program, or for the program that reads it; nothing that others worded."""
        print(_printable(text), flush=True)

    def warn(self, text: str) -> None:
        """A line beside the result, once."""
        if text not in self._warned:
            self._warned.add(text)
            print(_printable(self.clean(text)), file=sys.stderr, flush=True)

    def findings(self, findings: Iterable[Finding]) -> None:
        """A line for each thing that was looked at, and one for what helps."""
        for finding in findings:
            self.say(f"{finding.state:8} {finding.check}: {finding.text}")
            if finding.fix:
                self.say(f"         fix: {finding.fix}")

    def document(self, value: Any) -> None:
        """The result as JSON: one document on standard output."""
        print(json.dumps(value, indent=2, sort_keys=True), flush=True)


def _printable(text: str) -> str:
    """A terminal takes orders from control characters; a name in somebody's database may hold them."""
    return "".join(letter if letter in "\n\t" or letter.isprintable() else "?" for letter in text)
