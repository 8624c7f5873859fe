"""Faults on request: what shall go wrong, for which requests, how often."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any, Final

from rehearsal.clouds.hetzner import errors

KINDS: Final = (
    "rate_limit",  # 429 rate_limit_exceeded
    "error",  # any status and code, 500 server_error unless told
    "locked",  # 423
    "conflict",  # 409
    "hang",  # no answer for `seconds`, then the connection is closed; nothing was done
    "drop",  # the connection is closed at once; nothing was done
    "lost_answer",  # it was done, and the connection is closed instead of an answer
    "slow_action",  # the actions that the request starts take `seconds`
)


@dataclass
class Fault:
    """One order for trouble.

    Attributes:
        kind: One of `KINDS`.
        method: HTTP method that it is for; empty for all.
        path: Regular expression that the path must contain.
        times: For how many requests it still holds.
        seconds: Duration of `hang` and `slow_action`.
        status: HTTP status of `error`.
        code: Error code of `error`.
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int = 1
    seconds: float = 30.0
    status: int = 500
    code: str = "server_error"

    def fits(self, method: str, path: str) -> bool:
        """Whether the request is one that the fault is for."""
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None

    def refusal(self) -> errors.ApiError | None:
        """The error that is answered in place of doing anything; None when the fault is of another nature."""
        if self.kind == "error":
            return errors.ApiError(self.status, self.code, "fault made by the rehearsal")
        if self.kind == "locked":
            return errors.locked("resource")
        if self.kind == "conflict":
            return errors.conflict("fault made by the rehearsal")
        return None


class Faults:
    """The orders that are open; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[Fault] = []

    def order(self, facts: dict[str, Any]) -> None:
        """Adds an order; raises `ApiError` for one that makes no sense."""
        try:
            fault = Fault(**facts)
            re.compile(fault.path)
        except (TypeError, re.error) as problem:
            raise errors.invalid({"fault": str(problem)}) from problem
        if fault.kind not in KINDS:
            raise errors.invalid({"kind": f"must be one of {', '.join(KINDS)}"})
        with self._lock:
            self._open.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The first order for this request, counted down."""
        with self._lock:
            for fault in self._open:
                if fault.fits(method, path):
                    fault.times -= 1
                    return fault
            return None

    def listed(self) -> list[dict[str, Any]]:
        """The orders that still hold."""
        with self._lock:
            return [asdict(fault) for fault in self._open if fault.times > 0]

    def clear(self) -> None:
        """Withdraws all orders."""
        with self._lock:
            self._open.clear()
