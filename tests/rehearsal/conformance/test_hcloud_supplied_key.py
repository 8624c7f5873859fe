"""A supplied SSH key on the real engine, with the stand-in and the emulated cloud: looked for, shared, kept."""

from __future__ import annotations

import pytest

from tests.rehearsal.conformance.test_hcloud_engine import Stack
from tests.unit.clouds_hetzner.emulated import KEY, TOKEN

pytestmark = pytest.mark.world

PROGRAM = f"""
import os
import pulumi
import pulumi_hcloud as hcloud
from homeport.stack.hetzner_key import HetznerKey

provider = hcloud.Provider("h", token="{TOKEN}", endpoint=os.environ["ENDPOINT"], poll_interval="50ms")
opts = pulumi.ResourceOptions(providers=[provider])
HOSTS = ("main", "second")
key = HetznerKey("t", HOSTS, "{KEY}")


class Server(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("homeport:host:Server", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        labels = {{"homeport.stack": "t", "homeport.host": name}}
        if os.environ.get("BEFORE"):
            own = hcloud.SshKey(f"{{name}}-key", name=f"t-{{name}}", public_key="{KEY}", labels=labels, opts=here).id
        else:
            own = key.id(opts, provider)
        server = dict(server_type="cx23", image="debian-12", location="fsn1", ssh_keys=[own], name=f"t-{{name}}")
        kept = pulumi.ResourceOptions(parent=self, ignore_changes=["sshKeys"])
        hcloud.Server(f"{{name}}-server", **server, opts=kept)


for name in HOSTS[:1] if os.environ.get("BEFORE") else HOSTS:
    Server(name)
"""


@pytest.fixture
def stack(tmp_path):
    running = Stack(tmp_path, PROGRAM)
    yield running
    running.cloud.listener.stop()


@pytest.mark.req("RW-12")
def test_a_key_that_somebody_put_there_serves_both_hosts_and_outlives_them(stack):
    stack.cloud.make("/ssh_keys", {"name": "laptop", "public_key": KEY})
    stack.up()
    stack.unchanged()
    stack.pulumi("destroy", "--yes", "--skip-preview")

    assert ["laptop"] == [row["name"] for row in stack.cloud.get("/ssh_keys")["ssh_keys"]], "it is not ours to delete"


@pytest.mark.req("RW-12")
def test_a_stack_of_an_earlier_version_keeps_its_key_and_gets_a_second_host(stack):
    stack.up(BEFORE="1")
    [before] = stack.cloud.get("/ssh_keys")["ssh_keys"]
    stack.up()
    stack.unchanged()

    assert [before["id"]] == [row["id"] for row in stack.cloud.get("/ssh_keys")["ssh_keys"]], "the same, under one name"
    assert 2 == len(stack.cloud.get("/servers")["servers"])
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert [] == stack.cloud.get("/ssh_keys")["ssh_keys"]
