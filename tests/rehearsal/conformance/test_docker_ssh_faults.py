"""The stand-ins of docker and command when SSH to a rented server breaks, falls silent, is throttled or lies."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest

from bench.relay import Relay
from tests.rehearsal.conformance.ssh_calls import Docker
from tests.rehearsal.conformance.ssh_machine import ALL, USER, absence
from tests.support.waits import until

CUTS = 20 if ALL else 6
"""At how many places of an operation the connection is cut."""
PATIENT = 180.0
QUICK = ("ConnectTimeout=3", "ServerAliveInterval=1", "ServerAliveCountMax=2")

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]


@pytest.fixture()
def relay(machine):
    with Relay(machine.address, 22) as between:
        yield between


def through(machine, relay, *options):
    """A provider that reaches the machine by the relay."""
    return Docker(machine.provider(*options, address="127.0.0.1", port=relay.port))


def made(docker, name):
    """Makes a volume, at last: what gives up soon does so too where the computer stood still."""
    until(lambda: docker.volume(name).code == "OK", f"{name} is not made")


def containers(machine):
    """Names and states of the machine's containers."""
    listed = machine.docker("ps", "--all", "--format", "{{.Names}} {{.State}}").stdout.decode().split("\n")
    return dict(line.split() for line in listed if line)


def settle(machine, docker, name, broken):
    """What the next run does: it replaces what is half there; a taken name is freed first, as `make repair` does.

    Returns whether the name had to be freed: the container had been made, and its answer was lost.
    """
    if broken.partial is not None:
        deleted = docker.delete(name, broken.partial["id"], broken.partial["properties"])
        assert "OK" == deleted.code, deleted.error
    again = docker.container(name)
    lost = "is already in use" in again.error
    if lost:
        machine.docker("rm", "--force", name)
        again = docker.container(name)
    assert "OK" == again.code, again.error
    return lost


@pytest.mark.req("E-05")
def test_an_operation_cut_at_any_byte_fails_by_name_and_the_next_run_converges(machine, relay):
    with through(machine, relay) as whole:
        assert "OK" == whole.container("cut-whole").code
    everything, slowest, lost, healed, names = relay.carried, 0.0, 0, 0, []
    with through(machine, relay, *QUICK) as docker, Docker(machine.provider()) as direct:
        for number in range(1, CUTS + 1):
            name = f"cut-{number}"
            names.append(name)
            relay.cut()  # every time from the login on
            relay.break_after(everything * number // (CUTS + 1))
            began = time.monotonic()
            broken = docker.container(name)
            slowest = max(slowest, time.monotonic() - began)
            if broken.code == "OK":
                # What was cut only read, and was asked again.
                healed += 1
                continue
            assert f"127.0.0.1:{relay.port}" in broken.error, f"which host it was must be said: {broken.error}"
            lost += settle(machine, direct, name, broken)
    there = containers(machine)
    machine.docker("rm", "--force", *there)
    print(f"{everything} bytes, {CUTS} cuts: the slowest took {slowest:.1f} s, {healed} healed, {lost} lost answers")
    assert {"cut-whole": "running", **dict.fromkeys(names, "running")} == there, "each is there once, and runs"
    assert healed <= CUTS // 2, "most cuts must have been felt"
    assert slowest < PATIENT


@pytest.mark.req("E-05")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9] if ALL else [0.5])
def test_a_connection_that_falls_silent_is_given_up(machine, relay, share):
    with through(machine, relay) as whole:
        assert "OK" == whole.volume(f"loud-{share}").code
        everything = relay.carried
        assert "OK" == whole.volume(f"loud-more-{share}").code
    with through(machine, relay, *QUICK) as docker:
        relay.break_after(int(everything * share), silently=True)
        began = time.monotonic()
        broken = docker.volume(f"silent-{share}")
        took = time.monotonic() - began
        relay.heal()
        assert broken.code != "OK", "nothing had come through"
        assert f"127.0.0.1:{relay.port}" in broken.error, broken.error
        assert took < 45, f"{took:.0f} s for options that allow 2 x 1 s"
        made(docker, f"silent-{share}")  # the same provider goes on once the way is free


@pytest.mark.req("E-05")
def test_a_shared_connection_that_falls_silent_is_given_up_and_made_anew(machine, relay):
    options = (*QUICK, *machine.multiplexed("silent"))
    where = {"address": "127.0.0.1", "port": relay.port}
    with Docker(machine.provider(*options, **where)) as docker:
        made(docker, "shared-loud")
    relay.break_after(0, silently=True)
    with Docker(machine.provider(*options, **where)) as docker:
        began = time.monotonic()
        broken = docker.volume("shared-silent")
        took = time.monotonic() - began
        relay.heal()
        made(docker, "shared-silent")
    machine.hang_up(options, **where)
    assert broken.code != "OK", "nothing had come through"
    assert took < 45, f"{took:.0f} s for options that allow 2 x 1 s"


@pytest.mark.req("E-05")
def test_a_host_with_another_key_is_refused_before_anything_is_made(machine):
    with Docker(machine.provider(key="other")) as docker:
        refused = docker.volume("never")
    assert "Host key verification failed" in refused.error
    assert f"ssh://{USER}@{machine.address}:22" in refused.error, "the host is named"
    assert b"never" not in machine.docker("volume", "ls", "--quiet").stdout


