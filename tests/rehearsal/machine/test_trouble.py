"""Trouble on the way to a machine: off the network, losses, a long or breaking line."""

from __future__ import annotations

import time

import pytest

from rehearsal.machine.relay import Relay, Trouble
from tests.rehearsal.machine.cloud import answers
from tests.support.waits import until

pytestmark = pytest.mark.docker


def test_a_machine_is_cut_off_and_comes_back_without_a_reboot(server):
    _, machine = server
    boots = machine.boots
    machine.cut()
    try:
        assert "silent" == answers(machine.ipv4, 22), "nothing comes through"
        assert machine.running, "it goes on running"
    finally:
        machine.restore()
    until(lambda: "open" == answers(machine.ipv4, 22), "it is back")
    assert boots == machine.boots, "nothing was rebooted for it"


def test_packets_get_lost_and_ssh_lives_with_it(cloud, server):
    _, machine = server
    machine.lossy(30)
    try:
        shown = machine.run("sh", "-c", f"ping -q -c 100 -i 0.01 -W 1 {cloud.ground.gateway} || true")
        lost = float(shown.split("% packet loss")[0].split()[-1])
        assert 20 < lost < 80, f"a ping crosses twice, so about half should be lost: {shown}"
        # Half of all round trips lost is more than a login's time-outs bear every time.
        machine.lossy(5)
        assert "done" == cloud.ssh(machine, "echo done", patience=60).stdout.strip(), "TCP sends again"
    finally:
        machine.restore()
    assert " 0% packet loss" in machine.run("ping", "-q", "-c", "20", "-i", "0.01", cloud.ground.gateway), "restored"


def test_a_long_line_adds_its_round_trip(cloud, server):
    _, machine = server
    with Relay((machine.ipv4, 22), Trouble(delay=0.02)) as relay:
        began = time.monotonic()
        assert "far" == cloud.ssh(machine, "echo far", port=relay.port, host="127.0.0.1").stdout.strip()
        # Version, key exchange, two rounds of authentication, session, command: at least six round trips of 40 ms.
        assert time.monotonic() - began > 6 * 0.04, "every answer takes its time"
        relay.trouble.delay = 0.0
        done = cloud.ssh(machine, "head -c 3000000 /dev/zero | wc -c", port=relay.port, host="127.0.0.1")
        assert "3000000" == done.stdout.strip(), done.stderr


def test_a_line_breaks_at_a_byte_and_another_goes_dumb(cloud, server):
    _, machine = server
    with Relay((machine.ipv4, 22), Trouble(cut_after=1500)) as relay:
        done = cloud.ssh(machine, "echo never", port=relay.port, host="127.0.0.1")
        assert (255, "") == (done.returncode, done.stdout), "SSH is told that the line is gone"
        assert 1500 == relay.sent, "to the byte"
    with Relay((machine.ipv4, 22), Trouble(stall_after=0)) as relay:
        began = time.monotonic()
        done = cloud.ssh(machine, "echo never", port=relay.port, host="127.0.0.1")
        assert 255 == done.returncode and "timed out" in done.stderr, "nobody is told, only the clock helps"
        assert time.monotonic() - began > 4, "it waited for its time-out"
