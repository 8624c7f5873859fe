"""`up`, `preview` and `down` around Pulumi's own commands: what is asked, what is refused, what is said."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from homeport.cli import app, consent, lifecycle
from homeport.cli.announce import Announcement, Loss
from homeport.cli.drift import Drift, Finding
from homeport.cli.lock import Run, held
from homeport.cli.pulumi_cli import PulumiCli
from homeport.cli.stack import Stack, read
from homeport.model.errors import ToolError
from tests.support.lifecycle import played, stand_in

# What the shipped file says is to be replaced: here it stands for a file that is right.
PROD, DEV = replace(read("prod"), config=None), read("dev")
VOLUME = {
    "urn": "urn:pulumi:prod::homeport::homeport:docker:Workload$docker:index/volume:Volume::postgres-data",
    "type": "docker:index/volume:Volume",
    "id": "pg",
    "inputs": {"name": "pg", "labels": [{"label": "homeport.data", "value": "true"}]},
}
LOST = Announcement(sentences=("pg: gone",), losses=(Loss(name="pg", what="volume pg with all its data"),), changes=1)


@pytest.fixture
def pulumi(tmp_path, monkeypatch):
    """A stack that is ready; `code` says how Pulumi's command ends, `typed` what a person answers."""
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path))
    result = played(typed="", resources=[VOLUME])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: result.typed is not None))
    monkeypatch.setattr("builtins.input", lambda _: result.typed)
    stand_in(monkeypatch.setattr, result)
    return result


@pytest.mark.req("NW-13")
@pytest.mark.parametrize("verb", ["up", "down"])
@pytest.mark.parametrize("typed", ["no", "", "ye", "prod!"])
def test_whatever_is_no_yes_changes_nothing_and_says_so(pulumi, capsys, verb, typed):
    pulumi.typed = typed

    assert 1 == getattr(lifecycle, verb)(PROD, yes=False)
    said = capsys.readouterr().err
    assert f"nothing was {'changed' if verb == 'up' else 'removed'}" in said, said
    assert "failed" not in said, "nobody need look for what went wrong"
    assert [] == pulumi.flags, "Pulumi was asked for no update"


@pytest.mark.parametrize("verb", ["up", "down"])
def test_an_update_that_began_and_failed_is_a_failure(pulumi, capsys, verb):
    pulumi.typed, pulumi.code = "yes", 255

    assert 1 == getattr(lifecycle, verb)(PROD, yes=False)
    assert "failed (code 255)" in capsys.readouterr().err, "something may have been changed"


@pytest.mark.parametrize(("code", "begins", "changing"), [(0, True, True), (255, True, True), (255, False, False)])
def test_an_update_that_pulumi_did_not_begin_has_changed_nothing(pulumi, code, begins, changing):
    """A colleague has the lock of a shared state: what is there is his."""
    pulumi.code, pulumi.begins = code, begins
    run = Run(stack="prod")
    lifecycle.up(PROD, yes=True, noted=run)

    assert changing is run.changing


def test_what_one_run_may_take_down_is_nothing_that_was_there_before(pulumi):
    with pytest.raises(ToolError, match=r"is up already, or a part of it(?s:.*)fix: bin/homeport down --stack prod"):
        lifecycle.refuse_up(PROD)
    assert [] == pulumi.asked, "where something is, not even the lock is taken: a refresh forgets what was under way"
    pulumi.resources = []
    lifecycle.refuse_up(PROD)
    with held("prod", "make up"), pytest.raises(ToolError, match="`make up` of"):
        lifecycle.refuse_up(PROD)

    assert ["refresh"] == [words[0] for words in pulumi.asked], "nothing but the lock is taken"


@pytest.mark.parametrize("command", [lifecycle.repair_stack, lifecycle.refuse_up])
def test_where_a_shared_state_is_locked_nobody_says_that_all_is_well(pulumi, monkeypatch, capsys, command):
    pulumi.resources = []

    def locked(_, *words, **__):
        raise ToolError(f"pulumi {words[0]}: the stack is currently locked")

    monkeypatch.setattr(lifecycle, "_docker", lambda _: None)
    monkeypatch.setattr(lifecycle, "_clear", lambda *_: False)
    monkeypatch.setattr(PulumiCli, "ask", locked)
    with pytest.raises(ToolError, match="pulumi refresh: the stack is currently locked"):
        command(PROD)

    assert "nothing to repair" not in capsys.readouterr().err


