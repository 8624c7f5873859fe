"""The engine as a plugin sees it: a log for the user, and a process whose death ends the plugin."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

if TYPE_CHECKING:
    from toolchain.stopping import Stop

# The engine's own limit for messages between it and its plugins (sdk/go/common/util/rpcutil).
MESSAGE_LIMIT: Final = 400 * 1024 * 1024
GRPC_OPTIONS: Final = [
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.so_reuseport", 0),
]
_LOG_TIMEOUT: Final = 5.0
_POLL: Final = 0.5


class EngineHost:
    """The engine's log service; without an address, or once the engine is gone, messages are dropped.

    Args:
        address: `host:port` of the engine, empty when there is none (a plugin started by hand).
    """

    def __init__(self, address: str = "") -> None:
        self._lock = threading.Lock()
        self._address = ""
        self._stub: engine_pb2_grpc.EngineStub | None = None
        self.attach(address)

    def attach(self, address: str) -> None:
        """Sends from now on to the engine at `address`."""
        if not address:
            return
        with self._lock:
            if address == self._address:
                return
            self._address = address
            self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=GRPC_OPTIONS))

    def log(self, severity: str, message: str, urn: str, *, ephemeral: bool) -> None:
        """Shows one message to the user; severity is DEBUG, INFO, WARNING or ERROR."""
        with self._lock:
            stub = self._stub
        if stub is None:
            return
        request = engine_pb2.LogRequest(
            severity=engine_pb2.LogSeverity.Value(severity),
            message=message,
            urn=urn,
            ephemeral=ephemeral,
        )
        try:
            stub.Log(request, timeout=_LOG_TIMEOUT)
        except grpc.RpcError:
            # A lost log line must not fail the resource: the engine may just be going away.
            return


def when_orphaned(parent: int, act: Stop) -> threading.Thread:
    """Sets `act` once the process `parent` is no longer the parent of this one, within half a second.

    An engine that is killed leaves its plugins behind: nothing but their parent's id tells them.
    """

    def watch() -> None:
        while not act.is_set():
            if os.getppid() != parent:
                act.set()
                return
            time.sleep(_POLL)

    thread = threading.Thread(target=watch, name="parent-watch", daemon=True)
    thread.start()
    return thread
