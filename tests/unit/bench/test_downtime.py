"""How long a change takes a service away: what a visitor counts, and what `preview` said."""

import json
import socket

import pytest

from bench import downtime
from bench.downtime import Measured, Visitor
from bench.world import ROOT, stack
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration


@pytest.mark.req("NW-12")
def test_the_sentences_of_a_preview_are_read():
    told = "    n8n: replaced\n    secret a: gets a new value\n"
    printed = f"Resources:\n    1 to replace\n==> what changes\n{told}==> up\n    no\n"

    assert ("n8n: replaced", "secret a: gets a new value") == downtime.sentences(printed)
    assert () == downtime.sentences("Resources:\n    1 unchanged\n")


def test_time_away_is_counted_from_the_first_silence_to_the_next_answer(monkeypatch):
    visitor = Visitor([], "")
    visitor._answers = [(0, True), (1, False), (2, False), (4, True), (5, False), (6, True)]
    monkeypatch.setattr(downtime.time, "monotonic", lambda: 9)

    assert 3 + 1 == visitor.away()


def test_a_door_without_anybody_behind_it_is_away():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert not Visitor([], "")._answers_at("n8n.localhost", port)


def test_each_kind_of_change_is_a_valid_setting():
    small = stack("hbdowntime", 7, full=True)
    for change in downtime.changes(10443, "n8nio/n8n:2.38.7"):
        downtime._lay(small.settings, change.settings)
        keys = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(small.settings)}
        resolve(Configuration("hbdowntime", keys), sealed=True)
        if change.edit:
            path, text, _ = change.edit
            assert text in (ROOT / path).read_text(), "the edit has its place"


def test_the_page_has_a_row_for_each_change_and_its_day():
    text = downtime.report([Measured(what="memory", said=("a", "b"), away=0.04, took=9)], "2026-11-29")

    assert "| memory | 0.0      | 9            | a; b           |" in text
    assert "2026-11-29" in text
    assert (ROOT / "docs/downtime.md").is_file(), "kept in the project"
