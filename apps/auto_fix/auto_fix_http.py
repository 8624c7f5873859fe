"""JSON over HTTP to one server: no proxy, no redirect, an answer of limited size."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES = 8 * 1024 * 1024
_SECONDS = 30
_LONGEST_REST = 3600.0
"""Of what a server asks for: GitHub's rates begin anew after an hour."""


class CallError(Exception):
    """Nobody answered, or not now: the same may go well later.

    Attributes:
        rest: Seconds in which the server does not want to be asked again.
    """

    def __init__(self, text: str, rest: float = 0.0) -> None:
        super().__init__(text)
        self.rest = rest


class RefusedError(Exception):
    """An answer that stays the same however often it is asked for."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text[:300]}")
        self.status, self.text = status, text


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the server that was named, and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


def call(method: str, url: str, headers: Mapping[str, str], body: object = None) -> Any:
    """The JSON that a call answers.

    Raises:
        CallError: No answer, or one that says: later (429, 5xx, and GitHub's 403 of a used-up rate).
        RefusedError: Another answer that is no 2xx.
    """
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers}, method=method)  # noqa: S310  # http and https only: the settings saw to it
    try:
        with _OPENER.open(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read(_MOST_BYTES) or b"null")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(2000).decode("utf-8", "replace")
        later = error.code == 429 or error.code >= 500 or "rate limit" in text  # noqa: PLR2004  # HTTP's
        rest = rest_of(dict(error.headers))
        raise (CallError(f"HTTP {error.code}", rest) if later else RefusedError(error.code, text)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CallError(f"{type(error).__name__}: {error}") from None


def rest_of(headers: Mapping[str, str]) -> float:
    """Seconds for which an answer wants to be left alone.

    Sources: RFC 9110, 10.2.3 (Retry-After: seconds, or a date); docs.github.com/en/rest/using-the-rest-api,
    "Rate limits for the REST API" (x-ratelimit-reset, where nothing remains).
    """
    said = {name.lower(): value for name, value in headers.items()}
    asked, reset = said.get("retry-after", ""), said.get("x-ratelimit-reset", "")
    rest = 0.0
    if _digits(asked):
        rest = float(asked)
    elif asked:
        with suppress(ValueError, OverflowError):
            rest = parsedate_to_datetime(asked).timestamp() - time.time()
    elif said.get("x-ratelimit-remaining") == "0" and _digits(reset):
        rest = float(reset) - time.time()
    return min(max(rest, 0.0), _LONGEST_REST)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
