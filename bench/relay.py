"""A way to a TCP port that takes its time, breaks off or falls silent: the kernel at hand may have no netem."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Self

_CHUNK = 65536


class Relay:
    """Hands on what comes in at a free port of the loopback address, in a thread of its own, until it is closed.

    Args:
        host: Where to.
        port: Its port.
        delay: Seconds that every byte takes in each direction; a new connection takes two of them, as a TCP handshake
            would.

    Attributes:
        port: Where it listens.
        carried: Bytes handed on so far, both directions, all connections.
        opened: Connections so far.
    """

    def __init__(self, host: str, port: int, delay: float = 0.0) -> None:
        self._target, self._delay = (host, port), delay
        self.carried = self.opened = 0
        self._left: int | None = None
        self._silence = False
        self._silent = False
        self._open: set[asyncio.StreamWriter] = set()
        listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = listening.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, args=(listening,), name="relay", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def break_after(self, count: int, *, silently: bool = False) -> None:
        """Resets every connection once that many more bytes have passed.

        With `silently` it hands nothing on from there, until `heal`.
        """
        self._left, self._silence = count, silently

    def cut(self) -> None:
        """Resets every connection that is open."""
        self._left = None
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._reset)
        self._loop.call_soon_threadsafe(done.set)
        done.wait(5)

    def heal(self) -> None:
        """From now on everything passes; what was open while it was silent is reset."""
        self._left = None
        if self._silent:
            self._silent = False
            self.cut()

    def close(self) -> None:
        """Resets what is open, and ends."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _serve(self, listening: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        # The loop sees errors of connections that ended; nobody wants to read of them.
        self._loop.set_exception_handler(lambda *_: None)
        server = self._loop.run_until_complete(asyncio.start_server(self._carry, sock=listening))
        self._loop.run_forever()
        server.close()
        self._reset()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _reset(self) -> None:
        for writer in self._open:
            gone = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._open.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        await asyncio.sleep(2 * self._delay)
        try:
            onward_reader, onward_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, onward_writer}
        try:
            await asyncio.gather(self._pump(reader, onward_writer), self._pump(onward_reader, writer))
        finally:
            self._open -= {writer, onward_writer}
            for end in (writer, onward_writer):
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(reader, queue))
            group.create_task(self._write(queue, writer))

    async def _read(self, reader: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]]) -> None:
        data = b"more"
        while data:
            try:
                data = await reader.read(_CHUNK)
            except OSError:
                data = b""
            await queue.put((self._loop.time() + self._delay, data))

    async def _write(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            due, data = await queue.get()
            if (wait := due - self._loop.time()) > 0:
                await asyncio.sleep(wait)
            passed = self._passed(data)
            with contextlib.suppress(OSError):
                if not data:
                    writer.write_eof()
                    return
                writer.write(passed)
                self.carried += len(passed)
                await writer.drain()
            if len(passed) < len(data) and not self._silent:
                self._reset()
                return

    def _passed(self, data: bytes) -> bytes:
        """What of it still gets through."""
        if self._silent:
            return b""
        if self._left is None:
            return data
        passed, self._left = data[: self._left], self._left - len(data)
        if self._left < 0:
            self._left = None
            self._silent = self._silence
        return passed
