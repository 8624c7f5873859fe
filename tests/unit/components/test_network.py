"""Engine, firewall and WireGuard: what the engine is told, and which keys go where."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.wireguard import public_key
from homeport.render import wireguard

LOCAL = {"name": "local", "slot": 1}
KEY = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
OWN = {"name": "own", "slot": 9, "public_key": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}


def _ran(asked):
    argv = [sys.executable, str(Path(__file__).with_name("network_graph.py"))]
    return subprocess.run(argv, input=asked, capture_output=True, text=True, check=False)


@functools.cache
def _told(asked):
    done = _ran(asked)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def asked(*peers, endpoint="203.0.113.7", packages=(), chains=(), **more):
    return json.dumps({"peers": peers, "endpoint": endpoint, "more": more, "packages": packages, "chains": chains})


def register(*peers, **more):
    return _told(asked(*peers, **more))


def one(told, kind, name):
    found = [each for each in told["requests"] if each["type"] == kind and each["name"] == name]
    assert len(found) == 1, f"{kind} {name}: {[each['name'] for each in told['requests']]}"
    return found[0]


def conf(told):
    return one(told, "command:local:Command", "wireguard-wg0-files")["files"]["/etc/wireguard/wg0.conf"]["content"]


def keys(told):
    return sorted(
        each["name"] for each in told["requests"] if each["type"] == "random:index/randomPassword:RandomPassword"
    )


@pytest.mark.req("S2-10", "S2-11")
def test_a_members_configuration_and_the_servers_fit_each_other():
    graph = register(LOCAL)
    text, given = conf(graph), graph["configs"]["local"]
    private = re.search(r"PrivateKey = (.*)", given)[1]

    assert wireguard.valid_private(private), "a clamped key of 32 bytes"
    assert f"PublicKey = {public_key(private)}\n" in text, "the server knows the member by the key that the member has"
    assert f"PublicKey = {graph['public']}\n" in given, "and the member knows the server"
    assert graph["public"] == public_key(re.search(r"PrivateKey = (.*)", text)[1]), "by its own key"
    assert re.search(r"PresharedKey = .*", given)[0] in text, "one more key that both have"
    assert "Endpoint = 203.0.113.7:51820\n" in given, "the public address and the port"


@pytest.mark.req("S2-53", "P-29")
def test_what_holds_a_private_key_is_secret_and_a_public_key_is_not():
    graph = register(LOCAL)
    files = one(graph, "command:local:Command", "wireguard-wg0-files")

    assert files["stdin_secret"], "the bundle holds private keys"
    assert {"local": True} == graph["secret"], "a configuration is a key"
    assert not graph["public_secret"], "a public key is for showing"
    assert re.search(r"PrivateKey = (.*)", graph["configs"]["local"])[1] not in json.dumps(files["object"]["create"]), (
        "no key in argv"
    )
    for name in ("engine-packages-files", "engine-settings-files", "firewall-rules-files"):
        assert not one(graph, "command:local:Command", name)["stdin_secret"], f"{name}: a preview shows what changes"


@pytest.mark.req("S2-11")
def test_a_device_with_its_own_key_keeps_it_to_itself():
    graph = register(OWN)

    assert f"PublicKey = {OWN['public_key']}\n" in conf(graph), "it is known by the key from the settings"
    assert "PrivateKey = <the private key of this device>" in graph["configs"]["own"], "the person puts it in"
    assert not any("peer-own" in name for name in keys(graph)), "none is made for it"


@pytest.mark.req("A-05")
@pytest.mark.parametrize(
    ("kept", "coming", "where"),
    [
        ("public", None, "peers.own.public_key"),
        ("announced", None, "peers.own.public_key"),
        (None, "public", "next_public_keys.own"),
    ],
)
def test_a_device_with_the_servers_key_is_refused_by_name(kept, coming, where):
    """Its configuration has a line `PublicKey = …` of the server's, which is taken for its own soon enough."""
    rotating = {"rotating": ["own", "server"], "next_public_keys": {"own": OWN["public_key"]}}
    graph = register(OWN | {"public_key": public_key(KEY)}, **rotating)
    known = {"public": graph["public"], "announced": re.search(r"PublicKey = (.*)", graph["configs"]["own"])[1]}
    if kept:
        done = _ran(asked(OWN | {"public_key": known[kept]}, **rotating))
    else:
        done = _ran(asked(OWN, **rotating | {"next_public_keys": {"own": known[coming]}}))

    assert known["public"] != known["announced"], "both are the server's"
    assert 0 != done.returncode, "nothing is changed with it"
    assert f"homeport:settings.wireguard.{where}: is the server's key" in done.stderr, done.stderr[-2000:]


