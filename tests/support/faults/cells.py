"""Faults by cell: an emulated cloud whose calls suffer what is meant for the very object that they are about.

The clouds' own faults strike by method and path, so one stack could try one at a time. Here each call is known by the
object that it is about: its name stands in the body that makes it, its id in every later path. So hundreds of faults
are tried by one `pulumi up`.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.clouds.kit.faults import Fault, Faults

if TYPE_CHECKING:
    from rehearsal.clouds.kit.api import Answer, Api, Call

CELL = re.compile(r"zq\d{3}")
"""A cell's name. No hexadecimal id contains one."""


@dataclass
class Strike:
    """A fault that waits for the calls of one cell, and what came of it.

    Attributes:
        method: HTTP method of the calls.
        path: Regular expression that their path, below the API's root, must match whole.
        fault: What happens to them.
        left: How often still.
        hits: When it happened, in seconds of the monotonic clock.
        calls: How many such calls there were.
    """

    method: str
    path: str
    fault: Fault
    left: int = 0
    hits: list[float] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        self.left = self.fault.times


class CellFaults(Faults):
    """The faults of an API, by cell.

    Args:
        api: The API; its faults are these from now on.
        strikes: Cell to its fault; may be changed while the API is served.
    """

    def __init__(self, api: Api, strikes: dict[str, Strike]) -> None:
        super().__init__()
        self._root, self._strikes = api.root, strikes
        self._cells: dict[str, str] = {}
        answer = api.answer

        def learning(call: Call) -> Answer:
            reply = answer(call)
            self._learn(call, reply.body)
            return reply

        # Instance attributes in place of a subclass: both clouds are taken as they are.
        api.answer, api.faults = learning, self  # type: ignore[method-assign]

    def take(self, call: Call) -> Fault | None:
        """The fault that is meant for the call's cell, if the call is one of those that it strikes."""
        strike = self._strikes.get(self._cell(call))
        if not strike or call.method != strike.method or not re.fullmatch(strike.path, self._below(call)):
            return None
        strike.calls += 1
        if strike.left <= 0:
            return None
        strike.left -= 1
        strike.hits.append(time.monotonic())
        return strike.fault

    def _below(self, call: Call) -> str:
        return call.path.removeprefix(self._root)

    def _cell(self, call: Call) -> str:
        """The cell that a call is about; empty where none is."""
        name = CELL.search(call.content.decode()) if call.content else None
        if name:
            return name[0]
        path = self._below(call)
        parts = [*path.split("/"), *re.findall(r"id=(\d+)", call.query)]
        table = path.split("/")[1] if path.count("/") else ""
        keys = (key for part in parts[::-1] for key in (f"{table}/{part}", part))
        return next((self._cells[key] for key in keys if key in self._cells), "")

    def _learn(self, call: Call, body: Any) -> None:
        """Remembers the ids that an answer tells of a call's cell."""
        cell = self._cell(call)
        if not cell or not isinstance(body, dict):
            return
        for key, value in body.items():
            for row in value if isinstance(value, list) else [value]:
                if isinstance(row, dict) and "id" in row:
                    # Numbers are unique in their table alone, Cloudflare's ids everywhere.
                    table = "actions" if "action" in key else self._below(call).split("/")[1]
                    self._cells[f"{table}/{row['id']}" if isinstance(row["id"], int) else row["id"]] = cell
