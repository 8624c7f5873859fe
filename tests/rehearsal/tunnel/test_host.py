"""cloudflared on a host with systemd.

Taken out of its image, started, killed, rebooted, misconfigured and taken away.
"""

from __future__ import annotations

import time

import pytest

from homeport.render import cloudflared
from rehearsal.machine.daemon import IMAGE
from tests.support.cloudflare import ACCOUNT
from tests.support.tunnel_machine import CLOUDFLARED, DOOR, HOST, Machine, docker
from tests.support.tunnel_stack import Stack, guard
from tests.support.waits import until
from toolchain.images.ensure import ensure

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    ensure([IMAGE, CLOUDFLARED])
    made = Machine(tmp_path_factory.mktemp("cloud"))
    try:
        made.prepare()
        made.write()
        made.apply()
        yield made
    finally:
        made.close()


@pytest.mark.req("S2-34", "S2-36", "S2-37")
def test_the_service_runs_from_the_images_program_and_the_tunnel_stands(machine):
    assert "755 root:root" == machine.run("stat -c '%a %U:%G' /usr/local/bin/cloudflared").strip(), "as declared"
    assert "active\nenabled" == machine.run("systemctl is-active cloudflared; systemctl is-enabled cloudflared").strip()
    until(lambda: machine.connections() == 4, "four connections")
    assert 200 == machine.visit(), "a person comes as far as the service"
    assert 302 == machine.cloud.visit(HOST)[0], "and nobody else"
    own = machine.run(f"stat -c '%a %U' ~root/.cloudflared/{machine.tunnel}.json /etc/cloudflared/config.yml")
    assert ["600 root"] * 2 == own.split("\n")[:2], "secret values"
    assert "" == machine.run("docker ps -aq"), "no container is left of it"


def test_the_tunnels_secret_is_in_no_command_line_and_no_environment(machine):
    pid = machine.run("systemctl show -p MainPID --value cloudflared").strip()
    shown = machine.run(f"cat /proc/{pid}/cmdline /proc/{pid}/environ; ps axww; journalctl -u cloudflared")

    assert "cloudflared" in shown, "it was looked at"
    assert machine.secret not in shown, "C-08"


@pytest.mark.req("S2-37")
def test_the_service_has_no_capability_and_cannot_write(machine):
    pid = machine.run("systemctl show -p MainPID --value cloudflared").strip()
    status = machine.run(f"cat /proc/{pid}/status")

    assert "CapEff:\t0000000000000000" in status, status
    assert "NoNewPrivs:\t1" in status, status
    tried = f"nsenter -t {pid} -m sh -c 'touch /etc/x ~root/x /usr/local/bin/x 2>&1'"
    assert 3 == machine.run(tried, fails=True).count("Read-only file system"), "the host's files are not its own"


@pytest.mark.req("S2-37")
def test_it_comes_back_when_it_is_killed_and_after_a_reboot(machine):
    machine.run("systemctl kill -s KILL cloudflared")
    until(lambda: machine.connections() == 0, "no connection is left")
    until(lambda: machine.connections() == 4, "four connections")
    assert "5s" == machine.run("systemctl show -p RestartUSec --value cloudflared").strip(), (
        "five seconds, and its start"
    )

    docker("restart", machine.name)
    until(lambda: machine.connections() == 4, "four connections after the boot")
    until(lambda: machine.visit() == 200, "a visitor comes as far as the service")


def test_a_configuration_that_is_refused_leaves_the_old_program_running(machine):
    before = machine.run("systemctl show -p MainPID --value cloudflared")
    machine.run("sed -i '/http_status:404/d' /etc/cloudflared/config.yml")
    printed = machine.apply(fails=True)

    assert "the last rule, and only it, must match all URLs" in printed, "and says why"
    assert before == machine.run("systemctl show -p MainPID --value cloudflared"), "nothing was restarted"
    assert 200 == machine.visit(), "nobody noticed"
    machine.write()


def test_a_tunnel_that_finds_no_way_out_fails_the_update_with_its_last_lines(machine):
    machine.run(
        "cp /etc/hosts /tmp/hosts; "
        "sed 's/^198.18.*argotunnel.com/127.0.0.1 region1.v2.argotunnel.com/' /tmp/hosts >/etc/hosts"
    )
    machine.run("mkdir -p /run/systemd/system/cloudflared.service.d")
    machine.run("printf '[Service]\\nTimeoutStartSec=15\\n' >/run/systemd/system/cloudflared.service.d/test.conf")
    try:
        printed = machine.apply(fails=True)
    finally:
        machine.run("rm -r /run/systemd/system/cloudflared.service.d; cat /tmp/hosts >/etc/hosts")

    assert "The tunnel found no way to Cloudflare" in printed, printed
    assert "Connection refused" in printed, "the connector's own words"
    machine.apply()
    until(lambda: machine.connections() == 4, "four connections")


def test_removal_leaves_no_connection_so_the_tunnel_can_be_deleted(machine):
    machine.run(f"rm /etc/systemd/system/{cloudflared.UNIT}")
    machine.run("sh -s", cloudflared.remove())

    assert "inactive" in machine.run("systemctl is-active cloudflared; true"), "ended, though its file is gone already"
    until(lambda: machine.connections() == 0, "no connection is left")
    machine.cloud.made("DELETE", f"/accounts/{ACCOUNT}/cfd_tunnel/{machine.tunnel}")
    assert "gone" in machine.run("test -e /usr/local/bin/cloudflared || echo gone"), "the program too"
    machine.run("sh -s", cloudflared.remove())


@pytest.mark.world
@pytest.mark.req("S2-34", "S2-35", "S2-36", "S2-37", "S2-38", "S2-39")
def test_one_update_by_the_engine_brings_all_of_it_and_destroy_takes_all_of_it(machine, tmp_path):
    host = "jett.example.com"
    doors = [{"name": "jett", "hostname": host, "origin": DOOR.origin, "guards": [guard("login")]}]
    stack = Stack(tmp_path, machine.cloud, doors, environment=machine.environment(tmp_path), image=machine.image)
    before = stack.there()
    began = time.monotonic()
    stack.up()
    seconds = time.monotonic() - began

    assert 302 == machine.cloud.visit(host)[0], "the door is there and asks who comes"
    assert "active" == machine.run("systemctl is-active cloudflared").strip(), f"after {seconds:.1f} s"
    stack.unchanged()

    known = "cat /etc/cloudflared/config.yml | grep ^tunnel; sha256sum ~root/.cloudflared/*.json"
    first, stack.asked["version"] = machine.run(known), 2
    stack.up()
    second = machine.run(known)
    assert first.split()[1] == second.split()[1], "the same tunnel"
    assert first != second, "with another secret"
    assert 302 == machine.cloud.visit(host)[0], "and the door stands"
    stack.unchanged()

    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert before == stack.there(), "the tunnel had no connection any more, or it could not have been deleted"
    left = machine.run("ls -A /etc/cloudflared ~root/.cloudflared /usr/local/bin").split()
    assert f"{machine.tunnel}.json" in left, "what the tests before wrote by hand is not the stack's to remove"
    assert [] == [word for word in left if word.endswith("json") and machine.tunnel not in word], left
    assert not {"config.yml", "cloudflared"} & set(left), left
    assert "gone" == machine.run("test -e /var/lib/homeport || echo gone").strip(), "the last unit takes their folder"
