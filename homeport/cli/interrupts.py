"""Ends Pulumi the way it wants to be ended: it finishes what is under way, and notes it.

Killed instead, it has noted nothing: a server that is rented at that moment costs money, and no state knows of it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

_Result = TypeVar("_Result")
_STREAMS = (1, 2)


class TerminatedError(KeyboardInterrupt):
    """This process was told to end: by SIGTERM, as systemd and workflows do, or by SIGHUP, when its terminal closes."""


class CutOffError(ToolError):
    """A process was ended by a signal, so nobody knows what it has done last."""


@contextmanager
def in_order() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP interrupt as Ctrl-C does, so that what is held is let go and what runs ends."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there a handler can be set
        return
    # What is ignored stays so: nohup.
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, _terminated) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(argv: Sequence[str], input_: str | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """As ``subprocess.run``, which kills its process a quarter of a second after an interrupt; this one waits for it.

    Args:
        argv: The command.
        input_: Its standard input; this process's own where there is none.
        options: As ``subprocess.Popen`` has them.

    Raises:
        KeyboardInterrupt: It was interrupted, and the process has ended.
    """
    stdin = None if input_ is None else subprocess.PIPE
    with subprocess.Popen(list(argv), text=True, stdin=stdin, process_group=_group(), **options) as process:
        sent = iter([input_])  # Only once: after an interrupt there is nothing more to be sent.
        out, err = _until_it_ends(process, lambda: process.communicate(next(sent, None)))
    return subprocess.CompletedProcess(list(argv), process.returncode, out, err)


def shown(argv: Sequence[str], show: Callable[[str], None], **options: Any) -> int:
    """Runs a command and hands on each line of its standard output; its exit code.

    Raises:
        KeyboardInterrupt: It was interrupted, and the process has ended.
    """
    with subprocess.Popen(list(argv), text=True, stdout=subprocess.PIPE, process_group=_group(), **options) as process:

        def follow() -> None:
            for line in process.stdout or ():
                show(line)
            process.wait()

        _until_it_ends(process, follow)
    return process.returncode


def whole(code: int, what: str) -> int:
    """An exit code, of a process that has ended by itself.

    Raises:
        CutOffError: A signal has ended it.
    """
    if code < 0:
        name = signal.Signals(-code).name if -code in {*signal.Signals} else str(-code)
        raise CutOffError(f"{what} was ended by a signal ({name}), in the middle of its work\n  fix: the same again")
    return code


def unread_to_nowhere() -> None:
    """Standard output and error whose reader is gone, as after `| tee log` and Ctrl-C, lead nowhere from now on.

    What has to be done still would end with its first line.
    """
    watch = select.poll()
    for number in _STREAMS:
        watch.register(number, select.POLLOUT)
    gone = select.POLLERR | select.POLLHUP | select.POLLNVAL
    for number, state in watch.poll(0):
        if state & gone:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            if nowhere != number:
                os.close(nowhere)


def _until_it_ends(process: subprocess.Popen[str], wait: Callable[[], _Result]) -> _Result:
    """What `wait` gives; each interrupt is handed on: the first asks Pulumi to end, another ends it at once."""
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            result = wait()
        except KeyboardInterrupt as error:
            interrupt = error
            if _group() == 0:
                _told(process)
            elif isinstance(error, TerminatedError):  # of Ctrl-C the terminal has told all its processes
                process.send_signal(signal.SIGINT)
        else:
            break
    if interrupt:
        raise interrupt
    return result


def _told(process: subprocess.Popen[str]) -> None:
    """Interrupts a process with all that it has started."""
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, signal.SIGINT)


def _group() -> int | None:
    """The process group of what is started: its own, or at a terminal this one's, for only that may ask there.

    In a group of its own it hears nothing but what is handed on: a terminal, `timeout` and systemd tell whole groups,
    and Pulumi takes a second signal for "at once".
    """
    try:
        return None if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp() else 0
    except OSError:
        return 0


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise TerminatedError