def test_an_ipv6_endpoint_stands_in_brackets():
    assert "Endpoint = [2001:db8::7]:51820\n" in register(LOCAL, endpoint="2001:db8::7")["configs"]["local"], "wg(8)"


def test_a_key_changes_in_three_steps_of_which_none_is_two_changes():
    before = register(LOCAL)
    during = register(LOCAL, rotating=["local"])
    after = register(LOCAL, versions={"local": 2})
    public = lambda told: public_key(re.search(r"PrivateKey = (.*)", told["configs"]["local"])[1])  # noqa: E731

    assert public(before) in conf(during), "1: the old key still works"
    assert public(during) in conf(during), "1: and the next one is taken already"
    assert 1 == conf(during).count("AllowedIPs"), (
        "two keys cannot share an address: the next one gets it when it comes in"
    )
    assert public(during) == public(after), "3: the key that the device has by then stays"
    assert public(before) not in conf(after), "3: the old one is forgotten"
    assert public(before) != public(during), "another key"
    assert ["wireguard-peer-local-1", "wireguard-peer-local-2"] == [key for key in keys(during) if "peer" in key], (
        "side by side"
    )
    assert before["public"] == during["public"] == after["public"], "the server's key is another matter"


def test_members_learn_the_servers_next_key_before_it_changes():
    during, after = register(LOCAL, rotating=["server"]), register(LOCAL, versions={"server": 2})

    assert during["public"] != after["public"], "the server changes in the second step"
    assert f"PublicKey = {after['public']}\n" in during["configs"]["local"], (
        "the configuration to hand out names the next key"
    )
    assert during["public"] == public_key(re.search(r"PrivateKey = (.*)", conf(during))[1]), (
        "the host still has the old one"
    )


@pytest.mark.req("S2-03")
def test_changes_that_can_cut_homeport_off_have_a_revert_timer():
    graph = register(LOCAL)
    create = {
        name: one(graph, "command:local:Command", name)["object"]["create"]
        for name in ("firewall-rules-files", "wireguard-wg0-files")
    }

    assert [] == [text for text in create.values() if not text.endswith(" 120")], f"{create}"


def test_a_layer_names_its_packages_and_its_chains_and_a_host_without_it_has_nothing_of_them():
    """As a later layer does: fail2ban needs a program, and fills chains by itself."""
    plain = register(LOCAL)
    more = register(
        LOCAL, packages=[{"name": "fail2ban", "program": "fail2ban-server"}], chains=["f2b-sshd", "f2b-web"]
    )
    packages = [one(graph, "command:local:Command", "engine-packages-files")["apply"] for graph in (plain, more)]
    files = [one(graph, "command:local:Command", "firewall-rules-files")["files"] for graph in (plain, more)]
    script, rules = "/usr/local/lib/homeport/firewall", "/usr/local/lib/homeport/firewall-rules"

    assert packages[1].replace("need fail2ban-server fail2ban\n", "") == packages[0], "one line more"
    assert rules not in files[0] and "f2b" not in files[0][script]["content"], "nothing on hosts that do not use it"
    assert files[0][script] == files[1][rules], "the rules are loaded as they always were"
    assert "\nchains='f2b-sshd f2b-web'\nrules=/usr/local/lib/homeport/firewall-rules\n" in files[1][script]["content"]
    assert {*files[0], rules} == set(files[1]), "and no other file"


@pytest.mark.req("S2-13")
def test_docker_waits_for_the_vpn_and_starts_without_it_if_it_fails():
    files = one(register(LOCAL), "command:local:Command", "engine-settings-files")["files"]
    text = files["/etc/systemd/system/docker.service.d/homeport.conf"]["content"]

    assert "After=wg-quick@wg0.service\nWants=wg-quick@wg0.service\n" in text, (
        "a container on an address that is not there yet stays down"
    )
    assert "Requires" not in text, "without the VPN the others still come up"
