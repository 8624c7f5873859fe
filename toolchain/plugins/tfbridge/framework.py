"""Resource types of a bridged provider that is written with Terraform's plugin framework.

Their answers differ from those of the SDK v2: no detailed diff, no null in a state, and a resource that is gone reads
as empty.
"""

from __future__ import annotations

from abc import abstractmethod

from toolchain.plugins import context
from toolchain.plugins.base import UNKNOWN, Diff, InitError, Props, ProviderError
from toolchain.plugins.tfbridge.errors import RemoteError
from toolchain.plugins.tfbridge.resource import BridgedType
from toolchain.plugins.tfbridge.state import imported_inputs, unchanged_inputs


class FrameworkType(BridgedType):
    """A resource type of the plugin framework."""

    def plan(self, prior: Props | None, news: Props) -> Props:
        """As the plugin framework plans it."""
        out: Props = {}
        for key, attr in self.schema.items():
            value = news.get(key) if attr.is_input else None
            value = attr.default if value is None else value
            if value is None and attr.computed:
                value = UNKNOWN if prior is None else prior.get(key)
            if value is not None:
                out[key] = value
        return out

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:
        """Top-level properties that differ between state and plan."""
        plan, ignored = self.plan(old_state, news), context.current().ignore_changes
        changed = sorted(
            key for key in self.schema if key not in ignored and not _equal(old_state.get(key), plan.get(key))
        )
        replaces = [key for key in changed if self.schema[key].force_new]
        return Diff(
            bool(changed),
            replaces=replaces,
            diffs=changed,
            delete_before_replace=bool(replaces) and self.keeps_name(news),
            has_detailed=False,
        )

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Creates the resource and reads it back."""
        plan = self.plan(None, news)
        if preview:
            return "", {**plan, "id": UNKNOWN}
        try:
            new_id, read = self.make({key: value for key, value in plan.items() if value is not UNKNOWN})
        except RemoteError as refused:
            raise ProviderError(str(refused)) from refused
        try:
            read = read or self.look(new_id, plan)
        except RemoteError as refused:
            raise InitError(new_id, {**_stated(plan, {}), "id": new_id}, [str(refused)], news) from refused
        if read is None:
            raise ProviderError(f"{urn} was created and cannot be found")
        return new_id, {**_stated(plan, read), "id": new_id}

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:
        """Reads the resource again, or takes over one that was created elsewhere."""
        try:
            read = self.look(id, state)
        except RemoteError as refused:
            raise ProviderError(str(refused)) from refused
        if read is None:
            return "", {}, {}
        now = {**_stated({key: state[key] for key in self.schema if key in state}, read), "id": id}
        remembered = unchanged_inputs(self.schema, inputs, state, now) if inputs else imported_inputs(self.schema, now)
        return id, now, remembered

    def apply(self, urn: str, id: str, old_state: Props, plan: Props, news: Props) -> Props:
        """Changes the resource in place and reads it back."""
        try:
            self.change(id, old_state, plan)
            read = self.look(id, plan)
        except RemoteError as refused:
            raise ProviderError(str(refused)) from refused
        if read is None:
            raise ProviderError(f"{urn} is gone")
        return {**_stated(plan, read), "id": id}

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Removes the resource."""
        try:
            self.remove(id, state)
        except RemoteError as refused:
            if not refused.gone:
                raise ProviderError(str(refused)) from refused

    @abstractmethod
    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Creates the resource; its id and, where the answer has them, the properties that can be read back."""

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes the resource in place."""


def _equal(before: object, after: object) -> bool:
    return after is not UNKNOWN and (before == after or (not before and not after and before is not False))


def _stated(plan: Props, read: Props) -> Props:
    known = {key: value for key, value in plan.items() if value is not UNKNOWN}
    return {key: value for key, value in {**known, **read}.items() if value is not None}
