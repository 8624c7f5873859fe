"""What jett's claims make of what they see: texts of ss and ufw, and answers of `docker inspect`, good and bad ones."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.claims import jett, jett_containers, jett_doors, jett_edge
from rehearsal.claims.run import check
from rehearsal.claims.view import View

ROOT = Path(__file__).parents[3]

UFW = """Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), deny (routed)
New profiles: skip

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere
51820/udp                  ALLOW IN    Anywhere
22/tcp (v6)                ALLOW IN    Anywhere (v6)
51820/udp (v6)             ALLOW IN    Anywhere (v6)
"""
SS = """LISTEN 0 4096 10.0.0.2:5678 0.0.0.0:*
LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*
LISTEN 0 128 0.0.0.0:22 0.0.0.0:*
LISTEN 0 128 [::]:22 [::]:*
LISTEN 0 4096 [::1]:631 [::]:*
"""


def container(name, port, **more):
    host = {
        "CapAdd": [],
        "CapDrop": ["ALL"],
        "Privileged": False,
        "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges:true"],
    }
    memory, cpus = jett_containers.LIMITS[name]
    host |= {"Memory": memory << 20, "NanoCpus": int(cpus * 1e9), **more.pop("host", {})}
    mounts = [
        {
            "Type": "volume",
            "Name": f"jett-{jett_containers.VOLUMES[name]}",
            "Source": "/var/lib/docker/volumes/x",
            "RW": True,
        }
    ]
    return {
        "Id": name,
        "Name": f"/{name}",
        "Config": {"User": jett_containers.USERS.get(name, ""), "Labels": {"homeport.service": name}},
        "HostConfig": host,
        "Mounts": mounts + more.pop("mounts", []),
        "State": {"Status": "running", **({} if name == "portainer" else {"Health": {"Status": "healthy"}})},
        "NetworkSettings": {
            "Ports": {f"{port}/tcp": [{"HostIp": "10.0.0.2", "HostPort": str(port)}], "9443/tcp": None},
            "Networks": {"jett_default": {}},
        },
    }


SOCKET = {"Type": "bind", "Source": "/var/run/docker.sock", "RW": False}
CONTAINERS = {
    **{name: container(name, port) for name, port in jett_containers.SERVICES.items() if name != "portainer"},
    "portainer": container("portainer", 9000, mounts=[SOCKET], host={"CapAdd": ["CAP_NET_BIND_SERVICE"]}),
}


class Host(View):
    """A host whose containers and commands are given."""

    def __init__(self, containers=CONTAINERS, ufw=UFW, ss=SS, uids=None):
        super().__init__(
            host=[], network="", addresses=("198.18.0.10", "fd00::1"), vpn_address="10.0.0.2", peer=None, peer_address="10.0.0.1",
            hostnames={}, edge="", clouds={}, ids={}, tcp=(22,), udp=(51820,), vpn_tcp=(22,),
        )  # fmt: skip
        self._containers, self._ufw, self._ss = containers, ufw, ss
        self._uids = uids or {"n8n": "1000", "postgres": "999", "qdrant": "1000", "portainer": "0"}

    def run(self, *argv, **_):
        return {
            "ss": lambda: self._ss,
            "ufw": lambda: self._ufw,
            "docker": lambda: self._docker(*argv[1:]),
            "systemctl": lambda: "ActiveState=active\nUnitFileState=enabled\n",
            "stat": lambda: "".join(f"600 root:root {path}\n" for path in argv[3:]),
        }[argv[0]]()

    def _docker(self, verb, *argv):
        if verb == "ps":
            return "\n".join(self._containers)
        return (
            json.dumps(list(self._containers.values())) if verb == "inspect" else f"PID UID\n17 {self._uids[argv[0]]}\n"
        )


BY_NAME = {claim.name: claim for claim in jett.CLAIMS}


def changed(name, **keys):
    found = copy.deepcopy(CONTAINERS)
    for key, value in keys.items():
        found[name][key].update(value)
    return found


LOCAL = [claim.name for claim in jett_containers.CLAIMS] + [
    "nothing-on-public-ip",
    "ufw-only-ssh-and-wg",
    "private-key-files",
]


@pytest.mark.parametrize("name", LOCAL)
def test_a_host_as_described_passes_and_its_spoiled_picture_does_not(name):
    result = check(BY_NAME[name], Host())
    assert ("passed", "refused") == (result.state, result.control), f"expected {result.expected} got {result.got}"


def bad(name, inside):
    return {"Ports": {f"{inside}/tcp": [{"HostIp": name, "HostPort": str(inside)}]}}


@pytest.mark.parametrize(
    ("claim", "host"),
    [
        ("bound-to-wg-ip", Host(changed("qdrant", NetworkSettings=bad("0.0.0.0", 6333)))),
        ("bound-to-wg-ip", Host(changed("qdrant", NetworkSettings=bad("::", 6333)))),
        ("bound-to-wg-ip", Host(changed("qdrant", NetworkSettings=bad("127.0.0.1", 6333)))),
        ("bound-to-wg-ip", Host(changed("qdrant", NetworkSettings={"Ports": {}}))),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 *:9000 *:*\n")),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 198.18.0.10:9000 0.0.0.0:*\n")),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 [fd00::1]:9000 [::]:*\n")),
        ("nothing-on-public-ip", Host(ss=f"{SS}LISTEN 0 1 0.0.0.0%eth0:9000 0.0.0.0:*\n")),
        ("socket-read-only", Host({**CONTAINERS, "portainer": container("portainer", 9000, mounts=[{**SOCKET, "RW": True}])})),
        ("socket-read-only", Host({**CONTAINERS, "n8n": container("n8n", 5678, mounts=[SOCKET])})),
        ("non-root", Host(uids={"n8n": "0", "postgres": "999", "qdrant": "1000", "portainer": "0"})),
        ("caps-dropped", Host(changed("postgres", HostConfig={"CapAdd": ["CHOWN"]}))),
        ("caps-dropped", Host(changed("postgres", HostConfig={"CapDrop": ["NET_RAW"]}))),
        ("caps-dropped", Host(changed("postgres", HostConfig={"Privileged": True}))),
        ("read-only-roots", Host(changed("n8n", HostConfig={"ReadonlyRootfs": False}))),
        ("read-only-roots", Host(changed("n8n", HostConfig={"SecurityOpt": None}))),
        ("limits", Host(changed("n8n", HostConfig={"NanoCpus": 0}))),
        ("four-services", Host({**CONTAINERS, "ollama": {**CONTAINERS["n8n"], "Config": {"Labels": {}}, "Name": "/ollama"}})),
        ("four-services", Host(changed("n8n", State={"Health": {"Status": "unhealthy"}}))),
        ("one-bridge", Host(changed("n8n", NetworkSettings={"Networks": {"bridge": {}}}))),
        ("ufw-only-ssh-and-wg", Host(ufw=UFW.replace("Status: active", "Status: inactive"))),
        ("ufw-only-ssh-and-wg", Host(ufw=UFW.replace("deny (incoming)", "allow (incoming)"))),
        ("ufw-only-ssh-and-wg", Host(ufw=f"{UFW}443                        ALLOW IN    Anywhere\n")),
        ("ufw-only-ssh-and-wg", Host(ufw=f"{UFW}443/tcp (v6)               ALLOW IN    Anywhere (v6)\n")),
        ("ufw-only-ssh-and-wg", Host(ufw=f"{UFW}5432/tcp on eth0           LIMIT IN    192.0.2.0/24\n")),
        ("ufw-only-ssh-and-wg", Host(ufw=UFW.replace("51820/udp", "51821/udp"))),
    ],
)  # fmt: skip
def test_each_way_to_break_it_is_seen(claim, host):
    assert "failed" == check(BY_NAME[claim], host).state, "the claim no longer holds"


def test_access_is_on_only_when_nobody_gets_an_answer_of_ours():
    found = jett_edge.turned_away({"login": 302, "refused": 403, "ours": 200, "gone": 502, "webhook": 404})
    assert {"login": True, "refused": True, "ours": False, "gone": False, "webhook": False} == found, (
        "only Access's own answers"
    )


@pytest.mark.req("S2-55")
def test_the_seven_items_of_the_security_checklist_are_claims():
    assert 7 == len(jett.SEVEN), "the checklist has seven items"
    assert set(jett.SEVEN) == {claim.name for claim in jett.CLAIMS if "S2-55" in claim.rows}, "by these names"


def test_forward_rules_are_counted():
    text = "-P FORWARD DROP\n-A FORWARD -i wg0 -j ACCEPT\n-A FORWARD -o wg0 -j ACCEPT\n-A FORWARD -i wg0 -o docker0 -j ACCEPT\n"
    assert 2 == BY_NAME["forward-rules-stay-one"].come_to(text), "what comes out of the VPN"


def test_the_command_lists_its_claims_and_refuses_what_it_does_not_know():
    def command(*argv, given=""):
        return subprocess.run(
            [sys.executable, "-m", "rehearsal.claims", *argv],
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    assert len(jett.CLAIMS) == len(command("--list").stdout.splitlines()), "one line each"
    unknown = command(given=json.dumps({"preset": "nonsense", "world": {}, "outputs": {}}))
    assert (3, 1) == (unknown.returncode, len(unknown.stderr.splitlines())), "one line, no traceback, and no pass"
    wrong = command("nonsense", given=json.dumps({"preset": "jett", "world": {}, "outputs": {}}))
    assert (2, True) == (wrong.returncode, "no claim is called nonsense" in wrong.stderr), "before anything is started"


def test_listeners_leave_out_loopback():
    assert ["0.0.0.0:22", "10.0.0.2:5678", "[::]:22"] == jett_doors.listeners(SS), "all others are looked at"
