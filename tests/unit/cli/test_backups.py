"""`homeport backup` and `restore`: which host is asked, in which words, and before what somebody is asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from catalog.presets import registry
from homeport.cli import app, backups, example, look, pulumi_cli
from homeport.cli import stack as stacks
from homeport.cli.verbs.backup import Work
from homeport.cli.verbs.restore import What
from homeport.model.errors import ToolError
from homeport.model.host_program import HostCommand
from tests.support.checkout import ROOT

DEPLOY = HostCommand(path="/home/deploy/platform/backup.sh", user="deploy")
OWN = HostCommand(path="/usr/local/lib/homeport/backup/backup.sh", user="homeport-backup")
ONE, SEVERAL, NONE = "vps-infrastructure/prod", "vpai/prod", "jett/prod"


@pytest.fixture
def asked(monkeypatch):
    """What hosts were told, how they answer, and what a person answers."""
    state = SimpleNamespace(calls=[], code=0, word="yes", questions=[])

    def shown_as_root(where, command):
        state.calls.append((where["HOMEPORT_SSH"], command))
        return state.code

    def answer(question):
        state.questions.append(question)
        return state.word

    monkeypatch.setattr(look, "ways", lambda pulumi, _: {name: _way(name) for name in pulumi.stack.plan.hosts})
    monkeypatch.setattr(look, "shown_as_root", shown_as_root)
    monkeypatch.setattr(backups, "answer", answer)
    return state


def _way(host):
    return {"HOMEPORT_SSH": f"deploy@{host}.example.com"}


def pulumi(name):
    return SimpleNamespace(stack=example.example(name), state=dict)


def test_a_host_runs_the_command_of_its_preset_as_the_user_who_has_the_backups(asked):
    asked.code = 4
    assert 4 == backups.run(pulumi(ONE), ("databases",), ""), "the host's own exit code"
    [(where, command)] = asked.calls
    assert "deploy@main.example.com" == where
    assert backups.shell(DEPLOY, ("databases",), "prod") == command
    assert [] == asked.questions, "nothing is lost by a backup"


def test_of_several_hosts_one_is_named(asked):
    with pytest.raises(ToolError, match="hosts ai, vpn keep backups, and none is named") as refused:
        backups.run(pulumi(SEVERAL), ("restore", "offsite", "--replace"), "", replaces=True)
    assert "fix: bin/homeport restore offsite --replace --stack prod --host ai" in str(refused.value)
    with pytest.raises(ToolError, match="host workspace keeps no backups; there: hosts ai, vpn"):
        backups.run(pulumi(SEVERAL), ("status",), "workspace")
    assert ([], []) == (asked.calls, asked.questions), "nobody is asked anything before"

    assert 0 == backups.run(pulumi(SEVERAL), ("status",), "vpn")
    assert [("deploy@vpn.example.com", backups.shell(OWN, ("status",), "prod"))] == asked.calls


@pytest.mark.parametrize(
    ("name", "why", "fix"),
    [
        (NONE, r"homeport:settings\.offsite does not say where to", "--path homeport:settings.offsite.endpoint"),
        (
            "shared-infrastructure/prod",
            r"homeport:settings\.offsite does not say where to",
            "--path homeport:settings.offsite.endpoint",
        ),
        ("vps-infrastructure/dev", "its hosts are this machine", "--stack prod"),
    ],
)
def test_where_nothing_is_kept_it_is_said_and_what_helps(asked, name, why, fix):
    with pytest.raises(ToolError, match=f"no host of it keeps backups: {why}") as refused:
        backups.run(pulumi(name), ("status",), "")
    assert "fix: " in str(refused.value) and fix in str(refused.value)
    assert [] == asked.calls


def test_of_a_preset_without_backups_it_is_said_what_helps(monkeypatch):
    bare = replace(registry.preset("jett"), programs=())
    monkeypatch.setattr(registry, "preset", lambda _: bare)
    with pytest.raises(ToolError, match=r"preset jett has none(.|\n)*copy its volumes by hand"):
        backups.run(pulumi(NONE), ("status",), "")


def test_what_overwrites_asks_and_any_answer_but_yes_changes_nothing(asked):
    words = ("restore", "databases", "supabase-db", "--replace")
    for asked.word in ("", "y", "no"):
        assert 1 == backups.run(pulumi(ONE), words, "", replaces=True), asked.word
    assert [] == asked.calls
    assert "restore databases supabase-db --replace on host main of stack prod" in asked.questions[0]
    asked.word = "yes"
    assert 0 == backups.run(pulumi(ONE), words, "", replaces=True)
    assert 1 == len(asked.calls)


def test_a_connection_that_fails_is_no_code_of_the_work(asked, monkeypatch):
    asked.code = 255
    with pytest.raises(ToolError, match=r"host main: not reached(.|\n)*fix: bin/homeport status --stack prod"):
        backups.run(pulumi(ONE), ("databases",), "")
    monkeypatch.setattr(look, "ways", lambda *_: {})
    with pytest.raises(ToolError, match=r"host main: no update has reached it yet(.|\n)*fix: bin/homeport up"):
        backups.run(pulumi(ONE), ("databases",), "")


HOSTILE = ("restore", "databases", "a b; touch 'x' $(id) `id` \"q\" \\ \n!", "--set=*", "--replace")


@pytest.fixture
def there(tmp_path):
    """The command on a host: it shows its user, its folder and its words, and fails in a way of its own."""
    script = tmp_path / "a folder" / "backup.sh"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\nprintf "%s\\0" "$(pwd)" "$@"\nexit 3\n')
    script.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    # As util-linux's own: it reads options up to `--`, and hands the rest to the shell.
    (tools / "runuser").write_text(
        '#!/bin/sh\n[ "$5 $6" = "-- deploy" ] || exit 9\nshift 6\nexec sh -c \'exec "$@"\' "$@"\n'
    )
    (tools / "runuser").chmod(0o755)
    return script, {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}


def test_words_reach_the_command_as_they_are_and_no_shell_reads_them(there):
    script, env = there
    command = HostCommand(path=str(script), user="deploy")
    done = subprocess.run(
        ["sh", "-c", backups.shell(command, HOSTILE, "prod")], capture_output=True, env=env, check=False
    )

    assert [str(script.parent), *HOSTILE, ""] == done.stdout.decode().split("\0"), done.stderr
    assert 3 == done.returncode
    script.unlink()
    done = subprocess.run(
        ["sh", "-c", backups.shell(command, HOSTILE, "prod")], capture_output=True, env=env, check=False
    )
    assert 1 == done.returncode and b"backup.sh is missing on the host\n  fix: bin/homeport up" in done.stderr


@pytest.mark.parametrize(
    ("typed", "words", "asks"),
    [
        (("backup", "status"), ("status",), False),
        (("backup", "state", "."), ("state", "."), False),
        (
            ("restore", "databases", "db", "--set", "7", "--database", "a"),
            "restore databases db --set=7 --database=a",
            False,
        ),
        (("restore", "workflows", "--revision", "-x", "--replace"), "restore workflows --revision=-x --replace", True),
        (("restore", "offsite", "--replace", "--yes"), "restore offsite --replace", False),
    ],
)
def test_what_is_typed_becomes_the_words_of_the_hosts_command(monkeypatch, typed, words, asks):
    calls = []
    monkeypatch.setattr(stacks, "read", lambda name: name)
    monkeypatch.setattr(pulumi_cli, "prepared", lambda stack: stack)
    monkeypatch.setattr(backups, "run", lambda *given, **more: calls.append((given, more)) or 5)

    assert 5 == app.main([*typed, "--stack", "preprod", "--host", "main"])
    [((stack, there, host), more)] = calls
    assert ("preprod", [*(words.split() if isinstance(words, str) else words)], "main") == (stack, [*there], host)
    assert asks == more.get("replaces", False)


@pytest.mark.parametrize("typed", [("databases", "--", "--replace"), ("databases", "db", "--repl"), ("nothing",)])
def test_no_word_becomes_an_option_that_nobody_was_asked_about(typed):
    assert 2 == app.main(["restore", *typed])


def offered(*words):
    """What the host's own command offers there: its works, and its options."""
    argv = [sys.executable, "-B", str(ROOT / "apps/host_scripts/backup.py"), *words, "--help"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return {*re.findall(r"^    ([a-z]+)(?: |$)", said, re.MULTILINE)}, {*re.findall(r"--[a-z]+", said)} - {"--help"}


def test_the_verbs_know_what_the_hosts_command_does():
    assert {work.value for work in Work} | {"restore"} == offered()[0]
    assert {what.value for what in What} == offered("restore")[0]
    options = {option for what in What for option in offered("restore", what.value)[1]}
    ours = {option for parameter in app.load("restore").params for option in parameter.opts if option.startswith("--")}
    assert options == ours - {"--stack", "--host", "--yes", "--help"}
