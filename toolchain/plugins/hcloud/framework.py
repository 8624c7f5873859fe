"""Resource types of the hcloud provider that are written with Terraform's plugin framework.

Their answers differ from the others': no detailed diff, no null in a state, and a resource that is gone reads as empty.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from toolchain.plugins import context
from toolchain.plugins.base import UNKNOWN, Diff, InitError, Props, ProviderError, ResourceType
from toolchain.plugins.docker.check import DEFAULTS, checked
from toolchain.plugins.hcloud.client import Cloud, CloudError
from toolchain.plugins.hcloud.remembered import inputs_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolchain.plugins.docker.tfschema import Block


class Framework(ResourceType):
    """A resource type of the plugin framework.

    Args:
        cloud: Answers the configured connection.
    """

    schema: ClassVar[Block]
    named: ClassVar[bool] = True

    def __init__(self, cloud: Callable[[], Cloud]) -> None:
        self._cloud = cloud

    @property
    def cloud(self) -> Cloud:
        """The connection."""
        return self._cloud()

    def plan(self, prior: Props | None, news: Props) -> Props:
        """What the state will be, with UNKNOWN for what only the cloud can tell."""
        out: Props = {}
        for key, attr in self.schema.items():
            value = news.get(key) if attr.is_input else None
            value = attr.default if value is None else value
            if value is None and attr.computed:
                value = UNKNOWN if prior is None else prior.get(key)
            if value is not None:
                out[key] = value
        return out

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """The inputs, with an automatic name where the type has one."""
        return checked(self.schema, urn, olds, news, seed, autoname=self.named)

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:  # noqa: A002, ARG002
        """Top-level properties that differ between state and plan."""
        plan, ignored = self.plan(old_state, news), context.current().ignore_changes
        changed = sorted(
            key for key in self.schema if key not in ignored and not _equal(old_state.get(key), plan.get(key))
        )
        replaces = [key for key in changed if self.schema[key].force_new]
        own_name = self.named and "name" in news and "name" not in news.get(DEFAULTS, [])
        return Diff(
            bool(changed),
            replaces=replaces,
            diffs=changed,
            delete_before_replace=bool(replaces) and own_name,
            has_detailed=False,
        )

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:  # noqa: ARG002
        """Makes it, reads it back."""
        plan = self.plan(None, news)
        if preview:
            return "", {**plan, "id": UNKNOWN}
        try:
            made, read = self.make({key: value for key, value in plan.items() if value is not UNKNOWN})
        except CloudError as refused:
            raise ProviderError(str(refused)) from refused
        try:
            read = read or self.look(made, plan)
        except CloudError as refused:
            raise InitError(made, {**_stated(plan, {}), "id": made}, [str(refused)], news) from refused
        if read is None:
            raise ProviderError(f"{urn} was created and cannot be found")
        return made, {**_stated(plan, read), "id": made}

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:  # noqa: A002, ARG002
        """Looks at it again, or takes over one that was made elsewhere."""
        try:
            read = self.look(id, state)
        except CloudError as refused:
            raise ProviderError(str(refused)) from refused
        if read is None:
            return "", {}, {}
        now = {**_stated({key: state[key] for key in self.schema if key in state}, read), "id": id}
        return id, now, inputs_after(self.schema, inputs, state, now)

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
        """Changes it in place, reads it back."""
        plan = self.plan(old_state, news)
        if preview:
            return {**plan, "id": id}
        try:
            self.change(id, old_state, plan)
            read = self.look(id, plan)
        except CloudError as refused:
            raise ProviderError(str(refused)) from refused
        if read is None:
            raise ProviderError(f"{urn} is gone")
        return {**_stated(plan, read), "id": id}

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:  # noqa: A002, ARG002
        """Removes it; what is gone already is no error, wherever on the way that shows."""
        try:
            self.remove(id, state)
        except CloudError as refused:
            if refused.code == "not_found":
                return
            raise ProviderError(str(refused)) from refused

    @abstractmethod
    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Makes it; answers its id and, where the answer has them, the properties that can be read back."""

    @abstractmethod
    def look(self, id: str, state: Props) -> Props | None:  # noqa: A002
        """The properties that can be read back; None when it is gone."""

    def change(self, id: str, old: Props, plan: Props) -> None:  # noqa: A002
        """Changes it in place."""

    @abstractmethod
    def remove(self, id: str, state: Props) -> None:  # noqa: A002
        """Removes it; one that is gone is no error."""


def _equal(before: object, after: object) -> bool:
    return after is not UNKNOWN and (before == after or (not before and not after and before is not False))


def _stated(plan: Props, read: Props) -> Props:
    known = {key: value for key, value in plan.items() if value is not UNKNOWN}
    return {key: value for key, value in {**known, **read}.items() if value is not None}
