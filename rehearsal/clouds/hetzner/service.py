"""One request to its answer: token, rate limit, handler, state on disk, firewalls at the machines."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api.rules import effective
from rehearsal.clouds.hetzner.api.server_view import shown
from rehearsal.clouds.hetzner.limit import RateLimit
from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.clouds.hetzner.project import Call, Project
from rehearsal.clouds.hetzner.routes import route
from rehearsal.clouds.kit.api import Answer, Api, parsed
from rehearsal.clouds.kit.faults import Faults
from rehearsal.clouds.kit.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rehearsal.clouds.kit import api
    from rehearsal.clouds.kit.faults import Fault

Row = dict[str, Any]
KINDS: Final = {
    "slow_action": "the actions that the request starts take `seconds`",
    "failed_action": "it is done, and its answer shows every action in it as failed",
}
"""What only this cloud can do wrong."""
_TOKEN_LENGTH: Final = 64
_USUAL_CODES: Final = {
    401: "unauthorized",
    403: "forbidden",
    409: "conflict",
    423: "locked",
    429: "rate_limit_exceeded",
    503: "unavailable",
}
_RATE_LIMITED: Final = 429


class Service(Api):
    """The emulated API, apart from HTTP itself.

    Args:
        project: What it is about.
        tokens: Tokens that are accepted, with `edit` or `read`; with none, any of the length of a real one.
        limit: The rate limit.
    """

    root = "/v1"

    def __init__(
        self, project: Project, tokens: Mapping[str, str] | Collection[str] = (), limit: RateLimit | None = None
    ) -> None:
        super().__init__(Faults(KINDS), Journal(bodies=True))
        self.project = project
        self.tokens = dict(tokens) if isinstance(tokens, Mapping) else dict.fromkeys(tokens, "edit")
        self.limit = limit or RateLimit()

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Those of every cloud, the rate limit and the actions that run."""
        return super().controls() | {
            ("PUT", "/rate_limit"): lambda body: setattr(self, "limit", RateLimit(int(body["per_hour"]))),
            ("PUT", "/sold_out"): lambda body: setattr(
                self.project, "sold_out", {(kind, place) for kind, places in body.items() for place in places}
            ),
            ("GET", "/actions"): lambda _: {"actions": self._running()},
        }

    def headers(self) -> dict[str, str]:
        """The rate limit, and the request's number."""
        return {**self.limit.headers(), "X-Correlation-Id": uuid.uuid4().hex[:16]}

    def error(self, fault: Fault) -> Answer:
        """As the API words it; 429 comes with the headers of a limit that is used up."""
        code = _USUAL_CODES.get(fault.status, "server_error") if fault.code is None else str(fault.code)
        headers = {"RateLimit-Remaining": "0"} if fault.status == _RATE_LIMITED else {}
        return Answer(fault.status, errors.ApiError(fault.status, code, fault.message).body(), headers)

    def answer(self, call: api.Call) -> Answer:
        """What the request gets; never raises."""
        try:
            return self._answer(call)
        except errors.ApiError as refusal:
            return Answer(refusal.status, refusal.body())
        except Exception as bug:  # noqa: BLE001  (a defect of the emulator must name itself, not hang a client)
            text = f"defect of the emulator: {type(bug).__name__}: {bug}"
            return Answer(500, errors.ApiError(500, "server_error", text).body())

    def _answer(self, call: api.Call) -> Answer:
        token = call.authorization.removeprefix("Bearer ")
        if token not in self.tokens if self.tokens else len(token) != _TOKEN_LENGTH:
            raise errors.ApiError(401, "unauthorized", "unable to authenticate")
        if call.method != "GET" and self.tokens.get(token) == "read":
            # https://docs.hetzner.cloud, "Errors": only GET requests are allowed to such a token.
            raise errors.ApiError(403, "token_readonly", "the token is only allowed to perform GET requests")
        if not self.limit.take():
            text = f"limit of {self.limit.per_hour} requests per hour reached"
            refusal = errors.ApiError(_RATE_LIMITED, "rate_limit_exceeded", text)
            return Answer(refusal.status, refusal.body(), {"RateLimit-Remaining": "0"})
        body = parsed(call.content)
        if call.content and not isinstance(body, dict):
            raise errors.ApiError(400, "json_error", "the body is not a JSON object")
        handler, numbers = route(call.method, call.path)
        asked = Call(numbers, parse_qs(call.query, keep_blank_values=True), body or {})
        with self.project.store.lock:
            if call.fault is not None and call.fault.kind == "slow_action":
                self.project.slow.append(call.fault.seconds)
            status, answered = handler(self.project, asked)
            self.project.slow.clear()
            if call.method != "GET":
                self.project.store.save()
        if call.method != "GET":
            self._firewalls()
        failed = call.fault is not None and call.fault.kind == "failed_action"
        return Answer(status, _with_failed_actions(answered or {}) if failed else answered)

    def _firewalls(self) -> None:
        """Tells the driver of every server whose effective rules have changed since it was told."""
        changed = []
        with self.project.store.lock:
            for row in self.project.table("servers").values():
                rules = effective(self.project, row)
                if rules != row.get("_rules"):
                    row["_rules"] = rules
                    changed.append((row, shown(self.project, row), rules))
        for row, server, rules in changed:
            try:
                self.project.machines.firewall(server, rules)
            except MachineError as problem:
                row["_rules"] = "unknown"  # Not what any firewall says: the next request tries again.
                raise errors.ApiError(500, "server_error", f"firewall of {server['name']}: {problem}") from problem

    def _running(self) -> list[Row]:
        with self.project.store.lock:
            rows = self.project.table("actions").values()
            return [self.project.action(row) for row in rows if row["status"] == "running"]


def _with_failed_actions(answer: Row) -> Row:
    failed = {"status": "error", "error": {"code": "action_failed", "message": "Action failed"}}
    changed = dict(answer)
    if changed.get("action"):
        changed["action"] = {**changed["action"], **failed}
    if "actions" in changed:
        changed["actions"] = [{**action, **failed} for action in changed["actions"]]
    return changed
