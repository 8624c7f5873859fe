"""One program under limits: address space, CPU time, files, processes, output, and a clock that ends it for certain.

What it may do within them says ``executor_filter``.
"""

from __future__ import annotations

import dataclasses
import os
import resource
import select
import signal
import subprocess
import time
from contextlib import suppress

import executor_filter
from executor_json import OUTPUT_LIMIT

_INTERRUPTS = {signal.SIGINT, signal.SIGTERM}
ERROR_TEXT_LIMIT = 4096
"""Bytes of the program's error output that are read back, for the operator's log only."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run may use.

    Attributes:
        wall_s: seconds on the clock; then the whole process group is killed.
        cpu_s: seconds of processor time (SIGXCPU, one second later SIGKILL).
        memory: bytes of address space.
        output: bytes of any one file it writes; its output is such a file.
        files: open files at once.
        processes: processes and threads of the user beyond which it can't make another; 0 means none at all.
            The kernel does not count for uid 0, one more reason why the container's user is not root.
    """

    wall_s: float = 30.0
    cpu_s: int = 10
    memory: int = 256 * 1024 * 1024
    output: int = OUTPUT_LIMIT
    files: int = 16
    processes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: exit status, negative for the signal that ended it.
        stdout: its output, at most ``Limits.output`` bytes.
        stderr: the last bytes of its error output.
        timed_out: the clock or the processor limit ended it.
        truncated: its output reached the limit, what is here is a part.
        duration_ms: milliseconds on the clock.
    """

    status: int
    stdout: bytes
    stderr: bytes
    timed_out: bool
    truncated: bool
    duration_ms: int


def run(argv: list[str], stdin: bytes, limits: Limits) -> Outcome:
    """Run a program with nothing but its arguments and this input: no environment, no inherited file, no terminal.

    Input and output are files in memory, so neither side can block the other and the kernel's file size limit is the
    output limit: a flood costs ``limits.output`` bytes, whatever its speed.

    Raises:
        OSError: the program could not be started.
        subprocess.SubprocessError: a limit or the filter could not be set; nothing was run.
    """
    files = [os.memfd_create(name, os.MFD_CLOEXEC) for name in ("stdin", "stdout", "stderr")]
    try:
        _write_all(files[0], stdin)
        started = time.monotonic()
        status, clock_ended = _run_group(argv, files, limits)
        duration_ms = int((time.monotonic() - started) * 1000)
        stdout, stderr = (_tail(files[1], limits.output), _tail(files[2], ERROR_TEXT_LIMIT))
        return Outcome(
            status=status,
            stdout=stdout,
            stderr=stderr,
            timed_out=clock_ended or status == -signal.SIGXCPU,
            truncated=len(stdout) >= limits.output,
            duration_ms=duration_ms,
        )
    finally:
        for file in files:
            os.close(file)


def _run_group(argv: list[str], files: list[int], limits: Limits) -> tuple[int, bool]:
    ended, alive = os.pipe()
    # An interrupt while Popen works would lose the child it has just made.
    signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        process = _start(argv, files, alive, limits)
    except BaseException:
        os.close(ended)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
        raise
    finally:
        os.close(alive)
    deadline = time.monotonic() + limits.wall_s
    clock_ended = False
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
        # The pipe ends with its last holder: no polling for the usual short task. Who closes it early is waited for.
        select.select([ended], [], [], limits.wall_s)
        process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        clock_ended = True
    finally:
        os.close(ended)
        # Also after a regular end: whatever the program left in its group goes with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
    return status, clock_ended


def _start(argv: list[str], files: list[int], alive: int, limits: Limits) -> subprocess.Popen[bytes]:
    stdin, stdout, stderr = files
    return subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={},
        cwd="/",
        umask=0o077,
        start_new_session=True,
        pass_fds=(alive,),
        preexec_fn=lambda: _apply(limits),  # noqa: PLW1509  # one thread here, and only this leaves no moment without limits
    )


def _apply(limits: Limits) -> None:
    pairs = {
        resource.RLIMIT_AS: (limits.memory, limits.memory),
        resource.RLIMIT_CPU: (limits.cpu_s, limits.cpu_s + 1),
        resource.RLIMIT_FSIZE: (limits.output, limits.output),
        resource.RLIMIT_NOFILE: (limits.files, limits.files),
        resource.RLIMIT_NPROC: (limits.processes, limits.processes),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
    }
    for kind, pair in pairs.items():
        resource.setrlimit(kind, pair)
    # The timer outlives exec: should the parent be killed, this child still ends on its own.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s + 1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    executor_filter.hold()


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.lseek(file, 0, os.SEEK_SET)


def _tail(file: int, limit: int) -> bytes:
    size = os.fstat(file).st_size
    return os.pread(file, limit, max(0, size - limit))
