"""Faults on request: what the next calls suffer, and how long every call takes."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rehearsal.clouds.cloudflare.envelope import Record

BEFORE: Final = ("status", "html", "timeout", "reset", "slow")
AFTER: Final = ("lost", "truncated")
_JOURNAL: Final = 10_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: `status` answers with it, `html` with it and a page in place of JSON, `timeout` holds the call and then drops
            it undone, `reset` drops it at once, `slow` does it late; `lost` does it and drops the answer, `truncated` does
            it and cuts the answer in half.
        method: Method of the calls that it strikes, empty for all.
        path: Regular expression that is searched in their path.
        status: HTTP status of `status` and `html`.
        code: Cloudflare's error number in the body, 0 for an empty body.
        message: Text beside the number.
        retry_after: Seconds for the `Retry-After` header, None for no header.
        seconds: How long `timeout` and `slow` wait.
        times: How many calls it strikes.
        skip: How many matching calls it lets pass first.
    """

    kind: str
    method: str = ""
    path: str = ""
    status: int = 500
    code: int = 10001
    message: str = "Internal error: please try again later"
    retry_after: float | None = None
    seconds: float = 0.0
    times: int = 1
    skip: int = 0

    def __post_init__(self) -> None:
        if self.kind not in (*BEFORE, *AFTER):
            raise ValueError(f"no fault is called {self.kind!r}; there are: {', '.join((*BEFORE, *AFTER))}")
        re.compile(self.path)

    def strikes(self, method: str, path: str) -> bool:
        """Whether a call is one of those that it is meant for."""
        return self.method in ("", method) and re.search(self.path, path) is not None


@dataclass
class Faults:
    """The faults in waiting, the latency of every call in seconds, and a journal of the calls."""

    latency: float = 0.0
    _waiting: list[Fault] = field(default_factory=list)
    _journal: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, about: Record) -> None:
        """Lets a fault wait; fails with ValueError or TypeError when it is none."""
        fault = Fault(**about)
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Forgets all faults and the latency."""
        with self._lock:
            self._waiting, self.latency = [], 0.0

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this call suffers, used up by it."""
        with self._lock:
            for number, fault in enumerate(self._waiting):
                if not fault.strikes(method, path):
                    continue
                if fault.skip:
                    self._waiting[number] = replace(fault, skip=fault.skip - 1)
                    continue
                self._waiting[number : number + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None

    def note(self, method: str, path: str, query: str, status: int) -> None:
        """Writes a call into the journal: no bodies and no headers, as these hold secrets."""
        with self._lock:
            self._journal.append({"method": method, "path": path, "query": query, "status": status})
            del self._journal[:-_JOURNAL]

    def journal(self) -> list[dict[str, Any]]:
        """The last calls, oldest first; status 0 where the answer was dropped."""
        with self._lock:
            return list(self._journal)
