"""A stack that exists for one run: what may be one, and that it goes whatever came."""

from __future__ import annotations

import json
import os
import signal
import sys
from types import SimpleNamespace

import pytest

from homeport.cli import hetzner, once
from homeport.model.errors import ToolError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

RENTED = {"main": {"mode": "create", "server_type": "cx23", "location": "fsn1", "image": "ubuntu-24.04"}}
ADOPTED = {
    "mode": "adopt",
    "address": "203.0.113.9",
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhvbWVwb3J0OiB5b3VyIG93biBrZXksIHByZXByb2Qh",
}


@pytest.fixture
def played(monkeypatch):
    """What happens is noted. `code` is that of `up`, `ends` those of `down`.

    `left` is what Hetzner has at the end that was made in this run, `old` what is older.
    """
    result = SimpleNamespace(happened=[], code=0, ends=iter(()), left=[], old=[])
    result.settings = {"hosts": RENTED, "environment": "preprod"}

    def read(name):
        values = {
            "domain": "example.org",
            "exposure": "vpn",
            "wireguard": {"peers": {"laptop": {"slot": 7}}},
            **result.settings,
        }
        config = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(values)}
        return SimpleNamespace(name=name, plan=resolve(Configuration(name, config), sealed=True))

    def did(what, code):
        def do(*_, **__):
            result.happened.append(what)
            if isinstance(answer := code(), Exception):
                raise answer
            return answer

        return do

    monkeypatch.setattr(once, "read", read)
    monkeypatch.setattr(once.lifecycle, "up", did("up", lambda: result.code))
    monkeypatch.setattr(once.lifecycle, "down", did("down", lambda: next(result.ends, 0)))
    config = {"homeport:hcloud-token": "x"}
    monkeypatch.setattr(once.pulumi_cli, "prepared", lambda _: SimpleNamespace(config=lambda: config))
    monkeypatch.setattr(hetzner, "client", lambda *_: None)
    monkeypatch.setattr(hetzner, "orphans", lambda _state, _api, _stack, since: result.left if since else result.old)
    monkeypatch.setattr(hetzner, "remove", lambda orphans: result.happened.extend(item.name for item in orphans))
    monkeypatch.setattr(once, "_PAUSES", (0.0, 0.0, 0.0))
    return result


def script(text):
    return [sys.executable, "-c", text]


@pytest.mark.req("S5-04")
def test_it_is_up_while_the_command_runs_and_gone_afterwards(played, capfd):
    assert 0 == once.once("preprod", script("import os; print('runs on', os.environ['STACK'])"))

    assert ["up", "down"] == played.happened
    assert "runs on preprod" in capfd.readouterr().out, "the command knows which stack it is for"


@pytest.mark.req("S5-04")
def test_a_test_that_fails_fails_the_run_and_the_stack_goes_all_the_same(played):
    assert 3 == once.once("preprod", script("raise SystemExit(3)")), "the tests' exit code is the run's"
    assert ["up", "down"] == played.happened


@pytest.mark.req("S5-04")
def test_what_did_not_come_up_whole_goes_as_well_and_nothing_is_run_on_it(played, capfd):
    played.code = 1

    assert 1 == once.once("preprod", script("print('was run')"))
    assert ["up", "down"] == played.happened
    assert "was run" not in capfd.readouterr().out


@pytest.mark.req("S5-04")
def test_a_run_that_is_told_to_end_takes_its_stack_along(played):
    """As a workflow ends its jobs: by a signal, while the tests run."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        once.once("preprod", script(f"import os; os.kill({os.getpid()}, {int(signal.SIGTERM)})"))

    assert ["up", "down"] == played.happened
    assert before == signal.getsignal(signal.SIGTERM), "as it was before"


@pytest.mark.req("S5-04")
@pytest.mark.parametrize("first", [1, ToolError("Hetzner Cloud refuses: 503")])
def test_what_did_not_go_is_tried_again_for_it_costs_money(played, first):
    played.ends = iter([first, 0])

    assert 0 == once.once("preprod", ())
    assert ["up", "down", "down"] == played.happened


@pytest.mark.req("S5-04")
def test_what_will_not_go_is_told_with_the_command_that_takes_it_down(played, capsys):
    played.ends = iter([ToolError("Hetzner Cloud refuses: 503")] * 3)

    with pytest.raises(
        ToolError, match=r"may still be up, and costs money(?s:.*)fix: bin/homeport down --stack preprod"
    ):
        once.once("preprod", ())
    assert 3 == capsys.readouterr().err.count("Hetzner Cloud refuses: 503"), "with the reason"


@pytest.mark.req("S5-04")
def test_an_update_that_is_refused_says_why_and_the_stack_goes(played, capsys):
    played.code = ToolError("preflight: the token is wrong")

    assert 1 == once.once("preprod", ())
    assert "preflight: the token is wrong" in capsys.readouterr().err
    assert ["up", "down"] == played.happened


@pytest.mark.req("S5-04")
def test_what_hetzner_has_made_for_the_run_and_no_state_knows_goes_too(played):
    played.left = [SimpleNamespace(kind="servers", name="preprod-main")]

    assert 0 == once.once("preprod", ())
    assert ["up", "down", "preprod-main"] == played.happened


@pytest.mark.req("S5-04")
def test_what_is_older_than_the_run_is_named_and_left_for_it_may_be_anybodys(played):
    played.old = [SimpleNamespace(kind="primary_ips", name="preprod-main")]

    with pytest.raises(ToolError, match="Hetzner still has primary_ips preprod-main"):
        once.once("preprod", ())
    assert ["up", "down"] == played.happened


def test_a_command_that_is_not_there_is_refused_before_anything_is_rented(played):
    with pytest.raises(ToolError, match=r"no such command: maek; nothing was rented\n  fix: "):
        once.once("preprod", ("maek", "smoke"))

    assert [] == played.happened


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"environment": "prod", "hosts": RENTED}, "is production"),
        ({"environment": "preprod", "hosts": RENTED, "protect_data": True}, "keeps its data"),
        ({"environment": "preprod", "hosts": {"main": ADOPTED}}, "a host that is not rented for it: main"),
    ],
)
def test_what_may_not_go_by_itself_is_refused_before_anything_is_rented(played, settings, why):
    played.settings = settings

    with pytest.raises(ToolError, match=why) as refused:
        once.once(settings["environment"], ())

    assert [] == played.happened, "nothing was made, and nothing removed"
    assert "\n  fix: " in str(refused.value)
