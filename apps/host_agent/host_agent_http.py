"""HTTP/1.1 with a limit on everything: one request a connection, no body that means anything, answers of JSON.

Of the standard library alone, so that a host needs nothing but Python. What makes HTTP hard to read is left out: bodies
in pieces, connections that go on, lines that are continued; what is not in RFC 9112's plainest form is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

MOST_CONNECTIONS = 512
MOST_OF_ONE = 32
"""Connections of one source."""
MOST_HEAD = 16 * 1024
"""Bytes of the request line and all headers."""
MOST_BODY = 1024
"""Bytes: no operation takes one."""
PATIENCE = 10.0
"""Seconds in which a request must have come, or an answer must have gone."""
_CHUNK = 4 * 1024
_DRAINED = 256
"""Chunks that are read of a body which was refused, so that its sender gets to see the answer."""
_LINGER = 1.0
_LINE = re.compile(rb"([A-Z]{1,20}) ([!-~]+) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")
_LENGTH = re.compile(rb"[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody asks.

    Attributes:
        method: The method.
        path: Its target without a query, as it was sent.
        source: The address that it comes from.
        authorization: All Authorization headers.
    """

    method: str
    path: str
    source: str
    authorization: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered.

    Attributes:
        status: The status code.
        body: An object of JSON.
        headers: More headers.
        route: What was asked, for the log: an operation's own words, never the caller's.
    """

    status: int
    body: Mapping[str, Any]
    headers: tuple[tuple[str, str], ...] = ()
    route: str = "-"


@dataclass
class Server:
    """Listens, and hands each request to a function.

    Attributes:
        answer: The function.
        log: Gets a line for each request.
    """

    answer: Callable[[Request], Awaitable[Answer]]
    log: Callable[[str], None] = print
    _open: Counter[str] = field(default_factory=Counter)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        peer = writer.get_extra_info("peername")
        source = peer[0] if peer else "127.0.0.1"
        self._open[source] += 1
        try:
            with contextlib.suppress(OSError, TimeoutError):
                if self._open[source] > MOST_OF_ONE or self._open.total() > MOST_CONNECTIONS:
                    await _send(writer, busy())
                else:
                    await self._exchange(reader, writer, source)
        finally:
            self._open[source] -= 1
            if not self._open[source]:
                del self._open[source]
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), _LINGER)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str) -> None:
        began = time.monotonic()
        asked = await _asked(reader, source)
        if asked is None:
            return
        answer = asked if isinstance(asked, Answer) else await self.answer(asked)
        method = asked.method if isinstance(asked, Request) else "-"
        await _send(writer, answer, bare=method == "HEAD")
        # The caller's own words stay out of the log: a token in a path or a header would be in it.
        self.log(f"{source} {method} {answer.route} {answer.status} {time.monotonic() - began:.3f} s")
        if asked is answer:
            await _drain(reader)


async def _send(writer: asyncio.StreamWriter, answer: Answer, *, bare: bool = False) -> None:
    content = json.dumps(answer.body, ensure_ascii=True).encode() + b"\n"
    headers = (
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
        *answer.headers,
    )
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *(": ".join(pair) for pair in headers)]
    writer.write("\r\n".join([*lines, "", ""]).encode("ascii") + (b"" if bare else content))
    async with asyncio.timeout(PATIENCE):
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def problem(status: int, detail: str, **headers: str) -> Answer:
    """An answer that says what is wrong."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status=status, body={"detail": detail}, headers=pairs)


def busy() -> Answer:
    """What somebody gets who has too many connections, or comes where there are too many."""
    return problem(429, "too many connections", Retry_After="1")


async def _asked(reader: asyncio.StreamReader, source: str) -> Request | Answer | None:
    """What somebody asks; an answer where it cannot be taken, None where nobody said anything."""
    try:
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            request, length = _read(head, source)
            if length > MOST_BODY:
                return problem(413, f"a body has at most {MOST_BODY} bytes, and no operation needs one")
            await reader.readexactly(length)
    except _RefusedError as refused:
        return refused.answer
    except asyncio.LimitOverrunError:
        return problem(431, f"the headers have more than {MOST_HEAD} bytes")
    except asyncio.IncompleteReadError as cut:
        return problem(400, "the request was cut") if cut.partial else None
    except TimeoutError:
        return problem(408, f"the request did not come within {PATIENCE:.0f} s")
    return request


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.answer = problem(status, detail)


def _read(head: bytes, source: str) -> tuple[Request, int]:
    """The request in a head, and how long its body is.

    Raises:
        _RefusedError: It is none, or one that this server does not take.
    """
    first, *lines = head[:-4].split(b"\r\n")
    line, pairs = _LINE.fullmatch(first), [_HEADER.fullmatch(each) for each in lines]
    if line is None or None in pairs:
        raise _RefusedError(400, "this is no request of HTTP/1.1")
    headers = [(pair[1].lower(), pair[2].strip(b" \t")) for pair in pairs if pair]

    def values(name: bytes) -> tuple[bytes, ...]:
        return tuple(value for known, value in headers if known == name)

    lengths = values(b"content-length")
    if len(values(b"host")) != 1 or len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
        raise _RefusedError(400, "Host is there once, and Content-Length at most once, as a number")
    if values(b"transfer-encoding"):
        raise _RefusedError(411, "a body in pieces is not taken; no operation needs one")
    request = Request(
        method=line[1].decode("ascii"),
        path=line[2].partition(b"?")[0].decode("ascii"),
        source=source,
        authorization=values(b"authorization"),
    )
    return request, int(lengths[0]) if lengths else 0


async def _drain(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(_LINGER):
        for _ in range(_DRAINED):
            if not await reader.read(_CHUNK):
                return
