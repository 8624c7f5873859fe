"""The API v4 apart from HTTP itself: authentication, routing, envelope; and its own control calls for tests."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from rehearsal.clouds.cloudflare.controls import ASSERTION
from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request
from rehearsal.clouds.cloudflare.permissions import refused
from rehearsal.clouds.kit.api import CONTROL, Answer, Api, Call, parsed
from rehearsal.clouds.kit.faults import Faults
from rehearsal.clouds.kit.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.cloudflare.accounts import Accounts
    from rehearsal.clouds.cloudflare.controls import Controls
    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.kit.faults import Fault

_USUAL_CODE: Final = 10001


class Service(Api):
    """The emulated API.

    Args:
        accounts: Who may call.
        router: What answers.
        controls: The control calls that only this cloud has.
        control_token: What the caller shows for whom an assertion is signed.
    """

    root = "/client/v4"

    def __init__(self, accounts: Accounts, router: Router, controls: Controls, control_token: str) -> None:
        # Bodies hold secrets, which nothing but the answers may tell.
        super().__init__(Faults(), Journal())
        self._accounts, self._router, self._controls = accounts, router, controls
        self._bearer = f"Bearer {control_token}".encode()

    def serve(self, call: Call) -> Answer:
        """The answer to any request; an assertion opens every door, so it is signed for a holder of the token alone."""
        shown = call.authorization.encode(errors="replace")
        if call.path == CONTROL + ASSERTION and not hmac.compare_digest(shown, self._bearer):
            return Answer(403, {"error": "assertions are signed for who shows the control token of this start"})
        return super().serve(call)

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Those of every cloud, and this one's."""
        return super().controls() | self._controls.table()

    def error(self, fault: Fault) -> Answer:
        """In the envelope; a code that is no number has the number of no known error."""
        code = str(_USUAL_CODE if fault.code is None else fault.code)
        number = int(code) if code.isdecimal() else 10000
        return Answer(fault.status, ApiError(fault.status, number, fault.message).body())

    def answer(self, call: Call) -> Answer:
        """What the call gets."""
        try:
            body = _body(call, self.root)
            path = call.path.removeprefix(self.root).rstrip("/")
            request = Request(call.method, path, dict(parse_qsl(call.query)), body)
            token = self._accounts.authenticate(call.authorization or None, request)
            answered = refused(token["permissions"], request)
            return Answer(200, answered or self._router.answer(replace(request, caller=str(token["id"]))))
        except ApiError as problem:
            return Answer(problem.status, problem.body())


def _body(call: Call, root: str) -> Record:
    if not call.path.startswith(f"{root}/"):
        raise ApiError(404, 7000, "No route for that URI")
    body = parsed(call.content) if call.content else {}
    if not isinstance(body, dict):
        raise ApiError(400, 9207, "Request body is invalid.")
    return body
