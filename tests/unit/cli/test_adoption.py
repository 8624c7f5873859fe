"""What an update would take from others on a host that runs already, and what it lacks there: named beforehand."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from homeport.cli import hosts, lifecycle
from homeport.cli.adoption import claims, obstacles, refusal
from homeport.cli.look import Look
from homeport.cli.preflight.findings import Report
from homeport.model.errors import ToolError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.unit.stack.recorded import built
from tests.unit.stack.test_graph import ADOPTED, TOKEN

TUNNEL = {
    "exposure": "tunnel",
    "cloudflare": {"account_id": "0" * 32, "zone_id": "1" * 32, "team": "example"},
    "access": {"emails": ["ada@example.com"]},
    "wireguard": {"peers": {"laptop": {"slot": 7}, "phone": {"slot": 8}}, "rotating": ["laptop"]},
    "ssh": {"fail2ban": True},
}
VARIANTS = {
    "direct": ("ai-orchestrator", ADOPTED),
    "vpn": (
        "ai-orchestrator",
        ADOPTED
        | {"exposure": "vpn", "wireguard": {"peers": {"laptop": {"slot": 7}}}, "ssh": {"port": 2222, "previous": 22}},
    ),
    "tunnel": ("jett", ADOPTED | TUNNEL),
}


def planned(settings, preset="ai-orchestrator"):
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(settings)}
    return resolve(Configuration("prod", values), sealed=True)


def adopted(**host):
    plan = planned(ADOPTED | {"hosts": {"main": ADOPTED["hosts"]["main"] | host}})
    return plan, plan.hosts["main"]


def there(**rows):
    return Look(rows={kind: tuple(tuple(row) for row in lines) for kind, lines in {"looked": [()], **rows}.items()})


def against(look, **host):
    return obstacles(*adopted(**host), look)


@pytest.mark.req("CA-16")
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_path_that_a_unit_has_in_its_hands_is_asked_for_before_an_update(variant):
    preset, settings = VARIANTS[variant]
    secrets = {"cloudflare-api-token": TOKEN[:40]} if variant == "tunnel" else {}
    graph = built({"preset": preset, "settings": settings, "secrets": secrets, "stack": "prod", "presets": {}})
    paths = set()
    for resource in graph["resources"]:
        stdin = resource["inputs"].get("stdin") or ""
        if "host.sh apply" in str(resource["inputs"].get("create")):
            text = stdin if isinstance(stdin, str) else stdin["value"]
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as tar:
                parts = {name: tar.extractfile(f"bundle/{name}").read().decode() for name in ("list", "also")}
            paths |= {line.split(" ", 3)[3] for line in parts["list"].splitlines()} | {*parts["also"].splitlines()}
    plan = planned(settings, preset)

    asked = {path for _, path in claims(plan, plan.hosts["main"])}
    # The tunnel's credentials are named after the tunnel, which is not there yet.
    made = {path for path in paths if "/.cloudflared/" not in path}
    assert made == asked, "what is laid and not asked for is somebody else's loss"


FOREIGN = {
    "files": (
        {"file": [["/etc/ufw/user.rules"]], "ufw": [["allow", "8080/tcp"]]},
        "/etc/ufw/user.rules",
        "allow 8080/tcp",
    ),
    "docker": ({"file": [["/etc/docker/daemon.json"]]}, "/etc/docker/daemon.json", "merged"),
    "login": ({"login": [["root"], ["alice"]]}, "login:alice", "sign in"),
    "rules": ({"chain": [["-A DOCKER-USER -s 192.0.2.1/32 -j DROP"]]}, "chain:DOCKER-USER", "flushed"),
    "program": ({"listener": [["tcp", "0.0.0.0", "9100", "node_exporter"]]}, "port:9100/tcp", "node_exporter"),
    "container": (
        {"firewall": [["ufw"]], "container": [["shop", "", "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"]]},
        "port:8080/tcp",
        "container shop",
    ),
}


@pytest.mark.req("CA-16")
@pytest.mark.parametrize("kind", FOREIGN)
def test_what_others_made_is_named_with_the_word_that_allows_it(kind):
    rows, key, words = FOREIGN[kind]
    plan, host = adopted()
    found = obstacles(plan, host, there(**rows))

    assert [key] == [item.key for item in found], "all of it, and nothing of homeport's own"
    text = refusal(host, "root@203.0.113.7", "prod", found)
    assert words in text, text
    assert text.splitlines()[-2].startswith("  fix: "), text
    assert f'take_over: ["{key}"]' in text, "the edit can be copied"
    assert [] == against(there(**rows), take_over=[key]), "what is named is taken over"


MISSING = {
    "snap": ({"engine": [["web has Docker as a snap; to remove it: snap remove docker"]]}, "as a snap"),
    "swarm": ({"swarm": [["active"]]}, "swarm"),
    "disk": ({"disk": [["/", str(2 << 20)]]}, "2.0 GB are free in /"),
    "volume": ({"volume": [["ai-postgres-postgres", ""]]}, "volume ai-postgres-postgres is not of homeport"),
    "stack": ({"container": [["ai-redis", "other", ""]]}, "container ai-redis is of stack other"),
    "network": ({"network": [["ai-data", "", "192.0.2.0/24"]]}, "network ai-data is not of homeport"),
    "port": ({"listener": [["tcp", "*", "443", "nginx"]]}, "port 443/tcp, which ai-caddy wants, is held by nginx"),
    "ssh": ({"listener": [["tcp", "0.0.0.0", "22", "dropbear"]]}, "port 22/tcp, which sshd wants"),
    "published": ({"container": [["proxy", "", "0.0.0.0:80->80/tcp"]]}, "is held by container proxy"),
}


@pytest.mark.req("CA-14", "CF-02", "CA-16")
@pytest.mark.parametrize("kind", MISSING)
def test_what_stands_in_the_way_is_named_with_what_helps_and_cannot_be_taken_over(kind):
    rows, words = MISSING[kind]
    found = [item for item in against(there(**rows)) if not item.key]

    assert 1 == len(found), found
    assert words in found[0].what, found[0].what
    assert found[0].fix, "a person knows what to do"


def test_a_subnet_that_somebody_has_there_is_named_with_the_setting_that_moves_ours():
    plan, host = adopted()
    network = host.networks[0]
    found = obstacles(plan, host, there(network=[["office", "", network.subnet]]))

    assert [f"set homeport:settings.networks.{network.name} to another subnet"] == [item.fix for item in found]


OWN = {
    "everything of the stack": {
        "firewall": [["homeport"]],
        "container": [["ai-redis", "prod", ""], ["ai-caddy", "prod", "0.0.0.0:443->443/tcp"]],
        "volume": [["ai-postgres-postgres", "prod"]],
        "listener": [
            ["tcp", "0.0.0.0", "443", "dockerd"],
            ["tcp", "0.0.0.0", "9999", "shop"],
            ["tcp", "*", "22", "sshd"],
        ],
        "unit": [["engine-packages"]],
        "disk": [["/", str(2 << 20)]],
    },
    "nothing": {"disk": [["/", str(50 << 20)]], "listener": [["udp", "0.0.0.0", "68", "dhclient"]]},
    "what only the host itself reaches": {
        "listener": [["tcp", "127.0.0.1", "25", "master"], ["tcp", "[::1]", "25", "master"]]
    },
    "the program's own user": {"login": [["root"]]},
}


@pytest.mark.parametrize("kind", OWN)
def test_a_host_without_anything_of_others_is_no_obstacle(kind):
    assert [] == against(there(**OWN[kind]))


URN = "urn:pulumi:prod::homeport::homeport:host:Files$command:local:Command::{}-files"
WAY = {"HOMEPORT_SSH": "root@203.0.113.7"}


def unit(name, **environment):
    create = f"sh components/scripts/host.sh apply {name} 120"
    inputs = {"create": create, "environment": WAY | environment}
    return {"urn": URN.format(name), "type": "command:local:Command", "inputs": inputs, "outputs": dict(inputs)}


@pytest.mark.req("AT-05", "G-04")
def test_a_file_that_a_hand_has_changed_marks_its_unit_in_the_state_and_no_other(monkeypatch, capsys):
    state = {"resources": [unit("ssh-sshd"), unit("compose"), unit("firewall-rules")]}
    seen = there(
        unit=[["ssh-sshd"], ["compose"]],
        drift=[["compose", "/opt/ai/.env", "gone"], ["other-unit", "/etc/x", "changed"]],
    )
    imported = []

    def rewrite(change):
        imported.append(change(state["resources"]))

    plan = SimpleNamespace(hosts={"main": replace(adopted()[1])})
    stack = SimpleNamespace(local=False, plan=plan, name="prod")
    pulumi = SimpleNamespace(stack=stack, state=lambda: state, rewrite=rewrite)
    monkeypatch.setattr(hosts, "looked_at", lambda *_: {"main": (WAY, seen)})
    monkeypatch.setattr(hosts, "obstacles", lambda *_: [])

    hosts.before_update(pulumi, preview=True)
    assert [] == imported, "a preview changes nothing"
    assert "/opt/ai/.env is gone: would be brought back" in capsys.readouterr().err

    hosts.before_update(pulumi)
    rows = {row["urn"]: row for row in imported[0]}
    marked = [urn for urn, row in rows.items() if "host.sh" not in row["inputs"]["create"]]
    assert [URN.format("compose"), URN.format("firewall-rules")] == sorted(marked), "one of them is gone as a whole"
    assert rows[URN.format("compose")]["inputs"]["create"] == rows[URN.format("compose")]["outputs"]["create"]


@pytest.mark.req("CA-16")
def test_an_update_of_an_adopted_host_is_refused_with_all_hosts_and_all_things_at_once(monkeypatch):
    plan, host = adopted()
    stack = SimpleNamespace(local=False, plan=plan, name="prod")
    pulumi = SimpleNamespace(stack=stack, state=dict)
    seen = there(login=[["alice"]], file=[["/etc/ufw/user.rules"]], engine=[["web has a snap; snap remove docker"]])
    monkeypatch.setattr(hosts, "looked_at", lambda *_: {"main": (WAY, seen)})

    with pytest.raises(ToolError, match="nothing was changed") as refused:
        hosts.before_update(pulumi)
    for words in ("login:alice", "/etc/ufw/user.rules", "snap remove docker", "root@203.0.113.7"):
        assert words in str(refused.value), str(refused.value)
    assert host.machine.take_over == (), "the settings as they were"


def test_preflight_finds_a_host_that_does_not_answer_and_what_is_in_the_way(monkeypatch, capsys):
    plan, _ = adopted()
    stack = SimpleNamespace(local=False, plan=plan, name="prod", wrong=())
    pulumi = SimpleNamespace(stack=stack, state=dict)
    monkeypatch.setattr(lifecycle, "_pulumi", lambda _: pulumi)
    monkeypatch.setattr(lifecycle, "look_at_clouds", lambda _: Report(stack="prod"))
    monkeypatch.setattr(lifecycle.dns, "findings", lambda _: ())

    def answer(seen):
        monkeypatch.setattr(hosts, "looked_at", lambda *_: {"main": (WAY, seen)})
        code = lifecycle.preflight(stack, json=True, others=False, yes=False)
        document = json.loads(capsys.readouterr().out)
        return code, document["ready"], document["findings"]

    code, ready, (finding,) = answer("ssh: connect to host 203.0.113.7 port 22: Connection refused")
    assert (1, False) == (code, ready), "an update cannot begin"
    assert "Connection refused" in finding["what"] and "ssh -p 22 root@203.0.113.7" in finding["fix"]

    code, ready, (finding,) = answer(there(login=[["alice"]]))
    assert (1, False) == (code, ready) and "login:alice" in finding["what"] + finding["fix"]

    code, ready, (finding,) = answer(there())
    assert (0, True, "ok") == (code, ready, finding["outcome"])
