"""A state that several machines share: a colleague's update is neither overwritten nor mistaken for a dead one."""

from __future__ import annotations

import json
import os

import pytest

from homeport.cli.pulumi_cli import PulumiCli
from homeport.cli.stack import read
from homeport.model.errors import ToolError

STACK = {"urn": "urn:stack", "type": "pulumi:pulumi:Stack"}
OURS = {"urn": "urn:ours", "type": "command:local:Command"}
THEIRS = {"urn": "urn:theirs", "type": "hcloud:index/server:Server"}


class Bucket:
    """A state as Pulumi keeps it in one: an import or a refresh takes its lock, an export takes none.

    A colleague's update is `running`, and ends once so many commands were answered.
    """

    def __init__(self, ends):
        self.rows, self.running, self.ends, self.asked = [STACK, OURS], True, ends, []

    def ask(self, *words, input_=None):
        self.asked.append(words[:2])
        if self.running and words[:2] != ("stack", "export"):
            raise ToolError("the stack is currently locked by 1 lock(s)")
        if words[:2] == ("stack", "import"):
            self.rows = json.loads(input_)["deployment"]["resources"]
        answer = json.dumps({"deployment": {"resources": self.rows}})
        if len(self.asked) == self.ends:
            self.rows, self.running = [*self.rows, THEIRS], False
        return answer


def pulumi(monkeypatch, backend, bucket):
    monkeypatch.setattr(PulumiCli, "ask", lambda _, *words, **more: bucket.ask(*words, **more))
    return PulumiCli(stack=read("dev"), environ={"PULUMI_BACKEND_URL": backend})


@pytest.mark.parametrize("ends", [1, 2, 3, 4])
def test_what_a_colleagues_update_has_just_made_is_not_overwritten(monkeypatch, ends):
    bucket = Bucket(ends)
    refused = False
    try:
        pulumi(monkeypatch, "s3://example", bucket).rewrite(lambda rows: [{**row, "marked": True} for row in rows])
    except ToolError as error:
        refused = "currently locked" in str(error)

    assert bucket.running or THEIRS["urn"] in {row["urn"] for row in bucket.rows}, (
        "a server that nobody knows is paid for"
    )
    assert refused != any(row.get("marked") for row in bucket.rows), "it is written, or it is said that it is not"


def test_a_state_in_a_folder_whose_locks_are_looked_at_is_written_at_once(monkeypatch, tmp_path):
    bucket = Bucket(0)
    bucket.running = False
    pulumi(monkeypatch, f"file://{tmp_path}", bucket).rewrite(lambda rows: rows)

    assert [("stack", "export"), ("stack", "import")] == bucket.asked


@pytest.mark.parametrize(
    ("backend", "first"),
    [("s3://example", "bin/homeport pulumi cancel --stack dev"), ("file:///nowhere", "make repair STACK=dev")],
)
def test_who_is_locked_out_is_told_what_removes_that_lock(tmp_path, backend, first):
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\necho 'error: the stack is currently locked by 1 lock(s).' >&2\nexit 1\n")
    program.chmod(0o700)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PULUMI_BACKEND_URL": backend}

    with pytest.raises(ToolError, match="currently locked") as refused:
        PulumiCli(stack=read("dev"), environ=environ).ask("stack", "import")
    fix = str(refused.value).partition("\n  fix: ")[2]
    assert first in fix, "what `make repair` sees no holder of, it removes no lock of"
    assert fix.index(first) <= fix.index("make repair STACK=dev"), "that comes after it"


def test_a_refresh_is_no_change_of_a_stack(monkeypatch):
    """Each `up` that somebody declines leaves one in the history of a stack whose servers are rented."""
    entries = [{"kind": "refresh"}, {"kind": "update", "result": "succeeded"}, {"kind": "destroy"}]
    known = pulumi(monkeypatch, "s3://example", Bucket(0))
    monkeypatch.setattr(PulumiCli, "history", lambda _, size: entries[:size])

    assert entries[1] == known.last_change()
    entries.clear()
    assert {} == known.last_change()
