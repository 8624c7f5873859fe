"""A container's output, as it comes in over the daemon's multiplexed stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolchain.plugins.docker.daemon import DaemonError

if TYPE_CHECKING:
    from toolchain.plugins.docker.daemon import Daemon

_HEADER: Final = 8


def container_logs(daemon: Daemon, container: str, *, tty: bool, follow: bool) -> str:
    """Both outputs in order: so far, or to the end of the container."""
    params = {"stdout": 1, "stderr": 1, "follow": int(follow)}
    try:
        stream = daemon.raw("GET", f"/containers/{container}/logs", params=params)
    except DaemonError as refused:
        raise DaemonError(f"unable to read container logs: {refused}", refused.status) from refused
    return (stream if tty else demultiplexed(stream)).decode(errors="replace")


def demultiplexed(stream: bytes) -> bytes:
    """The payloads of the frames; each frame starts with its channel and a length of four bytes."""
    out, position = bytearray(), 0
    while position + _HEADER <= len(stream):
        length = int.from_bytes(stream[position + 4 : position + _HEADER], "big")
        out += stream[position + _HEADER : position + _HEADER + length]
        position += _HEADER + length
    return bytes(out)
