"""The steps of `homeport harden`: their order, what stops them, and where a run goes on that was stopped."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from homeport.cli import hardening
from homeport.model.errors import ToolError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.unit.stack.test_graph import VPAI

INNER = "deploy@10.66.0.1"


class Played:
    """A stack with one rented host; `answers` are the ports that the VPN's address answers at."""

    def __init__(self, monkeypatch) -> None:
        self.ssh: dict = {}
        self.at, self.answers, self.happened, self.codes = 22, {22, 804}, [], []
        monkeypatch.setattr(hardening, "read", lambda _: self.stack())
        monkeypatch.setattr(hardening.pulumi_cli, "prepared", lambda stack: SimpleNamespace(stack=stack, state=dict))
        monkeypatch.setattr(
            hardening,
            "ways",
            lambda *_: {"main": {"HOMEPORT_SSH": "deploy@203.0.113.7", "HOMEPORT_SSH_PORT": str(self.at)}},
        )
        monkeypatch.setattr(hardening.lockout, "said_by", self.said_by)
        monkeypatch.setattr(hardening.colleagues, "write", self.write)
        monkeypatch.setattr(hardening.lifecycle, "up", self.up)

    def stack(self):
        hosts = {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}}
        values = {
            "environment": "prod",
            "domain": "example.org",
            "exposure": "vpn",
            "hosts": hosts,
            "ssh": dict(self.ssh),
        }
        values["wireguard"] = {"peers": {"laptop": {"slot": 7}}}
        config = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(values)}
        plan = resolve(Configuration("prod", config), sealed=True)
        return SimpleNamespace(name="prod", plan=plan, settings=values, local=False)

    def said_by(self, _, where, port):
        self.happened.append(f"proof {where}:{port}")
        return "" if where == INNER and int(port) in self.answers else "timed out"

    def write(self, _, change):
        for path in change.removes:
            del self.ssh[path.removeprefix("ssh.")]
        for path, value in change.sets:
            self.ssh[path.removeprefix("ssh.")] = int(value) if value.isdigit() else value

    def up(self, *_, **__):
        self.happened.append(f"up {self.ssh}")
        code = self.codes.pop(0) if self.codes else 0
        if not code:
            self.at = self.ssh.get("port", self.at)
        return code

    def harden(self):
        return hardening.harden("prod", reach="vpn", port=804, yes=True)


@pytest.fixture
def played(monkeypatch):
    return Played(monkeypatch)


WHOLE = [
    "up {}",
    f"proof {INNER}:22",
    "up {'port': 804, 'previous': 22}",
    f"proof {INNER}:804",
    "up {'port': 804, 'reach': 'vpn'}",
]


@pytest.mark.req("S5-07", "S5-08")
def test_the_inner_way_is_proved_then_the_port_moves_then_the_internet_is_shut_out(played):
    assert 0 == played.harden()
    assert WHOLE == played.happened, "each step after what proves that the next one is safe"
    played.happened.clear()
    assert (0, ["up {'port': 804, 'reach': 'vpn'}"]) == (played.harden(), played.happened), "what is done is done once"


@pytest.mark.req("S5-07")
@pytest.mark.parametrize(("answers", "steps"), [(set(), 2), ({22}, 4)], ids=["before the port moves", "after it"])
def test_a_proof_that_fails_changes_nothing_more_and_says_what_to_do(played, answers, steps):
    played.answers = answers

    with pytest.raises(ToolError) as refused:
        played.harden()

    assert WHOLE[:steps] == played.happened, "no step after it"
    assert "reach" not in played.ssh, "SSH from the internet stays declared, and open"
    text = str(refused.value)
    assert f"host main: {INNER} port" in text and "SSH stays open as it is" in text, text
    assert "fix: bin/homeport harden --reach vpn --port 804 --stack prod" in text, "what was asked for, to its end"
    assert "This machine joins the vpn by: bin/homeport wireguard --stack prod" in text, text
    played.answers = {22, 804}
    assert 0 == played.harden()
    assert {"port": 804, "reach": "vpn"} == played.ssh, "mended, it comes to its end"


