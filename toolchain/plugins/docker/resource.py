"""The part that all bridged resource types share: Check and Diff, and the frame of the other calls."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from toolchain.plugins import context
from toolchain.plugins.base import UNKNOWN, CheckFailed, Diff, InitError, Props, ProviderError, ResourceType

from .check import DEFAULTS, checked, snake
from .daemon import Daemon, DaemonError, failed, listed
from .detailed import compared
from .plan import planned
from .settled import after_create, after_read, after_update, imported_inputs, partial, refreshed_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tfschema import Block


class Unfinished(Exception):  # noqa: N818  (not an error by itself: the resource exists)
    """Creation got as far as an id and then failed.

    Args:
        id: What was made.
        problem: Why it is not finished.
    """

    def __init__(self, id: str, problem: str) -> None:  # noqa: A002
        super().__init__(problem)
        self.id = id


class Bridged(ResourceType):
    """A resource type of the bridge over the Terraform provider.

    Args:
        daemon: Answers the daemon of the configured provider.
    """

    schema: ClassVar[Block]
    autoname: ClassVar[bool] = False
    delete_first: ClassVar[bool] = False
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, daemon: Callable[[], Daemon]) -> None:
        self.daemon = daemon

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """The inputs with defaults and, where the type has one, an automatic name."""
        inputs = checked(self.schema, urn, olds, news, seed, autoname=self.autoname)
        for one, other in self.conflicts:
            if one in inputs and other in inputs:
                said = f'Conflicting configuration arguments. "{snake(one)}": conflicts with {snake(other)}.'
                raise CheckFailed([("", f"{said} Examine values at '{urn.rsplit('::', 1)[-1]}.{one}'.")], inputs)
        return inputs

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:  # noqa: A002, ARG002
        """State against plan; a name of the user's own choice must be free before it is taken again."""
        named = self.autoname and "name" in news and "name" not in news.get(DEFAULTS, [])
        return compared(
            self.schema,
            old_state,
            news,
            replace_first=self.delete_first or named,
            ignored=tuple(context.current().ignore_changes),
        )

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:  # noqa: ARG002
        """Makes it, reads it back."""
        plan = planned(self.schema, None, news)
        if preview:
            return "", {**plan, "id": UNKNOWN}
        try:
            made = self.make(plan)
            read = self.look(made, plan)
        except Unfinished as unfinished:
            message = f"creating {urn}: {listed(str(unfinished))}"
            state = {**partial(self.schema, plan), "id": unfinished.id}
            raise InitError(unfinished.id, state, [message], news, message) from unfinished
        except DaemonError as refused:
            raise failed(str(refused)) from refused
        if read is None:
            raise ProviderError(f"expected non-nil error with nil state during Create of {urn}")
        return read[0], {**after_create(self.schema, plan, read[1]), "id": read[0]}

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:  # noqa: A002
        """Looks at it again, or takes over one that was made elsewhere."""
        prior = {key: state.get(key, attr.empty) for key, attr in self.schema.items()}
        try:
            read = self.look(id, prior)
        except DaemonError as refused:
            raise ProviderError(f"refreshing {urn}: {listed(str(refused))}") from refused
        if read is None:
            return None
        now: Props = {**after_read(self.schema, prior, read[1]), "id": read[0]}
        remembered = refreshed_inputs(self.schema, inputs, now) if inputs else imported_inputs(self.schema, now)
        return read[0], now, remembered

    def update(
        self,
        urn: str,
        id: str,  # noqa: A002
        old_state: Props,
        old_inputs: Props,  # noqa: ARG002
        news: Props,
        *,
        preview: bool,
        timeout: float,  # noqa: ARG002
    ) -> Props:
        """Changes what can be changed in place."""
        plan = planned(self.schema, old_state, news)
        if preview:
            return {**plan, "id": id}
        state: Props = {**after_update(self.schema, old_state, plan), "id": id}
        try:
            return {**state, **self.change(id, old_state, plan)}
        except DaemonError as refused:
            message = f"updating {urn}: {listed(str(refused))}"
            raise InitError(id, state, [message], news, message) from refused

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:  # noqa: A002, ARG002
        """Removes it."""
        try:
            self.remove(id, state)
        except DaemonError as refused:
            raise ProviderError(f"deleting {urn}: {listed(str(refused))}") from refused

    @abstractmethod
    def make(self, plan: Props) -> str:
        """Makes it; answers its id. Raises `DaemonError` before there is an id, `Unfinished` after."""

    @abstractmethod
    def look(self, id: str, state: Props) -> tuple[str, Props] | None:  # noqa: A002
        """Its id and the properties that can be read back; None when it is gone."""

    def change(self, id: str, old: Props, plan: Props) -> dict[str, Any]:  # noqa: A002, ARG002
        """Changes it in place; answers properties that were read back."""
        return {}

    @abstractmethod
    def remove(self, id: str, state: Props) -> None:  # noqa: A002
        """Removes it; one that is gone is no error."""
