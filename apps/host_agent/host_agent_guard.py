"""Who may ask: one bearer token, and how often somebody may guess it."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

TRIES = 10
"""Wrong tokens that a source may send within a window."""
WINDOW = 60.0
"""Seconds."""
_MOST_SOURCES = 4096
_SCHEME = b"Bearer "

Verdict = Literal["known", "wrong", "locked"]


class Guard:
    """The token, and who has guessed at it.

    A source that has sent ten wrong tokens within a minute gets no answer to an eleventh, right or wrong, until the
    minute is over; others are not affected. Those that are locked out are in a file, so that a restart frees nobody.
    """

    def __init__(
        self,
        token: str,
        state: Path | None = None,
        *,
        now: Callable[[], float] = time.time,
        alert: Callable[[str], None] = print,
    ) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()
        self._state, self._now, self._alert = state, now, alert
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._load()

    def verdict(self, source: str, headers: Iterable[bytes]) -> Verdict:
        """Whether a request is let in, by its source and all of its Authorization headers."""
        key = _whose(source)
        if self.wait(source):
            return "locked"
        values = [*headers]
        # Of a digest: how long the comparison takes says nothing about the token, nor about its length.
        presented = values[0].removeprefix(_SCHEME) if len(values) == 1 and values[0].startswith(_SCHEME) else b""
        if hmac.compare_digest(hashlib.sha256(presented).digest(), self._digest):
            return "known"
        if values:
            self._note(key)
        return "wrong"

    def wait(self, source: str) -> int:
        """Seconds until a source is heard again; 0: now."""
        tries = self._tries.get(_whose(source), ())
        recent = [at for at in tries if self._now() - WINDOW < at <= self._now()]
        return max(1, round(recent[0] + WINDOW - self._now())) if len(recent) >= TRIES else 0

    def _note(self, key: str) -> None:
        tries = self._tries.setdefault(key, deque(maxlen=TRIES))
        tries.append(self._now())
        self._tries.move_to_end(key)
        if len(self._tries) > _MOST_SOURCES:
            self._forget()
        if len(tries) == TRIES and tries[0] > self._now() - WINDOW:
            self._alert(f"<4>{key} has sent {TRIES} wrong tokens within a minute, and is not heard for a while")
            self._save()

    def _forget(self) -> None:
        """Drops a source: one that is not locked out, if there is one, the one that was quiet for longest."""
        free = next((key for key, tries in self._tries.items() if len(tries) < TRIES), next(iter(self._tries)))
        del self._tries[free]

    def _locked(self) -> dict[str, list[float]]:
        since = self._now() - WINDOW
        return {key: [*tries] for key, tries in self._tries.items() if len(tries) == TRIES and tries[0] > since}

    def _save(self) -> None:
        if self._state is None:
            return
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(self._locked()), encoding="ascii")
        draft.replace(self._state)

    def _load(self) -> None:
        if self._state is None or not self._state.exists():
            return
        try:
            saved = json.loads(self._state.read_text(encoding="ascii"))
            for key, tries in saved.items():
                self._tries[str(key)] = deque((float(at) for at in tries), maxlen=TRIES)
        except (OSError, ValueError, TypeError, AttributeError):
            # A file that a crash has cut: nobody is locked out by it.
            self._tries.clear()


def _whose(source: str) -> str:
    """A source as one: of IPv6 a network, for a host has 2^64 addresses of it."""
    address = ipaddress.ip_address(source.partition("%")[0])
    if address.version == 4:  # noqa: PLR2004
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped or ipaddress.ip_network((address, 64), strict=False))


def state_file() -> Path | None:
    """Where systemd lets the service keep something (``StateDirectory=``); None elsewhere."""
    from pathlib import Path  # noqa: PLC0415

    folder = os.environ.get("STATE_DIRECTORY")
    return Path(folder) / "locked.json" if folder else None