@pytest.mark.req("S5-07")
@pytest.mark.parametrize("failing", [1, 2, 3])
def test_an_update_that_fails_ends_it_and_the_next_run_goes_on_from_there(played, failing):
    played.codes = [0] * (failing - 1) + [1]

    assert 1 == played.harden(), "its exit code is the update's"
    assert failing == len([step for step in played.happened if step.startswith("up")]), "and nothing follows"
    assert 0 == played.harden()
    assert ({"port": 804, "reach": "vpn"}, 804) == (played.ssh, played.at), "all steps, whatever was done before"


SILENT = "ssh: connect to host timed out"


class OfSeveral(Played):
    """vpai's four hosts in a mesh; those in `away` are not there by it, and those in `stuck` do not close."""

    def __init__(self, monkeypatch) -> None:
        super().__init__(monkeypatch)
        self.away, self.stuck = set(), set()
        at = {name: host.get("address", "203.0.113.7") for name, host in VPAI["hosts"].items()}
        reached = {
            name: {"HOMEPORT_SSH": f"{'root' if name == 'ai' else 'deploy'}@{address}", "HOMEPORT_SSH_PORT": "22"}
            for name, address in at.items()
        }
        monkeypatch.setattr(hardening, "ways", lambda *_: reached)

    def stack(self):
        config = {"homeport:preset": "vpai", "homeport:settings": json.dumps({**VPAI, "ssh": dict(self.ssh)})}
        plan = resolve(Configuration("prod", config), sealed=True)
        return SimpleNamespace(name="prod", plan=plan, settings={**VPAI, "ssh": dict(self.ssh)}, local=False)

    def said_by(self, way, where, _):
        name = next(name for name, known in hardening.ways(None, None).items() if known is way)
        inner = where.endswith(".mesh.example.com")
        closed = self.ssh.get("reach") == "mesh" and name not in self.stuck
        return SILENT if (name in self.away if inner else closed) else ""

    def harden(self):
        return hardening.harden("prod", reach="mesh", port=None, yes=True)


@pytest.mark.req("S5-07")
def test_one_host_of_several_that_is_not_in_the_mesh_keeps_all_open_and_is_named_with_what_to_ask_it(monkeypatch):
    several = OfSeveral(monkeypatch)
    several.away = {"ai", "app"}

    with pytest.raises(ToolError) as refused:
        several.harden()

    text = str(refused.value)
    assert {} == several.ssh, "nothing was begun on any host"
    for words in (
        f"host ai: root@ai.mesh.example.com port 22 gives no answer by the mesh: {SILENT}",
        f"host app: deploy@app.mesh.example.com port 22 gives no answer by the mesh: {SILENT}",
        "Nothing was closed: SSH stays open as it is, on all hosts.",
        "This machine is a member of the mesh: vpn, workstation answered by it.",
        "Ask host ai why it is not in the mesh: ssh -p 22 root@192.0.2.10 tailscale status",
        "(where it is stopped: tailscale up)",
        "Ask host app why it is not in the mesh: ssh -p 22 deploy@203.0.113.7 sudo tailscale status",
        "--stack prod, once the above answers",
    ):
        assert words in text, text
    assert "host vpn: " not in text and "joins the mesh" not in text, "they are there, and so is this machine"


@pytest.mark.req("S5-07")
def test_after_a_step_that_held_on_some_hosts_alone_it_is_said_where_each_is_by_now(monkeypatch, capsys):
    several = OfSeveral(monkeypatch)
    several.codes, several.stuck = [0, 1], {"ai"}

    assert 1 == several.harden()

    said = "".join(capsys.readouterr())
    assert "a host on which it failed stays open as it was" in said, said
    for words in (
        "host ai: SSH answers at root@192.0.2.10 port 22, root@ai.mesh.example.com port 22\n",
        "host vpn: SSH answers at deploy@vpn.mesh.example.com port 22\n",
    ):
        assert words in said, said
