"""The API v4 over HTTP: authentication, faults, routing, envelope; and the control calls for tests beside it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request
from rehearsal.clouds.cloudflare.faults import AFTER
from rehearsal.clouds.cloudflare.listener import BadRequestError, Handler

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from rehearsal.clouds.cloudflare.accounts import Accounts
    from rehearsal.clouds.cloudflare.control import Control
    from rehearsal.clouds.cloudflare.faults import Fault, Faults
    from rehearsal.clouds.cloudflare.routing import Router

PREFIX: Final = "/client/v4"
CONTROL: Final = "/__control"
_DROPPED: Final = ("timeout", "reset")


class ApiHandler(Handler):
    """Serves calls of the API; a subclass names the parts."""

    accounts: ClassVar[Accounts]
    router: ClassVar[Router]
    faults: ClassVar[Faults]
    control: ClassVar[Control]

    def _serve(self) -> None:
        try:
            content = self.content()
        except BadRequestError as problem:
            self.close_connection = True
            self.reply(400, str(problem).encode())
            return
        where = urlsplit(self.path)
        if where.path.startswith(CONTROL + "/"):
            self.reply_json(*self.control.answer(self.command, where.path.removeprefix(CONTROL), content))
            return
        time.sleep(self.faults.latency)
        fault = self.faults.take(self.command, where.path)
        # Before an answer leaves: whoever has it finds the call in the journal.
        note = partial(self.faults.note, self.command, where.path, where.query)
        if fault is None or fault.kind in AFTER or self._goes_on(fault, note):
            self._answer(where, content, fault if fault and fault.kind in AFTER else None, note)

    def _goes_on(self, fault: Fault, note: Callable[[int], None]) -> bool:
        """Does what the fault says; whether the call goes on after it."""
        if fault.kind in ("timeout", "slow"):
            time.sleep(fault.seconds)
        if fault.kind in _DROPPED:
            self.close_connection = True
            note(0)
            return False
        if fault.kind == "slow":
            return True
        note(fault.status)
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        if fault.kind == "html":
            page = f"<html><body>error code: {fault.status}</body></html>".encode()
            self.reply(fault.status, page, {"Content-Type": "text/html", **headers}.items())
        elif fault.code:
            self.reply_json(fault.status, ApiError(fault.status, fault.code, fault.message).body(), headers)
        else:
            self.reply(fault.status, b"", headers.items())
        return False

    def _answer(self, where: SplitResult, content: bytes, fault: Fault | None, note: Callable[[int], None]) -> None:
        status, body = self._result(where.path, where.query, content)
        if fault is None:
            note(status)
            self.reply_json(status, body)
            return
        self.close_connection = True
        cut = fault.kind == "truncated"
        note(status if cut else 0)
        if cut:
            self.reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"}.items(), cut=True)

    def _result(self, path: str, query: str, content: bytes) -> tuple[int, Record]:
        try:
            body = _parsed(path, content)
            request = Request(self.command, path.removeprefix(PREFIX).rstrip("/"), dict(parse_qsl(query)), body)
            caller = self.accounts.authenticate(self.headers.get("Authorization"), request)
            return 200, self.router.answer(replace(request, caller=caller))
        except ApiError as problem:
            return problem.status, problem.body()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815  (names of http.server)


def _parsed(path: str, content: bytes) -> Record:
    if not path.startswith(PREFIX + "/"):
        raise ApiError(404, 7000, "No route for that URI")
    if not content:
        return {}
    try:
        body: Any = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, 9207, "Request body is invalid.")
    return body
