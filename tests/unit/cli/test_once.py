"""A stack that exists for one run: what may be one, and that it goes whatever came, and nobody else's does."""

from __future__ import annotations

import json
import os
import signal
import sys
from types import SimpleNamespace

import pytest

from homeport.cli import hetzner, once
from homeport.cli.interrupts import CutOffError
from homeport.model.errors import Problem, SettingsError, ToolError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

RENTED = {"main": {"mode": "create", "server_type": "cx23", "location": "fsn1", "image": "ubuntu-24.04"}}
ADOPTED = {
    "mode": "adopt",
    "address": "203.0.113.9",
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGhvbWVwb3J0OiB5b3VyIG93biBrZXksIHByZXByb2Qh",
}


@pytest.fixture
def played(monkeypatch, tmp_path):
    """What happens is noted. `code` is that of `up`, `ends` those of `down`; `begins`: Pulumi begins the update.

    `left` is what Hetzner has at the end that was made in this run, `old` what is older.
    """
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path))
    result = SimpleNamespace(happened=[], code=0, begins=True, ends=iter(()), left=[], old=[])
    result.there, result.wrong = None, None
    result.config = {"homeport:hcloud-token": "x"}
    result.settings = {"hosts": RENTED, "environment": "preprod"}

    def read(name):
        values = {
            "domain": "example.org",
            "exposure": "vpn",
            "wireguard": {"peers": {"laptop": {"slot": 7}}},
            **result.settings,
        }
        config = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(values)}
        plan = resolve(Configuration(name, config), sealed=True)
        return SimpleNamespace(name=name, plan=plan, refuse_wrong=lambda: ended(result.wrong))

    def ended(answer):
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def did(what, code):
        def do(*_, noted=None, **__):
            result.happened.append(what)
            if noted:
                noted.changing = result.begins
            return ended(code())

        return do

    monkeypatch.setattr(once, "read", read)
    monkeypatch.setattr(once.lifecycle, "up", did("up", lambda: result.code))
    monkeypatch.setattr(once.lifecycle, "down", did("down", lambda: next(result.ends, 0)))
    monkeypatch.setattr(once.lifecycle, "refuse_up", lambda _: ended(result.there))
    monkeypatch.setattr(once.pulumi_cli, "prepared", lambda _: SimpleNamespace(config=lambda: result.config))
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
@pytest.mark.usefixtures("heard")
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
def test_an_update_that_is_cut_off_says_why_and_the_stack_goes(played, capsys):
    played.code = CutOffError("pulumi up was ended by a signal (SIGKILL)")

    assert 1 == once.once("preprod", ())
    assert "pulumi up was ended by a signal" in capsys.readouterr().err
    assert ["up", "down"] == played.happened


WRONG = SettingsError((Problem(path="homeport:settings.domain", what="is missing", fix="set it"),))


@pytest.mark.parametrize(
    ("before", "happened"),
    [
        ({"wrong": WRONG}, []),
        ({"there": ToolError("stack preprod: is up already")}, []),
        ({"code": ToolError("`make up` of ada holds it")}, ["up"]),
        ({"code": KeyboardInterrupt()}, ["up"]),
    ],
    ids=["a setting is wrong", "it is up already", "somebody else holds it", "interrupted at the preview"],
)
def test_what_was_refused_before_anything_began_touches_nothing(played, before, happened):
    vars(played).update(before, begins=False)

    [error] = before.values()
    with pytest.raises(type(error)) as refused:
        once.once("preprod", ())
    assert error is refused.value, "with the reason"
    assert happened == played.happened, "what is there is somebody's, with its data"


def test_an_update_that_pulumi_did_not_begin_is_not_taken_down(played, capsys):
    """On a shared state a colleague has its lock: his update ends, and what he has made is his."""
    played.code, played.begins = 1, False

    assert 1 == once.once("preprod", script("print('was run')"))
    assert ["up"] == played.happened
    assert "nothing of stack preprod was begun" in capsys.readouterr().err


def test_of_two_runs_the_second_is_refused_while_the_first_one_has_its_command_run(played, capfd):
    second = (
        "from homeport.cli import lock, places\nwith lock.locked(places.once_file('preprod'), 'preprod', 'x'): pass"
    )

    assert 1 == once.once("preprod", script(second))
    assert "stack preprod: `homeport once` of" in capfd.readouterr().err, "it is told whose it is"
    assert ["up", "down"] == played.happened, "only its own, once"
    assert 0 == once.once("preprod", ()), "and the lock is free again"


@pytest.mark.req("S5-04")
@pytest.mark.parametrize("first", [OSError(28, "No space left on device"), WRONG])
def test_neither_a_full_disk_nor_a_changed_setting_leaves_it_rented(played, first):
    played.ends = iter([first, 0])

    assert 0 == once.once("preprod", ())
    assert ["up", "down", "down"] == played.happened


@pytest.mark.req("S5-04")
@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_the_taking_down_is_told_what_may_be_left(played, monkeypatch, capsys, number):
    monkeypatch.setattr(once.lifecycle, "down", lambda *_, **__: os.kill(os.getpid(), number))

    with pytest.raises(KeyboardInterrupt):
        once.once("preprod", ())
    assert ["up"] == played.happened
    said = capsys.readouterr().err
    assert "may still be up, and costs money" in said and "fix: bin/homeport down --stack preprod" in said, said


def test_without_a_token_of_hetzners_nothing_is_asked_there_and_that_is_said(played):
    played.config = {}

    with pytest.raises(ToolError, match=r"hcloud-token is missing.*\n  fix: bin/homeport pulumi config set"):
        once.once("preprod", ())
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