def test_without_a_question_a_failure_is_a_failure(pulumi, capsys):
    pulumi.typed, pulumi.code = None, 255

    assert 1 == lifecycle.up(PROD, yes=True)
    assert "failed (code 255)" in capsys.readouterr().err, "a script has declined nothing"
    assert "--yes" in pulumi.flags[0], "and is asked nothing"


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_script_that_has_not_said_yes_is_refused_outside_of_dev(pulumi, verb):
    pulumi.typed = None

    with pytest.raises(ToolError, match="nobody is here"):
        getattr(lifecycle, verb)(PROD, yes=False)
    assert [] == pulumi.flags, "before anything was begun"


def test_a_preview_that_fails_changes_nothing(pulumi, capsys):
    pulumi.announced = None

    assert 1 == lifecycle.up(PROD, yes=True)
    assert "nothing was changed" in capsys.readouterr().err
    assert [] == pulumi.flags, "what cannot be previewed is not begun"


@pytest.mark.req("NW-12")
@pytest.mark.usefixtures("pulumi")
def test_up_says_a_sentence_a_change_before_it_begins(capsys):
    lifecycle.up(DEV, yes=False)
    said = capsys.readouterr().err

    assert said.index("n8n: replaced") < said.index("pulumi up, stack dev"), said


@pytest.mark.req("NW-08")
@pytest.mark.parametrize(("typed", "begun"), [("pg", True), ("yes", False), ("", False)])
@pytest.mark.parametrize("stack", [PROD, DEV], ids=["prod", "dev"])
def test_data_is_only_lost_by_its_name(pulumi, typed, begun, stack):
    pulumi.announced, pulumi.typed = LOST, typed
    lifecycle.up(stack, yes=False)

    assert begun is bool(pulumi.flags), "a person who types yes may not have read what goes"


@pytest.mark.req("NW-08")
def test_a_script_names_what_it_gives_up(pulumi):
    pulumi.announced, pulumi.typed = LOST, None

    with pytest.raises(ToolError, match=r"pg would be lost.*\n.*--give-up pg"):
        lifecycle.up(PROD, yes=True)
    assert [] == pulumi.flags, "refused before anything is removed"
    lifecycle.up(PROD, yes=True, give_up=["pg"])
    assert pulumi.flags, "the name is the consent"


@pytest.mark.req("NW-04")
def test_what_was_changed_by_hand_is_said_and_handed_to_the_update(pulumi, capsys):
    pulumi.drift = Drift(findings=(Finding(what="container x is gone", refresh=True, replace=("urn:x",)),))
    lifecycle.up(DEV, yes=False)

    assert ("--refresh", "--replace=urn:x") == pulumi.flags[0][-2:], "the engine repairs it"
    assert "container x is gone" in capsys.readouterr().err, "a person hears of it"


def test_an_update_is_noted_with_the_program_that_made_it(pulumi):
    lifecycle.up(DEV, yes=False)

    [message] = [after for flag, after in pairwise(pulumi.flags[0]) if flag == "--message"]
    assert lifecycle.settled.message() == message, "promotion asks for it"


@pytest.mark.req("NW-04")
def test_refresh_is_taken_on_request(pulumi):
    lifecycle.up(DEV, yes=False, refresh=True)

    assert "--refresh" in pulumi.flags[0]


@pytest.mark.parametrize("verb", ["up", "down"])
def test_with_json_standard_output_has_one_document_and_pulumi_speaks_elsewhere(pulumi, capsys, verb):
    getattr(lifecycle, verb)(PROD, yes=True, json=True)

    document = json.loads(capsys.readouterr().out)
    assert list(app.document_keys(verb)) == list(document), "a program reads it whole"
    assert {2} == set(pulumi.outputs), "what Pulumi shows goes to standard error"


