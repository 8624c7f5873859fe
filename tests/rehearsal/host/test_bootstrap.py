"""A server as its distribution makes it, without anything that homeport installs: the first update of a real one.

One machine for the whole file, in the order of its life: bootstrap with apt busy, sshd by its version, many strangers
at its door, logins by other shells, a line of small packets, a kernel without IPv6.
"""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from homeport.model.distribution import supported
from homeport.model.firewall import FirewallRule
from homeport.model.host import HostFile, Opening
from homeport.render import daemon_json, packages, ufw, wireguard
from rehearsal.probes.box import Box
from tests.support.checkout import ROOT
from tests.support.host import USUAL, bare
from tests.support.waits import until

pytestmark = pytest.mark.docker
OURS = ("docker", "dockerd", "ufw", "iptables", "unattended-upgrade", "wg")
RULES = (FirewallRule(opening=Opening(purpose="SSH", port=22)),)
OPEN = 200
# Opens connections, says that they are open, and holds them, opening those again that end, until its input ends.
_STRANGER = f"""
import select, socket, sys
def opened():
    one = socket.create_connection((sys.argv[1], 22), 60)
    one.setblocking(False)
    return one
held = [opened() for _ in range({OPEN})]
print("open", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for number, one in enumerate(held):
        try:
            if one.recv(99) == b"":
                held[number] = opened()
        except BlockingIOError:
            pass
        except OSError:
            held[number] = opened()
"""
# apt's and dpkg's locks are of fcntl's kind, which flock(1) does not take.
_HOLD = """
import fcntl, sys, time
held = [open(path, "w") for path in sys.argv[1:]]
for one in held: fcntl.lockf(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(
    scope="module",
    params=[
        USUAL,
        *(pytest.param(name, marks=pytest.mark.long) for name in ("debian-12", "debian-13") if name != USUAL),
    ],
)
def server(request, tmp_path_factory):
    made = bare(tmp_path_factory.mktemp("bare"), request.param)
    try:
        until(lambda: made.login(pin=made.born[1]).returncode == 0, "it never answers")
        yield made
    finally:
        made.remove()


def has(server, *programs):
    return [name for name in programs if server.inside(f"command -v {name} || PATH=/usr/sbin command -v {name}", False)]


def holding(server, *paths):
    """Somebody who holds these locks on the server, until its standard input is closed."""
    argv = ["docker", "exec", "--interactive", server.container, "python3", "-c", _HOLD, *paths]
    holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert "held\n" == holder.stdout.readline(), "the lock was taken already"
    return holder


@pytest.mark.req("CA-04")
def test_a_distribution_that_was_never_tried_is_refused_by_name_before_anything_is_changed(server):
    before = server.inside("cat /etc/group")
    server.inside(
        "cp /etc/os-release /run/os-release; "
        'printf \'ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n\' >/run/other; '
        "mount --bind /run/other /etc/os-release"
    )
    try:
        done = server.ready("wait", "60", pin=server.born[1])
    finally:
        server.inside("umount /etc/os-release")

    assert 1 == done.returncode, "a host that was never tried is taken"
    # While sshd is not up yet, ssh itself says so before each further try.
    first, second = [line for line in done.stderr.splitlines() if not line.startswith("ssh: ")][:2]
    assert "Ubuntu 22.04.5 LTS" in first and server.address in first, done.stderr
    assert second.startswith("  fix: ") and all(name in second for name in supported().values()), done.stderr
    assert before == server.inside("cat /etc/group"), "something was changed on it"


@pytest.mark.req("RW-01", "RW-05", "RW-07")
def test_bootstrap_installs_what_is_missing_while_apt_is_busy_with_lists_and_an_older_upgrade(server):
    assert [] == has(server, *OURS), "the image has something of what is to be installed"
    server.known()

    holders = [holding(server, "/var/lib/apt/lists/lock"), holding(server, "/var/lib/dpkg/lock-frontend")]
    argv = ["sh", "components/scripts/host.sh", "apply", "engine", "0"]
    text = server.bundle(packages.files(), packages.apply(wireguard.PACKAGES))

    with subprocess.Popen(
        argv, cwd=ROOT, env=server.environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as update:
        update.stdin.write(text)
        update.stdin.close()
        until(lambda: "lists/lock" in server.inside("cat /run/homeport-apt", False), "apt was never refused")
        holders[0].communicate()
        until(lambda: "lock-frontend" in server.inside("cat /run/homeport-apt", False), "apt never waits for dpkg", 240)
        holders[1].communicate()
        complaint = update.stderr.read()
    assert 0 == update.returncode, complaint
    assert list(OURS) == has(server, *OURS), "what bootstrap is for"
    until(lambda: server.inside("docker version --format '{{.Server.Version}}'", False), "no Docker")
    apparmor = server.inside("cat /sys/module/apparmor/parameters/enabled", False).strip() == "Y"
    assert apparmor == bool(has(server, "apparmor_parser")), "AppArmor's parser is there where the kernel has it"
    again = server.unit("engine", packages.files(), packages.apply(wireguard.PACKAGES))
    assert 0 == again.returncode, again.stderr
    assert "" == server.inside("cat /run/homeport-apt", False), "nothing is missing, and apt was asked all the same"


@pytest.mark.req("RW-05")
def test_a_bootstrap_that_was_killed_while_packages_were_unpacked_goes_on(server):
    # What dpkg has noted and not yet taken over: apt sees it and goes no further until somebody does.
    server.inside(
        "dpkg --remove ufw >/dev/null; cp /var/lib/dpkg/status /var/lib/dpkg/updates/0000 && "
        "sed -i '/^$/q' /var/lib/dpkg/updates/0000"
    )
    done = server.unit("engine", packages.files(), packages.apply(wireguard.PACKAGES) + "\n")

    assert 0 == done.returncode, done.stderr
    assert ["ufw"] == has(server, "ufw")


@pytest.mark.req("CA-04", "AT-01")
def test_sshd_gets_every_option_that_it_knows_and_no_other(server):
    done = server.sshd()
    version = server.inside("ssh -V 2>&1")
    now = dict(line.split(" ", 1) for line in server.inside("/usr/sbin/sshd -T").splitlines() if " " in line)

    assert 0 == done.returncode, done.stderr
    assert ("3072", "72", "32:64", "160:30:240", "20") == tuple(
        now[key]
        for key in ("requiredrsasize", "persourcemaxstartups", "persourcenetblocksize", "maxstartups", "logingracetime")
    ), "OpenSSH 9.1 and later know all of them"
    knows = tuple(map(int, re.search(r"OpenSSH_(\d+)\.(\d+)", version).groups())) >= (9, 8)
    assert knows == ("max:60" in now.get("persourcepenalties", "")), f"{version}: {now.get('persourcepenalties')}"


@pytest.mark.req("AT-01")
def test_two_hundred_half_open_connections_of_a_stranger_leave_the_operators_logins_alone(server):
    with Box(server.ground.network) as box:
        argv = [*box.prefix, "python3", "-c", _STRANGER, server.address]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stranger:
            try:
                assert "open\n" == stranger.stdout.readline(), "the stranger does not get as far as that"
                codes = [server.login().returncode for _ in range(10)]
            finally:
                stranger.stdin.close()
    assert [0] * 10 == codes, "an operator's login was dropped"


@pytest.mark.req("CA-07")
def test_whatever_the_users_login_shell_is_it_is_asked_for_sh_alone(server):
    shells = {"fish": "fish", "tcsh": "tcsh", "bsd-csh": "csh", "zsh": "zsh", "dash": "dash"}
    server.inside("apt-get -q -y install --no-install-recommends " + " ".join(shells.values()) + " >/run/shells 2>&1")
    text = 'it\'s "so"!\n$HOME `id` \\ % ~\n'
    try:
        for shell in shells:
            server.inside(f"usermod --shell $(command -v {shell}) deploy")
            name = f"of-{shell}"

            files = (HostFile(path=f"/srv/{name}", content=text),)
            told = [server.ready("wait", "60"), server.unit(name, files, f"cp /srv/{name} /srv/{name}.copy")]
            guarded = server.sshd()
            assert [0, 0, 0] == [done.returncode for done in (*told, guarded)], f"{shell}: " + "".join(
                done.stderr for done in (*told, guarded)
            )
            assert text == server.inside(f"cat /srv/{name}.copy"), shell
            host = {"DOCKER_HOST": f"ssh://deploy@{server.address}"}
            asked = server.script("components/scripts/query.sh", "none", "none", **host)
            assert "No such container: none" in asked.stderr, f"{shell}: docker's own command: {asked.stderr}"
        server.inside("usermod --shell /usr/sbin/nologin deploy")
        refused = server.ready("wait", "60")
        assert 1 == refused.returncode and "fix: " in refused.stderr.splitlines()[1], refused.stderr
        assert "login shell" in refused.stderr.splitlines()[0], refused.stderr
    finally:
        server.inside("usermod --shell /bin/bash deploy")


@pytest.mark.req("CA-11")
def test_networks_of_a_host_whose_line_takes_small_packets_take_no_larger_ones(server):
    link = server.inside("ip -4 route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p'").strip()
    server.inside(f"ip link set dev {link} mtu 1400")
    try:
        done = server.unit("docker", daemon_json.files(), daemon_json.apply())
        assert 0 == done.returncode, done.stderr
        settings = json.loads(server.inside("cat /etc/docker/daemon.json"))
        assert 1400 == settings["mtu"], settings
        if "--default-network-opt" in server.inside("dockerd --help"):
            server.inside("docker network create small")
            options = json.loads(server.inside("docker network inspect small"))[0]["Options"]
            assert {"com.docker.network.driver.mtu": "1400"} == options
            server.inside("docker network rm small")
        else:
            assert "set homeport:settings.hosts.<name>.mtu to 1400" in done.stderr, done.stderr
    finally:
        server.inside(f"ip link set dev {link} mtu 1500")


@pytest.mark.req("CA-15")
def test_on_a_kernel_without_ipv6_its_firewall_is_skipped_and_said_and_docker_starts(server):
    """As with ipv6.disable=1: nothing below /proc/sys/net/ipv6, and ip6tables has no tables to speak of."""
    refusal = "ip6tables: cannot initialize: Address family not supported by protocol"
    tools = "ip6tables ip6tables-restore"
    server.inside(
        f"mkdir -p /run/tools; cd /usr/sbin; cp -a {tools} /run/tools/; mount -t tmpfs none /proc/sys/net/ipv6; "
        f"rm {tools}; for tool in {tools}; do echo '#!/bin/sh' >$tool; echo 'echo {refusal} >&2' >>$tool; "
        "echo 'exit 3' >>$tool; chmod 755 $tool; done"
    )
    try:
        done = server.unit("firewall", ufw.files(RULES), ufw.apply(), remove=ufw.remove())
        assert 0 == done.returncode, done.stderr
        assert "has no IPv6; the part of the firewall for it is skipped" in done.stderr, done.stderr
        assert "-P INPUT DROP" in server.inside("iptables -S INPUT"), "the rest of it is there"
        server.inside("systemctl restart homeport-firewall.service docker.service")
        assert "active\nactive\n" == server.inside("systemctl is-active homeport-firewall.service docker.service")
        assert 0 == server.login().returncode, "nobody gets in"
    finally:
        server.inside("umount /proc/sys/net/ipv6; cp -a /run/tools/* /usr/sbin/")
    back = server.unit("firewall", ufw.files(RULES), ufw.apply() + "\n", remove=ufw.remove())
    assert (0, "") == (back.returncode, back.stderr), "with IPv6 nothing is skipped"
    assert "-P INPUT DROP" in server.inside("ip6tables -S INPUT"), "and its firewall is there"


@pytest.mark.req("RW-06")
def test_where_sshd_hangs_on_a_socket_another_port_holds_from_birth(tmp_path):
    server = bare(tmp_path, "ubuntu-like", 2222)
    try:
        until(lambda: server.login(port=2222, pin=server.born[1]).returncode == 0, "it never answers at its port")
        first = server.ready("key", "120", pin=server.born[1], port=2222)
        assert first.returncode == 0, first.stderr
        assert "disabled\nenabled\n" == server.inside("systemctl is-enabled ssh.socket ssh.service", False)
        assert 255 == server.login(port=22, pin=server.born[1]).returncode, "the socket's port is still open"
        server.power("reboot")
        until(lambda: server.login(port=2222, pin=server.born[1]).returncode == 0, "not after a boot")
        server.inside("systemctl disable --now ssh.service; systemctl enable --now ssh.socket", False)
        server.pin = first.stdout.strip()
        server.ready("switch", pin=server.born[1], HOMEPORT_SSH_OPTS_NEXT=server.options(), port=22)
        moved = server.sshd(2222, port=22)
        assert 0 == moved.returncode, f"an adopted host whose socket holds port 22: {moved.stderr}"
        assert 0 == server.login(port=2222).returncode
    finally:
        server.remove()
