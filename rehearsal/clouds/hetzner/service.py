"""One request to its answer: token, rate limit, faults, handler, state on disk, firewalls at the machines."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api.rules import effective
from rehearsal.clouds.hetzner.api.server_view import shown
from rehearsal.clouds.hetzner.faults import Faults
from rehearsal.clouds.hetzner.limit import RateLimit
from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.clouds.hetzner.routes import route
from rehearsal.clouds.hetzner.world import Call, World

if TYPE_CHECKING:
    from collections.abc import Collection

    from rehearsal.clouds.hetzner.faults import Fault

Row = dict[str, Any]
CONTROL: Final = "/_control/"
_TOKEN_LENGTH: Final = 64
_BAD_REQUEST: Final = 400
_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, JSON (None for an empty body), headers; `dropped` closes the connection in place of it."""

    status: int
    body: Row | None
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False


class Service:
    """The emulated API, apart from HTTP itself.

    Args:
        world: The project.
        tokens: Tokens that are accepted; with none, any of the length of a real one.
        limit: The rate limit.
    """

    def __init__(self, world: World, tokens: Collection[str] = (), limit: RateLimit | None = None) -> None:
        self.world, self.tokens = world, frozenset(tokens)
        self.limit = limit or RateLimit()
        self.faults = Faults()
        self.latency = 0.0
        self.requests: deque[Row] = deque(maxlen=_REMEMBERED)

    def answer(self, method: str, path: str, query: str, token: str, raw: bytes) -> Reply:
        """What the request gets; never raises."""
        if path.startswith(CONTROL):
            return self._guarded(lambda: self._control(method, path.removeprefix(CONTROL), raw))
        time.sleep(self.latency)
        reply = self._guarded(lambda: self._served(method, path, query, token, raw))
        self.requests.append(
            {
                "method": method,
                "path": path,
                "query": query,
                "body": _loaded(raw) if reply.status != _BAD_REQUEST else None,
                "status": 0 if reply.dropped else reply.status,
                "response": reply.body,
            },
        )
        return Reply(reply.status, reply.body, {**self.limit.headers(), **reply.headers}, reply.dropped)

    @staticmethod
    def _guarded(work: Any) -> Reply:
        try:
            reply: Reply = work()
        except errors.ApiError as refusal:
            return Reply(refusal.status, refusal.body())
        except Exception as bug:  # noqa: BLE001  (a defect of the emulator must name itself, not hang a client)
            text = f"defect of the emulator: {type(bug).__name__}: {bug}"
            return Reply(500, errors.ApiError(500, "server_error", text).body())
        return reply

    def _served(self, method: str, path: str, query: str, token: str, raw: bytes) -> Reply:
        body = _loaded(raw)
        if token not in self.tokens if self.tokens else len(token) != _TOKEN_LENGTH:
            raise errors.ApiError(401, "unauthorized", "unable to authenticate")
        if not self.limit.take():
            return self._limited()
        fault = self.faults.take(method, path)
        early = self._early(fault)
        if early is not None:
            return early
        if raw and not isinstance(body, dict):
            raise errors.ApiError(400, "json_error", "the body is not a JSON object")
        handler, numbers = route(method, path)
        call = Call(numbers, parse_qs(query, keep_blank_values=True), body or {})
        with self.world.store.lock:
            if fault is not None and fault.kind == "slow_action":
                self.world.slow.append(fault.seconds)
            status, answered = handler(self.world, call)
            self.world.slow.clear()
            if method != "GET":
                self.world.store.save()
        if method != "GET":
            self._firewalls()
        return Reply(status, answered, dropped=fault is not None and fault.kind == "lost_answer")

    def _limited(self) -> Reply:
        refusal = errors.ApiError(
            429, "rate_limit_exceeded", f"limit of {self.limit.per_hour} requests per hour reached"
        )
        return Reply(429, refusal.body(), {"RateLimit-Remaining": "0"})

    def _early(self, fault: Fault | None) -> Reply | None:
        """The answer of a fault that keeps the request from being done; None when it may be done."""
        if fault is None:
            return None
        refusal = fault.refusal()
        if refusal is not None:
            raise refusal
        if fault.kind == "rate_limit":
            return self._limited()
        if fault.kind == "hang":
            time.sleep(fault.seconds)
        return Reply(0, None, dropped=True) if fault.kind in ("hang", "drop") else None

    def _firewalls(self) -> None:
        """Tells the driver of every server whose effective rules are no longer those it was told."""
        changed = []
        with self.world.store.lock:
            for row in self.world.table("servers").values():
                rules = effective(self.world, row)
                if rules != row.get("_rules"):
                    row["_rules"] = rules
                    changed.append((row, shown(self.world, row), rules))
        for row, server, rules in changed:
            try:
                self.world.machines.firewall(server, rules)
            except MachineError as problem:
                row["_rules"] = "unknown"  # Not what any firewall says: the next request tries again.
                raise errors.ApiError(500, "server_error", f"firewall of {server['name']}: {problem}") from problem

    def _control(self, method: str, name: str, raw: bytes) -> Reply:
        body = _loaded(raw) or {}
        if (method, name) == ("POST", "faults"):
            self.faults.order(body)
        elif (method, name) == ("DELETE", "faults"):
            self.faults.clear()
        elif (method, name) == ("DELETE", "requests"):
            self.requests.clear()
        elif (method, name) == ("PUT", "latency"):
            self.latency = float(body["seconds"])
        elif (method, name) == ("PUT", "rate_limit"):
            self.limit = RateLimit(int(body["per_hour"]))
        elif method != "GET" or name not in ("faults", "requests", "state"):
            raise errors.ApiError(404, "not_found", f"the control endpoint has no {method} {name}")
        if name == "requests":
            return Reply(200, {"requests": list(self.requests)})
        return Reply(200, {"faults": self.faults.listed(), "latency": self.latency, "actions": self._running()})

    def _running(self) -> list[Row]:
        with self.world.store.lock:
            rows = self.world.table("actions").values()
            return [self.world.action(row) for row in rows if row["status"] == "running"]


def _loaded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError as problem:
        raise errors.ApiError(400, "json_error", f"the body is no JSON: {problem}") from problem
