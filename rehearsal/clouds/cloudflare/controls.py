"""Control calls that only this cloud has: clock, keys, assertions of any kind, counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.cloudflare.envelope import Record
    from rehearsal.clouds.cloudflare.signing import Keys
    from rehearsal.clouds.cloudflare.store import Store

ASSERTION: Final = "/assertion"


class Controls:
    """The control calls.

    Args:
        store: The state, for its clock.
        keys: What Access signs with.
        counters: Names and functions that count, such as how often the certificates were fetched.
    """

    def __init__(self, store: Store, keys: Keys, counters: dict[str, Callable[[], int]]) -> None:
        self._store, self._keys, self._counters = store, keys, counters

    def table(self) -> dict[tuple[str, str], Callable[[Record], Any]]:
        """Method and path to what does it."""
        return {
            ("POST", "/clock"): self._clock,
            ("POST", "/keys/rotate"): lambda _: {"kid": self._keys.rotate()},
            ("POST", ASSERTION): self._assertion,
            ("GET", "/counters"): lambda _: {name: count() for name, count in self._counters.items()},
        }

    def _clock(self, body: Record) -> Record:
        with self._store.change() as data:
            data["clock"]["ahead"] = float(data["clock"].get("ahead", 0.0)) + float(body["advance"])
        # Connectors are told the keys and do not fetch them: one that is no longer accepted is not either after this.
        self._keys.changed()
        return {"now": self._store.now()}

    def _assertion(self, body: Record) -> Record:
        """A JWT with any claims and header, really signed, for what a validator must refuse: `{"claims", "header"}`."""
        return {"token": self._keys.sign(dict(body["claims"]), body.get("header"))}
