"""An app for the tests of the proxy, in one file: pages, uploads, a stream of events, and a WebSocket that answers.

Run as `python -c <this text> PORT`. The WebSocket knows short text frames alone (RFC 6455), as the tests send them.
"""

import asyncio
import base64
import contextlib
import hashlib
import sys

ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def answer(reader, writer):
    """One request, and the end of its connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    # What is sent is read before it is answered, as servers do: Go's proxy drops a connection that answers while
    # it still passes on what it reads (net/http, server.go: "invalid Read on closed Body").
    size = await read(reader, int(fields.get("content-length", 0)))
    if "sec-websocket-key" in fields:
        key = hashlib.sha1(fields["sec-websocket-key"].encode() + ACCEPT, usedforsecurity=False).digest()
        accept = base64.b64encode(key).decode()
        up = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{up}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        await echo(reader, writer)
    elif "/events" in lines[0]:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"data: tick\n\n")
            await writer.drain()
            await asyncio.sleep(0.2)
    else:
        body = f"read {size} at {lines[0].split()[1]}"
        fields = f"Server: echo\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}".encode())
        await writer.drain()


async def read(reader, left):
    """How many bytes of a body came."""
    size = 0
    while left and (part := await reader.read(min(left, 65536))):
        size, left = size + len(part), left - len(part)
    return size


async def echo(reader, writer):
    """Sends each frame's text back."""
    while True:
        _, length = await reader.readexactly(2)
        mask = await reader.readexactly(4)
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(await reader.readexactly(length & 127)))
        writer.write(bytes([0x81, len(text)]) + text)
        await writer.drain()


async def serve(reader, writer):
    """A connection, whose end is nobody's failure."""
    with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await answer(reader, writer)


async def main():
    """Answers until it is stopped."""
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
