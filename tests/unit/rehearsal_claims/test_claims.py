"""What claims make of what they observe: texts of ss and ufw, and answers of `docker inspect`, good and bad ones."""

import copy
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from rehearsal.claims import access, containers, network
from rehearsal.claims import expected as expected_values
from rehearsal.claims.expected import expected, systems
from rehearsal.claims.run import check
from rehearsal.claims.systems import CLAIMS, SECURITY_CHECKLIST
from tests.support.checkout import ROOT
from tests.unit.rehearsal_claims.described import SOCKET, SS, SSHD, UFW, Host
from tests.unit.rehearsal_claims.described import containers as described

JETT = {claim.name: claim for claim in CLAIMS["jett"]}
RUNNING = described(expected("jett"))
LOCAL = [claim.name for claim in containers.CLAIMS] + [
    "nothing-on-public-ip",
    "ufw-only-ssh-and-wg",
    "private-key-files",
    "metadata-unreachable",
    "ssh-forwards-declared-port-alone",
]


def changed(name, **keys):
    running = copy.deepcopy(RUNNING)
    for key, value in keys.items():
        running[name][key].update(value)
    return Host(running=running)


def mounted(name, *mounts):
    return Host(running={**RUNNING, name: {**RUNNING[name], "Mounts": list(mounts)}})


def published(host, port):
    return {"Ports": {f"{port}/tcp": [{"HostIp": host, "HostPort": str(port)}]}}


@pytest.mark.parametrize("name", LOCAL)
def test_a_host_as_described_passes_and_its_spoiled_picture_does_not(name):
    result = check(JETT[name], Host())
    assert ("passed", "refused") == (result.state, result.control), f"expected {result.expected} got {result.got}"


@pytest.mark.parametrize(
    ("claim", "host"),
    [
        ("bound-to-wg-ip", changed("qdrant", NetworkSettings=published("0.0.0.0", 6333))),
        ("bound-to-wg-ip", changed("qdrant", NetworkSettings=published("::", 6333))),
        ("bound-to-wg-ip", changed("qdrant", NetworkSettings=published("127.0.0.1", 6333))),
        ("bound-to-wg-ip", changed("qdrant", NetworkSettings={"Ports": {}})),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 *:9000 *:*\n")),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 198.18.0.10:9000 0.0.0.0:*\n")),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 [fd00::1]:9000 [::]:*\n")),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 0.0.0.0%eth0:9000 0.0.0.0:*\n")),
        ("socket-read-only", mounted("portainer", {**SOCKET, "RW": True})),
        ("socket-read-only", mounted("n8n", SOCKET)),
        ("non-root", Host(users={"n8n": "0"})),
        ("caps-dropped", changed("postgres", HostConfig={"CapAdd": ["CHOWN"]})),
        ("caps-dropped", changed("postgres", HostConfig={"CapDrop": ["NET_RAW"]})),
        ("caps-dropped", changed("postgres", HostConfig={"Privileged": True})),
        ("services-as-described", changed("n8n", Config={"User": ""})),
        ("read-only-roots", changed("n8n", HostConfig={"ReadonlyRootfs": False})),
        ("read-only-roots", changed("n8n", HostConfig={"SecurityOpt": None})),
        ("limits", changed("n8n", HostConfig={"NanoCpus": 0})),
        ("named-volumes", mounted("n8n", {"Type": "volume", "Name": "jett-n8n_data2", "RW": True})),
        (
            "only-declared-services",
            Host(running={**RUNNING, "ollama": {**RUNNING["n8n"], "Config": {"Labels": {}}, "Name": "/ollama"}}),
        ),
        ("only-declared-services", Host(running={name: RUNNING[name] for name in list(RUNNING)[1:]})),
        ("only-declared-services", changed("n8n", State={"Health": {"Status": "unhealthy"}})),
        ("networks-as-described", changed("n8n", NetworkSettings={"Networks": {"jett_admin": {}}})),
        ("docker-at-boot", Host(systemctl="ActiveState=active\nUnitFileState=disabled\n")),
        ("metadata-unreachable", Host(nsenter="169.254.169.254 answered\nfd00:ec2::254 silent\n")),
        ("ufw-only-ssh-and-wg", Host(ufw=UFW.replace("Status: active", "Status: inactive"))),
        ("ufw-only-ssh-and-wg", Host(ufw=UFW.replace("deny (incoming)", "allow (incoming)"))),
        ("ufw-only-ssh-and-wg", Host(ufw=f"{UFW}443                        ALLOW IN    Anywhere\n")),
        ("ufw-only-ssh-and-wg", Host(ufw=f"{UFW}443/tcp (v6)               ALLOW IN    Anywhere (v6)\n")),
        ("ufw-only-ssh-and-wg", Host(ufw=f"{UFW}5432/tcp on eth0           LIMIT IN    192.0.2.0/24\n")),
        ("ufw-only-ssh-and-wg", Host(ufw=UFW.replace("51820/udp", "51821/udp"))),
    ],
)
def test_each_way_to_break_it_is_seen(claim, host):
    assert "failed" == check(JETT[claim], host).state, "the claim no longer holds"


