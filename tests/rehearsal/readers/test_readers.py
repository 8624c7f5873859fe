"""What hosts and containers get, read back by the programs that it is for, and what those programs refuse."""

import base64
import json
import re
from dataclasses import replace

import pytest

from catalog.presets import registry
from components.connection import private_key, public_key
from homeport.model import template
from homeport.model.access import PublicHostname
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.route import Guard, Route
from homeport.render import cloudflared, sshd
from homeport.render.caddy import caddyfile, snippets
from homeport.render.cloud_init import cloud_init
from homeport.render.files import sized
from homeport.render.netfilter import RULE_FILES
from homeport.render.wireguard import clamp
from tests.support.checkout import ROOT
from tests.support.host import seed
from tests.support.readers import Refused
from tests.unit.render.test_host_text import FILES, UNITS, VPN

pytestmark = pytest.mark.docker

BY_PATH = {file.path: file for file in FILES}
KEYS = {
    "private-key": clamp(seed("server")),
    "public:laptop": seed("laptop"),
    "psk:laptop": seed("shared"),
    "next-public:laptop": seed("next laptop"),
    "next-psk:laptop": seed("next shared"),
}


def born(port):
    """The user data of a server."""
    keys = {"host_private": private_key(seed("born")), "host_public": public_key(seed("born"))}
    return cloud_init(user="deploy", authorized=public_key(seed("client")), port=port, **keys)


def test_sshd_takes_every_line_and_says_what_it_understood(readers):
    whole = BY_PATH[sshd.PATH].content
    good, bad = readers.sshd([whole, f"{whole}PermitRootLogin perhaps\n"])

    assert ["2222", "22"] == good["port"], "both ports, in order"
    assert {"10.66.0.1:2222", "10.66.0.1:22"} == set(good["listenaddress"])
    assert isinstance(bad, Refused), "a reader that refuses nothing reads nothing"


@pytest.mark.parametrize("version", [4, 6])
def test_the_kernel_has_the_firewalls_rules_as_they_were_written(readers, version):
    paths = (RULE_FILES[version], "/etc/ufw/user.rules" if version == 4 else "/etc/ufw/user6.rules")
    *good, bad = readers.iptables(
        [*(BY_PATH[path].content for path in paths), "*filter\n-A NOWHERE -j DROP\n"], version
    )

    assert [True] * len(good) == [any("--dport 22 " in line for line in rules) for rules in good], "the port of SSH"
    assert isinstance(bad, Refused), "a reader that refuses nothing reads nothing"


def test_a_device_of_wireguard_has_the_peers_of_its_file(readers):
    whole = BY_PATH["/etc/wireguard/wg0.conf"].filled(KEYS).content
    good, bad = readers.wireguard([whole, whole.replace(KEYS["psk:laptop"], "short")])

    assert (KEYS["private-key"], str(VPN.port)) == (good["private"], good["port"])
    assert [f"{VPN.address}/{VPN.prefix}"] == good["quick"]["ADDRESSES"]
    assert {KEYS["public:laptop"]: f"{VPN.at(7)}/32", KEYS["next-public:laptop"]: "(none)"} == {
        peer["public"]: peer["allowed"] for peer in good["peers"]
    }
    assert isinstance(bad, Refused), "a reader that refuses nothing reads nothing"


def test_systemd_knows_every_line_of_every_unit_and_says_what_it_understood(readers):
    broken = {"a.service": "[Service]\nExecStart=/bin/true\nMemoryMax=abc\n"}
    good, bad = readers.units([UNITS, broken])

    assert UNITS.keys() == good.keys()
    assert ["0077"] == good["cloudflared.service"]["UMask"]
    assert isinstance(bad, Refused), "a reader that refuses nothing reads nothing"


@pytest.mark.req("CF-14")
def test_user_data_is_valid_by_cloud_inits_own_schema(readers):
    *good, empty, headless = readers.cloud_init(
        [born(22), born(2222), "#cloud-config\nssh_genkeytypes: []\n", born(22).removeprefix("#cloud-config\n")]
    )

    assert [["Port 22"], ["Port 2222"]] == [one["write_files"][0]["content"].split("\n")[:1] for one in good]
    assert "ssh_genkeytypes" in empty.words, "the schema is cloud-init's own: it refuses what was written before"
    assert isinstance(headless, Refused), "without its first line it is something else"


def test_fail2ban_reads_the_jail_as_it_was_written(readers):
    (jail,) = readers.fail2ban([BY_PATH["/etc/fail2ban/jail.d/homeport.local"].content])

    assert ("2222,22", f"127.0.0.1/8 ::1 {VPN.subnet}") == (jail["sshd"]["port"], jail["sshd"]["ignoreip"])