@pytest.mark.req("NW-15")
@pytest.mark.parametrize(("typed", "begun"), [("yes", True), ("no", False), (None, True)])
def test_down_of_dev_asks_once_at_a_terminal_and_names_the_data(pulumi, capsys, typed, begun):
    pulumi.typed = typed
    lifecycle.down(DEV, yes=False)

    assert begun is bool(pulumi.flags), "a script is asked nothing, as before"
    assert (typed is not None) is ("DELETES ALL ITS DATA (pg)" in capsys.readouterr().err)


@pytest.mark.req("NW-15")
@pytest.mark.parametrize(("piped", "begun"), [("no\n", False), ("yes\n", True), ("", True)])
def test_an_answer_that_a_script_pipes_into_down_counts(pulumi, monkeypatch, piped, begun):
    reading, writing = os.pipe()
    os.write(writing, piped.encode())
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        lifecycle.down(DEV, yes=False)

    assert begun is bool(pulumi.flags), "only who pipes nothing is asked nothing"


@pytest.mark.req("NP-01")
def test_a_protected_stack_is_not_taken_down_before_somebody_has_said_what_becomes_of_its_data(pulumi):
    pulumi.resources = [{**VOLUME, "protect": True}]

    with pytest.raises(ToolError) as refused:
        lifecycle.down(PROD, yes=True)
    assert "volume pg" in str(refused.value), "what is protected is named"
    assert "ARGS=--keep-data" in str(refused.value), "one way"
    assert "--delete-data prod" in str(refused.value), "and the other"
    assert ([], []) == (pulumi.flags, pulumi.asked), "nothing was removed"


@pytest.mark.req("NP-01")
def test_data_that_is_kept_stays_protected(pulumi, capsys):
    pulumi.resources = [{**VOLUME, "protect": True}]
    lifecycle.down(PROD, yes=True, keep_data=True)

    assert "--exclude-protected" in pulumi.flags[-1], "the engine leaves it and what it needs"
    assert [] == pulumi.asked, "its protection stays"
    assert "kept: volume pg" in capsys.readouterr().err


@pytest.mark.req("NP-01")
@pytest.mark.parametrize(("typed", "begun"), [("prod", True), ("yes", False)])
def test_all_data_goes_by_the_stacks_name(pulumi, typed, begun):
    pulumi.resources, pulumi.typed = [{**VOLUME, "protect": True, "retainOnDelete": True}], typed
    lifecycle.down(PROD, yes=False, delete_data="prod")

    released = ("stack", "import", {"deployment": {"resources": [VOLUME]}})
    assert begun is (released in pulumi.asked), "neither the engine nor Docker keeps it any more"
    assert begun is bool(pulumi.flags)


@pytest.mark.req("NP-01")
def test_another_stacks_name_deletes_nothing(pulumi):
    pulumi.resources = [{**VOLUME, "protect": True}]

    with pytest.raises(ToolError, match="names another stack"):
        lifecycle.down(PROD, yes=True, delete_data="preprod")
    assert [] == pulumi.flags


@pytest.mark.req("NP-01")
def test_a_connector_goes_before_its_tunnel(pulumi):
    unit = "urn:pulumi:prod::homeport::homeport:cloudflare:Tunnel$homeport:host:Files$command:local:Command::t-files"
    pulumi.resources = [{"urn": unit, "type": "command:local:Command", "deletedWith": "urn:server"}]
    lifecycle.down(PROD, yes=True)

    assert f"--target={unit}" in pulumi.flags[0], "Cloudflare deletes no tunnel that is connected"
    assert not any(flag.startswith("--target=") for flag in pulumi.flags[1]), "then everything"


@pytest.mark.req("NW-16")
@pytest.mark.parametrize(("made", "begun"), [(False, True), (True, False)])
def test_a_cloud_out_of_reach_only_hinders_where_something_of_it_was_made(pulumi, monkeypatch, made, begun):
    def recover(*_):
        raise ToolError("Hetzner Cloud: does not answer\n  fix: later")

    monkeypatch.setattr(lifecycle, "recover", recover)
    server = {"urn": "urn:s", "type": "hcloud:index/server:Server", "id": "1" if made else ""}
    pulumi.resources = [server, {"urn": "urn:p", "type": "pulumi:providers:hcloud", "id": "x"}]
    try:
        lifecycle.down(PROD, yes=True)
    except ToolError:
        assert made, "nothing of it is there that could be left behind"

    assert begun is bool(pulumi.flags)


