"""A claim: what is observed, what its value should be, and what it would be if the claim did not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Subject = TypeVar("Subject")
Raw = TypeVar("Raw")


@dataclass(frozen=True, kw_only=True)
class Claim(Generic[Subject, Raw]):
    """One thing that must hold. Functions in place of assertions, so that a report can show both sides.

    Attributes:
        name: Identity, and what a person asks for: words with hyphens.
        rows: Rows of docs/requirements.md that it proves.
        needs: What a system must have for it to be of use: words of `ExpectedSystem.has`.
        says: The claim as a sentence.
        observe: Asks the rehearsed system. Whatever it raises is an error, neither a pass nor a failure of the claim.
        value: What of the observation is compared; all of it by default.
        expected: That value, as it must be.
        spoil: The negative control: what would have been observed if the claim did not hold. A claim that passes on
            it is worthless, and the run fails. None where breaking takes more than a change of what was observed;
            `broken` then says who breaks it.
        broken: Where the guard is really taken away: the test, or the claim, that does it.
    """

    name: str
    rows: tuple[str, ...]
    says: str
    observe: Callable[[Subject], Raw]
    expected: Callable[[Subject], object]
    value: Callable[[Raw], object] = lambda raw: raw
    spoil: Callable[[Raw], Raw] | None = None
    broken: str = ""
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.rows or not self.says:
            raise ValueError(f"the claim {self.name} says nothing, or proves no row")
        if self.spoil is None and not self.broken:
            raise ValueError(f"the claim {self.name} has no negative control, and says nowhere that it has one")
