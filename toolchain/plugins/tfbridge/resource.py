"""Resource types of a bridged provider that is written with Terraform's plugin SDK v2."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from toolchain.plugins import context
from toolchain.plugins.base import UNKNOWN, CheckFailed, Diff, InitError, Props, ProviderError, ResourceType
from toolchain.plugins.tfbridge.check import check_inputs, has_chosen_name, snake
from toolchain.plugins.tfbridge.diff import diff_of
from toolchain.plugins.tfbridge.errors import RemoteError, UnfinishedError, listed
from toolchain.plugins.tfbridge.plan import planned
from toolchain.plugins.tfbridge.state import (
    after_create,
    after_read,
    imported_inputs,
    partial,
    rebuilt,
    refreshed_inputs,
)

if TYPE_CHECKING:
    from toolchain.plugins.tfbridge.schema import Block


class BridgedType(ResourceType):
    """What the resource types of every bridged provider have in common."""

    schema: ClassVar[Block]
    autoname: ClassVar[bool] = False
    # Pairs of properties of which only one may be set.
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = ()

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """The inputs with defaults and, where the type has one, an automatic name."""
        inputs = check_inputs(self.schema, urn, olds, news, seed, autoname=self.autoname)
        for first, second in self.conflicts:
            if first in inputs and second in inputs:
                conflict = f'"{snake(first)}": conflicts with {snake(second)}.'
                where = f"Examine values at '{urn.rsplit('::', 1)[-1]}.{first}'."
                raise CheckFailed([("", f"Conflicting configuration arguments. {conflict} {where}")], inputs)
        return inputs

    def keeps_name(self, news: Props) -> bool:
        """Whether the successor takes the same name: a name of the user's own choice must be free before it can."""
        return self.autoname and has_chosen_name(news)

    @abstractmethod
    def plan(self, prior: Props | None, news: Props) -> Props:
        """What the state will be, with UNKNOWN for what only the daemon or the cloud can tell."""

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Changes the resource in place."""
        plan = self.plan(old_state, news)
        return {**plan, "id": id} if preview else self.apply(urn, id, old_state, plan, news)

    @abstractmethod
    def apply(self, urn: str, id: str, old_state: Props, plan: Props, news: Props) -> Props:
        """Makes the resource what the plan says; answers its state."""

    @abstractmethod
    def look(self, id: str, state: Props) -> Props | None:
        """The properties that can be read back, `id` among them where it changes; None when the resource is gone."""

    @abstractmethod
    def remove(self, id: str, state: Props) -> None:
        """Removes the resource. That it does not exist is no error, wherever on the way that shows."""


class SdkType(BridgedType):
    """A resource type of the plugin SDK v2."""

    delete_first: ClassVar[bool] = False
    # Properties that replace, and yet the official plugin does not count them among what is sure not to change.
    unstable: ClassVar[frozenset[str]] = frozenset()

    def normal(self, values: Props) -> Props:
        """Inputs in the form in which a state holds them."""
        return values

    def plan(self, prior: Props | None, news: Props) -> Props:
        """As the SDK v2 plans it."""
        return planned(self.schema, prior, self.normal(news))

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Changes the resource in place."""
        answer = super().update(urn, id, old_state, old_inputs, news, preview=preview, timeout=timeout)
        return rebuilt(self.schema, old_state, answer) if preview else answer

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:
        """State against plan."""
        return diff_of(
            self.schema,
            old_state,
            self.normal(news),
            replace_first=self.delete_first or self.keeps_name(news),
            ignored=tuple(context.current().ignore_changes),
            unstable=self.unstable,
        )

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Creates the resource and reads it back."""
        plan = self.plan(None, news)
        if preview:
            return "", {**plan, "id": UNKNOWN}
        new_id = ""
        try:
            new_id = self.make(plan, news)
            read = self.look(new_id, plan)
        except RemoteError as problem:
            new_id = problem.id if isinstance(problem, UnfinishedError) else new_id
            if not new_id:
                raise ProviderError(listed(problem)) from problem
            message, state = f"creating {urn}: {listed(problem)}", {**partial(self.schema, plan), "id": new_id}
            raise InitError(new_id, state, [message], news, message) from problem
        if read is None:
            raise ProviderError(f"expected non-nil error with nil state during Create of {urn}")
        new_id = read.get("id", new_id)
        return new_id, {**self.settled(plan, read), "id": new_id}

    def settled(self, plan: Props, read: Props) -> Props:
        """State after a change: the plan with what was read back."""
        return after_create(self.schema, plan, read)

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:
        """Reads the resource again, or takes over one that was created elsewhere."""
        prior = {key: state.get(key, attr.empty) for key, attr in self.schema.items()}
        try:
            read = self.look(id, prior)
        except RemoteError as refused:
            raise ProviderError(f"refreshing {urn}: {listed(refused)}") from refused
        if read is None:
            return None
        now_id = read.get("id", id)
        now = {**after_read(self.schema, prior, read), "id": now_id}
        return now_id, now, self.remembered(inputs, prior, now) if inputs else imported_inputs(self.schema, now)

    def remembered(self, inputs: Props, before: Props, now: Props) -> Props:
        """The inputs that a refresh keeps for the state of now."""
        return refreshed_inputs(self.schema, inputs, now)

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Removes the resource."""
        try:
            self.remove(id, state)
        except RemoteError as refused:
            if not refused.gone:
                raise ProviderError(f"deleting {urn}: {listed(refused)}") from refused

    @abstractmethod
    def make(self, plan: Props, news: Props) -> str:
        """Creates the resource; answers its id. A failure after there is an id is an `UnfinishedError`."""
