"""Faults on request: what the next calls suffer, and how long every call takes. The same words for every cloud."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rehearsal.clouds.kit.api import Call

KINDS: Final = {
    "status": "an error with `status` and `code` in place of an answer; nothing is done",
    "html": "`status` and a page in place of JSON, as a proxy answers; nothing is done",
    "timeout": "no answer for `seconds`, then the connection is closed; nothing is done",
    "reset": "the connection is reset at once; nothing is done",
    "slow": "it is done after `seconds`",
    "lost": "it is done, and the connection is closed instead of an answer",
    "truncated": "it is done, and the connection is closed after half of the answer",
}
"""What every cloud can do wrong; a cloud may know more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        kind: One of `KINDS`, or of the cloud's own.
        method: Method of the calls that it strikes, empty for all.
        path: Regular expression that is searched in their path.
        status: HTTP status of `status` and `html`.
        code: The cloud's error code in the body; None for the usual one of that status, empty or 0 for no body at all.
        message: Text beside the code.
        retry_after: Seconds for the `Retry-After` header, None for no header.
        seconds: How long `timeout`, `slow` and a cloud's slow work take.
        times: How many calls it strikes.
        skip: How many matching calls it lets pass first.
    """

    kind: str
    method: str = ""
    path: str = ""
    status: int = 500
    code: str | int | None = None
    message: str = "fault made by the rehearsal"
    retry_after: float | None = None
    seconds: float = 30.0
    times: int = 1
    skip: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether a call is one of those that it is meant for."""
        return self.method in ("", method) and re.search(self.path, path) is not None


class Faults:
    """The faults in waiting, and the latency of every call in seconds; safe for many threads.

    Args:
        more: Kinds that only this cloud knows, with their meaning.
    """

    def __init__(self, more: dict[str, str] | None = None) -> None:
        self.kinds = KINDS | (more or {})
        self.latency = 0.0
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fields: dict[str, Any]) -> None:
        """Lets a fault wait.

        Raises:
            ValueError: There is no such kind, or the path is no regular expression.
            TypeError: There is no such field.
        """
        fault = Fault(**fields)
        if fault.kind not in self.kinds:
            raise ValueError(f"no fault is called {fault.kind!r}; there are: {', '.join(self.kinds)}")
        try:
            re.compile(fault.path)
        except re.error as problem:
            raise ValueError(f"path: {problem}") from problem
        with self._lock:
            self._waiting.append(fault)

    def take(self, call: Call) -> Fault | None:
        """The fault that this call suffers, used up by it."""
        with self._lock:
            for number, fault in enumerate(self._waiting):
                if not fault.strikes(call.method, call.path):
                    continue
                if fault.skip:
                    self._waiting[number] = replace(fault, skip=fault.skip - 1)
                    continue
                self._waiting[number : number + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None

    def waiting(self) -> list[dict[str, Any]]:
        """The faults that still wait."""
        with self._lock:
            return [asdict(fault) for fault in self._waiting]

    def clear(self) -> None:
        """Forgets all faults and the latency."""
        with self._lock:
            self._waiting, self.latency = [], 0.0
