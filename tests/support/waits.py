"""The one way of the tests to wait: for a condition, never for a time."""

from __future__ import annotations

import contextlib
import signal
import time

_DAY = 86_400


def until(check, why: str, seconds: float = 180):
    """The first true answer.

    A failure with the reason after that many seconds, which are for a computer that does much else at the same time.
    What is just being started answers half or not at all, and a look at it raises: that is no answer yet. The last one
    is told with the failure.
    """
    end, problem = time.monotonic() + seconds, None
    while True:
        try:
            if answer := check():
                return answer
            problem = None
        except Exception as raised:  # noqa: BLE001  # whatever it is, it is told in the end
            problem = raised
        if time.monotonic() >= end:
            raise AssertionError(f"not within {seconds} s: {why}" + (f": {problem}" if problem else "")) from problem
        time.sleep(0.1)


def one_day(seconds: float) -> None:
    """Waits for the next day of UTC where this one ends sooner: what is counted by the day is of one day then."""
    left = _DAY - time.time() % _DAY
    if left < seconds:
        time.sleep(left + 1)


@contextlib.contextmanager
def ends(why: str, seconds: int = 20):
    """Stops what would go on for minutes: it fails with the reason after so many seconds of this process's processor.

    What ends takes a fraction of a second; the rest is for what else the process does, of which the collection of its
    garbage is the longest.
    """

    def stop(*_):
        raise AssertionError(f"not within {seconds} s of processor time: {why}")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
