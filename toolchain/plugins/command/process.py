"""Running a process as Go's os/exec does it for the official plugin: output streamed, kept, joined; ended on Cancel."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

from toolchain.plugins.base import ProviderError
from toolchain.plugins.context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Output that comes within this time counts as one burst, in seconds.
_BURST: Final = 0.005
_POLL: Final = 0.1
_CHUNK: Final = 65536
LOGS: Final = {
    None: ("stdout", "stderr"),
    "stdout": ("stdout",),
    "stderr": ("stderr",),
    "stdoutAndStderr": ("stdout", "stderr"),
}


@dataclass(slots=True)
class Output:
    """What a process wrote.

    Attributes:
        stdout: Its standard output, as text.
        stderr: Its standard error, as text.
        joined: Both in the order of arrival, for error texts.
        code: Exit status, negative for a signal.
    """

    stdout: str
    stderr: str
    joined: str
    code: int


@dataclass(slots=True)
class _Stream:
    name: str
    logged: bool
    data: bytearray = field(default_factory=bytearray)


class _LineLog:
    """Sends whole lines to the engine as the status of the resource."""

    def __init__(self) -> None:
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._call = current()

    def feed(self, data: bytes, *, final: bool = False) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(data, final)).split("\n")
        if final and self._rest:
            lines.append(self._rest)
        for line in lines:
            self._call.log(line.removesuffix("\r"), ephemeral=True)


def run(
    argv: Sequence[str],
    *,
    stdin: str = "",
    logging: str | None = None,
    timeout: float = 0,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    release: Callable[[], None] | None = None,
) -> Output:
    """Runs to the end of the process and its output; kills it and its children on Cancel or after `timeout` seconds.

    `release` is called after a kill, to close what else may hold the other ends of the pipes.

    Raises:
        OSError: It could not be started.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    writer = None
    if stdin:
        writer = threading.Thread(target=_write, args=(process.stdin, stdin.encode()), daemon=True)
        writer.start()
    logged = LOGS.get(logging, ())
    streams = {
        process.stdout: _Stream("stdout", "stdout" in logged),
        process.stderr: _Stream("stderr", "stderr" in logged),
    }
    joined = _collect(process, streams, time.monotonic() + timeout if timeout else None, release)
    code = process.wait()
    out, err = (streams[pipe].data.decode(errors="replace") for pipe in (process.stdout, process.stderr))
    return Output(out, err, joined.decode(errors="replace"), code)


def _write(pipe: IO[bytes], data: bytes) -> None:
    # A command need not read what it is given.
    with contextlib.suppress(BrokenPipeError, ValueError):
        pipe.write(data)
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _collect(
    process: subprocess.Popen[bytes],
    streams: Mapping[IO[bytes] | None, _Stream],
    deadline: float | None,
    release: Callable[[], None] | None,
) -> bytearray:
    joined, log, call = bytearray(), _LineLog(), current()
    with selectors.DefaultSelector() as selector:
        for pipe, stream in streams.items():
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, stream)
        while selector.get_map():
            if call.cancelled.is_set() or (deadline is not None and time.monotonic() > deadline):
                kill(process)
                if release is not None:
                    release()
                deadline = None
            if selector.select(_POLL):
                time.sleep(_BURST)
                joined += _burst(selector, log)
    log.feed(b"", final=True)
    for pipe in streams:
        if pipe is not None:
            pipe.close()
    return joined


def _burst(selector: selectors.BaseSelector, log: _LineLog) -> bytes:
    """What is there to read. In a burst the official plugin's reader of stderr comes first, as its recording shows."""
    joined = b""
    for key, _ in sorted(selector.select(0), key=lambda ready: str(ready[0].data.name)):
        data = os.read(key.fd, _CHUNK)
        if not data:
            selector.unregister(key.fileobj)
        key.data.data += data
        joined += data
        if key.data.logged and data:
            log.feed(data)
    return joined


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and everything it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def outcome(code: int) -> str:
    """Exit status as Go words it, empty for success."""
    if code == 0:
        return ""
    if code > 0:
        return f"exit status {code}"
    return f"signal: {_SIGNALS.get(-code, f'signal {-code}')}"


_SIGNALS: Final = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    6: "aborted",
    9: "killed",
    11: "segmentation fault",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


def failed(reason: str, command: str, joined: str) -> ProviderError:
    """The error of a command that failed; as officially it shows the whole command and all it wrote."""
    return ProviderError(f"{reason}: running {go_quote(command)}:\n{joined}")


_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def go_quote(text: str) -> str:
    """The text as Go's `%q` writes it."""

    def letter(char: str) -> str:
        if char in _ESCAPES or char.isprintable():
            return _ESCAPES.get(char, char)
        number = ord(char)
        if number < 0x80:  # noqa: PLR2004  (ASCII)
            return f"\\x{number:02x}"
        return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004  (the basic plane)

    return '"' + "".join(map(letter, text)) + '"'
