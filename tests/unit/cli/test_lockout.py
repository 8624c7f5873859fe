"""Settings that would close SSH to the machine that asks for them: found out while the way before is still open."""

import json
from types import SimpleNamespace

import pytest

from homeport.cli import lockout
from homeport.model.errors import ToolError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from homeport.settings.vpn import Ssh

HERE = {"HOMEPORT_SSH": "deploy@203.0.113.7", "HOMEPORT_SSH_PORT": "22"}


def engine(**ssh):
    plan = SimpleNamespace(settings=SimpleNamespace(ssh=Ssh(**ssh)), hosts={})
    stack = SimpleNamespace(name="prod", plan=plan, local=False)
    return SimpleNamespace(stack=stack, daemons=lambda: [HERE], state=dict)


PLAN = {"exposure": "vpn", "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}}}


def moving(monkeypatch, answers, **ssh):
    """A rented host that the last update left at 203.0.113.7 port 22, and where ssh gets an answer from now on."""
    values = {**PLAN, "environment": "prod", "domain": "example.org", "ssh": ssh}
    values["wireguard"] = {"peers": {"laptop": {"slot": 7}}}
    config = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(values)}
    stack = SimpleNamespace(name="prod", plan=resolve(Configuration("prod", config), sealed=True), local=False)
    monkeypatch.setattr(lockout, "ways", lambda *_: {"main": HERE})
    monkeypatch.setattr(lockout, "said_by", lambda _, where, port: "" if (where, port) in answers else "timed out")
    return SimpleNamespace(stack=stack, state=dict)


PUBLIC, INNER = "deploy@203.0.113.7", "deploy@10.66.0.1"
REFUSED = {
    "the VPN gives no answer": ({"reach": "vpn"}, {(PUBLIC, "22")}, "ssh.reach public"),
    "the VPN answers, but not where sshd is to be": (
        {"reach": "vpn", "port": 804, "previous": 22},
        {(PUBLIC, "22"), (INNER, "22")},
        "bin/homeport harden --reach vpn --port 804 --stack prod",
    ),
    "the port before is not named": ({"port": 804}, {(PUBLIC, "22")}, "ssh.previous 22"),
}
PASSES = {
    "the VPN answers": ({"reach": "vpn"}, {(PUBLIC, "22"), (INNER, "22")}),
    "the port before is named": ({"port": 804, "previous": 22}, {(PUBLIC, "22")}),
    "the host answers nowhere, which the update tells": ({"reach": "vpn"}, set()),
    "sshd is at the new port already": ({"port": 804}, {(PUBLIC, "804")}),
    "nothing moves": ({}, set()),
}


@pytest.mark.req("A-06", "S5-07")
@pytest.mark.parametrize("kind", REFUSED)
def test_a_way_that_gives_no_answer_is_refused_while_the_one_before_is_open(monkeypatch, kind):
    ssh, answers, fix = REFUSED[kind]

    with pytest.raises(ToolError) as refused:
        lockout.refuse_lockout(moving(monkeypatch, answers, **ssh))

    first, second = str(refused.value).splitlines()
    assert first.startswith("host main: homeport:settings.ssh"), "where"
    assert f"nothing was changed, and {PUBLIC} port 22 stays open" in first, "what"
    assert second.startswith("  fix: ") and fix in second, "and how to mend it"


@pytest.mark.parametrize("kind", PASSES)
def test_a_way_that_is_proved_is_let_through(monkeypatch, kind):
    ssh, answers = PASSES[kind]

    assert lockout.refuse_lockout(moving(monkeypatch, answers, **ssh)) is None, "only a certain lock-out is refused"


@pytest.mark.req("S5-08")
@pytest.mark.parametrize(
    ("there", "ssh", "before"),
    [
        (HERE, {"reach": "vpn"}, f"homeport-main {PUBLIC} 22"),
        ({**HERE, "HOMEPORT_SSH": INNER}, {}, f"homeport-main {INNER} 22"),
        (HERE, {"port": 804, "previous": 22}, ""),
    ],
    ids=["from the internet to the VPN", "and back", "another port is tried by itself"],
)
def test_an_update_that_moves_ssh_knows_the_way_before_as_well(monkeypatch, there, ssh, before):
    pulumi = moving(monkeypatch, set(), **ssh)
    monkeypatch.setattr(lockout, "ways", lambda *_: {"main": there})

    assert ({"HOMEPORT_SSH_BEFORE": before} if before else {}) == lockout.ways_before(pulumi), "one line for each host"


def test_a_stack_whose_hosts_are_reached_by_its_own_network_is_not_taken_down_by_it(monkeypatch):
    pulumi = moving(monkeypatch, set(), reach="vpn")
    assert lockout.refuse_end_by_inner_network(pulumi) is None, "it is reached by its public address yet"
    monkeypatch.setattr(lockout, "ways", lambda *_: {"main": {**HERE, "HOMEPORT_SSH": INNER}})

    with pytest.raises(ToolError, match=r"host main: is reached by the vpn alone \(10\.66\.0\.1\)") as refused:
        lockout.refuse_end_by_inner_network(pulumi)

    assert "nothing was removed" in str(refused.value)
    assert "ssh.reach public; bin/homeport up --stack prod" in str(refused.value), "the way back comes first"


@pytest.fixture
def seen(monkeypatch):
    def answer(address):
        monkeypatch.setattr(lockout, "seen_as", lambda _: address)

    return answer


@pytest.mark.req("A-06")
@pytest.mark.parametrize(
    ("address", "alone"), [("198.51.100.9", "198.51.100.9/32"), ("2001:db8::9", "2001:db8::9/128")]
)
def test_sources_without_this_machine_are_refused_with_its_address(seen, address, alone):
    seen(address)

    with pytest.raises(ToolError, match="would lock you out") as refusal:
        lockout.refuse_lockout(engine(sources=["203.0.113.0/24", "192.0.2.1/32"]))

    assert f" {alone}" in str(refusal.value), (
        "the command that fixes it names the address that is missing, and no other"
    )


@pytest.mark.parametrize(
    ("address", "ssh"),
    [
        ("203.0.113.200", {"sources": ["192.0.2.1/32", "203.0.113.0/24"]}),
        ("198.51.100.9", {}),
        ("198.51.100.9", {"reach": "vpn", "sources": ["192.0.2.1/32"]}),
        ("", {"sources": ["192.0.2.1/32"]}),
    ],
    ids=["one of them", "everybody may", "by the VPN", "it does not answer"],
)
def test_what_keeps_this_machine_in_is_let_through(seen, address, ssh):
    seen(address)

    assert lockout.refuse_lockout(engine(**ssh)) is None, "only a certain lock-out is refused"
