"""A stack of two hosts in a mesh by the real engine, one adopted and one rented: from nothing to nothing.

One rehearsal for the whole file, in the order of its life. The emulated OVH keeps the zone, Pebble issues certificates,
and the mesh is a real one.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from homeport.cli import lockout
from homeport.cli.look import as_root
from rehearsal.machine.daemon import labelled
from rehearsal.probes.box import Box, run
from tests.support.mesh_device import Device
from tests.support.meshed import ASKED, Meshed
from tests.support.waits import until

# Building the mesh's two programs takes minutes.
pytestmark = [pytest.mark.docker, pytest.mark.world, pytest.mark.long]
MESH = "100.64."


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Meshed(tmp_path_factory.mktemp("meshed"))
    try:
        made.remove()  # what a run that was cut off has left
        done = made.homeport("rehearse", "--no-claims")
        assert done.returncode == 0, done.stdout[-6000:]
        yield made
    finally:
        made.remove()


def fetched(stack, url, name="", **headers):
    """Status and body as somebody on the internet has it, at the address of a URL, for the name of a certificate."""
    with Box(stack.world["network"]["name"]) as box:
        about = {"url": url, "server_name": name, "headers": {"Host": name, **headers}}
        answer = run(box.prefix, "fetch", about)[0]
    return answer["status"], answer.get("body", "")


def asked(stack, container, url):
    """What a container of the hub gets; nothing where it does not get there."""
    # Not wget -T: the static one of these images ends by a fault of its own.
    script = f"timeout 5 wget -q -O - {url} || true"
    return stack.run("hub", "docker", "exec", container, "sh", "-c", script)


def ways(stack):
    """Where the operator gets a shell by a new connection: each host, by its public addresses and in the mesh."""
    with Box(stack.world["network"]["name"]) as box:
        # From a host of the internet, for this machine may have no way of that family.
        by_ipv6 = f"ProxyCommand=env -u DOCKER_HOST docker exec -i {box.name} nc -w 10 %h %p"
        places = {}
        for host, way in stack.reached().items():
            user = way["HOMEPORT_SSH"].partition("@")[0]
            env = {**way, "PATH": stack.environment["PATH"]}
            through = {**env, "HOMEPORT_SSH_OPTS": f"{way['HOMEPORT_SSH_OPTS']}\n{by_ipv6}"}
            for where, at, by in (
                ("IPv4", stack.address(host), env),
                ("IPv6", stack.address6(host), through),
                ("mesh", f"{host}.mesh.example.com", env),
            ):
                places |= {f"{host} {where}:{port}": (by, f"{user}@{at}", port) for port in ("22", "804")}
        with ThreadPoolExecutor(len(places)) as pool:
            said = dict(zip(places, pool.map(lambda place: lockout.said_by(*place), places.values()), strict=True))
        # For whoever reads a failure.
        print(*(f"{place}: {words}" for place, words in said.items() if words), sep="\n")
        return {place for place, words in said.items() if not words}


def key_of(stack, user, expiration):
    """A key for a device, made as docs/hosts.md says."""
    said = json.loads(stack.run("hub", "docker", "exec", "headscale", "headscale", "users", "list", "-o", "json"))
    (number,) = [str(known["id"]) for known in said if known["name"] == user]
    words = ("preauthkeys", "create", "--user", number, "--expiration", expiration)
    return stack.run("hub", "docker", "exec", "headscale", "headscale", *words).split()[-1]


def nodes(stack):
    said = json.loads(stack.run("hub", "docker", "exec", "headscale", "headscale", "nodes", "list", "-o", "json"))
    return sorted((node["id"], node["given_name"], *node["ip_addresses"], *node["forced_tags"]) for node in said)


def keys(stack):
    said = json.loads(
        stack.run("hub", "docker", "exec", "headscale", "headscale", "preauthkeys", "list", "-u", "1", "-o", "json")
    )
    return [key["key"] for key in said]


@pytest.mark.req("S5-12", "S5-13", "S5-14", "P-07")
def test_members_are_in_without_a_hand_and_a_second_preview_is_empty_also_after_a_refresh(stack):
    members = {name: address for _, name, address, *_ in nodes(stack)}
    shown = json.loads(stack.pulumi("stack", "output", "mesh", "--json").stdout)

    assert {"ai", "hub"} == {*members}, "each host is in, once, under its own name"
    assert members == shown, "their addresses are outputs"
    assert all(address.startswith(MESH) for address in members.values()), members
    for flags in ((), ("--refresh",)):
        done = stack.pulumi("preview", "--expect-no-changes", "--diff", *flags)
        assert 0 == done.returncode, done.stdout[-4000:]
    for host, address in members.items():
        own = stack.run(host, "tailscale", "ip").split()
        assert [address] == own, "the mesh has no IPv6, by which there would be a way that nobody asks about"


@pytest.mark.req("S5-13")
def test_who_is_in_is_not_enrolled_again(stack):
    before = nodes(stack), keys(stack)
    done = stack.homeport("rehearse", "--no-claims")

    assert 0 == done.returncode, done.stdout[-4000:]
    assert before == (nodes(stack), keys(stack)), "no second node, and no key that nobody needed"
    assert "is brought back" not in done.stdout, "what a client writes by itself is nobody's change by hand"


@pytest.mark.req("S5-60", "S5-61", "S5-90")
def test_a_name_for_members_leads_into_the_mesh_and_answers_strangers_with_403(stack):
    records = {row["subDomain"]: row["target"] for row in stack.records() if row["fieldType"] == "A"}
    members = {name: address for _, name, address, *_ in nodes(stack)}
    public = stack.world["adopted"]["ai"]["address"]
    forged = {"X-Forwarded-For": members["hub"], "X-Real-IP": members["hub"], "Forwarded": f"for={members['hub']}"}

    assert members["ai"] == records["app"], "whoever is no member finds nobody there"
    assert {"headscale", "hook"} <= {name for name, target in records.items() if target == stack.address("hub")}
    assert (0, "") == fetched(stack, f"https://{records['app']}/", "app.example.com"), "silence by its name"
    assert 403 == fetched(stack, f"https://{public}/", "app.example.com")[0], "and 403 by the public address"
    assert 403 == fetched(stack, f"https://{public}/", "app.example.com", **forged)[0], "whatever a header says"
    script = "import urllib.request as u; print(u.urlopen('https://app.example.com/', timeout=120).read().decode())"
    inside = stack.run("hub", "env", "SSL_CERT_FILE=/etc/homeport/mesh/authority.pem", "python3", "-c", script)
    assert "the app" == inside.strip(), "a member comes in by the name, and its certificate is trusted"


@pytest.mark.req("S5-63")
def test_the_relay_hands_on_its_paths_over_the_mesh_and_no_other(stack):
    hub = stack.address("hub")

    until(
        lambda: fetched(stack, f"https://{hub}/webhook/x", "hook.example.com") == (200, "the app"),
        "nothing is handed on",
    )
    for path in ("/", "/webhook", "/rest/login", "/webhook/../rest/login"):
        assert 404 == fetched(stack, f"https://{hub}{path}", "hook.example.com")[0], path
    status, _ = fetched(stack, f"https://{hub}/webhook/x", "app.example.com")
    assert status != 200, "the hub knows the relay's name alone"


@pytest.mark.req("S5-83")
def test_a_route_leads_to_a_program_on_another_member_and_nobody_else_comes_to_its_port(stack):
    hub, license_ = stack.address("hub"), stack.run("ai", "cat", "/usr/share/common-licenses/GPL-3")
    address = next(address for _, name, address, *_ in nodes(stack) if name == "ai")

    def came():
        status, text = fetched(stack, f"https://{hub}/GPL-3", "takes.example.com")
        # What `run` gives has lost the blanks around it.
        return (status, text.strip()) == (200, license_)

    until(came, "nothing comes")
    assert 404 == fetched(stack, f"https://{hub}/GPL-2", "takes.example.com")[0], "another path of the program"
    assert "" == asked(stack, "asks", f"http://{address}:9102/"), "a container of the hub that is not its proxy"
    assert 0 == fetched(stack, f"http://{stack.address('ai')}:9102/GPL-3")[0], "nor anybody by the public address"
    stack.run("ai", "systemctl", "stop", "takes.service")
    said = fetched(stack, f"https://{hub}/GPL-3", "takes.example.com")
    assert (502, "takes.example.com: the host behind this name does not answer") == said
    stack.run("ai", "systemctl", "start", "takes.service")


@pytest.mark.req("S5-14")
def test_a_container_reaches_members_where_that_is_declared_and_nowhere_else(stack):
    address = next(address for _, name, address, *_ in nodes(stack) if name == "ai")

    until(lambda: "Apache" in asked(stack, "asks", "http://ai.mesh.example.com:9100/"), "by the member's name")
    assert "" == asked(stack, "asks", f"http://{address}:9101/"), "another port of the same member"
    assert "" == asked(stack, "asks", f"http://{stack.address('ai')}:80/"), "the network has no other way out"
    assert "" == asked(stack, "silent", f"http://{address}:9100/"), "a container that declares no call"


@pytest.fixture(scope="module")
def device(stack, tmp_path_factory):
    """The operator's device, in nobody's mesh yet; by it alone ssh comes to members."""
    authority = stack.run("hub", "cat", "/etc/homeport/mesh/authority.pem")
    known = Device(stack.world["network"]["name"], ("headscale.example.com", stack.address("hub")), authority)
    try:
        stack.environment["PATH"] = known.ssh(tmp_path_factory.mktemp("ssh"), "mesh.example.com")
        yield known
    finally:
        known.remove()


@contextmanager
def broken(stack):
    """The control server cannot read its own data, so no restart of it helps."""
    shown = '{{range .Mounts}}{{if eq .Destination "/var/lib/headscale"}}{{.Source}}{{end}}{{end}}'
    folder = stack.run("hub", "docker", "inspect", "--format", shown, "headscale").strip()
    mode = stack.run("hub", "stat", "--format", "%a", folder).strip()
    stack.run("hub", "chmod", "000", folder)
    stack.run("hub", "docker", "restart", "headscale")
    facts = "{{.State.Restarting}} {{.RestartCount}}"

    def restarts():
        state, count = stack.run("hub", "docker", "inspect", "--format", facts, "headscale").split()
        # Docker waits twice as long each time, so from then on nobody finds it running.
        return state == "true" and int(count) > 6

    until(restarts, "it starts again and again")
    try:
        yield
    finally:
        stack.run("hub", "chmod", mode, folder)


def both(where, port):
    """That way to either host."""
    return {f"{host} {where}:{port}" for host in ("ai", "hub")}


OPEN, OPEN_AT_804 = ({*both("IPv4", port), *both("IPv6", port)} for port in ("22", "804"))
HARDENED = both("mesh", "804")
HARDEN = ("harden", "--reach", "mesh", "--port", "804", "--yes")


@pytest.mark.req("S5-07")
def test_a_device_whose_key_has_expired_is_no_member_and_ssh_stays_open_as_it_is(stack, device):
    joined = device.join(key_of(stack, "alice", "1ms"))
    assert joined.returncode, "a key that has expired lets nobody in"
    assert "expired" in joined.stdout, joined.stdout
    done = stack.operator(*HARDEN)

    assert done.returncode, done.stdout[-4000:]
    assert OPEN == ways(stack), "the way before lets the operator in"
    assert "ssh" not in stack.settings, "nothing was begun"
    for word in (
        "host ai: deploy@ai.mesh.example.com port 22 gives no answer by the mesh",
        "Nothing was closed: SSH stays open as it is",
        "tailscale up --login-server=https://headscale.example.com",
        f"fix: bin/homeport harden --reach mesh --port 804 --stack {ASKED.name}",
    ):
        assert word in done.stdout, done.stdout[-4000:]


@pytest.mark.usefixtures("device")
def test_a_control_server_that_was_stopped_is_started_and_ssh_stays_open_to_who_is_no_member(stack):
    stack.run("hub", "docker", "stop", "headscale")
    done = stack.operator(*HARDEN)

    assert done.returncode, done.stdout[-4000:]
    assert OPEN == ways(stack), "the way before lets the operator in"
    assert "container headscale is stopped" in done.stdout, done.stdout[-4000:]
    assert "Nothing was closed: SSH stays open as it is" in done.stdout and "fix: " in done.stdout


@pytest.fixture(scope="module")
def member(stack, device):
    """The device, in the mesh."""
    joined = device.join(key_of(stack, "alice", "10m"))
    assert 0 == joined.returncode, joined.stdout
    until(lambda: ways(stack) == OPEN | both("mesh", "22"), "the device is no member")
    return device


@pytest.mark.req("S5-07")
@pytest.mark.usefixtures("member")
def test_one_host_of_two_that_is_not_in_the_mesh_keeps_both_open_and_says_which_and_what_to_ask_it(stack):
    stack.run("ai", "tailscale", "down")
    try:
        done = stack.operator(*HARDEN)
        there = ways(stack)
    finally:
        stack.run("ai", "tailscale", "up")

    assert done.returncode, done.stdout[-4000:]
    assert OPEN | {"hub mesh:22"} == there, "the way before lets the operator in, on either host"
    assert "ssh" not in stack.settings, "nothing was begun"
    for word in (
        "host hub: deploy@hub.mesh.example.com port 22 answers by the mesh",
        "host ai: deploy@ai.mesh.example.com port 22 gives no answer by the mesh",
        "Nothing was closed: SSH stays open as it is, on all hosts.",
        "This machine is a member of the mesh: hub answered by it.",
        "Ask host ai why it is not in the mesh: ssh ",
        f"-p 22 deploy@{stack.address('ai')} sudo tailscale status",
        f"fix: bin/homeport harden --reach mesh --port 804 --stack {ASKED.name}, once the above answers",
    ):
        assert word in done.stdout, done.stdout[-4000:]
    assert "This machine joins the mesh by" not in done.stdout, "it is a member"
    until(lambda: ways(stack) == OPEN | both("mesh", "22"), "`tailscale up`, as was said, does not bring it back")


@pytest.mark.usefixtures("member")
def test_with_a_control_server_that_cannot_start_once_the_port_has_moved_both_ports_stay_open(stack):
    for setting in ("port", "804"), ("previous", "22"):
        done = stack.operator("pulumi", "config", "set", "--path", f"homeport:settings.ssh.{setting[0]}", setting[1])
        assert 0 == done.returncode, done.stdout
    done = stack.operator("up", "--yes")
    assert 0 == done.returncode, done.stdout[-4000:]
    with broken(stack):
        done = stack.operator(*HARDEN)
        there = ways(stack)

    assert done.returncode, done.stdout[-4000:]
    assert OPEN | OPEN_AT_804 <= there, there
    assert "headscale" in done.stdout and "Fix the service, then run pulumi up again" in done.stdout, done.stdout[
        -4000:
    ]


@pytest.mark.req("S5-06", "S5-07", "S5-08")
@pytest.mark.usefixtures("member")
def test_in_the_end_ssh_is_at_804_for_members_alone_and_the_program_comes_by_it(stack):
    done = stack.operator(*HARDEN)

    assert 0 == done.returncode, done.stdout[-4000:]
    assert HARDENED == ways(stack), "by the mesh alone, at the new port, whatever the family"
    assert {"port": 804, "reach": "mesh"} == stack.settings["ssh"]
    come = {(way["HOMEPORT_SSH"], way["HOMEPORT_SSH_PORT"]) for way in stack.reached().values()}
    assert {("deploy@ai.mesh.example.com", "804"), ("deploy@hub.mesh.example.com", "804")} == come
    done = stack.operator("pulumi", "preview", "--expect-no-changes", "--diff")
    assert 0 == done.returncode, done.stdout[-4000:]
    again = stack.operator(*HARDEN)
    assert 0 == again.returncode, "what is done is done once"


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize(("boots", "other"), [("ai", "hub"), ("hub", "ai")])
def test_hardened_a_host_that_boots_without_the_control_server_is_back_with_it_and_the_other_was_never_away(
    stack, boots, other
):
    """What a client knows of the mesh it has from the control server alone: who was in stays in, who boots is not."""
    stack.run("hub", "docker", "stop", "headscale")
    try:
        stack.reboot(boots)
        without = ways(stack)
        if other == "hub":
            way = {**stack.reached()["hub"], "PATH": stack.environment["PATH"]}
            started = as_root(way, "docker start headscale", "")
            assert not isinstance(started, str) and started.returncode == 0, f"by the way that is left: {started}"
    finally:
        # Stopped by hand it does not start with its host: for the hub the one way left is the provider's console.
        stack.run("hub", "docker", "start", "headscale")

    assert {f"{other} mesh:804"} == without, "nothing opens to the internet, and the mesh goes on among who is in"
    until(lambda: ways(stack) == HARDENED, f"{boots} does not come back by itself", 300)


@pytest.mark.usefixtures("member")
def test_hardened_the_hub_boots_and_all_ways_come_back_without_a_hand(stack):
    stack.reboot("hub")

    until(lambda: ways(stack) == HARDENED, "a way does not come back", 300)


def test_down_takes_the_records_the_servers_and_everything_else_away(stack, device):
    world = stack.world["id"]
    done = stack.homeport("rehearse-destroy")
    assert done.returncode, "the mesh goes with the stack, and nobody would get in any more"
    assert "is reached by the mesh alone" in done.stdout and "nothing was removed" in done.stdout, done.stdout[-4000:]
    done = stack.operator("pulumi", "config", "set", "--path", "homeport:settings.ssh.reach", "public")
    assert 0 == done.returncode, done.stdout
    done = stack.operator("up", "--yes")
    assert 0 == done.returncode, done.stdout[-4000:]
    assert OPEN_AT_804 <= ways(stack), "the way back"
    done = stack.homeport("rehearse-destroy")

    assert 0 == done.returncode, done.stdout[-4000:]
    assert [] == stack.records(), "no record is left at OVH"
    assert {"ai"} == {*stack.machines()}, "the rented server is given back, the adopted one runs"
    ours = "/etc/homeport /var/lib/homeport /var/lib/tailscale"
    left = stack.run("ai", "sh", "-c", f"docker ps -aq; find {ours} 2>/dev/null; true")
    assert "" == left.strip(), f"and is as it was, but for {left}"
    device.remove()  # it stands on the network of the world
    stack.remove()
    assert [] == [name for kind in ("container", "volume", "network") for name in labelled(kind, world)]
    assert not ASKED.folder.exists(), "nor of its state"