def test_a_host_whose_key_changes_under_way_is_refused_by_the_next_connection(machine, relay, tmp_path):
    impostor = tmp_path / "impostor"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(impostor)], check=True)
    with through(machine, relay) as docker:
        assert "OK" == docker.volume("before").code
        machine.inside("cat >/run/impostor-key; chmod 600 /run/impostor-key", impostor.read_bytes())
        machine.shell("/usr/sbin/sshd -p 2200 -h /run/impostor-key -o PidFile=/run/impostor.pid")
        # It listens only after it has gone to the background, and writes its number once it does.
        machine.shell("until test -s /run/impostor.pid; do sleep 0.05; done")
        try:
            relay._target = (machine.address, 2200)
            relay.cut()
            refused = docker.volume("after")
            if "Host key" not in refused.error:
                # ssh had not yet heard that its connection was cut.
                assert refused.code != "OK"
                refused = docker.volume("after")
        finally:
            machine.shell("kill $(cat /run/impostor.pid)")
    assert "Host key verification failed" in refused.error
    assert b"after" not in machine.docker("volume", "ls", "--quiet").stdout


def test_an_sshd_that_is_restarted_or_throws_its_sessions_out_does_no_lasting_harm(machine):
    names = [f"restart-{number}" for number in range(12)]
    with Docker(machine.provider()) as docker:
        assert "OK" == docker.volume("restart-first").code
        restart = threading.Timer(0.15, machine.shell, ["systemctl restart ssh"])
        restart.start()
        failed = {name: answer.error for name, answer in docker.volumes(names).items() if answer.code != "OK"}
        restart.join()
        assert all(machine.address in error for error in failed.values()), failed
        assert [] == [name for name in failed if docker.volume(name).code != "OK"], "the second run converges"
        machine.inside(f"loginctl terminate-user {USER}")
        # What is sent before ssh has heard of it is lost, and not sent twice.
        until(lambda: not connected(docker), "ssh does not hear of it")
        after = docker.volume("restart-last")
        assert "OK" == after.code, f"kept connections that died are made anew: {after.error}"


def connected(docker):
    """The plugin's ssh processes that have not ended."""
    listed = ["ps", "--ppid", str(docker.plugin.process.pid), "-o", "stat=,comm="]
    lines = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.splitlines()
    return [line for line in lines if line.split()[1] == "ssh" and line[0] != "Z"]


def logins(machine):
    """How many logins the machine's sshd has taken."""
    return int(
        machine.inside("journalctl --sync; journalctl --identifier sshd | grep -c 'Accepted publickey' || true").stdout
    )


@pytest.mark.req("E-06")
def test_sixty_four_operations_at_once_lose_no_login_under_our_sshd(machine):
    before, names = logins(machine), [f"storm-{number}" for number in range(64)]
    # What is refused is the point, not how long two busy cores take for 64 logins.
    with Docker(machine.provider("ConnectTimeout=60")) as docker:
        failed = {name: answer.error for name, answer in docker.volumes(names).items() if answer.code != "OK"}
    assert {} == failed, "MaxStartups 160:30:240, and 72 of one address, take them all"
    assert logins(machine) - before >= 32, "without a shared connection they really log in, most of them"


@pytest.mark.req("E-06")
def test_sixty_four_operations_at_once_share_one_login_where_they_may(machine):
    before, names = logins(machine), [f"shared-{number}" for number in range(64)]
    options = machine.multiplexed("storm")
    with Docker(machine.provider(*options)) as docker:
        failed = {name: answer.error for name, answer in docker.volumes(names).items() if answer.code != "OK"}
    machine.hang_up(options)
    assert {} == failed, "MaxSessions 100 takes them all"
    assert 1 == logins(machine) - before, "the first call opens the connection, all others are sessions of it"


@pytest.mark.req("E-06")
@pytest.mark.parametrize("shared", [False, True], ids=["plain", "shared"])
def test_an_sshd_as_debian_ships_it_throttles_and_later_runs_converge(machine, shared):
    machine.shell("mv /etc/ssh/sshd_config.d/00-test.conf /run/ && systemctl restart ssh")
    options = machine.multiplexed("default") if shared else ()
    left, failures = [f"default-{shared}-{number}" for number in range(64)], []
    try:
        with Docker(machine.provider(*options)) as docker:
            while left and len(failures) < 6:
                answers = docker.volumes(left)
                assert all(machine.address in answer.error for answer in answers.values() if answer.code != "OK")
                left = [name for name, answer in answers.items() if answer.code != "OK"]
                failures.append(len(left))
    finally:
        machine.hang_up(options)
        machine.shell("mv /run/00-test.conf /etc/ssh/sshd_config.d/ && systemctl restart ssh")
    assert [] == left, f"failures run by run: {failures}"
    print(f"failures run by run: {failures}")


def test_a_shared_connection_to_a_host_that_was_rebooted_hangs_nobody(machine):
    options = (*QUICK, *machine.multiplexed("reboot"))
    with Docker(machine.provider(*options)) as docker:
        made(docker, "reboot-before")
        machine.reboot()
        began = time.monotonic()
        while (answer := docker.volume("reboot-after")).code != "OK":
            assert machine.address in answer.error, answer.error
            assert time.monotonic() - began < PATIENT, answer.error
            time.sleep(0.5)
    machine.hang_up(options)
