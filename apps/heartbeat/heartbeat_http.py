"""One POST of JSON: no proxy, no redirect, an answer of limited size."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer; n8n takes requests of 1 MiB, and a claim is at most ten of them."""


class CallError(Exception):
    """Nobody answered, or not as agreed."""


class StatusError(CallError):
    """An answer other than 2xx."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text[:500]}")
        self.status = status


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
        CallError: No answer.
    """
    request = urllib.request.Request(  # noqa: S310  # http and https only: settings() saw to it
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            text = answer.read(MOST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            raise StatusError(error.code, error.read(2000).decode("utf-8", "replace")) from None
    except (OSError, http.client.HTTPException) as error:
        raise CallError(f"{type(error).__name__}: {error}") from None
    try:
        return json.loads(text)
    except ValueError:
        return None
