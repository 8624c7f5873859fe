"""What a look before the first resource finds, and how it is shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from homeport.cli.unreadable import NEWER, unreadable
from homeport.model.errors import ToolError
from homeport.model.fixes import shown as shown_fix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Outcome = Literal["ok", "refused", "warning", "unknown"]
"""`refused`: the update would fail, or take what is not ours. `unknown`: could not be found out, and why."""
_AT_ONCE = 24


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One answer.

    Attributes:
        check: What was looked at, for people: `Cloudflare token`.
        outcome: What came of it.
        what: In a sentence; never the value of a secret.
        fix: The command or the edit that helps, where the outcome is not `ok`.
        foreign: Where the API has an object of ours by name that we did not make: it can be taken over on request.
    """

    check: str
    outcome: Outcome
    what: str
    fix: str = ""
    foreign: str = ""

    def document(self) -> dict[str, str]:
        """Its part of the JSON document."""
        return {"check": self.check, "outcome": self.outcome, "what": self.what, "fix": self.fix}


def unread(cloud: str, error: BaseException) -> Finding:
    """An answer that this version does not understand is no reason against an update: that reads it by itself."""
    what = f"an answer was not read, so not all of it was checked: {unreadable(error)}"
    return Finding(check=cloud, outcome="unknown", what=what, fix=NEWER)


@dataclass(frozen=True, kw_only=True)
class Report:
    """All findings of one stack.

    Attributes:
        stack: The stack's name.
        findings: In the order of the checks.
    """

    stack: str
    findings: tuple[Finding, ...] = field(default=())

    @property
    def refused(self) -> tuple[Finding, ...]:
        """What keeps the stack from being brought up."""
        return tuple(finding for finding in self.findings if finding.outcome == "refused")

    def document(self) -> dict[str, Any]:
        """As `homeport preflight --json` prints it."""
        findings = [finding.document() for finding in self.findings]
        return {"stack": self.stack, "ready": not self.refused, "findings": findings}

    def lines(self) -> list[str]:
        """As people read it: a line for each finding, and below it what helps."""
        width = max((len(finding.check) for finding in self.findings), default=0)
        shown: list[str] = []
        for finding in self.findings:
            shown.append(f"{finding.outcome:<8}  {finding.check:<{width}}  {finding.what}")
            if finding.fix:
                shown.append(f"{'':<8}  {'':<{width}}  fix: {shown_fix(finding.fix, ' ' * (width + 17))}")
        return shown

    def require(self) -> None:
        """Nothing, where nothing is refused.

        Raises:
            ToolError: Something is; all of it is named.
        """
        if not self.refused:
            return
        named = [
            f"  {finding.check}: {finding.what}\n    fix: {shown_fix(finding.fix, ' ' * 9)}" for finding in self.refused
        ]
        count = f"{len(named)} thing{'s' * (len(named) > 1)} to put right first"
        raise ToolError("\n".join([f"stack {self.stack}: nothing was made; {count}", *named]))


def findings_of(probes: Sequence[Callable[[], Iterable[Finding]]]) -> tuple[Finding, ...]:
    """What the probes find, each line once: all at once, as each waits for an answer from far away."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = [finding for answers in pool.map(lambda probe: list(probe()), probes) for finding in answers]
    return tuple(dict.fromkeys(found))
