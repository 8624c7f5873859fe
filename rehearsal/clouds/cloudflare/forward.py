"""A visitor's request handed through a connector's connection, and the answer handed back; upgrades included."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

from toolchain.cloudflared.wire import DATA, END, HEAD, PIECE, RESET, ClosedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.clouds.cloudflare.envelope import Record
    from rehearsal.clouds.cloudflare.hub import Link
    from rehearsal.clouds.kit.listener import Handler
    from toolchain.cloudflared.wire import Stream

HOP_BY_HOP: Final = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
# Cloudflare waits 100 s for the first byte, then answers 524.
FIRST_BYTE: Final = 100.0
_SWITCHING, _NO_CONTENT, _NOT_MODIFIED = 101, 204, 304


def forward(visitor: Handler, links: Sequence[Link], request: Record, body: bytes) -> None:
    """Answers `visitor` with what the origin says; with 530, 502 or 524 where nothing comes of it.

    Args:
        visitor: The connection of the visitor.
        links: The connections of the tunnel's connectors.
        request: Method, target, host and headers.
        body: The body.
    """
    upgrade = "websocket" in str(visitor.headers.get("Upgrade", "")).lower()
    kept = [(name, value) for name, value in request["headers"] if name.lower() not in HOP_BY_HOP]
    kept += [("Connection", "Upgrade"), ("Upgrade", "websocket")] if upgrade else []
    opened = _open(links, {**request, "headers": kept, "upgrade": upgrade, "length": len(body)})
    if opened is None:
        visitor.reply(530, b"error code: 1033", [("Content-Type", "text/plain")])
        return
    link, stream = opened
    begun = False
    try:
        for start in range(0, len(body), PIECE):
            stream.send(DATA, body[start : start + PIECE])
        if not upgrade:
            stream.send(END)
        kind, payload = stream.next(FIRST_BYTE)
        head = json.loads(payload) if kind == HEAD else {}
        begun = True
        _answer(visitor, stream, head)
    except TimeoutError:
        _fail(visitor, 524, begun=begun)
    except (ClosedError, ConnectionError):
        _fail(visitor, 502, begun=begun)
    finally:
        link.forget(stream)


def _fail(visitor: Handler, status: int, *, begun: bool) -> None:
    visitor.close_connection = True
    if not begun:
        visitor.reply(status, f"error code: {status}".encode(), [("Content-Type", "text/plain")])


def _open(links: Sequence[Link], request: Record) -> tuple[Link, Stream] | None:
    for link in links:
        try:
            return link, link.open(request)
        except ClosedError:
            # The next connection of the same tunnel may still stand.
            continue
    return None


def _answer(visitor: Handler, stream: Stream, head: dict[str, Any]) -> None:
    status, headers = int(head["status"]), [(str(name), str(value)) for name, value in head["headers"]]
    if status == _SWITCHING:
        _switch(visitor, stream, headers)
        return
    kept = [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]
    bare = visitor.command == "HEAD" or status in (_NO_CONTENT, _NOT_MODIFIED)
    counted = any(name.lower() == "content-length" for name, _ in kept)
    chunked = not bare and not counted
    visitor.send_response_only(status)
    for name, value in [*kept, *([("Transfer-Encoding", "chunked")] if chunked else [])]:
        visitor.send_header(name, value)
    visitor.end_headers()
    while True:
        kind, payload = stream.next(FIRST_BYTE)
        if kind == DATA and payload and not bare:
            visitor.wfile.write(b"%x\r\n%b\r\n" % (len(payload), payload) if chunked else payload)
        if kind == END:
            visitor.wfile.write(b"0\r\n\r\n" if chunked else b"")
            return


def _switch(visitor: Handler, stream: Stream, headers: list[tuple[str, str]]) -> None:
    """Both directions until either side hangs up."""
    visitor.send_response_only(_SWITCHING)
    for name, value in headers:
        visitor.send_header(name, value)
    visitor.end_headers()
    visitor.close_connection = True

    def up() -> None:
        try:
            while piece := visitor.rfile.read1(PIECE):
                stream.send(DATA, piece)
            stream.send(END)
        except (OSError, ValueError, ClosedError):
            stream.cut()

    thread = threading.Thread(target=up, daemon=True)
    thread.start()
    try:
        while True:
            kind, payload = stream.next()
            if kind == END:
                return
            visitor.wfile.write(payload)
    finally:
        _tell_end(stream)


def _tell_end(stream: Stream) -> None:
    try:
        stream.send(RESET)
    except ClosedError:
        # Nobody is left to be told.
        return
