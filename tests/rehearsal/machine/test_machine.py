"""A server of the emulated cloud: it boots, runs what was ordered, keeps its disk, and goes without a trace."""

from __future__ import annotations

import subprocess

import pytest

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.clouds.hetzner.outage import restored
from rehearsal.machine.daemon import docker
from tests.rehearsal.machine.cloud import INNER, answers
from tests.support.waits import until

pytestmark = pytest.mark.docker


def test_a_server_boots_runs_its_user_data_and_takes_its_key_and_no_other(cloud, server):
    _, machine = server
    assert "status: done" in cloud.ssh(machine, "cloud-init status --wait").stdout, "cloud-init ends without an error"
    assert "ordered ran" == cloud.ssh(machine, "cd /srv && echo *").stdout.strip(), "user data was written and run"
    assert "running" == cloud.ssh(machine, "systemctl is-system-running --wait").stdout.strip(), "no unit has failed"
    assert "web" == cloud.ssh(machine, "hostname").stdout.strip(), "the host has the server's name"
    stranger = cloud.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    known, cloud.key = cloud.key, stranger
    try:
        assert "Permission denied" in cloud.ssh(machine, "true").stderr, "another key opens nothing"
    finally:
        cloud.key = known


def test_ufw_wireguard_and_hardened_containers_work_inside(cloud, server):
    _, machine = server
    private, public = (cloud.ssh(machine, command).stdout.strip() for command in ("wg genkey", "wg genkey | wg pubkey"))
    conf = (
        f"[Interface]\nPrivateKey = {private}\nAddress = 10.99.0.1/24\nListenPort = 51820\n"
        f"[Peer]\nPublicKey = {public}\nAllowedIPs = 10.99.0.2/32\n"
    )
    done = cloud.ssh(
        machine,
        f"umask 077; printf '{conf}' > /etc/wireguard/wg0.conf; "
        "systemctl start wg-quick@wg0 && wg show wg0 listen-port",
    )
    assert "51820" == done.stdout.strip(), done.stderr
    done = cloud.ssh(
        machine, "ufw default deny incoming && ufw allow 22/tcp && ufw --force enable && ufw status verbose"
    )
    assert "Status: active" in done.stdout and "deny (incoming)" in done.stdout, done.stderr
    hardened = (
        "--read-only --cap-drop ALL --security-opt no-new-privileges --user 10001 "
        "--memory 64m --pids-limit 20 --tmpfs /tmp"
    )
    done = cloud.ssh(
        machine,
        f"docker run --rm {hardened} {INNER} sh -c 'id -u; touch /no 2>&1; touch /tmp/yes && cat /proc/self/cgroup'",
    )
    assert done.stdout.startswith("10001\n") and "Read-only" in done.stdout, done.stderr
    held = [line for line in done.stdout.splitlines() if ":memory:" in line]
    outer = cloud.ssh(machine, "sed -n 's#/init.scope$##; s/^.*:memory://p' /proc/1/cgroup").stdout.strip()
    # Where the kernel has one hierarchy for all (cgroup v2), neither has a line of memory's own.
    assert bool(outer) is bool(held), "both have a line of memory's cgroup, or neither"
    assert all(outer in line for line in held), "a container inside counts as its machine's, and goes with it"
    cloud.ssh(machine, "ufw --force disable; systemctl stop wg-quick@wg0")


def test_a_machine_changes_its_own_settings_and_not_those_of_this_computer(cloud, server):
    _, machine = server
    before = subprocess.run(["cat", "/proc/sys/vm/swappiness"], capture_output=True, check=True).stdout
    assert "vm.swappiness = 13" == cloud.ssh(machine, "sysctl -w vm.swappiness=13").stdout.strip(), "the machine may"
    assert "13" == cloud.ssh(machine, "cat /proc/sys/vm/swappiness").stdout.strip(), "and reads what it wrote"
    assert before == subprocess.run(["cat", "/proc/sys/vm/swappiness"], capture_output=True, check=True).stdout, (
        "its host keeps its own"
    )


