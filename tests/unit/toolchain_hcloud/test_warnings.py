"""What the stand-in warns of, and refuses before it asks the cloud, as the official plugin does."""

from __future__ import annotations

import pytest

from tests.unit.toolchain_hcloud.stack import Resource
from toolchain.plugins import context
from toolchain.plugins.base import ProviderError

ADDRESS = {"name": "a", "type": "ipv4", "location": "fsn1"}


@pytest.fixture()
def warned():
    messages = []
    call = context.Call(engine_log=lambda severity, text, _urn, *, ephemeral: messages.append((severity, text)))  # noqa: ARG005
    token = context.CALL.set(call)
    yield messages
    context.CALL.reset(token)


@pytest.mark.req("NP-02")
@pytest.mark.parametrize(("inputs", "warnings"), [(ADDRESS, 0), ({**ADDRESS, "assigneeType": "server"}, 1)])
def test_a_type_of_assignee_without_an_assignee_is_warned_of(plugin, warned, inputs, warnings):
    Resource(plugin, "PrimaryIp").checked(inputs)

    assert warnings == len([text for level, text in warned if level == "WARNING" and '"assigneeType"' in text])


@pytest.mark.req("RW-08")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("cx22", "server type cx22 not found"),
        ("cpx11", '"cpx11" is unavailable in "fsn1" and can no longer be ordered'),
    ],
)
def test_a_server_type_that_is_not_sold_is_refused_before_anything_is_ordered(plugin, cloud, kind, reason):
    server = {"name": "one", "serverType": kind, "image": "debian-12", "location": "fsn1"}
    with pytest.raises(ProviderError, match=reason):
        Resource(plugin, "Server").create(**server)

    assert [] == cloud.get("/servers")["servers"]
