"""Connections that are made in another place: from a container or a machine, and by what names lead to there."""

from __future__ import annotations

import socket
import subprocess
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PIPE = """
import os, select, socket, sys
try:
    line = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
except OSError as error:
    os.write(1, f"{error}\\n".encode())
    sys.exit()
os.write(1, b"\\n")
line.settimeout(60)
while True:
    for ready in select.select([0, line], [], [])[0]:
        data = line.recv(65536) if ready is line else os.read(0, 65536)
        if not data:
            sys.exit()
        if ready is not line:
            line.sendall(data)
        while ready is line and data:
            data = data[os.write(1, data):]
"""
"""Its first line is empty once the connection is there, and else says why not."""
_STARTS = 60.0
"""Seconds in which a program starts on a busy machine, and tries."""


def dialled(
    prefix: list[str], names: Mapping[str, str] = MappingProxyType({})
) -> Callable[[str, int, Any], socket.socket]:
    """In the place of `homeport.cli.smoke.connected`: the same from where the command `prefix` leads.

    Args:
        prefix: `docker exec --interactive NAME`, or nothing for here.
        names: Where a name leads; the others lead where that place's own name server says.
    """

    def connected(host: str, port: int, way: Any) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [*prefix, "python3", "-c", _PIPE, names.get(host, host), str(port)]
            pipe = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
        # It ends with the connection.
        threading.Thread(target=pipe.wait, daemon=True).start()
        ours.settimeout(_STARTS)
        try:
            _until_connected(ours)
        except BaseException:
            ours.close()
            raise
        ours.settimeout(way.seconds)
        return ours

    return connected


def _until_connected(pipe: socket.socket) -> None:
    """Reads the first line. That nothing is said must not pass for the silence of whom is asked."""
    line = b""
    while not line.endswith(b"\n"):
        try:
            letter = pipe.recv(1)
        except TimeoutError:
            letter = b""
        if not letter:
            raise RuntimeError("the place from which to connect is not there")
        line += letter
    if why := line.decode().strip():
        raise OSError(why)
