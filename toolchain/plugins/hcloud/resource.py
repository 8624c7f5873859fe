"""Resource types of the hcloud provider, and the request bodies that they send."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from toolchain.plugins.base import UNKNOWN, InitError, Props, ProviderError, ResourceType
from toolchain.plugins.hcloud.client import Cloud, CloudError
from toolchain.plugins.tfbridge.errors import listed
from toolchain.plugins.tfbridge.framework import FrameworkType
from toolchain.plugins.tfbridge.resource import SdkType
from toolchain.plugins.tfbridge.state import partial, unchanged_inputs

if TYPE_CHECKING:
    from collections.abc import Callable


class _OnCloud(ResourceType):
    """A resource of the cloud.

    Args:
        cloud: Answers the configured connection.
    """

    def __init__(self, cloud: Callable[[], Cloud]) -> None:
        self._cloud = cloud

    @property
    def cloud(self) -> Cloud:
        """The connection."""
        return self._cloud()


class HcloudFrameworkType(_OnCloud, FrameworkType):
    """A resource type of the provider's newer part, written with the plugin framework."""

    autoname: ClassVar[bool] = True


class HcloudSdkType(_OnCloud, SdkType):
    """A resource type of the provider's older part, written with the plugin SDK v2."""

    autoname: ClassVar[bool] = True

    def remembered(self, inputs: Props, before: Props, now: Props) -> Props:
        """The inputs as they were, but for what has really changed: a state may hold them in another form."""
        return unchanged_inputs(self.schema, inputs, before, now)

    def apply(self, urn: str, id: str, old_state: Props, plan: Props, news: Props) -> Props:
        """Changes what can be changed in place and reads it back."""
        # Upstream changes in partial mode (`d.Partial` in internal/firewall/resource.go): a failure leaves the old
        # state.
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

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes the resource in place."""


def body_of(values: Props, **names: str) -> Props:
    """A request body: name of the field to the value of a property, without those that are null or not known."""
    picked = {field: values.get(key) for field, key in names.items()}
    return {field: value for field, value in picked.items() if value is not None and value is not UNKNOWN}


def located(values: Props) -> Props:
    """The part of a request body that says where: a datacenter's location, as the API takes no datacenter any more.

    Source: hetznercloud/terraform-provider-hcloud, release notes of v1.58.0.
    """
    place = body_of(values, location="location", datacenter="datacenter")
    if "datacenter" in place:
        place = {"location": place["datacenter"].partition("-")[0], **place}
        del place["datacenter"]
    return place


def changes_of(old: Props, plan: Props, **names: str) -> Props:
    """As `body_of`, but only what has changed; labels that were removed become an empty object."""
    out = {}
    for field, key in names.items():
        was, will = old.get(key), plan.get(key)
        if will is not UNKNOWN and (was or None) != (will or None):
            out[field] = {} if will is None and field == "labels" else will
    return out
