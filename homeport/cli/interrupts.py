"""Ends Pulumi the way it wants to be ended: it finishes what is under way, and notes it.

Killed instead, it has noted nothing: a server that is rented at that moment costs money, and no state knows of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

_Result = TypeVar("_Result")


class TerminatedError(KeyboardInterrupt):
    """This process was told to end by SIGTERM, as systemd and workflows do."""


@contextmanager
def by_sigterm() -> Iterator[None]:
    """Within it SIGTERM interrupts as Ctrl-C does, so that what is held is let go and what runs ends in order."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there a handler can be set
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(argv: Sequence[str], input_: str | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """As ``subprocess.run``, which kills its process a quarter of a second after an interrupt; this one waits for it.

    Args:
        argv: The command.
        input_: Its standard input; this process's own where there is none.
        options: As ``subprocess.Popen`` has them.

    Raises:
        KeyboardInterrupt: It was interrupted, and the process has ended.
    """
    with subprocess.Popen(
        list(argv), text=True, stdin=None if input_ is None else subprocess.PIPE, **options
    ) as process:
        sent = iter([input_])  # Only once: after an interrupt there is nothing more to be sent.
        out, err = _until_it_ends(process, lambda: process.communicate(next(sent, None)))
    return subprocess.CompletedProcess(list(argv), process.returncode, out, err)


def shown(argv: Sequence[str], show: Callable[[str], None], **options: Any) -> int:
    """Runs a command and hands on each line of its standard output; its exit code.

    Raises:
        KeyboardInterrupt: It was interrupted, and the process has ended.
    """
    with subprocess.Popen(list(argv), text=True, stdout=subprocess.PIPE, **options) as process:

        def follow() -> None:
            for line in process.stdout or ():
                show(line)
            process.wait()

        _until_it_ends(process, follow)
    return process.returncode


def _until_it_ends(process: subprocess.Popen[str], wait: Callable[[], _Result]) -> _Result:
    """What `wait` gives; each interrupt is handed on: the first asks Pulumi to end, another ends it at once."""
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            result = wait()
        except KeyboardInterrupt as error:
            interrupt = error
            # A terminal has told all its processes.
            if isinstance(error, TerminatedError) or not _at_a_terminal():
                process.send_signal(signal.SIGINT)
        else:
            break
    if interrupt:
        raise interrupt
    return result


def _at_a_terminal() -> bool:
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise TerminatedError
