"""Running claims: one line each, with what was expected and observed, a report, and an exit code."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from rehearsal.claims.claim import Claim

PASSED, FAILED, ERROR, WORTHLESS = "passed", "failed", "error", "worthless"
_LONG = 160


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one claim went.

    Attributes:
        name: The claim.
        rows: What it is about.
        says: Its sentence.
        state: `passed`, `failed`, `error` (it could not be looked at) or `worthless` (it also passed on its negative
            control).
        expected: What should have been observed.
        got: What was observed, or the error.
        seconds: How long it took.
        control: What became of the negative control: `refused`, or who has it.
    """

    name: str
    rows: tuple[str, ...]
    says: str
    state: str
    expected: str = ""
    got: str = ""
    seconds: float = 0.0
    control: str = ""

    def __str__(self) -> str:
        """One line; two more where a person has to know what is wrong."""
        line = f"{self.state:9} {self.name:28} {','.join(self.rows)}  {self.seconds:.1f} s"
        if self.state == PASSED:
            return f"{line}  {_short(self.got)}"
        details = (self.says, f"expected {_short(self.expected)}", f"got      {_short(self.got)}")
        return "\n          ".join((line, *details))


@dataclass
class Report:
    """A whole run.

    Attributes:
        results: In the order of the claims.
    """

    results: list[Result] = field(default_factory=list)

    def count(self, state: str) -> int:
        """How many ended so."""
        return sum(result.state == state for result in self.results)

    @property
    def code(self) -> int:
        """0 if there were claims and all of them passed, else 1: what could not be looked at has not passed."""
        return 0 if self.results and self.count(PASSED) == len(self.results) else 1

    def __str__(self) -> str:
        counts = [f"{self.count(state)} {state}" for state in (PASSED, FAILED, ERROR, WORTHLESS)]
        seconds = sum(result.seconds for result in self.results)
        return f"{len(self.results)} claims: {', '.join(counts)}, in {seconds:.1f} s"

    def write(self, path: Path) -> None:
        """Writes all of it as JSON."""
        counts = {state: self.count(state) for state in (PASSED, FAILED, ERROR, WORTHLESS)}
        report: dict[str, Any] = {"counts": counts, "claims": [asdict(result) for result in self.results]}
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def run(
    claims: Iterable[Claim[Any, Any]],
    subject: Any,
    tell: Callable[[str], None] = print,
    report: Report | None = None,
    host: str = "",
) -> Report:
    """Runs claims one after the other, and tells of each as soon as it has ended.

    Args:
        claims: The claims.
        subject: What they look at.
        tell: Is told each result.
        report: Where the results go, behind those of other hosts; None: a report of its own, whose end is told.
        host: What their names begin with in it.

    Raises:
        ValueError: Two claims have the same name.
    """
    claims = list(claims)
    names = [claim.name for claim in claims]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"claims with the same name: {', '.join(sorted(twice))}")
    whole = Report() if report is None else report
    for claim in claims:
        result = check(claim, subject)
        whole.results.append(replace(result, name=f"{host}{result.name}"))
        tell(str(whole.results[-1]))
    if report is None:
        tell(str(whole))
    return whole


def check(claim: Claim[Any, Any], subject: Any) -> Result:
    """One claim and its negative control."""
    began = time.monotonic()
    state, expected, got, control = ERROR, "", "", claim.broken
    try:
        should = claim.expected(subject)
        raw = claim.observe(subject)
        value = claim.value(raw)
        state, expected, got = PASSED if value == should else FAILED, repr(should), repr(value)
        if claim.spoil and state == PASSED:
            spoiled = claim.value(claim.spoil(raw))
            state, control = (PASSED, "refused") if spoiled != should else (WORTHLESS, "passed")
    except Exception as error:  # noqa: BLE001 - whatever it is, the other claims are still of interest
        state, got = ERROR, f"{type(error).__name__}: {error}"
    return Result(
        name=claim.name,
        rows=claim.rows,
        says=claim.says,
        state=state,
        expected=expected,
        got=got,
        seconds=round(time.monotonic() - began, 2),
        control=control,
    )


def chosen(claims: Iterable[Claim[Any, Any]], words: Iterable[str]) -> list[Claim[Any, Any]]:
    """The claims whose name or row is among the words; all of them for no words.

    Raises:
        ValueError: A word names none.
    """
    claims, words = list(claims), set(words)
    known = {claim.name for claim in claims}.union(*(claim.rows for claim in claims))
    if unknown := sorted(words - known):
        raise ValueError(
            f"no claim is called {', '.join(unknown)}; there are: {', '.join(claim.name for claim in claims)}"
        )
    return [claim for claim in claims if not words or claim.name in words or words & set(claim.rows)]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONG else f"{line[:_LONG]}…"
