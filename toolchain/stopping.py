"""Programs that serve until a signal says stop."""

from __future__ import annotations

import queue
import signal
import time
from typing import Final

_POLL: Final = 0.5
"""Seconds after which a signal is heard at the latest."""
_USUAL: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """What a `threading.Event` is, where the one who sets it may be a signal's handler.

    Python runs a handler in the main thread between two instructions: one that interrupts `Event.wait` inside of its
    lock waits in `Event.set` for that very lock, for ever (a plugin that did not end;
    https://github.com/python/cpython/issues/126434 has the same of multiprocessing). Of the ways to wake a thread the
    standard library calls `SimpleQueue.put` alone reentrant. And a signal that comes between Python's last look at its
    signals and the kernel's wait interrupts nothing: its handler runs when the wait ends, so no wait is endless.
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
        end = None if timeout is None else time.monotonic() + timeout
        while not self._over and (left := _POLL if end is None else min(_POLL, end - time.monotonic())) > 0:
            try:
                self._said.get(timeout=left)
            except queue.Empty:
                continue
            # For the next one who waits.
            self._said.put(None)
        return self._over

    def by_signal(self, *numbers: signal.Signals) -> Stop:
        """Is set by these signals, SIGINT and SIGTERM unless told otherwise; itself."""
        for number in numbers or _USUAL:
            signal.signal(number, lambda *_: self.set())
        return self
