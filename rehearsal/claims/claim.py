"""A claim: what is looked at, what it comes to, what it should be, and how it would look if it were not so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

World = TypeVar("World")
Raw = TypeVar("Raw")


@dataclass(frozen=True, kw_only=True)
class Claim(Generic[World, Raw]):
    """One thing that must hold. Functions in place of assertions, so that what is expected and what was found can be told.

    Attributes:
        name: Identity, and what a person asks for: words with hyphens.
        rows: Rows of the requirements, and ids of the reliability list, that it proves.
        says: The claim as a sentence.
        look: Asks the world. Whatever it raises is an error, neither a pass nor a failure of the claim.
        come_to: What was seen, as the value that is compared.
        expected: That value, as it must be.
        spoil: The negative control: what would have been seen if the claim did not hold. A claim that passes on it is worthless, and
            the run fails. None where breaking takes more than a change of what was seen; `broken` then says who breaks it.
        broken: Where the guard is really taken away: the test, or the claim, that does it.
    """

    name: str
    rows: tuple[str, ...]
    says: str
    look: Callable[[World], Raw]
    come_to: Callable[[Raw], object]
    expected: Callable[[World], object]
    spoil: Callable[[Raw], Raw] | None = None
    broken: str = ""

    def __post_init__(self) -> None:
        if not self.rows or not self.says:
            raise ValueError(f"the claim {self.name} says nothing, or proves no row")
        if self.spoil is None and not self.broken:
            raise ValueError(f"the claim {self.name} has no negative control, and says nowhere that it has one")
