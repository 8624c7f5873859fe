"""Every fix that a refusal of tests/cases gives is pasted into a shell, where it does what it says."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path

import pytest

from homeport.model.errors import ProblemsError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.support.fixes import PULUMI, commands, pasted
from tests.unit.settings.test_cases import configuration

CASES = Path(__file__).parents[2] / "cases"
# Stands in for the verb: what it was called with, a word a line, and whether its input was read.
STAND_IN = """#!/bin/sh
for word; do printf '%s\\n' "$word"; done >>"$CALLS"
printf '%s\\n' -- >>"$CALLS"
"""


def refusals():
    """Every refusal of the cases: file, path and fix."""
    for path in sorted(CASES.glob("*/refused-*.json")):
        case = json.loads(path.read_text())
        if path.parent.name == "plan":
            held = {"homeport:preset": case.get("preset", ""), "homeport:settings": json.dumps(case.get("settings"))}
            asked = Configuration(case.get("stack", "prod"), held)
        elif path.parent.name == "settings":
            asked = configuration(case)
        else:
            continue
        try:
            resolve(asked, today=date(2026, 11, 21))
        except ProblemsError as refused:
            for problem in refused.of(asked.stack).problems:
                yield f"{path.stem}: {problem.path}", problem.fix


@pytest.mark.req("NW-11", "NW-18")
def test_every_fix_can_be_pasted_into_a_shell(tmp_path):
    every = dict(refusals())
    assert 100 < len(every), "the cases are read"
    calls, line = tmp_path / "calls", "set -f; mkdir -p ~/.ssh; : >~/.ssh/id_ed25519\n"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "homeport").write_text(STAND_IN)
    (tmp_path / "bin" / "homeport").chmod(0o755)
    pastes = [pasted(fix) for fix in every.values() if pasted(fix)]
    script = line + "\n".join(f"{text} || exit 9" for text in pastes)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CALLS": str(calls)}
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr), "a shell takes each line as it is"
    called = calls.read_text().count("\n--\n")
    assert sum(len(commands(fix)) for fix in every.values()) == called, "each command of each line was called"
    assert [".ssh", "bin", "calls"] == sorted(path.name for path in tmp_path.iterdir()), "no bracket was a redirection"


@pytest.mark.req("NW-11")
def test_no_fix_has_a_gap_for_a_person_in_its_command():
    for where, fix in refusals():
        for command in commands(fix):
            assert PULUMI == command[:3], f"{where}: on PATH or not, it is found in the checkout: {fix}"
            assert "--stack" in command, f"{where}: no stack is selected: {fix}"
        gaps = [word for word in ("<", "…", "...") if word in pasted(fix).replace(" < ~/.ssh/id_ed25519", "")]
        assert [] == gaps, f"{where}: a person would have to write into the command: {fix}"
