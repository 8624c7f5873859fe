"""Calls for tests, at `/__control` beside the API: faults, latency, clock, keys, assertions of any kind, the journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.cloudflare.envelope import Record
    from rehearsal.clouds.cloudflare.faults import Faults
    from rehearsal.clouds.cloudflare.signing import Keys
    from rehearsal.clouds.cloudflare.store import Store


class Control:
    """The control calls.

    Args:
        store: The state, for its clock.
        faults: What the API suffers.
        keys: What Access signs with.
        counters: Names and functions that count, such as how often the certificates were fetched.
    """

    def __init__(self, store: Store, faults: Faults, keys: Keys, counters: dict[str, Callable[[], int]]) -> None:
        self._store, self._faults, self._keys, self._counters = store, faults, keys, counters

    def answer(self, method: str, path: str, content: bytes) -> tuple[int, Any]:
        """Status and JSON of one call."""
        table: dict[tuple[str, str], Callable[[Record], Any]] = {
            ("POST", "/faults"): self._fault,
            ("DELETE", "/faults"): self._clear,
            ("POST", "/latency"): self._latency,
            ("POST", "/clock"): self._clock,
            ("POST", "/keys/rotate"): self._rotate,
            ("POST", "/assertion"): self._assertion,
            ("GET", "/journal"): lambda _body: self._faults.journal(),
            ("GET", "/counters"): lambda _body: {name: count() for name, count in self._counters.items()},
        }
        try:
            body = json.loads(content or b"{}")
            act = table[method, path]
            return 200, act(body)
        except KeyError as missing:
            known = ", ".join(" ".join(key) for key in table)
            return 404, {"error": f"no control call or field {missing}; calls: {known}"}
        except (ValueError, TypeError) as problem:
            return 400, {"error": str(problem)}

    def _fault(self, body: Record) -> Record:
        self._faults.add(body)
        return {"waiting": True}

    def _clear(self, _body: Record) -> Record:
        self._faults.clear()
        return {"waiting": False}

    def _latency(self, body: Record) -> Record:
        self._faults.latency = float(body["seconds"])
        return {"seconds": self._faults.latency}

    def _clock(self, body: Record) -> Record:
        with self._store.change() as data:
            data["clock"]["ahead"] = float(data["clock"].get("ahead", 0.0)) + float(body["advance"])
        # Connectors are told the keys and do not fetch them: one that is no longer accepted is not either after this.
        self._keys.changed()
        return {"now": self._store.now()}

    def _rotate(self, _body: Record) -> Record:
        return {"kid": self._keys.rotate()}

    def _assertion(self, body: Record) -> Record:
        """A JWT with any claims and header, really signed, for what a validator must refuse: `{"claims", "header"}`."""
        return {"token": self._keys.sign(dict(body["claims"]), body.get("header"))}
