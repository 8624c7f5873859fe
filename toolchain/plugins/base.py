"""What a stand-in plugin is made of: property values, resource types, a provider.

A stand-in answers Pulumi's ResourceProvider protocol in place of an official provider plugin. One `ResourceType` per
type token holds the behaviour; `Provider` names the plugin and lists its types; `server.py` speaks the protocol, so
that no resource type ever sees a protobuf.

Property values are plain Python: None, bool, int or float (a whole number always arrives as int), str, list and dict,
and the classes of `values.py`: `UNKNOWN`, `Secret`, `Asset`, `Archive`, `ResourceRef`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from toolchain.plugins.values import (
    UNKNOWN,
    Archive,
    Asset,
    Props,
    ResourceRef,
    Secret,
    Unknown,
    Value,
    contains_secret,
    contains_unknown,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "UNKNOWN",
    "Archive",
    "Asset",
    "CheckFailed",
    "Diff",
    "InitError",
    "InvokeFailed",
    "Props",
    "Provider",
    "ProviderError",
    "ResourceRef",
    "ResourceType",
    "Secret",
    "Unknown",
    "Value",
    "contains_secret",
    "contains_unknown",
    "plain",
]


class ProviderError(Exception):
    """A failure that the engine shows to the user; the text is the whole message.

    Args:
        message: What went wrong, word for word as the official plugin says it.
        code: Name of a gRPC status code. The official plugins answer nearly every failure with UNKNOWN.
    """

    def __init__(self, message: str, code: str = "UNKNOWN") -> None:
        super().__init__(message)
        self.code = code


class CheckFailed(Exception):  # noqa: N818  (part of the agreed interface)
    """Inputs that the provider refuses.

    Args:
        failures: Pairs of property and reason. An empty property makes the engine blame the resource as a whole.
        inputs: What to answer as checked inputs beside the failures; the bridged plugins send them, others send none.
    """

    def __init__(self, failures: Sequence[tuple[str, str]], inputs: Props | None = None) -> None:
        super().__init__("; ".join(f"{prop}: {reason}" if prop else reason for prop, reason in failures))
        self.failures = list(failures)
        self.inputs = inputs


class InvokeFailed(CheckFailed):
    """Arguments of a function that the provider refuses."""


class InitError(Exception):
    """A resource that exists but did not come up: the engine keeps it in state and marks it for repair.

    Sent as `ErrorResourceInitFailed`; `message` is the status text beside it.

    Args:
        id: The resource's id.
        state: Its outputs as far as they are known.
        reasons: What failed, one sentence each.
        inputs: The inputs to remember.
        message: Status text; without it the reasons are joined.
    """

    def __init__(self, id: str, state: Props, reasons: Sequence[str], inputs: Props, message: str = "") -> None:
        super().__init__(message or "; ".join(reasons))
        self.id, self.state, self.reasons, self.inputs = id, state, list(reasons), inputs


@dataclass(frozen=True, slots=True)
class Diff:
    """The answer to Diff.

    Attributes:
        changes: Whether anything changes at all.
        replaces: Properties that force a replacement, as the official plugin names them.
        diffs: Top-level properties that differ.
        detailed: Property path to one of ADD, ADD_REPLACE, DELETE, DELETE_REPLACE, UPDATE, UPDATE_REPLACE.
        delete_before_replace: Whether the old one must go before the new one is made.
        stables: Properties that are sure not to change.
        has_detailed: Value of `hasDetailedDiff`; None means "when `detailed` has entries".
        input_diffs: Keys of `detailed` whose difference is between inputs (`inputDiff`).
    """

    changes: bool
    replaces: Sequence[str] = ()
    diffs: Sequence[str] = ()
    detailed: Mapping[str, str] = field(default_factory=dict)
    delete_before_replace: bool = False
    stables: Sequence[str] = ()
    has_detailed: bool | None = None
    input_diffs: Sequence[str] = ()


class ResourceType(ABC):
    """Behaviour of one type token, such as `docker:index/container:Container`.

    Methods are called from many threads at once and keep nothing between calls. `context.current()` gives the engine's
    log, the Cancel signal and `ignoreChanges` of the call. Timeouts are in seconds, 0 means none was set.
    """

    @abstractmethod
    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """The inputs with defaults filled in; raises `CheckFailed` for bad ones, an unknown property among them."""

    @abstractmethod
    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:
        """What a change from the old state to the new inputs would do."""

    @abstractmethod
    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Creates the resource: its id and outputs. A preview touches nothing: an empty id and UNKNOWN values."""

    @abstractmethod
    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:
        """Id, state and inputs as they are now, None when it is gone. An import comes with an id and empty dicts."""

    @abstractmethod
    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Changes the resource in place: its outputs."""

    @abstractmethod
    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Removes the resource; one that is already gone is no error."""


class Provider:
    """One plugin: its official name and version, its types and how it is configured.

    The `accepts_*` flags are the official plugin's own answer to Handshake and Configure. Where `accepts_secrets` is
    false the engine sends secrets as plain values and marks the outputs that stem from them by itself; a `Secret` that
    arrives all the same is unwrapped before a resource type sees it.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    accepts_secrets: ClassVar[bool] = False
    accepts_resources: ClassVar[bool] = False
    accepts_outputs: ClassVar[bool] = False
    supports_preview: ClassVar[bool] = True
    autonaming: ClassVar[bool] = False

    def __init__(self) -> None:
        self.resources: dict[str, ResourceType] = {}

    def schema(self) -> Props:
        """What GetSchema answers: a Pulumi package schema of what is covered, and of nothing else."""
        return {"name": self.name, "version": self.version, "resources": {}, "functions": {}}

    def check_config(self, urn: str, olds: Props, news: Props) -> Props:
        """The provider's own settings, checked; raises `CheckFailed`."""
        return news

    def diff_config(self, urn: str, old_state: Props, old_inputs: Props, news: Props) -> Diff | None:
        """What a change of the provider's settings does; None leaves the answer empty, as the bridged plugins do."""
        return None

    def configure(self, config: Props) -> None:
        """Takes the provider's settings before the first resource call; raises `ProviderError`."""

    def invoke(self, token: str, args: Props) -> Props:
        """Answers a function; raises `InvokeFailed` for bad arguments."""
        raise ProviderError(f"unknown function {token!r} in the {self.name} stand-in", "NOT_FOUND")

    def close(self) -> None:
        """Releases what is held until the end of the plugin, such as connections."""
