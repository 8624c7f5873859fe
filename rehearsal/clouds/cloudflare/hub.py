"""Where connectors come in: who is connected for which tunnel, and requests handed down to them."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import socket
import threading
import uuid
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.cloudflare.store import stamp
from rehearsal.clouds.kit.listener import loopback
from toolchain.cloudflared.wire import (
    CONFIG,
    HELLO,
    OPEN,
    PING,
    PONG,
    REFUSED,
    WELCOME,
    ClosedError,
    Stream,
    Wire,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.clouds.cloudflare.envelope import Record
    from rehearsal.clouds.cloudflare.signing import Keys
    from rehearsal.clouds.cloudflare.store import Store

_GREETING: Final = 10.0
# A connector pings every ten seconds (connector.py); one that is silent for three of these is gone.
_SILENCE: Final = 30.0


class Link:
    """One connection of a connector.

    Args:
        wire: The connection.
        row: How the API shows it.
    """

    def __init__(self, wire: Wire, row: Record) -> None:
        self.wire, self.row = wire, row
        self._streams: dict[int, Stream] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def open(self, request: Record) -> Stream:
        """Hands a request down; fails with `ClosedError` when the connection is gone."""
        with self._lock:
            stream = Stream(self.wire, next(self._numbers))
            self._streams[stream.number] = stream
        try:
            stream.send_json(OPEN, request)
        except ClosedError:
            self.forget(stream)
            raise
        return stream

    def forget(self, stream: Stream) -> None:
        """Drops what still comes for a stream."""
        with self._lock:
            self._streams.pop(stream.number, None)

    def pump(self) -> None:
        """Distributes what comes until the connection ends."""
        try:
            while True:
                number, kind, payload = self.wire.receive(_SILENCE)
                if kind == PING:
                    self.wire.send(0, PONG)
                    continue
                with self._lock:
                    stream = self._streams.get(number)
                if stream is not None:
                    stream.feed(kind, payload)
        except ClosedError:
            with self._lock:
                left, self._streams = list(self._streams.values()), {}
            for stream in left:
                stream.cut()


class Hub:
    """All connections of all connectors.

    Args:
        store: The state: tunnels, secrets, configurations.
        keys: For connectors that check assertions themselves.
    """

    def __init__(self, store: Store, keys: Keys | None = None) -> None:
        self._store, self.keys = store, keys
        self._links: dict[str, list[Link]] = {}
        self._lock = threading.Lock()
        self._turn = itertools.count()
        self._listening: list[tuple[socket.socket, threading.Thread]] = []
        self._served: dict[threading.Thread, Wire] = {}

    def close(self) -> None:
        """Takes no more connectors and ends the connections there are.

        Nothing of them writes to the store afterwards.
        """
        listening, self._listening = self._listening, []
        for listener, keeper in listening:
            # shutdown, not close alone: only that wakes the thread that waits in accept.
            listener.shutdown(socket.SHUT_RDWR)
            keeper.join()
            listener.close()
        with self._lock:
            served = dict(self._served)
        for thread, wire in served.items():
            wire.hang_up()
            thread.join()

    def listen(self, address: str) -> str:
        """Takes connectors at `host:port` of loopback or of the rehearsal's network; the address that it became."""
        host, port = loopback(address, machines=True)
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=64
        )
        self._accept(listener)
        return f"{host}:{listener.getsockname()[1]}"

    def listen_file(self, path: Path) -> None:
        """Takes connectors at a socket file, which can be mounted into a container: no network is opened for it."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(64)
        self._accept(listener)

    def _accept(self, listener: socket.socket) -> None:
        def run() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                wire = Wire(sock)
                thread = threading.Thread(target=self._serve, args=(wire,), daemon=True)
                with self._lock:
                    self._served[thread] = wire
                    thread.start()

        keeper = threading.Thread(target=run, name="connector-listener", daemon=True)
        keeper.start()
        self._listening.append((listener, keeper))

    def _serve(self, wire: Wire) -> None:
        try:
            _, kind, payload = wire.receive(_GREETING)
            hello = json.loads(payload) if kind == HELLO else {}
            tunnel = self._admitted(str(hello.get("token", "")))
            if tunnel is None:
                wire.send_json(0, REFUSED, {"error": "Unauthorized: Invalid tunnel secret"})
                return
            link = Link(wire, self._row(hello))
            self._join(tunnel, link, {"connection": link.row["id"], **self._config(tunnel)})
            try:
                link.pump()
            finally:
                self._leave(tunnel, link)
        except (ClosedError, ValueError):
            # Nobody is told of a caller that hung up or spoke nonsense.
            return
        finally:
            wire.close()
            with self._lock:
                self._served.pop(threading.current_thread(), None)

    def _admitted(self, token: str) -> str | None:
        """The tunnel that a token opens."""
        try:
            parts = json.loads(base64.b64decode(token, validate=True))
            record = self._store.get("tunnels", parts["t"])
            right = record and record["deleted_at"] is None and record["account_tag"] == parts["a"]
            if right and hmac.compare_digest(record["secret"], parts["s"]):
                return str(record["id"])
        except (ValueError, KeyError, TypeError):
            return None
        return None

    def _row(self, hello: Record) -> Record:
        connection = str(uuid.uuid4())
        row = {
            "id": connection,
            "uuid": connection,
            "client_id": hello.get("connector", connection),
            "colo_name": "xxx01",
        }
        row |= {"client_version": hello.get("version", "unknown"), "opened_at": stamp(self._store.now())}
        return {**row, "is_pending_reconnect": False, "origin_ip": "127.0.0.1"}

    def _config(self, tunnel: str) -> Record:
        row = self._store.get("configurations", tunnel) or {"version": 0, "config": {}}
        certs = self.keys.published()["keys"] if self.keys else []
        return {"version": row["version"], "config": row["config"] or {}, "keys": certs}

    def _join(self, tunnel: str, link: Link, welcome: Record) -> None:
        # Both at once: who has been told that it is connected can be reached.
        with self._lock:
            link.wire.send_json(0, WELCOME, welcome)
            self._links.setdefault(tunnel, []).append(link)

    def _leave(self, tunnel: str, link: Link) -> None:
        with self._lock:
            left = [other for other in self._links.get(tunnel, []) if other is not link]
            self._links[tunnel] = left
        if not left:
            with self._store.change() as data:
                if tunnel in data["tunnels"]:
                    data["tunnels"][tunnel]["conns_inactive_at"] = stamp(self._store.now())

    def links(self, tunnel: str) -> list[Link]:
        """The connections of a tunnel, each time another one first."""
        with self._lock:
            rows = list(self._links.get(tunnel, []))
        turn = next(self._turn) % len(rows) if rows else 0
        return rows[turn:] + rows[:turn]

    def of(self, tunnel: str) -> list[Record]:
        """The connections of a tunnel as the API shows them."""
        with self._lock:
            return [dict(link.row) for link in self._links.get(tunnel, [])]

    def drop(self, tunnel: str) -> None:
        """Ends a tunnel's connections."""
        with self._lock:
            gone = self._links.pop(tunnel, [])
        for link in gone:
            link.wire.hang_up()

    def configured(self, tunnel: str) -> None:
        """Tells a tunnel's connectors its configuration."""
        self._tell([tunnel])

    def keys_changed(self) -> None:
        """Tells every connector the keys that are accepted now."""
        with self._lock:
            tunnels = list(self._links)
        self._tell(tunnels)

    def _tell(self, tunnels: list[str]) -> None:
        for tunnel in tunnels:
            news: Any = self._config(tunnel)
            for link in self.links(tunnel):
                try:
                    link.wire.send_json(0, CONFIG, news)
                except ClosedError:
                    # Its own thread notices and takes it off the list.
                    continue