def test_a_reboot_keeps_the_disk_and_starts_what_ran(cloud, server):
    made, machine = server
    cloud.ssh(
        machine,
        "echo kept > /etc/kept; echo kept > /var/kept; "
        f"docker run -d --name stays --restart unless-stopped {INNER} sleep 9999",
    )
    first, boots = cloud.ssh(machine, "cat /proc/sys/kernel/random/boot_id").stdout, machine.boots
    ways = (
        lambda: cloud.action(made, "reboot"),
        lambda: cloud.ssh(machine, "reboot"),
        lambda: cloud.action(made, "reset"),
    )
    for count, reboot in enumerate(ways, boots + 1):
        before = machine.run("cat", "/proc/sys/kernel/random/boot_id")
        reboot()
        until(lambda: _booted(machine) not in (None, before), f"boot {count} never begins")  # noqa: B023
        until(lambda: cloud.ssh(machine, "true").returncode == 0, f"boot {count} never ends")
        assert count == machine.boots, "once, not more"
    assert "kept\nkept" == cloud.ssh(machine, "cat /etc/kept /var/kept").stdout.strip(), "the disk survives"
    until(
        lambda: "true" in cloud.ssh(machine, "docker inspect -f {{.State.Running}} stays").stdout,
        "its container is back",
    )
    assert first != cloud.ssh(machine, "cat /proc/sys/kernel/random/boot_id").stdout, "it sees that it was rebooted"
    cloud.ssh(machine, "docker rm -f stays")


def _booted(machine):
    """The id of the boot; None while it is down or too young to have one."""
    try:
        return machine.run("cat", "/run/rehearsal-boot-id")
    except MachineError:
        return None


def test_switched_off_it_is_silent_and_switched_on_it_is_back(cloud, server):
    made, machine = server
    for off in ("poweroff", "shutdown"):
        cloud.action(made, off)
        assert "open" != answers(machine.ipv4, 22), f"after {off} nobody answers"
        assert "off" == cloud.get(f"/servers/{made['id']}")["server"]["status"], "the API says so"
        cloud.action(made, "poweron")
        until(lambda: cloud.ssh(machine, "true").returncode == 0, "it comes back")


def test_after_an_outage_of_this_computer_what_was_on_is_on_again_behind_its_firewall(cloud, server):
    """As after a reboot of it: every machine has ended without the API's doing, and the kernel's filter is empty."""
    made, machine = server
    boots = machine.boots
    docker("kill", machine.container)
    cloud.ground.unfilter(cloud.ground.name)
    cloud.ground.prepare()
    state = restored(cloud.service.project)

    assert ([made["id"]], []) == ([one["id"] for one in state.on], state.lost)
    assert cloud.machines.wait(state.on[0]), "it boots"
    until(lambda: "open" == answers(machine.ipv4, 22), "its door is open")
    assert "silent" == answers(machine.ipv4, 23), "its firewall is there: without it, a closed port would refuse"
    assert (boots + 1, []) == (machine.boots, restored(cloud.service.project).lost), "and once more nothing happens"
    assert boots + 1 == machine.boots, "one that is on is left alone"
    cloud.action(made, "poweroff")
    assert [] == restored(cloud.service.project).on and not machine.running, "switched off, it stays off"
    cloud.action(made, "poweron")
    until(lambda: cloud.ssh(machine, "true").returncode == 0, "it comes back")


def test_a_deleted_server_leaves_nothing_and_its_address_and_a_fresh_disk_come_back(cloud, firewall):
    walls = {"firewalls": [{"firewall": firewall["id"]}]}
    ip = cloud.make("/primary_ips", {"name": "kept", "type": "ipv4", "location": "fsn1"})["primary_ip"]
    net = {"public_net": {"ipv4": ip["id"], "enable_ipv6": False}}
    first, machine = cloud.boot("lost", **walls, **net)
    assert ip["ip"] == machine.ipv4, "the server has the address that was kept for it"
    cloud.ssh(machine, "cloud-init status --wait; touch /srv/mine /var/lib/docker/mine")
    cloud.action(first, "rebuild", image="debian-12")
    until(
        lambda: "ordered" in cloud.ssh(machine, "cloud-init status --wait; ls /srv /var/lib/docker").stdout,
        "the order is run again",
    )
    assert "mine" not in cloud.ssh(machine, "ls /srv /var/lib/docker").stdout, "a rebuilt disk is a fresh one"
    assert [] != cloud.left(first), "the machine can be seen where it is looked for"
    cloud.ask("DELETE", f"/servers/{first['id']}")
    cloud.settle()
    assert [] == cloud.left(first), "no container, no volume, no chain"
    second = cloud.server("lost", **walls, **net, location="fsn1")
    cloud.settle()
    assert ip["ip"] == second["public_net"]["ipv4"]["ip"], "who comes next has the same address"
    cloud.ask("DELETE", f"/servers/{second['id']}")
    cloud.settle()
