"""Calls to the services behind this one: with a time limit, few retries, and none of our secrets in what comes back."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import httpx2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)

SECONDS = 10.0
"""How long a call may take, its retries included."""
LONG_SECONDS = 310.0
"""The same for what runs on the host: HostAgent ends a task itself after 300 seconds."""
_MOST_BYTES = 16 * 1024 * 1024
_WAITS = (0.2, 0.6)
_AGAIN = frozenset({429, 502, 503, 504})
_MOST_TEXT = 500


# Not frozen: an exception gets a traceback while it is raised.
@dataclass(eq=False, kw_only=True)
class Failure(Exception):  # noqa: N818  # its name is the schema's in the API's description
    """A call that an upstream service did not answer as it should.

    Attributes:
        upstream: Whose answer it is.
        status: What it answered; 0: nothing.
        detail: What went wrong.
        hint: What to look at, or to do.
    """

    upstream: str
    status: int
    detail: str
    hint: str = ""

    @property
    def http(self) -> int:
        """The status for our own caller: what is the caller's to mend stays, the rest is a bad gateway's."""
        if self.status in {400, 404, 409, 413, 422, 429, 503, 504}:
            return self.status
        return 502

    def __str__(self) -> str:
        answered = f" answered {self.status}" if self.status else ""
        return f"{self.upstream}{answered}: {self.detail}" + (f"\nhint: {self.hint}" if self.hint else "")


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """One service behind this one.

    Attributes:
        name: What it is called in errors.
        url: Its address.
        client: The HTTP client, which follows no redirect.
        headers: What proves to it who calls.
        missing: The variable that it cannot be called without, where that is not set.
        secrets: What may not be in an answer.
        unreachable: The hint where it refuses the connection.
        hints: By the status that it answers.
    """

    name: str
    url: str
    client: httpx2.AsyncClient
    headers: Mapping[str, str]
    secrets: Sequence[str]
    missing: str = ""
    unreachable: str = ""
    hints: Mapping[int, str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | bool | None] | None = None,
        body: object = None,
        seconds: float = SECONDS,
        proven: bool = True,
    ) -> dict[str, Any]:
        """Ask for a JSON object.

        Args:
            method: GET is asked again, twice at most, where the service may be back in a moment.
            path: Below its address; made of checked parts alone.
            query: What has a value becomes the query.
            body: Sent as JSON.
            seconds: How long all of it may take.
            proven: Whether the service is told who calls.

        Raises:
            Failure: There is no such answer.
        """
        if proven and self.missing:
            raise Failure(
                upstream=self.name,
                status=503,
                detail=f"{self.missing} not configured",
                hint=f"set {self.missing}, or the file that {self.missing}_FILE names, and start ai-dev-server again",
            )
        began = time.monotonic()
        status = 0
        try:
            with anyio.fail_after(seconds):
                for wait in (*_WAITS, None) if method == "GET" else (None,):
                    try:
                        status, content = await self._once(method, path, query, body, proven=proven)
                    except httpx2.ConnectError:
                        if wait is None:
                            raise
                    else:
                        if wait is None or status not in _AGAIN:
                            return self._read(status, content)
                    await anyio.sleep(wait or 0)
        except TimeoutError:
            detail = f"no answer within {seconds:g} seconds"
            raise Failure(upstream=self.name, status=504, detail=detail, hint=self.unreachable) from None
        except httpx2.ConnectError:
            detail = "the connection was refused, or there is no such host"
            raise Failure(upstream=self.name, status=0, detail=detail, hint=self.unreachable) from None
        except httpx2.HTTPError as error:
            detail = f"the connection broke ({type(error).__name__})"
            raise Failure(upstream=self.name, status=0, detail=detail, hint=self.unreachable) from None
        finally:
            logger.info("%s %s %s: %d in %.2f s", self.name, method, path, status, time.monotonic() - began)
        raise AssertionError("the last try either returns or raises")

    async def _once(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: object, *, proven: bool
    ) -> tuple[int, bytes]:
        try:
            content = None if body is None else json.dumps(body, allow_nan=False).encode()
        except (ValueError, RecursionError):
            detail = "the body is no JSON: it has numbers such as NaN, or is too deep"
            raise Failure(upstream=self.name, status=422, detail=detail) from None
        headers = {
            **(self.headers if proven else {}),
            "Accept": "application/json",
            # What is compressed could be far more than it looks.
            "Accept-Encoding": "identity",
            **({} if content is None else {"Content-Type": "application/json"}),
        }
        params = {key: _text(value) for key, value in (query or {}).items() if value is not None}
        received = bytearray()
        async with self.client.stream(
            method, f"{self.url}{path}", params=params, content=content, headers=headers
        ) as answer:
            async for part in answer.aiter_bytes():
                received += part
                if len(received) > _MOST_BYTES:
                    detail = f"the answer has more than {_MOST_BYTES >> 20} MB"
                    raise Failure(upstream=self.name, status=0, detail=detail, hint="ask for less: a smaller limit")
        return answer.status_code, bytes(received)

    def _read(self, status: int, content: bytes) -> dict[str, Any]:
        try:
            value = _clean(json.loads(content or b"{}", parse_constant=_refuse), self.secrets)
        except (ValueError, RecursionError):
            value = None
        if 200 <= status < 300:  # noqa: PLR2004  # the statuses that mean success
            if isinstance(value, dict):
                return value
            raise Failure(upstream=self.name, status=status, detail="the answer is no JSON object")
        raise Failure(upstream=self.name, status=status, detail=_words(value), hint=self.hints.get(status, ""))


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not of JSON")


def _clean(value: Any, secrets: Sequence[str]) -> Any:
    """The value without our secrets, and without half characters (lone surrogates), which no answer could carry."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(item, secrets) for item in value]
    if isinstance(value, dict):
        return {_clean(key, secrets): _clean(item, secrets) for key, item in value.items()}
    return value


def _words(value: Any) -> str:
    """What an error's body says, in one short line."""
    texts = [value.get(key) for key in ("message", "detail", "error", "stderr_tail")] if isinstance(value, dict) else []
    text = next((text for text in texts if isinstance(text, str) and text), "")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_MOST_TEXT] or (
        "no reason was given"
    )
