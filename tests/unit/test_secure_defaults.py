"""Each default that is a matter of security, by itself: who weakens one has to change a test here."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from homeport.model.firewall import CONTAINERS, VPN, FirewallRule
from homeport.model.host import HostFile, Opening
from homeport.model.network import Network
from homeport.model.service import Bind, Limits, Port, SecretFile, Service, StaticFile, Volume
from homeport.render import cloud_init, daemon_json, hetzner_firewall, host_text, netfilter, packages, sshd, sysctl, ufw

CASES = Path(__file__).parents[1] / "cases" / "secure"
SSH = FirewallRule(opening=Opening(purpose="SSH", port=22))


def default(kind, name):
    """The default of a field of a dataclass."""
    (field,) = [field for field in dataclasses.fields(kind) if field.name == name]
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def content(files, path):
    (file,) = [file for file in files if file.path == path]
    return file.content


def directives(text, separator):
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in (line.partition(separator) for line in lines)}


@pytest.mark.parametrize(
    ("kind", "field", "expected", "because"),
    [
        (Network, "internal", True, "a network without a way out: what needs the internet says so"),
        (Service, "uid", 10001, "nothing runs as root, nor as a user that the host has"),
        (Service, "networks", (), "a service that names no network has none"),
        (Service, "ports", (), "nothing is published"),
        (Service, "binds", {}, "nothing of the host is in a container"),
        (Service, "capabilities", {}, "no capability is kept"),
        (Service, "groups", (), "no further group"),
        (Service, "waivers", {}, "no default is weakened"),
        (Service, "edge", False, "an edge proxy says that it is one"),
        (Service, "restart", "unless-stopped", "it comes back after a reboot, and stays down when a person stopped it"),
        (Bind, "read_only", True, "a path of the host is not for writing"),
        (SecretFile, "mode", 0o400, "a secret is its service's alone"),
        (StaticFile, "mode", 0o444, "a service cannot change its own files"),
        (Volume, "mode", 0o700, "data is its owner's alone"),
        (Volume, "data", True, "protected until somebody says that it may be lost"),
        (Volume, "owner", None, "as the image made it"),
        (Limits, "cpus", "1.0", "one service cannot take the whole host"),
        (Limits, "pids", 256, "a fork bomb ends in its container"),
        (Limits, "nofile", 4096, "nor take all of its files"),
        (Port, "outside", 0, "a port that names no number on the host is not published on one by accident"),
        (Service, "host_network", False, "a container has a network of its own"),
        (Service, "host_gateway", False, "and does not know its host"),
        (HostFile, "owner", "root:root", "a file on a host is root's"),
        (HostFile, "mode", 0o644, "and nobody else's to write"),
        (HostFile, "template", None, "braces are the file's own until it says otherwise"),
        (FirewallRule, "published", False, "no container is behind a rule that does not say so"),
    ],
)
def test_a_default_is_the_secure_one(kind, field, expected, because):
    actual = default(kind, field)

    assert expected == (dict(actual) if isinstance(expected, dict) else actual), because


@pytest.mark.req("P-12")
def test_sshd_lets_in_keys_alone_and_forwards_nothing():
    text = content(sshd.files(ports=(22,), users=("deploy",), host_key=sshd.HOST_KEY), sshd.PATH)
    expected = json.loads((CASES / "sshd.json").read_text())

    assert expected | {
        "Port": "22",
        "HostKey": sshd.HOST_KEY,
        "PermitRootLogin": "no",
        "AllowUsers": "deploy",
    } == directives(text, " "), "the first value of a key wins: one more or one less is another sshd"


@pytest.mark.req("S1-35")
def test_sshd_forwards_one_port_to_one_user_where_the_settings_say_so():
    ours = {"ports": (22,), "users": ("deploy",), "host_key": sshd.HOST_KEY}
    shut = content(sshd.files(**ours), sshd.PATH)
    text = content(sshd.files(**ours, forward=("deploy", 3000)), sshd.PATH)

    block = ["Match User deploy", "DisableForwarding no", "AllowTcpForwarding local", "PermitOpen 127.0.0.1:3000"]
    assert shut == text[: len(shut)], "for everybody else all stays as it is"
    assert [*block, "Match all"] == [line.strip() for line in text[len(shut) :].splitlines()]


def test_sshd_lets_root_in_by_a_key_and_only_where_root_is_named():
    text = content(sshd.files(ports=(22,), users=("root",), host_key=sshd.HOST_KEY), sshd.PATH)

    assert "PermitRootLogin prohibit-password\n" in text, "a host whose only user is root"


@pytest.mark.req("CA-04", "AT-01")
def test_what_an_older_or_newer_sshd_does_not_know_is_asked_for_one_by_one():
    expected = json.loads((CASES / "sshd-by-version.json").read_text())
    always = directives(content(sshd.files(ports=(22,), users=("deploy",), host_key=sshd.HOST_KEY), sshd.PATH), " ")

    assert expected == directives(host_text.text("sshd/versions.conf"), "=")
    assert set() == always.keys() & expected.keys(), "an option of the main file has to be known to every sshd"


@pytest.mark.req("RW-06")
def test_a_server_whose_sshd_hangs_on_a_socket_is_born_with_a_service_on_the_wanted_port():
    text = cloud_init.cloud_init(user="deploy", authorized="key", host_private="a", host_public="b", port=2222)
    (command,) = json.loads(text.removeprefix("#cloud-config\n"))["runcmd"]
    steps = [line.split(" 2>")[0] for line in command[2].splitlines() if not line.startswith("#")]

    assert [
        "systemctl disable --now ssh.socket",
        "systemctl enable ssh.service",
        "systemctl restart ssh.service",
    ] == steps, "the socket would keep port 22, and the cloud's firewall opens the wanted one alone"


def test_a_server_is_born_without_passwords_and_without_root():
    text = cloud_init.cloud_init(user="deploy", authorized="key", host_private="a", host_public="b", port=2222)
    born = json.loads(text.removeprefix("#cloud-config\n"))
    (user,), (file,) = born["users"], born["write_files"]

    assert (True, False, True) == (born["disable_root"], born["ssh_pwauth"], user["lock_passwd"])
    assert {
        "Port": "2222",
        "PermitRootLogin": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "MaxStartups": "160:30:240",
        "PerSourceMaxStartups": "72",
        "LoginGraceTime": "20",
        "MaxSessions": "100",
    } == directives(file["content"], " "), "until the settings of the update take over"
    assert (True, False) == (born["ssh_deletekeys"], "ssh_genkeytypes" in born), "it has the pinned key and no other"


def test_ufw_drops_what_comes_in_and_what_is_forwarded():
    policies = directives(content(ufw.files(()), "/etc/default/ufw"), "=")
    enabled = directives(content(ufw.files(()), "/etc/ufw/ufw.conf"), "=")

    assert ("yes", '"DROP"', '"DROP"', '"ACCEPT"') == (
        policies["IPV6"],
        *(policies[f"DEFAULT_{way}_POLICY"] for way in ("INPUT", "FORWARD", "OUTPUT")),
    )
    assert "yes" == enabled["ENABLED"], "it is on, and comes back after a boot"


@pytest.mark.parametrize("version", [4, 6])
def test_without_a_rule_the_firewall_lets_nothing_in(version):
    lines = netfilter.restore((), version).splitlines()
    accepts = [line for line in lines if line.endswith("-j RETURN") or "ACCEPT" in line]
    own = ("icmp", "ipv6-icmp", "--dport 68", "--dport 546", "-i lo", "ESTABLISHED", "-i br-+", "-i docker+")

    assert [] == [line for line in accepts if not any(part in line for part in own)], "only answers and the host itself"
    for chain in (netfilter.FORWARD, netfilter.INPUT, netfilter.DOCKER):
        mine = [line for line in lines if line.startswith(f"-A {chain} ")]
        assert f"-A {chain} -j DROP" == mine[-1], "what is not named is dropped"
        assert f"-A {chain} -m conntrack --ctstate INVALID -j DROP" in mine or chain == netfilter.INPUT
    for chain in (netfilter.FORWARD, netfilter.DOCKER):
        first = next(line for line in lines if line.startswith(f"-A {chain} "))
        assert f"-A {chain} -d {netfilter.METADATA[version]} -j DROP" == first, "no container asks for user data"


@pytest.mark.parametrize("version", [4, 6])
def test_containers_reach_no_port_of_the_host_but_a_declared_one(version):
    declared = FirewallRule(opening=Opening(purpose="agent", port=9100), via=CONTAINERS)
    lines = netfilter.restore((SSH, declared), version).splitlines()
    mine = [line.removeprefix(f"-A {netfilter.INPUT} ") for line in lines if line.startswith(f"-A {netfilter.INPUT} ")]
    closed = [mine.index(f"-i {bridge} -j DROP") for bridge in ("br-+", "docker+")]

    assert mine.index("-i br-+ -p tcp --dport 9100 -j RETURN") < min(closed), "the declared one comes first"
    assert max(closed) < mine.index("-p tcp --dport 22 -j RETURN"), "a port for the world is none for containers"


@pytest.mark.parametrize("version", [4, 6])
def test_a_rule_for_sources_or_for_the_vpn_is_for_nobody_else(version):
    named = FirewallRule(opening=Opening(purpose="SSH", port=22, sources=("203.0.113.9/32", "2001:db8::9/128")))
    inner = FirewallRule(opening=Opening(purpose="db", port=5432), via=VPN)
    lines = [
        line
        for line in netfilter.restore((named, inner), version).splitlines()
        if "--dport 22" in line or "5432" in line
    ]

    assert all(
        ("-s 203.0.113.9/32" if version == 4 else "-s 2001:db8::9/128") in line for line in lines if "22" in line
    )
    assert all("-i wg0" in line for line in lines if "5432" in line), "the VPN's interface alone"
    assert 2 == len(lines), lines


def test_a_published_port_is_reached_by_docker_s_own_translation_only():
    rule = FirewallRule(opening=Opening(purpose="HTTPS", port=443), published=True, address="203.0.113.7")
    lines = [line for line in netfilter.restore((rule,), 4).splitlines() if "443" in line and "-A DOCKER-USER" in line]

    assert [
        "-A DOCKER-USER -p tcp -m conntrack --ctstate DNAT --ctorigdst 203.0.113.7 --ctorigdstport 443 -j RETURN"
    ] == lines
    assert "443" not in netfilter.restore((rule,), 6).split("*filter")[1], "an IPv4 address has no rule for IPv6"


def test_docker_keeps_its_containers_apart_and_publishes_on_loopback():
    expected = {
        "icc": False,
        "ip": "127.0.0.1",
        "iptables": True,
        "live-restore": True,
        "no-new-privileges": True,
        "userland-proxy": False,
        "default-cgroupns-mode": "private",
        "log-opts": {"max-file": "5", "max-size": "10m"},
        "default-ulimits": {
            "core": {"Name": "core", "Soft": 0, "Hard": 0},
            "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096},
        },
    }
    actual = json.loads(content(daemon_json.files(), daemon_json.WANTED))

    assert expected == {key: actual.get(key) for key in expected}


def test_the_kernel_has_exactly_these_settings():
    expected = json.loads((CASES / "sysctl.json").read_text())
    actual = {}
    for path in (sysctl.NETWORK, sysctl.KERNEL):
        actual |= directives(content(sysctl.files(), path), "=")

    assert expected == actual, "each is dev-sec's, or has its reason beside it"


def test_security_upgrades_come_by_themselves_and_never_restart_the_host():
    (file,) = packages.files()

    assert 'Unattended-Upgrade "1"' in file.content
    assert 'Automatic-Reboot "false"' in file.content, "a person decides when it goes down"


def test_the_cloud_s_firewall_opens_to_named_sources_alone():
    opening = Opening(purpose="SSH", port=22, sources=("203.0.113.9/32",))
    rules = hetzner_firewall.hcloud_rules((opening,))

    assert [["203.0.113.9/32"]] == [rule["source_ips"] for rule in rules if rule["protocol"] == "tcp"]


@pytest.mark.parametrize(
    "unit",
    [
        "homeport/render/host/cloudflared/cloudflared.service",
        "apps/github_runner/runner.service",
        "homeport/render/host/tailscale/tailscaled.service",
    ],
)
def test_a_unit_of_ours_may_next_to_nothing(unit):
    text = (Path(netfilter.__file__).parents[2] / unit).read_text()
    lines = set(text.splitlines())

    expected = {
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "RestrictNamespaces=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "UMask=0077",
        "ProtectKernelModules=yes",
        "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes",
        "ProtectClock=yes",
    }
    assert set() == expected - lines, unit
    assert re.search(r"^CapabilityBoundingSet=(CAP_NET_ADMIN CAP_NET_RAW)?$", text, re.MULTILINE), unit