def test_by_a_state_of_another_stack_nothing_is_taken_down_though_it_knows_of_no_cloud(pulumi, monkeypatch):
    monkeypatch.setattr(lifecycle, "recover", lambda ready, _: ready.refuse_broken())

    with pytest.raises(ToolError, match="its state is that of stack prod"):
        lifecycle.down(DEV, yes=True)
    assert [] == pulumi.flags


@pytest.mark.req("NW-04")
def test_repair_names_what_up_will_put_back(pulumi, capsys, monkeypatch):
    monkeypatch.setattr(lifecycle, "_docker", lambda _: None)
    monkeypatch.setattr(lifecycle, "remove_dead_lock", lambda _: 0.0)
    monkeypatch.setattr(lifecycle, "_clear", lambda *_: False)
    pulumi.drift, pulumi.resources = Drift(findings=(Finding(what="container x is gone", refresh=True),)), []
    lifecycle.repair_stack(DEV)
    said = capsys.readouterr().err

    assert "nothing to repair" not in said, said
    assert "make up STACK=dev puts back" in said, said


@pytest.mark.usefixtures("pulumi")
@pytest.mark.parametrize(
    "command",
    [
        lifecycle.repair_stack,
        lambda stack, recover=lifecycle.recover: recover(lifecycle._pulumi(stack), Run(stack=stack.name, killed=True)),
    ],
    ids=["repair", "up after a kill"],
)
def test_a_state_of_another_stack_is_refused_before_anything_is_removed_by_it(monkeypatch, command):
    """As somebody has it who copies files of states: an update would take down what prod has."""
    monkeypatch.setattr(lifecycle, "_docker", lambda _: None)
    monkeypatch.setattr(lifecycle, "repair", lambda *_, **__: pytest.fail("something would be removed"))

    with pytest.raises(
        ToolError, match=r"stack dev: what is kept as its state is that of stack prod; nothing was changed"
    ):
        command(DEV)


def test_repair_has_not_forgotten_what_was_under_way_when_it_comes_to_it(pulumi, monkeypatch):
    """With a refresh of another resource Pulumi drops what was being changed or deleted (v3.255, seen)."""
    monkeypatch.setattr(lifecycle, "_docker", lambda _: None)
    monkeypatch.setattr(lifecycle, "remove_dead_lock", lambda _: 0.0)
    monkeypatch.setattr(lifecycle, "recover_clouds", lambda ready, *_: ready.refuse_running())
    whole = {"urn": "urn:pulumi:prod::homeport::pulumi:pulumi:Stack::homeport-prod", "type": "pulumi:pulumi:Stack"}
    state = {"resources": [whole, VOLUME], "pending_operations": [{}]}

    def ask(_, *words, **__):
        pulumi.asked.append(words)
        if words[0] == "refresh":
            state.pop("pending_operations", None)
        return "{}"

    monkeypatch.setattr(PulumiCli, "state", lambda _: dict(state))
    monkeypatch.setattr(PulumiCli, "ask", ask)
    monkeypatch.setattr("homeport.cli.repair.moved_images", lambda *_: [])
    monkeypatch.setattr("homeport.cli.repair.unknown", lambda *_: [])

    assert lifecycle.repair_stack(PROD)
    asked = [words for words in pulumi.asked if not any(word.startswith("--target") for word in words)]
    assert [True] == ["--clear-pending-creates" in words for words in asked if words[0] == "refresh"], pulumi.asked


