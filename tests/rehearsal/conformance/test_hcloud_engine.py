"""The real engine, the hcloud stand-in and the emulated cloud together: a small stack's life."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.rehearsal.conformance.plugin_process import ROOT
from tests.unit.clouds_hetzner.emulated import KEY, TOKEN, Emulated

pytestmark = pytest.mark.world

PROJECT = 'name: hz\nruntime:\n  name: python\nconfig:\n  pulumi:disable-default-providers: ["*"]\n'
PROGRAM = f"""
import os
import pulumi
import pulumi_hcloud as hcloud

token = pulumi.Output.secret("{TOKEN}")
provider = hcloud.Provider("h", token=token, endpoint=os.environ["ENDPOINT"], poll_interval="50ms")
opts = pulumi.ResourceOptions(provider=provider)
rule = hcloud.FirewallRuleArgs(direction="in", protocol="tcp", port="22", source_ips=["203.0.113.7/32"])
key = hcloud.SshKey("key", public_key="{KEY}", opts=opts)
ip = hcloud.PrimaryIp("ip", type="ipv4", location="fsn1", auto_delete=False, opts=opts)
wall = hcloud.Firewall("edge", rules=[rule], opts=opts)
net = hcloud.Network("net", ip_range="10.0.0.0/16", opts=opts)
subnet = hcloud.NetworkSubnet(
    "subnet",
    network_id=net.id.apply(int),
    type="cloud",
    network_zone="eu-central",
    ip_range="10.0.1.0/24",
    opts=opts,
)
server = hcloud.Server(
    "host",
    server_type="cx23",
    image="debian-12",
    location="fsn1",
    ssh_keys=[key.id],
    firewall_ids=[wall.id.apply(int)],
    public_nets=[hcloud.ServerPublicNetArgs(ipv4_enabled=True, ipv4=ip.id.apply(int), ipv6_enabled=False)],
    user_data=os.environ.get("USER_DATA", "#cloud-config\\n"),
    opts=opts,
)
hcloud.ServerNetwork("inside", server_id=server.id.apply(int), subnet_id=subnet.id, ip="10.0.1.5", opts=opts)
volume = hcloud.Volume("data", size=10, location="fsn1", format="ext4", opts=opts)
hcloud.VolumeAttachment("attached", volume_id=volume.id.apply(int), server_id=server.id.apply(int), opts=opts)
hcloud.Rdns("name", primary_ip_id=ip.id.apply(int), ip_address=ip.ip_address, dns_ptr="a.example.com", opts=opts)
pulumi.export("address", ip.ip_address)
"""


class Stack:
    """One stack in a folder of its own, against a cloud of its own."""

    def __init__(self, folder, program=PROGRAM):
        self.cloud = Emulated(folder / "cloud.json", seconds=0.05)
        self.folder = folder / "program"
        self.folder.mkdir()
        (folder / "state").mkdir()
        (self.folder / "Pulumi.yaml").write_text(PROJECT)
        (self.folder / "__main__.py").write_text(program)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
            "ENDPOINT": self.cloud.listener.url,
        }
        self.pulumi("stack", "init", "t", stack=False)

    def pulumi(self, *words, stack=True, fails=False, **more):
        line = [sys.executable, "-m", "toolchain.engine", "exec", "--", "pulumi", "--non-interactive", *words]
        done = subprocess.run(
            [*line, *(("--stack", "t") if stack else ())],
            cwd=self.folder,
            env={**self.environment, **more},
            check=False,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert fails == (done.returncode != 0), done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, **more):
        return self.pulumi("up", "--yes", "--skip-preview", **more)

    def unchanged(self):
        self.pulumi("preview", "--expect-no-changes")
        self.pulumi("refresh", "--yes", "--skip-preview")
        self.pulumi("preview", "--expect-no-changes", "--diff")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    running = Stack(tmp_path_factory.mktemp("hcloud"))
    yield running
    running.cloud.listener.stop()


def test_a_stack_comes_up_stays_unchanged_survives_a_lost_server_and_leaves_nothing(stack):
    cloud = stack.cloud
    cloud.fault(kind="slow_action", path="/v1/servers$", seconds=0.5)
    assert "warning" not in stack.up().lower(), "a clean run warns of nothing"
    stack.unchanged()

    preview = stack.pulumi("preview", "--diff", USER_DATA="#cloud-config\n# new\n")
    assert "userData" in preview
    assert "3 to replace" in preview, "the server, and what is attached to it by its id"

    [before] = cloud.get("/servers")["servers"]
    cloud.ask("DELETE", f"/servers/{before['id']}")
    cloud.settle()
    stack.pulumi("refresh", "--yes", "--skip-preview")
    stack.up()
    [after] = cloud.get("/servers")["servers"]
    assert before["id"] != after["id"]
    assert before["public_net"]["ipv4"]["ip"] == after["public_net"]["ipv4"]["ip"], "the address outlives the server"
    assert ["10.0.1.5"] == [entry["ip"] for entry in after["private_net"]]
    assert 1 == len(after["volumes"])
    stack.unchanged()

    stack.pulumi("destroy", "--yes", "--skip-preview")
    for table in ("servers", "primary_ips", "networks", "volumes", "firewalls", "ssh_keys"):
        assert [] == cloud.get(f"/{table}")[table], "no orphan"


def test_an_api_error_in_the_middle_fails_by_name_and_the_next_up_converges(stack):
    stack.cloud.fault(kind="status", method="POST", path="/actions/attach_to_network$", status=503)
    assert "unavailable" in stack.up(fails=True)
    stack.up()
    stack.unchanged()
    stack.pulumi("destroy", "--yes", "--skip-preview")
