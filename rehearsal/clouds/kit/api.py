"""One cloud's API behind HTTP: latency, faults, journal and control calls, the same for every cloud."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from rehearsal.clouds.kit.listener import BadRequestError, Handler, Listener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from rehearsal.clouds.kit.faults import Fault, Faults
    from rehearsal.clouds.kit.journal import Journal

CONTROL: Final = "/_control"
"""Where the control calls are, beside the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        method: HTTP method.
        path: Whole path, without the query.
        query: The query as it came.
        authorization: The header of that name.
        content: The body as it came.
        headers: All headers, for a cloud that signs calls.
        scheme: ``http`` or ``https``, the same.
        fault: A fault of a kind that only the cloud itself knows how to do.
    """

    method: str
    path: str
    query: str = ""
    authorization: str = ""
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "http"
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gets.

    Attributes:
        status: HTTP status.
        body: A JSON value; None for no body; bytes go out as they are.
        headers: Further headers.
        fate: What becomes of it: nothing special when empty, else `dropped`, `reset` or `truncated`.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fate: str = ""


class Api:
    """What is common; a cloud says how it answers and how it words an error.

    Args:
        faults: What the calls suffer.
        journal: Where they are written down.
    """

    root: ClassVar[str] = ""
    """Path below which the API is."""

    def __init__(self, faults: Faults, journal: Journal) -> None:
        self.faults, self.journal = faults, journal

    def answer(self, call: Call) -> Answer:
        """What the cloud answers to a call that no fault keeps from it; never raises."""
        raise NotImplementedError

    def error(self, fault: Fault) -> Answer:
        """The error of a `status` fault, in the cloud's own words."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        """Headers that every answer of the cloud has."""
        return {}

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Method and path of each control call to what does it, given the JSON body; its result is the answer."""
        return {
            ("GET", "/faults"): lambda _: {"faults": self.faults.waiting(), "latency": self.faults.latency},
            ("POST", "/faults"): self.faults.add,
            ("DELETE", "/faults"): lambda _: self.faults.clear(),
            ("PUT", "/latency"): lambda body: setattr(self.faults, "latency", float(body["seconds"])),
            ("GET", "/journal"): lambda _: self.journal.rows(),
            ("DELETE", "/journal"): lambda _: self.journal.clear(),
        }

    def serve(self, call: Call) -> Answer:
        """The answer to any request; it is in the journal before it leaves."""
        if call.path.startswith(f"{CONTROL}/"):
            return self._control(call)
        time.sleep(self.faults.latency)
        answer = self._under(self.faults.take(call), call)
        self.journal.note(
            call.method,
            call.path,
            call.query,
            0 if answer.fate in ("dropped", "reset") else answer.status,
            body=parsed(call.content),
            response=answer.body if not isinstance(answer.body, bytes) else None,
        )
        return answer

    def _under(self, fault: Fault | None, call: Call) -> Answer:
        kind = fault.kind if fault else ""
        if fault and kind in ("timeout", "slow"):
            time.sleep(fault.seconds)
        if kind in ("timeout", "reset"):
            return Answer(0, fate="reset" if kind == "reset" else "dropped")
        if fault and kind in ("status", "html"):
            return self._error(fault)
        answer = self._whole(self.answer(replace(call, fault=fault)))
        fate = {"lost": "dropped", "truncated": "truncated"}.get(kind, "")
        return replace(answer, fate=fate) if fate else answer

    def _whole(self, answer: Answer) -> Answer:
        return replace(answer, headers={**self.headers(), **answer.headers})

    def _error(self, fault: Fault) -> Answer:
        wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        # A page, or nothing at all, comes from a proxy before the cloud, which knows none of the cloud's headers.
        if fault.kind == "html":
            page = f"<html><body>error code: {fault.status}</body></html>".encode()
            return Answer(fault.status, page, {"Content-Type": "text/html", **wait})
        if fault.code is not None and not fault.code:
            return Answer(fault.status, None, wait)
        answer = self._whole(self.error(fault))
        return replace(answer, headers={**answer.headers, **wait})

    def _control(self, call: Call) -> Answer:
        controls = self.controls()
        act = controls.get((call.method, call.path.removeprefix(CONTROL)))
        if act is None:
            known = ", ".join(" ".join(key) for key in controls)
            return Answer(404, {"error": f"no control call {call.method} {call.path}; calls: {known}"})
        try:
            result = act(json.loads(call.content or b"{}"))
            return Answer(200, {} if result is None else result)
        except KeyError as missing:
            return Answer(400, {"error": f"the body has no {missing}"})
        except (ValueError, TypeError) as problem:
            return Answer(400, {"error": str(problem)})


def parsed(content: bytes) -> Any:
    """The JSON of a body; None for none, and for what is no JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return None


class ApiHandler(Handler):
    """Serves an API; a subclass names it."""

    api: ClassVar[Api]

    def _serve(self) -> None:
        try:
            content = self.content()
        except BadRequestError as problem:
            self.close_connection = True
            self.reply(400, str(problem).encode())
            return
        target = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=target.path,
            query=target.query,
            authorization=self.headers.get("Authorization") or "",
            content=content,
            headers=dict(self.headers.items()),
            scheme=self.server.url.partition(":")[0] if isinstance(self.server, Listener) else "http",
        )
        self._send(self.api.serve(call))

    def _send(self, answer: Answer) -> None:
        if answer.fate == "dropped":
            self.close_connection = True
        elif answer.fate == "reset":
            self.reset()
        else:
            plain = answer.body is None or isinstance(answer.body, bytes)
            body = answer.body or b"" if plain else json.dumps(answer.body).encode()
            headers = answer.headers if plain else {"Content-Type": "application/json", **answer.headers}
            self.reply(answer.status, body, headers.items(), truncated=answer.fate == "truncated")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815  (names of http.server)


class ApiServer(Listener):
    """Serves an API on loopback.

    Args:
        api: What answers.
        address: `host:port`; port 0 takes a free one.
        machines: Whether rehearsed machines may come too, see `loopback`.
        tls: What it takes its handshakes from; None for plain HTTP.

    Raises:
        NotLoopbackError: Others could reach the address.
    """

    def __init__(
        self,
        api: Api,
        address: str = "127.0.0.1:0",
        *,
        machines: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(address, type("CloudHandler", (ApiHandler,), {"api": api}), machines=machines, tls=tls)
        self._root = api.root

    @property
    def url(self) -> str:
        """Where the API is: what a provider plugin is configured with."""
        return super().url + self._root

    @property
    def control_url(self) -> str:
        """Where the control calls are."""
        return super().url + CONTROL