def test_a_further_service_needs_an_entry_of_expected_values_and_no_code(tmp_path, monkeypatch):
    values = json.loads((expected_values.FOLDER / "jett.json").read_text())
    values["services"]["more"] = {
        "port": 4000,
        "user": "1000:1000",
        "memory": 128,
        "cpus": 0.25,
        "volumes": ["more_data"],
        "networks": ["jett_apps"],
    }
    values["routes"]["more"] = {"service": "more", "doors": [{"kind": "login"}]}
    monkeypatch.setattr(expected_values, "FOLDER", tmp_path)
    (tmp_path / "jett.json").write_text(json.dumps(values))
    system = expected("jett")

    claims = [JETT[name] for name in LOCAL]
    assert ["passed"] * len(claims) == [check(claim, Host(system)).state for claim in claims], "with the service"
    without = {claim.name for claim in claims if check(claim, Host(system, running=RUNNING)).state == "failed"}
    of_services = {claim.name for claim in containers.CLAIMS} - {"socket-read-only", "non-root", "docker-at-boot"}
    assert of_services | {"metadata-unreachable"} == without, "without it each claim on services fails"
    assert 4000 in system.all_vpn_tcp(), "members of the VPN must reach it"
    assert "more.example.com" in Host(system).hostnames.values(), "and visitors its name"


@pytest.mark.parametrize(
    ("values", "word"), [({"user": "1:1", "memory": 1, "cpus": 1, "colour": 1}, "colour"), ({"user": "1:1"}, "memory")]
)
def test_expected_values_with_a_wrong_or_missing_key_are_refused(tmp_path, monkeypatch, values, word):
    monkeypatch.setattr(expected_values, "FOLDER", tmp_path)
    (tmp_path / "jett.json").write_text(json.dumps({"services": {"more": values}}))
    with pytest.raises(TypeError, match=word):
        expected("jett")


def test_each_system_with_expected_values_has_claims_and_the_other_way_round():
    assert systems() == sorted(CLAIMS), "neither alone is of use"


def test_access_is_on_only_when_nobody_gets_an_answer_of_ours():
    verdicts = access.turned_away({"login": 302, "refused": 403, "ours": 200, "gone": 502, "webhook": 404})
    expected_verdicts = {"login": True, "refused": True, "ours": False, "gone": False, "webhook": False}
    assert expected_verdicts == verdicts, "only Access's own answers"


@pytest.mark.req("S2-55")
def test_the_seven_items_of_the_security_checklist_are_claims():
    assert 7 == len(SECURITY_CHECKLIST), "the checklist has seven items"
    assert set(SECURITY_CHECKLIST) == {claim.name for claim in CLAIMS["jett"] if "S2-55" in claim.rows}, (
        "by these names"
    )


def test_forward_rules_are_counted():
    text = (
        "-P FORWARD DROP\n-A FORWARD -i wg0 -j ACCEPT\n-A FORWARD -o wg0 -j ACCEPT\n"
        "-A FORWARD -i wg0 -o docker0 -j ACCEPT\n"
    )
    assert 2 == JETT["forward-rules-stay-one"].value(text), "what comes out of the VPN"


def test_the_command_lists_its_claims_and_refuses_what_it_does_not_know():
    def command(*argv, stdin=""):
        line = [sys.executable, "-m", "rehearsal.claims", *argv]
        return subprocess.run(line, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False)

    assert sum(map(len, CLAIMS.values())) == len(command("--list").stdout.splitlines()), "one line each"
    unknown = command(stdin=json.dumps({"preset": "nonsense", "world": {}, "outputs": {}}))
    assert (3, 1) == (unknown.returncode, len(unknown.stderr.splitlines())), "one line, no traceback, and no pass"
    wrong = command("nonsense", stdin=json.dumps({"preset": "jett", "world": {}, "outputs": {}}))
    assert (2, True) == (wrong.returncode, "no claim is called nonsense" in wrong.stderr), "before anything is started"


@pytest.mark.req("S1-08")
def test_a_port_of_a_hosts_program_is_for_the_declared_subnets_of_containers():
    rule = "9000/tcp on br-+           ALLOW IN    172.30.0.0/24              # host-agent\n"
    listens = f"{SS}LISTEN 0 4096 0.0.0.0:9000 0.0.0.0:*\n"
    one = replace(expected("jett"), bridged={"9000": ["172.30.0.0/24"]})

    def states(**texts):
        return [check(JETT[name], Host(one, **texts)).state for name in ("ufw-only-ssh-and-wg", "nothing-on-public-ip")]

    assert ["passed", "passed"] == states(ufw=UFW + rule, ss=listens), "as declared"
    assert "failed" == states(ufw=UFW + rule.replace("172.30.0.0/24", "Anywhere     "), ss=listens)[0]
    assert "failed" == states(ufw=f"{UFW}9000/tcp                   ALLOW IN    Anywhere\n", ss=listens)[0]
    assert ["failed", "failed"] == states(ufw=UFW, ss=SS), "what is declared is there"


@pytest.mark.req("S1-35")
def test_the_one_port_that_sshd_forwards_is_seen_and_any_other_way_is_too():
    claim = JETT["ssh-forwards-declared-port-alone"]
    text = SSHD + "deploy disableforwarding no\ndeploy allowtcpforwarding local\ndeploy permitopen 127.0.0.1:3000\n"
    one = replace(expected("jett"), ssh_forward=3000)

    assert "passed" == check(claim, Host(one, sshd=text)).state, "as declared"
    for wrong in (
        text.replace("127.0.0.1:3000", "any"),
        text.replace(" local", " yes"),
        text + text.replace("deploy", "other"),
        text + "deploy permittunnel yes\n",
        SSHD,
    ):
        assert "failed" == check(claim, Host(one, sshd=wrong)).state, wrong
    assert "failed" == check(claim, Host(sshd=text)).state, "where nothing is declared nothing is forwarded"


def test_listeners_leave_out_loopback():
    assert ["0.0.0.0:22", "10.0.0.2:5678", "[::]:22"] == network.listeners(SS), "all others are looked at"
