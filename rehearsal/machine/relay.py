"""A TCP relay that makes the way to a machine long, and can break it: the kernel has no netem."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field
from typing import Final, Self

_CHUNK: Final = 65536
_SOURCE_PORTS: Final = range(61000, 62000)
"""Where the relay's own connections come from.

Above what the kernel gives out, so that a detour can leave them alone.
"""


@dataclass(kw_only=True)
class Trouble:
    """What the relay does to connections; may be changed while it runs.

    Attributes:
        delay: Seconds that every byte takes, each way: half of the round trip that is added.
        cut_after: Bytes from client to server, over all connections, after which the connection is reset.
        stall_after: Bytes after which nothing is passed on any more, either way, and nobody is told.
    """

    delay: float = 0.0
    cut_after: int | None = None
    stall_after: int | None = None


@dataclass
class Relay:
    """A relay on a free port; a context manager.

    Attributes:
        target: Address and port that it leads to.
        trouble: What it does on the way.
        host: Address that it listens on.
        port: The port, once it runs.
        connections: How many were opened so far.
        sent: Bytes passed from clients to the target so far.
    """

    target: tuple[str, int]
    trouble: Trouble = field(default_factory=Trouble)
    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    sent: int = 0

    def __enter__(self) -> Self:
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="relay")
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Resets all connections that are open now."""
        self._loop.call_soon_threadsafe(self._reset_all)

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        self._reset_all()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for offset in range(len(_SOURCE_PORTS)):
            port = _SOURCE_PORTS[(self.connections + offset) % len(_SOURCE_PORTS)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(*self.target, local_addr=("0.0.0.0", port))  # noqa: S104  # a source's address, where nobody listens
        raise ConnectionRefusedError(f"no way to {self.target}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await asyncio.sleep(2 * self.trouble.delay)  # The handshake's round trip.
        try:
            far_reader, far_writer = await self._dial()
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        # A cancelled one was ended by `_close`; asyncio's own callback would report it as an error.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, far_writer, up=True), self._pass(far_reader, writer, up=False))
        self._open -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        """One direction: read at once, written when its time has come, so that delay costs no bandwidth."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        deliverer = asyncio.create_task(self._deliver(waiting, writer, up=up))
        data = b"."
        while data:
            try:
                data = await reader.read(_CHUNK)
            except OSError:
                data = b""
            waiting.put_nowait((self._loop.time() + self.trouble.delay, data))
        with contextlib.suppress(OSError):
            await deliverer

    async def _deliver(
        self, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if up:
                data = self._spoiled(data)
            elif self._stalls():
                data = b""
            writer.write(data)
            await writer.drain()
            if not data and not self._stalls():
                writer.close()
                return

    def _stalls(self) -> bool:
        return self.trouble.stall_after is not None and self.sent >= self.trouble.stall_after

    def _spoiled(self, data: bytes) -> bytes:
        limits = [limit for limit in (self.trouble.cut_after, self.trouble.stall_after) if limit is not None]
        kept = data[: max(0, min(limits) - self.sent)] if limits else data
        self.sent += len(kept)
        if self.trouble.cut_after is not None and self.sent >= self.trouble.cut_after:
            self._reset_all()
        return kept
