"""A cloud's API, asked once and quickly: no answer is an answer too."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from homeport.cli import proxies
from homeport.cli.preflight.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_OFF = 300.0
"""Seconds that this machine's clock may differ from a cloud's."""
_SECONDS = 10.0
"""For one answer: whoever waits longer is as good as offline for a look that comes before every update."""


class UnreachableError(Exception):
    """The API gave no answer that is one of its own."""


@dataclass(frozen=True)
class Answer:
    """What a call got.

    Attributes:
        status: HTTP status.
        body: The JSON object; empty where the answer has none.
        ahead: How many seconds this machine's clock is ahead of the cloud's; 0 where the answer does not say.
    """

    status: int
    body: dict[str, Any]
    ahead: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the call was done."""
        return self.status < 300  # noqa: PLR2004  # the class of success (RFC 9110)


class Api:
    """One cloud's API; safe for many threads.

    Args:
        cloud: Its name, for people.
        base: Where it is.
        token: What it is asked with.
    """

    def __init__(self, cloud: str, base: str, token: str) -> None:
        proxies.refuse_unusable()
        self.cloud, self.base = cloud, base.rstrip("/")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "User-Agent": "homeport"},
            timeout=_SECONDS,
            # A rehearsal's clouds are on this machine, which no proxy reaches.
            trust_env=not _loopback(base),
        )

    def ask(self, method: str, path: str, **query: str | int) -> Answer:
        """The answer to one call.

        Raises:
            UnreachableError: There is none, or a proxy's.
        """
        try:
            got = self._client.request(method, f"{self.base}{path}", params=query)
            body = got.json() if got.content else {}
        except httpx.HTTPError as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from None
        except ValueError:
            raise UnreachableError(f"{got.status_code}, and no JSON") from None
        if got.status_code >= 500:  # noqa: PLR2004  # the class of server errors (RFC 9110)
            raise UnreachableError(f"it answers {got.status_code}")
        return Answer(got.status_code, body if isinstance(body, dict) else {}, _ahead(got.headers.get("Date", "")))

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()


def clock(cloud: str, answer: Answer) -> Iterator[Finding]:
    """Refuses a clock that is off: what a run has made is known afterwards by when it was made."""
    if abs(answer.ahead) > _OFF:
        way = "ahead of" if answer.ahead > 0 else "behind"
        what = f"this machine's is {abs(answer.ahead):.0f} s {way} {cloud}'s"
        fix = "set it: timedatectl set-ntp true (macOS: sudo sntp -sS time.apple.com); date -u shows it"
        yield Finding(check="clock", outcome="refused", what=what, fix=fix)


def _ahead(date: str) -> float:
    try:
        return time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0


def _loopback(base: str) -> bool:
    try:
        return ipaddress.ip_address(urlsplit(base).hostname or "").is_loopback
    except ValueError:
        return urlsplit(base).hostname == "localhost"
