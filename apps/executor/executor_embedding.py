"""A text embedding that needs no model, no network and no key: hashed words and character n-grams in 384 dimensions.

Every step is exact (whole numbers, then one correctly rounded square root, product and quotient of doubles), so that any
implementation on any machine gives the same digits. README.md states the algorithm for other languages.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "homeport-hash-384-v1"
DIMENSIONS = 384
SCALE = 1_000_000
"""Components are whole millionths."""

_WORD_WEIGHT = 4
_PAIR_WEIGHT = 2
_GRAM_WEIGHT = 1
_GRAM_SIZES = (3, 4)
_SEPARATORS = ((0x80, 0xA9), (0xAB, 0xB4), (0xB6, 0xB9), (0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7))
_FAR_SEPARATORS = ((0x1680, 0x1680), (0x2000, 0x206F), (0x3000, 0x303F))
_CASES = ((0x41, 0x5A, 32), (0xC0, 0xDE, 32), (0x391, 0x3A9, 32), (0x400, 0x40F, 80), (0x410, 0x42F, 32))


def embed(text: str) -> list[float]:
    """The unit vector of a text; never all zero, also for an empty text."""
    return [millionth / SCALE for millionth in millionths(text)]


def millionths(text: str) -> list[int]:
    """The vector in whole millionths, the form to compare implementations by."""
    counts = [0] * DIMENSIONS
    for feature, weight in features(words(text)):
        _add(counts, feature, weight)
    if not any(counts):
        _add(counts, "e:", 1)
    norm = math.sqrt(sum(count * count for count in counts))
    return [math.floor(abs(count) * SCALE / norm + 0.5) * (1 if count >= 0 else -1) for count in counts]


def fingerprint(text: str) -> str:
    """SHA-256 (hex) of the 384 millionths as decimal numbers joined by commas."""
    return hashlib.sha256(",".join(map(str, millionths(text))).encode("ascii")).hexdigest()


def words(text: str) -> list[str]:
    """NFC, then case folded by the table, then split at separators."""
    folded = (_fold(ord(char)) for char in unicodedata.normalize("NFC", text))
    return "".join(" " if _separates(code) else chr(code) for code in folded).split(" ")


def features(tokens: list[str]) -> Iterator[tuple[str, int]]:
    """Every feature of these words with its weight, repetitions included."""
    kept = [token for token in tokens if token]
    for token in kept:
        yield f"w:{token}", _WORD_WEIGHT
    for first, second in itertools.pairwise(kept):
        yield f"b:{first} {second}", _PAIR_WEIGHT
    for token in kept:
        padded = f"<{token}>"
        for size in _GRAM_SIZES:
            for start in range(len(padded) - size + 1):
                yield f"c:{padded[start : start + size]}", _GRAM_WEIGHT


def _add(counts: list[int], feature: str, weight: int) -> None:
    digest = hashlib.sha256(feature.encode("utf-8")).digest()
    index = int.from_bytes(digest[:4], "big") % DIMENSIONS
    counts[index] += weight if digest[4] % 2 == 0 else -weight


def _fold(code: int) -> int:
    for first, last, distance in _CASES:
        if first <= code <= last and code != 0xD7:  # noqa: PLR2004  # the multiplication sign sits among the capitals
            return code + distance
    return code


def _separates(code: int) -> bool:
    if code < 0x80:  # noqa: PLR2004  # ASCII: letters and digits are words, all else separates
        return not chr(code).isalnum()
    ranges = _SEPARATORS if code < 0x100 else _FAR_SEPARATORS  # noqa: PLR2004  # Latin-1, and beyond
    return any(first <= code <= last for first, last in ranges)
