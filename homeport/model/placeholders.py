"""Texts that stand for what only the user knows: taken from documentation, made up, or never filled in.

The kind is recognised, not a list of values: an id that somebody made up has runs or repeats itself, an issuer's does
neither; a key that somebody made up is readable text. A random id of 32 digits, or a random key, is taken for made up
less than once in ten million.
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import groupby, pairwise

from homeport.model.addresses import placeholder

_WORDS = re.compile(
    r"(?i)(?:an?[-_ ])?(?:example|dummy|placeholder|todo|tbd|x{3,}|change[-_ ]?me|replace[-_ ]?me|fixme)"
    r"|.*<[^<>]+>.*|.*\$\{.*"
    r"|(?:.*[.@/])?(?:your|my)[-_]?(?:own[-_]?)?(?:domain|company)(?:[-_.].*)?"
    r"|(?:.*[.@/])?your[-_ ]?(?:own[-_ ]?)?(?:team|site|server|host|name|account|zone|organi[sz]ation|id)(?:[-_.].*)?"
)
_ID = re.compile(r"[0-9a-fA-F]{16,}")
_LEAST_DIGITS = 8
"""Different ones that an issuer's id of 32 hexadecimal digits has: fewer are had once in twenty million."""
_RUN = 4
_SSH = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
_KEY = 32
_DOCUMENTED = frozenset(
    {
        # Ids that Cloudflare's own pages and clients use in their examples (cloudflare/cloudflare-go, *_test.go).
        "023e105f4ecef8ad9ca31a8372d0c353",
        "01a7362d577a6c3019a474fd6f485823",
        "699d98642c564d2e855e9661899b7252",
        "f174e90afafe4643bbbc4a0ed4fc8415",
        "f70ff985a4ef4643bbbc4a0ed4fc8415",
    }
)
_SHIPPED = frozenset(
    {
        # Host keys of the stack files that earlier versions came with; no machine has them.
        "AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1",
        "AAAAC3NzaC1lZDI1NTE5AAAAIL2yurT7YJB7JVLigZT+KrgydRjKbJDa4CCV819eE5Ag",
    }
)


def stands_in(text: str) -> str:
    """In words why a text is nobody's own: it follows the setting's name; nothing where it may be somebody's."""
    if name := placeholder(text):
        return f"{name} is for documentation"
    if _WORDS.fullmatch(text.strip()):
        return "it was never filled in"
    digits = text.replace("-", "").lower()
    if digits in _DOCUMENTED:
        return "the id is of Cloudflare's documentation"
    if _made_up_id(digits):
        return "the id is made up (it has runs, or repeats itself)"
    return "the key is an example's (no machine has it)" if _made_up_key(text) else ""


def _made_up_id(text: str) -> bool:
    if not _ID.fullmatch(text):
        return False
    digits = [int(digit, 16) for digit in text]
    few = len(set(digits)) < min(_LEAST_DIGITS, len(text) // 4)
    # Every digit, or every second one, as in a1b2c3d4.
    ways = ([digits], [digits[::2], digits[1::2]])
    runs = any(2 * sum(_in_runs(part) for part in way) >= len(digits) for way in ways)
    return few or runs or text in (text + text)[1:-1]


def _in_runs(digits: list[int]) -> int:
    """How many digits are part of a run such as 4567, 8888 or 2468."""
    steps = [(after - before) % 16 for before, after in pairwise(digits)]
    return sum(length + 1 for _, same in groupby(steps) if (length := len([*same])) >= _RUN - 1)


def _made_up_key(text: str) -> bool:
    """Whether it is a public key of SSH or WireGuard that no program made."""
    words = text.split()
    encoded = words[1] if words[:1] == ["ssh-ed25519"] and words[1:] else text
    if encoded in _SHIPPED:
        return True
    try:
        raw = base64.b64decode(encoded, validate=True).removeprefix(_SSH)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _KEY and (all(0x20 <= byte < 0x7F for byte in raw) or len(set(raw)) < _LEAST_DIGITS)  # noqa: PLR2004  # ASCII
