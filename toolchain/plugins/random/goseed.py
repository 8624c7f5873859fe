"""The number sequence that a seed gives in Go's math/rand, so that a seeded resource gets the official plugin's value.

Go's source is an additive lagged Fibonacci generator (lags 607 and 273, modulo 2^64) whose seeding mixes in a table:
the state of the same generator after 7.8e12 steps from seed 1 (golang.org/src/math/rand/gen_cooked.go). The table is
not kept here but computed: the generator is linear, so a far state is a polynomial power away.
"""

from __future__ import annotations

import functools
from typing import Final

_LENGTH: Final = 607
_TAP: Final = 273
_MASK: Final = (1 << 64) - 1
_INT32: Final = (1 << 31) - 1
_INT63: Final = (1 << 63) - 1
_STEPS: Final = 7_800_000_000_000
_WARM_UP: Final = 20
_ZERO_SEED: Final = 89482311
# CRC-64 as in hash/crc64 with the ISO polynomial, bits reversed.
_ISO: Final = 0xD800000000000000
# Wide enough for a sum of 607 products of two 64-bit numbers.
_SLOT: Final = 144


def _lehmer(value: int) -> int:
    return value * 48271 % _INT32


def _stream(seed: int, shifts: tuple[int, int]) -> list[int]:
    value = seed % _INT32 or _ZERO_SEED
    for _ in range(_WARM_UP):
        value = _lehmer(value)
    words = []
    for _ in range(_LENGTH):
        word = 0
        for shift in (*shifts, 0):
            value = _lehmer(value)
            word ^= value << shift
        words.append(word & _MASK)
    return words


def _times(left: list[int], right: list[int]) -> list[int]:
    """Product of two polynomials modulo x^607 - x^334 - 1 and 2^64, by one multiplication of long numbers."""
    product = _pack(left) * _pack(right)
    slot = (1 << _SLOT) - 1
    terms = [(product >> _SLOT * index & slot) & _MASK for index in range(2 * _LENGTH - 1)]
    for index in range(2 * _LENGTH - 2, _LENGTH - 1, -1):
        for lower in (index - _LENGTH, index - _TAP):
            terms[lower] = (terms[lower] + terms[index]) & _MASK
    return terms[:_LENGTH]


def _pack(terms: list[int]) -> int:
    return int.from_bytes(b"".join(term.to_bytes(_SLOT // 8, "little") for term in terms), "little")


@functools.cache
def _table() -> list[int]:
    """The state after `_STEPS` steps from seed 1, in the order in which Go keeps it."""
    # Go walks its register downwards: oldest value first this is the recurrence y[n] = y[n-607] + y[n-273].
    register = _stream(1, (20, 10))
    history = [register[(_LENGTH - _TAP - 1 - index) % _LENGTH] for index in range(_LENGTH)]
    power, base, exponent = [1] + [0] * (_LENGTH - 1), [0, 1] + [0] * (_LENGTH - 2), _STEPS
    while exponent:
        if exponent & 1:
            power = _times(power, base)
        base, exponent = _times(base, base), exponent >> 1
    later = []
    for _ in range(_LENGTH):
        later.append(sum(a * b for a, b in zip(power, history, strict=True)) & _MASK)
        power = [0, *power]
        top = power.pop()
        power[0] = (power[0] + top) & _MASK
        power[_LENGTH - _TAP] = (power[_LENGTH - _TAP] + top) & _MASK
    feed = (_LENGTH - _TAP - _STEPS) % _LENGTH
    table = [0] * _LENGTH
    for index, value in enumerate(later):
        table[(feed - 1 - index) % _LENGTH] = value
    return table


def crc64_iso(data: bytes) -> int:
    """Go's `crc64.Checksum(data, crc64.MakeTable(crc64.ISO))`."""
    value = _MASK
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (_ISO if value & 1 else 0)
    return value ^ _MASK


class GoRandom:
    """Go's `rand.New(rand.NewSource(crc64(seed)))`.

    Args:
        seed: Text as in the resource's `seed`.
    """

    def __init__(self, seed: str) -> None:
        number = crc64_iso(seed.encode())
        # Go's % keeps the sign of a negative int64 and adds the modulus: the same as Python's.
        signed = number - (1 << 64) if number >> 63 else number
        self._register = [word ^ cooked for word, cooked in zip(_stream(signed, (40, 20)), _table(), strict=True)]
        self._feed = _LENGTH - _TAP
        self._tap = 0

    def _int63(self) -> int:
        self._tap, self._feed = (self._tap - 1) % _LENGTH, (self._feed - 1) % _LENGTH
        value = (self._register[self._feed] + self._register[self._tap]) & _MASK
        self._register[self._feed] = value
        return value & _INT63

    def below(self, bound: int) -> int:
        """Go's `Intn`: a number from 0 to `bound` - 1."""
        wide = bound > _INT32
        bits = 63 if wide else 31
        limit = (1 << bits) - 1 - (1 << bits) % bound
        while True:
            value = self._int63() if wide else self._int63() >> 32
            if bound & (bound - 1) == 0:
                return value & (bound - 1)
            if value <= limit:
                return value % bound

    def permutation(self, size: int) -> list[int]:
        """Go's `Perm`: the numbers from 0 to `size` - 1 in another order."""
        order = [0] * size
        for index in range(size):
            other = self.below(index + 1)
            order[index] = order[other]
            order[other] = index
        return order
