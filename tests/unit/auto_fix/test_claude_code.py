"""The real Claude Code mends an issue by the options that auto-fix calls it with; GitHub and the model are emulated."""

from __future__ import annotations

import json

import pytest

from tests.support import claude_code
from tests.support.auto_fix import KEY, SECRET, TOKEN, AutoFix
from tests.support.github import NAME
from tests.support.waits import until

pytestmark = pytest.mark.slow  # a program of 240 MB, and processes of Python and Git


@pytest.fixture
def auto_fix(tmp_path):
    whole = AutoFix(tmp_path)
    # By its own name, with the options that it has unless a setting says otherwise.
    del whole.sandbox_env["AGENT_COMMAND"]
    whole.sandbox_env["PATH"] = f"{tmp_path}:{whole.sandbox_env['PATH']}"
    yield whole
    whole.close()


def mends(results):
    """As a model would: where am I, what is there, change it, try it."""
    where = f"{results[0].strip()}/app.py" if results else ""
    steps = (
        ("Bash", {"command": "pwd", "description": "where it is"}),
        ("Read", {"file_path": where}),
        ("Edit", {"file_path": where, "old_string": "print(1)", "new_string": "print(2)"}),
        ("Bash", {"command": "python3 -B test.py", "description": "runs the tests"}),
    )
    return steps[len(results)] if len(results) < len(steps) else "It prints 2 now."


@pytest.mark.req("S5-83", "FP-19")
def test_the_real_claude_code_makes_a_pull_request_of_a_labelled_issue_without_a_question(auto_fix, tmp_path):
    with claude_code.model(mends) as model:
        claude_code.laid(tmp_path, model.url)
        auto_fix.receive()
        number = auto_fix.issue()
        until(auto_fix.jobs, "nothing was queued")
        log = auto_fix.work()

    [pull] = auto_fix.pulls()
    assert (f"auto-fix/{number}", True) == (pull["head"]["ref"], f"Closes #{number}" in pull["body"]), log
    assert ["app.py"] == auto_fix.github.service._git[NAME].changed(auto_fix.first, pull["head"]["sha"])
    assert 5 == len(model.calls), "each of its tools was allowed, and ran"
    assert "2" in str(model.calls[-1]["messages"][-1]["content"]), "the tests, too"
    assert {KEY} == model.keys, "by the key of the file"
    asked = json.dumps(model.calls)
    assert "It has to print 2" in asked, "the issue came by its standard input"
    assert [] == [word for word in (TOKEN, SECRET, KEY) if word in asked], "and no secret"


ENDLESS = ("Bash", {"command": "true", "description": "nothing"})


@pytest.mark.req("FP-19")
@pytest.mark.parametrize(("tokens", "calls"), [(150_000, 2), (1, 60)], ids=["five dollars", "sixty turns"])
def test_the_real_claude_code_ends_at_its_limits_and_the_issue_hears_of_it(auto_fix, tmp_path, tokens, calls):
    with claude_code.model(lambda _: ENDLESS, tokens) as model:
        claude_code.laid(tmp_path, model.url)
        auto_fix.receive()
        number = auto_fix.issue()
        until(auto_fix.jobs, "nothing was queued")
        auto_fix.work()

    [comment] = auto_fix.comments(number)
    assert "The agent ended with an error." in comment
    assert ([], ["failed"]) == (auto_fix.pulls(), [job["state"] for job in auto_fix.jobs()])
    assert calls == len(model.calls), "it asked no more"
