"""Signals that whoever started the tests ignores: nohup SIGHUP, a script's `&` SIGINT. So does all that they start."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL = {
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


@contextmanager
def heard() -> Iterator[None]:
    """Within it what was ignored is heard again, by this process and by all that it starts."""
    ignored = [number for number in _USUAL if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, _USUAL[number])
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def ignored(number: int) -> Iterator[None]:
    """Within it a signal is ignored, by this process and by all that it starts, as after nohup."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
