"""JSON over HTTP to one server: no proxy, no redirect, an answer of limited size."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES = 8 * 1024 * 1024
_SECONDS = 30


class CallError(Exception):
    """Nobody answered, or not now: the same may go well later."""


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
        raise (CallError(f"HTTP {error.code}") if later else RefusedError(error.code, text)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CallError(f"{type(error).__name__}: {error}") from None
