"""`up` and `down` around Pulumi's own command: what is said when nothing was changed, and where a document goes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from homeport.cli import app, lifecycle
from homeport.cli.pulumi_cli import PulumiCli
from homeport.cli.stack import read
from homeport.cli.status import Status

PROD = read("prod")
BEFORE = {"kind": "update", "startTime": "2026-11-21T05:00:00.000Z"}
BEGUN = {"kind": "update", "startTime": "2026-11-21T06:00:00.000Z"}
STATUS = Status(stack="prod", preset="ai-orchestrator", environment="prod", services=(), skipped=(), next_steps=())


@pytest.fixture
def pulumi(tmp_path, monkeypatch):
    """A stack that is ready; `result` says how Pulumi's command ends, and what its history has then."""
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(lifecycle, "recover", lambda *_: False)
    monkeypatch.setattr(lifecycle, "refuse_lockout", lambda _: None)
    monkeypatch.setattr(lifecycle, "recover_clouds", lambda *_: False)
    monkeypatch.setattr(lifecycle.status, "status", lambda _: STATUS)
    monkeypatch.setattr(lifecycle, "keys", lambda _: [])
    monkeypatch.setattr(lifecycle, "_leftovers", lambda _: [{"kind": "volume", "name": "pg"}])
    result = SimpleNamespace(code=0, history=[BEFORE], flags=[], outputs=[])

    def run(self, *argv, **_):
        result.flags.append(argv)
        result.outputs.append(self.output)
        if result.begins:
            result.history = [BEGUN, BEFORE]
        return result.code

    monkeypatch.setattr(PulumiCli, "run", run)
    monkeypatch.setattr(PulumiCli, "history", lambda _, size: result.history[:size])
    ready = PulumiCli(stack=PROD, environ={})
    monkeypatch.setattr(
        lifecycle, "_ready", lambda *_, json, **__: replace(ready, output=lifecycle.STDERR) if json else ready
    )
    return result


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_no_at_the_question_says_that_nothing_was_changed(pulumi, capsys, verb):
    pulumi.code, pulumi.begins = 255, False

    assert 1 == getattr(lifecycle, verb)(PROD, yes=False)
    said = capsys.readouterr().err
    assert f"nothing was {'changed' if verb == 'up' else 'removed'}" in said, said
    assert "failed (code" not in said, "nobody need look for what went wrong"


@pytest.mark.parametrize("verb", ["up", "down"])
def test_an_update_that_began_and_failed_is_a_failure(pulumi, capsys, verb):
    pulumi.code, pulumi.begins = 255, True

    assert 1 == getattr(lifecycle, verb)(PROD, yes=False)
    assert "failed (code 255)" in capsys.readouterr().err, "something may have been changed"


def test_without_a_question_a_failure_is_a_failure(pulumi, capsys):
    pulumi.code, pulumi.begins = 255, False

    assert 1 == lifecycle.up(PROD, yes=True)
    assert "failed (code 255)" in capsys.readouterr().err, "a script has declined nothing"
    assert "--yes" in pulumi.flags[0], "and is asked nothing"


@pytest.mark.parametrize("verb", ["up", "down"])
def test_with_json_standard_output_has_one_document_and_pulumi_speaks_elsewhere(pulumi, capsys, verb):
    pulumi.code, pulumi.begins = 0, True
    getattr(lifecycle, verb)(PROD, yes=True, json=True)

    document = json.loads(capsys.readouterr().out)
    assert list(app.document_keys(verb)) == list(document), "a program reads it whole"
    assert [2] == pulumi.outputs, "what Pulumi shows goes to standard error"