def test_a_question_whose_input_ends_is_answered_with_no(monkeypatch):
    def ends(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", ends)
    assert not consent.answer("?")


def test_taking_down_advises_nobody_to_delete_the_settings_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(PulumiCli, "state", lambda _: {})
    program = tmp_path / "pulumi"
    program.write_text(
        "#!/bin/sh\n"
        "printf '%s\\n' ' -  docker:index:Container n8n deleted' \\\n"
        "  'The resources in the stack have been deleted, but the history and configuration associated with the stack "
        "are still maintained. ' 'If you want to remove the stack completely, run `pulumi stack rm dev`.'\n"
        "exit 3\n"
    )
    program.chmod(0o700)
    pulumi = PulumiCli(stack=DEV, environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, root=tmp_path)

    assert 3 == lifecycle.destroy(pulumi, protected=(), keep_data=False), "Pulumi's own exit code"
    shown = capsys.readouterr().out
    assert "n8n deleted" in shown, "what was removed is shown"
    assert "stack rm" not in shown, "it would delete Pulumi.dev.yaml, which the next `up` needs"
    assert "history" not in shown, "half a piece of advice is none"


@pytest.mark.req("NW-12")
@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (Announcement(), "==> nothing changes"),
        (Announcement(changes=3), "==> nothing that runs changes; 3 parts of it are brought up to date"),
        (Announcement(changes=1, sentences=("ai-n8n: memory changed in place; not down",)), "==> what changes"),
    ],
)
def test_a_preview_says_in_a_sentence_that_nothing_changes(capsys, told, sentence):
    consent.tell(told)

    assert sentence == capsys.readouterr().err.splitlines()[0]


@pytest.mark.req("NW-12")
@pytest.mark.parametrize("drifted", [True, False])
def test_a_preview_is_short_where_a_hand_has_changed_something(monkeypatch, capsys, drifted):
    quiet = []
    found = (Finding(what="container ai-n8n: stopped", refresh=True),) if drifted else ()

    def announced(*_, quiet: bool, shown=quiet):
        shown.append(quiet)
        return Announcement(changes=1, sentences=("ai-n8n: stopped now, and started again; its data stays",))

    monkeypatch.setattr(lifecycle, "announcement", announced)
    monkeypatch.setattr(lifecycle, "_pulumi", lambda stack: PulumiCli(stack=stack, environ={}))
    monkeypatch.setattr(lifecycle, "_drift", lambda _: Drift(findings=found))
    for name in ("check_ahead", "tell"):
        monkeypatch.setattr(lifecycle, name, lambda *_: None)
    for module, name in ((lifecycle.daemon, "require"), (lifecycle.image_lock, "show")):
        monkeypatch.setattr(module, name, lambda *_: None)

    assert 0 == lifecycle.preview(DEV, [])
    assert [drifted] == quiet, "a refresh has Pulumi list every resource"
    assert drifted == ("bin/homeport preview --stack dev --diff" in capsys.readouterr().err), "and where the list is"


def test_an_image_that_cannot_be_had_is_named_by_its_setting_with_a_fix(monkeypatch):
    def ensure(*_, **__):
        raise ToolError("python -m toolchain.images: ended with code 1, for the reason above")

    here = {"redis:7.4.11-alpine"}
    monkeypatch.setattr(lifecycle, "ensure", ensure)
    monkeypatch.setattr(
        lifecycle.daemon, "run", lambda *argv, **_: SimpleNamespace(returncode=int(argv[2] not in here))
    )
    settings = {
        "environment": "dev",
        "apps": {"counter": {"image": "example/counter:9.9.9", "port": 8000}},
        "services": {"ai-redis": {"image": "redis:7.4.11-alpine"}, "ai-n8n": {"image": "n8nio/n8n:0"}},
    }
    stack = Stack(name="dev", preset="ai-orchestrator", settings=settings)
    with pytest.raises(ToolError) as refused:
        lifecycle._pulumi(stack, ["any"])

    text = str(refused.value)
    assert "homeport:settings.apps.counter.image: example/counter:9.9.9" in text
    assert "fix: bin/homeport pulumi config set --stack dev --path homeport:settings.apps.counter.image" in text
    assert "fix: bin/homeport pulumi config rm --stack dev --path homeport:settings.services.ai-n8n.image" in text
    assert "ai-redis" not in text, "that one is here"
