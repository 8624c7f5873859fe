"""One POST of JSON: no proxy, no redirect, an answer of limited size."""

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

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer; n8n takes requests of 1 MiB, and a claim is at most ten of them."""
LONGEST_REST = 3600.0
"""Seconds, of what an answer asks for."""


class CallError(Exception):
    """Nobody answered, or not as agreed."""


class StatusError(CallError):
    """An answer other than 2xx.

    Attributes:
        status: Its status.
        rest: Seconds in which whoever answered does not want to be asked again.
    """

    def __init__(self, status: int, text: str, rest: float = 0.0) -> None:
        super().__init__(f"HTTP {status}: {text[:500]}")
        self.status, self.rest = status, rest


class UnansweredError(CallError):
    """It was taken, and then the connection broke, or no answer came in time."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to the server that was named, and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


# No proxy: http_proxy of the desktop would send the VPN's traffic out of the VPN.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


def post(url: str, body: object, timeout: float, headers: Mapping[str, str]) -> Any:
    """The JSON that a POST of JSON answers, or None where the answer is none.

    Raises:
        StatusError: The status is not 2xx.
        UnansweredError: Somebody took it, and did not answer.
        CallError: Nobody took it.
    """
    request = urllib.request.Request(  # noqa: S310  # http and https only: settings() saw to it
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            text = answer.read(MOST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(2000).decode("utf-8", "replace")
        raise StatusError(error.code, text, _rest(error.headers.get("Retry-After") or "")) from None
    except urllib.error.URLError as error:
        raise CallError(str(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise UnansweredError(f"{type(error).__name__}: {error}") from None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _rest(asked: str) -> float:
    """What a header Retry-After means in seconds: it has seconds, or a date (RFC 9110, 10.2.3)."""
    rest = 0.0
    if asked.isascii() and asked.isdigit():
        rest = float(asked)
    elif asked:
        with suppress(ValueError, OverflowError):
            rest = parsedate_to_datetime(asked).timestamp() - time.time()
    return min(max(rest, 0.0), LONGEST_REST)
