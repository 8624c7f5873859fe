"""Running a call: its context, its cancellation, and how its failures travel to the engine."""

from __future__ import annotations

import functools
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from toolchain.plugins.base import InitError, ProviderError
from toolchain.plugins.codec import encode
from toolchain.plugins.context import CALL, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolchain.plugins.host import EngineHost

T = TypeVar("T")
_DETAILS: Final = "grpc-status-details-bin"


class Runner:
    """Runs calls in their context and can cancel all that are under way.

    Args:
        host: Where the log lines of the calls go.
    """

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Tells every call, under way or still to come, to stop: the engine cancels only before it ends the plugin."""
        self._cancelled.set()

    def run(self, urn: str, ignore_changes: Iterable[str], work: Callable[[], T]) -> T:
        """The result of `work`, run with `context.current()` set."""
        token = CALL.set(Call(urn, tuple(ignore_changes), self._cancelled, self._host.log))
        try:
            return work()
        finally:
            CALL.reset(token)


def refuse(message: str) -> ProviderError:
    """An error that stops the plugin before it serves."""
    return ProviderError(message, "UNAVAILABLE")


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turns what `method` raises into a gRPC status; nothing reaches the engine as a bare traceback."""

    @functools.wraps(method)
    def call(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except InitError as partial:
            context.set_trailing_metadata(((_DETAILS, _init_failed(partial)),))
            context.abort(grpc.StatusCode.UNKNOWN, str(partial))
        except ProviderError as problem:
            context.abort(grpc.StatusCode[problem.code], str(problem))
        except Exception as bug:  # noqa: BLE001  (a defect of the stand-in must name itself, not hang the engine)
            where = traceback.extract_tb(bug.__traceback__)[-1]
            defect = f"{type(bug).__name__}: {bug} ({where.filename.rsplit('/', 1)[-1]}:{where.lineno})"
            context.abort(grpc.StatusCode.INTERNAL, f"defect of the stand-in plugin in {method.__name__}: {defect}")
        raise AssertionError("context.abort always raises")

    return call


def _init_failed(partial: InitError) -> bytes:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=partial.id,
            properties=encode(partial.state),
            reasons=partial.reasons,
            inputs=encode(partial.inputs),
        ),
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(partial), details=[detail])
    return bytes(status.SerializeToString())
