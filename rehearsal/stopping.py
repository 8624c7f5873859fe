"""Programs that serve until a signal says stop."""

from __future__ import annotations

import queue
import signal
from typing import Final

_USUAL: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """What a `threading.Event` is, where the one who sets it may be a signal's handler.

    Python runs a handler in the main thread between two instructions: one that interrupts `Event.wait` inside of its lock waits in `Event.set`
    for that very lock, for ever (a plugin that did not end; https://github.com/python/cpython/issues/126434 has the same of multiprocessing).
    Of the ways to wake a thread the standard library calls `SimpleQueue.put` alone reentrant.
    """

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._over = False

    def set(self) -> None:
        """Wakes everybody who waits; callable from anywhere."""
        self._over = True
        self._said.put(None)

    def is_set(self) -> bool:
        """Whether somebody said so."""
        return self._over

    def wait(self, timeout: float | None = None) -> bool:
        """Until it is set, or for that many seconds; whether it is set."""
        if not self._over:
            try:
                self._said.get(timeout=timeout)
            except queue.Empty:
                return self._over
            # For the next one who waits.
            self._said.put(None)
        return self._over

    def by_signal(self, *numbers: signal.Signals) -> Stop:
        """Is set by these signals, SIGINT and SIGTERM unless told otherwise; itself."""
        for number in numbers or _USUAL:
            signal.signal(number, lambda *_: self.set())
        return self
