"""What a resource type may ask about the call it serves: the engine's log, cancellation, ignored properties."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from toolchain.plugins.base import ProviderError


class EngineLog(Protocol):
    """Where lines for the user go."""

    def __call__(self, severity: str, message: str, urn: str, *, ephemeral: bool) -> None:
        """Sends one message; severity is DEBUG, INFO, WARNING or ERROR."""


def _silent(severity: str, message: str, urn: str, *, ephemeral: bool) -> None:
    """Drops the message: a plugin without an engine has nobody to tell."""


@dataclass(frozen=True, slots=True)
class Call:
    """The call being served.

    Attributes:
        urn: Resource that the call is about, empty for functions.
        ignore_changes: Property paths of the resource's `ignoreChanges`.
        cancelled: Set when the engine asked the plugin to cancel what is under way.
        engine_log: Where `log` sends to.
    """

    urn: str = ""
    ignore_changes: tuple[str, ...] = ()
    cancelled: threading.Event = field(default_factory=threading.Event)
    engine_log: EngineLog = _silent

    def log(self, message: str, severity: str = "INFO", *, ephemeral: bool = False) -> None:
        """Shows a message to the user beside the resource; an ephemeral one only in the status column."""
        self.engine_log(severity, message, self.urn, ephemeral=ephemeral)

    def sleep(self, seconds: float) -> None:
        """Waits, in seconds; raises `ProviderError` at once when the call is cancelled."""
        if self.cancelled.wait(seconds):
            raise ProviderError("cancelled", "CANCELLED")

    def check_cancelled(self) -> None:
        """Raises `ProviderError` when the engine has cancelled the call."""
        if self.cancelled.is_set():
            raise ProviderError("cancelled", "CANCELLED")


CALL: ContextVar[Call] = ContextVar("call")


def current() -> Call:
    """The call that this thread serves; outside of any call one that logs nowhere and is never cancelled."""
    return CALL.get(None) or Call()
