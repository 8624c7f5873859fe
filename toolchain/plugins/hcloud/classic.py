"""Resource types of the hcloud provider that are written with Terraform's plugin SDK v2.

Check, plan and diff are those of any bridged SDK v2 resource; they live beside the docker stand-in, which needs them too.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from toolchain.plugins import context
from toolchain.plugins.base import UNKNOWN, Diff, InitError, Props, ProviderError, ResourceType
from toolchain.plugins.docker.check import DEFAULTS, checked
from toolchain.plugins.docker.detailed import compared
from toolchain.plugins.docker.plan import planned
from toolchain.plugins.docker.settled import after_create, after_read, partial
from toolchain.plugins.hcloud.client import Cloud, CloudError
from toolchain.plugins.hcloud.remembered import inputs_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolchain.plugins.docker.tfschema import Block


class Unfinished(Exception):  # noqa: N818  (not an error by itself: the resource exists)
    """Creation got as far as an id and then failed.

    Args:
        id: What was made.
        problem: Why it is not finished.
    """

    def __init__(self, id: str, problem: str) -> None:  # noqa: A002
        super().__init__(problem)
        self.id = id


def listed(problem: object) -> str:
    """An error in the form in which Terraform's diagnostics arrive."""
    return f"1 error occurred:\n\t* {problem}\n\n"


class Classic(ResourceType):
    """A resource type of the plugin SDK v2.

    Args:
        cloud: Answers the configured connection.
    """

    schema: ClassVar[Block]
    named: ClassVar[bool] = True
    # Replaces when it changes, but the official plugin does not count it among what is sure not to change.
    unstable: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, cloud: Callable[[], Cloud]) -> None:
        self._cloud = cloud

    @property
    def cloud(self) -> Cloud:
        """The connection."""
        return self._cloud()

    def normal(self, values: Props) -> Props:
        """Inputs in the form that a state holds them."""
        return values

    def plan(self, prior: Props | None, news: Props) -> Props:
        """What the state will be."""
        return planned(self.schema, prior, self.normal(news))

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """The inputs with defaults and, where the type has one, an automatic name."""
        return checked(self.schema, urn, olds, news, seed, autoname=self.named)

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:  # noqa: A002, ARG002
        """State against plan; a name of the user's own choice must be free before it is taken again."""
        own_name = self.named and "name" in news and "name" not in news.get(DEFAULTS, [])
        ignored = tuple(context.current().ignore_changes)
        found = compared(self.schema, old_state, self.normal(news), replace_first=own_name, ignored=ignored)
        stables = [key for key in found.stables if key not in self.unstable]
        return Diff(
            found.changes,
            replaces=found.replaces,
            diffs=found.diffs,
            detailed=found.detailed,
            delete_before_replace=found.delete_before_replace,
            stables=stables,
            has_detailed=True,
        )

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:  # noqa: ARG002
        """Makes it, reads it back."""
        plan = self.plan(None, news)
        if preview:
            return "", {**plan, "id": UNKNOWN}
        made = ""
        try:
            made = self.make(plan, news)
            read = self.look(made, plan)
        except (Unfinished, CloudError) as problem:
            made = problem.id if isinstance(problem, Unfinished) else made
            if not made:
                raise ProviderError(listed(problem)) from problem
            message = f"creating {urn}: {listed(problem)}"
            raise InitError(made, {**partial(self.schema, plan), "id": made}, [message], news, message) from problem
        if read is None:
            raise ProviderError(f"expected non-nil error with nil state during Create of {urn}")
        return made, {**self.settled(plan, read), "id": made}

    def settled(self, plan: Props, read: Props) -> Props:
        """State after a change: the plan with what was read back."""
        return after_create(self.schema, plan, read)

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:  # noqa: A002, ARG002
        """Looks at it again, or takes over one that was made elsewhere."""
        prior = {key: state.get(key, attr.empty) for key, attr in self.schema.items()}
        try:
            read = self.look(id, prior)
        except CloudError as refused:
            raise ProviderError(listed(refused)) from refused
        if read is None:
            return None
        now = {**after_read(self.schema, prior, read), "id": id}
        return id, now, inputs_after(self.schema, inputs, prior, now)

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
        """Changes what can be changed in place, reads it back."""
        plan = self.plan(old_state, news)
        if preview:
            return {**plan, "id": id}
        # Upstream changes in partial mode (`d.Partial` in internal/firewall/resource.go): what failed leaves the state as it was.
        reached = old_state
        try:
            self.change(id, old_state, plan)
            reached = partial(self.schema, plan)
            read = self.look(id, plan)
        except CloudError as refused:
            message = f"updating {urn}: {listed(refused)}"
            raise InitError(id, {**reached, "id": id}, [message], news, message) from refused
        if read is None:
            raise ProviderError(f"updating {urn}: {listed('the resource is gone')}")
        return {**self.settled(plan, read), "id": id}

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:  # noqa: A002, ARG002
        """Removes it; what is gone already is no error, wherever on the way that shows."""
        try:
            self.remove(id, state)
        except CloudError as refused:
            if refused.code == "not_found":
                return
            raise ProviderError(f"deleting {urn}: {listed(refused)}") from refused

    @abstractmethod
    def make(self, plan: Props, news: Props) -> str:
        """Makes it; answers its id. Raises `CloudError` before there is an id, `Unfinished` after."""

    @abstractmethod
    def look(self, id: str, state: Props) -> Props | None:  # noqa: A002
        """The properties that can be read back; None when it is gone."""

    def change(self, id: str, old: Props, plan: Props) -> None:  # noqa: A002
        """Changes it in place."""

    @abstractmethod
    def remove(self, id: str, state: Props) -> None:  # noqa: A002
        """Removes it; one that is gone is no error."""


def given(values: Props, **names: str) -> Props:
    """A request body: name of the field to the value of a property, without those that are null or not known."""
    picked = {field: values.get(key) for field, key in names.items()}
    return {field: value for field, value in picked.items() if value is not None and value is not UNKNOWN}


def renamed(old: Props, plan: Props, **names: str) -> Props:
    """As `given`, but only what has changed; labels that were removed become an empty object."""
    out = {}
    for field, key in names.items():
        was, will = old.get(key), plan.get(key)
        if will is not UNKNOWN and (was or None) != (will or None):
            out[field] = {} if will is None and field == "labels" else will
    return out