def test_the_tunnels_configuration_is_yaml_with_the_values_in_their_places(readers):
    login = Guard(kind="login", because="people")
    door = PublicHostname(name="n8n", hostname="n8n.example.com", origin="http://10.66.0.1:5678", guards=(login,))
    (read,) = readers.yaml([cloudflared.config((door,)).replace("{tunnel-id}", "id")])

    assert ("n8n.example.com", "http://10.66.0.1:5678") == (
        read["ingress"][0]["hostname"],
        read["ingress"][0]["service"],
    )


def test_caddy_refuses_what_it_does_not_know(readers):
    good, bad = readers.caddy([{"Caddyfile": ":80 {\n\trespond hi\n}\n"}, {"Caddyfile": ":80 {\n\tresponds hi\n}\n"}])

    assert ["hi"] == [good["apps"]["http"]["servers"]["srv0"]["routes"][0]["handle"][0]["body"]]
    assert isinstance(bad, Refused), "a reader that refuses nothing reads nothing"


def test_a_shells_variables_are_what_it_made_of_them(readers):
    good, bad = readers.shell([("a='x y'\nb=$a", ["a", "b", "c"]), ("a='x", ["a"])])

    assert {"a": "x y", "b": "x y", "c": "unset"} == good
    assert isinstance(bad, Refused), "a reader that refuses nothing reads nothing"


def test_postgresql_reads_its_files_and_literals(readers):
    literals = readers.sql_literals(["'a''b'", r"E'x\\y'"])
    conf, bad_conf = readers.postgresql_conf(["shared_buffers = 96MB\n", "shared_bufers = 96MB\n"])
    hba, bad_hba = readers.pg_hba(
        [(ROOT / "catalog/presets/jett/postgres/pg_hba.conf").read_text(), "host everything\n"]
    )

    assert ["a'b", "x\\y"] == literals
    assert {"shared_buffers": "96MB"} == conf
    assert ["local", "{all}", "{all}", "", "trust", ""] == hba[0]
    assert all(isinstance(bad, Refused) for bad in (bad_conf, bad_hba)), "a reader that refuses nothing reads nothing"
    assert "1\n" == readers.sql("SELECT 1;"), "a whole script"


def test_redis_reads_its_files(readers):
    acl = "user default off resetkeys resetchannels -@all\nuser n8n on >se+c/r=et ~ai:* +ping +auth\n"
    users, stranger = readers.redis_acl([acl, acl], [("n8n", "se+c/r=et"), ("n8n", "another")])
    conf, bad = readers.redis_conf(["maxmemory 96mb\n", "maxmemory lots\n"])

    assert 2 == len(users)
    assert str(96 * 1024 * 1024) == conf["maxmemory"]
    assert all(isinstance(refused, Refused) for refused in (stranger, bad)), (
        "a reader that refuses nothing reads nothing"
    )


def test_compose_gives_containers_the_values_that_were_meant(readers):
    good, bad = readers.compose(
        [json.dumps({"services": {"a": {"image": "x", "environment": {"A": "$$x"}}}}), "services: 1"]
    )

    assert "$x" == good["services"]["a"]["environment"]["A"]
    assert isinstance(bad, Refused), "a reader that refuses nothing reads nothing"


@pytest.mark.req("CF-15")
def test_the_proxy_asks_for_basic_credentials_in_any_case(readers):
    guards = (Guard(kind="basic", user="admin", secret="door", because="people"),)
    routes = (Route(name="n8n", service="web", port=80, guards=guards),)
    edge = Edge(bind="127.0.0.1", ports={"http": 8080, "https": 8443}, public=False)
    blueprint = Blueprint(
        preset="p", environment="dev", domain="localhost", services=(), networks=(), routes=routes, edge=edge
    )
    filled = {name: template.fill(text, {"door": "s3cret"}, template.PROXY) for name, text in snippets(routes).items()}
    (read,) = readers.caddy([{"Caddyfile": caddyfile(blueprint), **filled}], validate=True)
    text = json.dumps(read)
    (changed,) = {json.dumps(one) for one in re.findall(r'"search_regexp": "(.*?)"', text)}

    assert "^(?i:basic) +" in changed, "Go's regular expression"
    assert text.index("search_regexp") < text.index("Basic " + base64.b64encode(b"admin:s3cret").decode()), "before"


@pytest.mark.req("CF-10")
@pytest.mark.parametrize("memory", [128, 333, 8192])
def test_servers_take_the_sizes_that_follow_their_memory(readers, memory):
    for preset, read, needle in (
        ("jett", readers.postgresql_conf, "shared_buffers"),
        ("ai-orchestrator", readers.redis_conf, "maxmemory"),
    ):
        service = next(one for one in registry.preset(preset).services if any(needle in f.sizes for f in one.files))
        limits = replace(service.limits, memory=memory, sized_for=service.limits.memory)
        file = next(file for file in service.files if needle in file.sizes)
        lines = sized((ROOT / file.source).read_bytes(), file, limits).decode().splitlines()
        (values,) = read(["".join(f"{line}\n" for line in lines if line.startswith(needle))])

        assert int(re.match(r"\d+", values[needle])[0]) > 0
