"""Whether a secret has the shape it must have and cannot be guessed.

Answers in words that hold nothing of the value.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from typing import TYPE_CHECKING

from homeport.model import jwt, ssh_keys
from homeport.model.secret import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeport.model.secret import SecretSpec

_PLACEHOLDER = re.compile(
    r"change[-_ ]?me|replace[-_ ]?me|your[-_ ]|placeholder|x{6,}|<[^>]*>|\$\{"
    r"|^(none|null|undefined|example|dummy|todo|tbd)$",
    re.IGNORECASE,
)
_COMMON = re.compile(
    r"p[a4@]ss(w[o0]rd|wort|phrase)?|adm[i1]n(istrator)?|secret|letmein|welcome|"
    r"qwert[yz]u?i?o?p?|asdf(gh(jkl)?)?|zxcv(bnm)?|"
    r"iloveyou|monkey|dragon|master|login|root|toor|test|demo|default|postgres(ql)?|redis|n8n|homeport|server|docker|"
    r"correct|horse|battery|staple|abc(def)?|hello|world|private|key|super|user|my|the|dev|prod|staging",
    re.IGNORECASE,
)
_READ_AS_CODE = frozenset("\"'`\\$ ")
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
_LEAST_BITS = 128
_LEAST_PASSWORD = 24
_LONGEST_PASSWORD = 512
_LEAST_DISTINCT = 8
_LEAST_LEFT = 16
_RUN = 4
_TOKEN = (16, 512)
_LONGEST_ACCOUNT_PASSWORD = 64
_LONGEST_TEXT = 4096
_LEAST = {
    "password": 24,
    "account-password": 24,
    "hex64": 64,
    "hex32": 32,
    "long-hex": 64,
    "sk-key": 19,
    "base64": 44,
    "token": 16,
    "ssh-key": 200,
    "ed25519": 300,
    "ed25519-public": 68,
    "jwt": 60,
}
"""Bytes below which a secret of a kind cannot be one."""
_DIGITS = {
    "hex64": "[0-9a-f]{64}",
    "hex32": "[0-9a-f]{32}",
    "long-hex": "[0-9a-f]{64,128}",
    "base64": "[A-Za-z0-9+/]{43}=",
}


_KEYS: Mapping[str, Callable[[str], bool]] = {
    "ssh-key": lambda file: ssh_keys.is_body(ssh_keys.body(file)),
    "ed25519": ssh_keys.is_body,
    "ed25519-public": ssh_keys.is_public,
}
"""Whether a text is a key of that kind."""


def weakness(kind: str, value: str) -> str:
    """What is wrong with a secret, or nothing (an empty text)."""
    if not value.strip():
        return "is empty"
    if kind in _KEYS:
        return "" if _KEYS[kind](value) else f"has another shape: must be {SHAPES[kind]}"
    if kind == "text":
        # Whoever made it chose it: a mail server's password may be short, and have a dollar sign.
        return _slip(value) or ("" if len(value) <= _LONGEST_TEXT else f"is too long: must be {SHAPES[kind]}")
    if kind == "jwt":
        # Whether it is a good one is said by what signs it.
        return "" if jwt.is_token(value) else f"has another shape: must be {SHAPES[kind]}"
    return _slip(value) or (_digits(kind, value) if kind in _DIGITS else _text(kind, value))


def misfit(spec: SecretSpec, length: int) -> str:
    """What is wrong with a secret of that many bytes, or nothing."""
    if not length:
        return "is empty"
    if spec.length and length != spec.length:
        return f"has {length} characters: its issuer's have {spec.length}"
    if length < _LEAST.get(spec.kind, 1):
        return f"is too short, {length} characters: must be {SHAPES[spec.kind]}"
    return ""


def _slip(value: str) -> str:
    if value != value.strip():
        return "begins or ends with white space (a line break from a file, perhaps)"
    if not value.isascii() or not value.isprintable():
        return "holds a control character or one outside ASCII"
    return "is still a placeholder" if _PLACEHOLDER.search(value) else ""


def _text(kind: str, value: str) -> str:
    if any(character in _READ_AS_CODE for character in value):
        return (
            "holds a quote, a space, a backslash, a backtick or a dollar sign, "
            "which shells and config files read as code"
        )
    if kind == "sk-key":
        return _sk_key(value)
    return _token(value) if kind == "token" else _password(kind, value)


def _digits(kind: str, value: str) -> str:
    if not re.fullmatch(_DIGITS[kind], value):
        return f"has another shape: must be {SHAPES[kind]}"
    return "is guessable: it repeats itself" if _repeats(value) or len(set(value)) < _LEAST_DISTINCT else ""


def _sk_key(value: str) -> str:
    if re.fullmatch(_DIGITS["hex64"], value):
        return _digits("hex64", value)
    if not value.startswith("sk-") or not _LEAST["sk-key"] <= len(value) <= _TOKEN[1]:
        return f"has another shape: must be {SHAPES['sk-key']}"
    return "is guessable: common words or a repeated pattern" if _guessable(value.removeprefix("sk-")) else ""


def _token(value: str) -> str:
    low, high = _TOKEN
    if not low <= len(value) <= high:
        return f"has another shape: must be {SHAPES['token']}"
    return "is guessable: no issuer makes such a token" if _guessable(value) else ""


def _password(kind: str, value: str) -> str:
    if len(value) < _LEAST_PASSWORD:
        return f"is too short: must be {SHAPES[kind]}"
    if len(value) > (_LONGEST_ACCOUNT_PASSWORD if kind == "account-password" else _LONGEST_PASSWORD):
        return f"is too long: must be {SHAPES[kind]}"
    if kind == "account-password" and not (re.search("[A-Z]", value) and re.search("[0-9]", value)):
        return f"has another shape: must be {SHAPES[kind]}"
    alphabet = sum(len(some) for some in _CLASSES if set(some) & set(value))
    if len(value) * math.log2(alphabet) < _LEAST_BITS:
        return f"is too short for its few kinds of characters: must be {SHAPES[kind]}"
    return "is guessable: common words or a repeated pattern" if _guessable(value) else ""


def _guessable(value: str) -> bool:
    """Whether too little is left of it without common words and without runs such as 1234 or aaaa."""
    rest = _without_runs(_COMMON.sub("", value))
    return len(rest) < _LEAST_LEFT or len(set(rest)) < _LEAST_DISTINCT or _repeats(value)


def _without_runs(value: str) -> str:
    kept, run = "", value[:1]
    for character, following in itertools.pairwise(value):
        if abs(ord(character) - ord(following)) > 1:
            kept, run = kept + (run if len(run) < _RUN else ""), ""
        run += following
    return kept + (run if len(run) < _RUN else "")


def _repeats(value: str) -> bool:
    return value in (value + value)[1:-1]
