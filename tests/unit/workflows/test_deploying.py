"""The repository's own workflows at the emulated GitHub, by a stand-in of its runner; `homeport` notes calls."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.github import ADMIN, NAME, GitHub, Runner
from tests.support.waits import until

FILES = {f".github/workflows/{path.name}": path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}
HOMEPORT = """#!/bin/sh
echo "homeport $*" >>{calls}
echo "$1 $PULUMI_CONFIG_PASSPHRASE" >>{calls}.passphrases
[ -n "$PULUMI_CONFIG_PASSPHRASE" ] && [ ! -e {calls}.$1 ]
"""
PROMOTE = "homeport promote --from preprod --stack prod --yes"
UP = "homeport up --stack prod --yes"
SMOKE = "homeport smoke --stack prod --inside --report smoke.json"
WORKS = ("offsite", "verify")
PRODUCTION = {"HOMEPORT_PREPROD_PASSPHRASE": "C4naryPREPROD", "HOMEPORT_PROD_PASSPHRASE": "C4naryPROD"}


@pytest.fixture
def github(tmp_path):
    whole = GitHub(tmp_path, {}, {"HOMEPORT_BACKEND_URL": "file:///var/lib/state"}, patience=0.2)
    environments = {
        "preprod": {"secrets": {"HOMEPORT_PREPROD_PASSPHRASE": "C4naryPREPROD"}},
        "production": {"secrets": PRODUCTION, "reviewers": ["owner"]},
    }
    whole.environments = lambda **more: whole.store.put(
        "repositories", NAME, whole.store.get("repositories", NAME) | {"environments": environments | more}
    )
    whole.environments()
    whole.calls = tmp_path / "calls"
    program = Runner(tmp_path / "runner")
    argv = ("--unattended", "--url", f"{whole.url}/{NAME}", "--name", "home", "--labels", "homeport", "--work", "_work")
    done = program.config(*argv, "--disableupdate", token=whole.registration())
    assert done.returncode == 0, done.stdout + done.stderr
    program.start()
    yield whole
    program.close()
    whole.close()


def pushed(github):
    """The workflows are pushed; the commit."""
    return github.push(FILES | {"bin/homeport": HOMEPORT.format(calls=github.calls)})


def run_of(github, commit, name, *states):
    def there():
        rows = [run for run in github.runs(commit) if run["name"] == name and run["status"] in states]
        return rows[0] if rows else None

    return until(there, f"{name} does not become {' or '.join(states)}")


def calls(github):
    return github.calls.read_text().splitlines() if github.calls.exists() else []


def log_of(github, run):
    [job] = github.jobs(run)
    return github.log(job)


@pytest.mark.slow  # a runner's own process
@pytest.mark.req("S5-86", "S5-89", "FP-20")
def test_a_push_to_main_deploys_preprod_and_a_failed_smoke_test_fails_it(github):
    run = run_of(github, pushed(github), "Deploy preprod", "completed")
    up = "homeport up --stack preprod --yes"
    smoke = "homeport smoke --stack preprod --inside --report smoke.json"
    assert ("success", [up, smoke]) == (run["conclusion"], calls(github)), log_of(github, run)
    assert "C4nary" not in log_of(github, run)

    (github.folder / "calls.smoke").write_text("")
    run = run_of(github, github.push({"a": "b"}), "Deploy preprod", "completed")
    assert ("failure", [up, smoke] * 2) == (run["conclusion"], calls(github)), "red where an address is wrong"

    github.environments(preprod={"secrets": {}})
    run = run_of(github, github.push({"a": "c"}), "Deploy preprod", "completed")
    assert "failure" == run["conclusion"] and 4 == len(calls(github)), "without a passphrase nothing is touched"
    assert "the secret HOMEPORT_PREPROD_PASSPHRASE is missing" in log_of(github, run)


@pytest.mark.slow  # the same
@pytest.mark.req("S5-73", "S5-86")
def test_where_preprod_keeps_backups_each_deployment_tries_that_they_come_back(github):
    variables = github.store.get("repositories", NAME)["variables"] | {"HOMEPORT_PREPROD_DRILL": "ai vpn"}
    github.store.put("repositories", NAME, github.store.get("repositories", NAME) | {"variables": variables})
    run = run_of(github, pushed(github), "Deploy preprod", "completed")
    works = [f"homeport backup {work} --stack preprod --host {host}" for host in ("ai", "vpn") for work in WORKS]
    assert ("success", works) == (run["conclusion"], calls(github)[2:]), log_of(github, run)

    (github.folder / "calls.backup").write_text("")
    run = run_of(github, github.push({"a": "b"}), "Deploy preprod", "completed")
    assert ("failure", works[:1]) == (run["conclusion"], calls(github)[8:]), "a copy that fails is no copy"


def dispatched(github, **inputs):
    place = f"/repos/{NAME}/actions/workflows/deploy-prod.yml/dispatches"
    assert 204 == github.ask("POST", place, {"ref": "main", "inputs": inputs})[0]


def reviewed(github, run, state):
    place = f"/repos/{NAME}/actions/runs/{run['id']}/pending_deployments"
    return github.ask("POST", place, {"state": state, "environment_ids": [1], "comment": ""}, token=ADMIN)[0]


@pytest.mark.slow  # the same
@pytest.mark.req("S5-77", "S5-87")
def test_production_waits_for_an_approval_and_without_a_reviewer_or_a_passphrase_nothing_is_touched(github):
    commit = pushed(github)
    run_of(github, commit, "Deploy preprod", "completed")
    before = calls(github)
    assert [] == [run for run in github.runs(commit) if run["name"] == "Deploy production"], "a push does not start it"

    def of_prod():
        return [run for run in github.runs(commit) if run["name"] == "Deploy production"]

    dispatched(github)
    [run] = of_prod()
    assert "waiting" == github.jobs(run)[0]["status"] and before == calls(github)
    assert 200 == reviewed(github, run, "rejected")
    [run] = of_prod()
    assert ("failure", before) == (run["conclusion"], calls(github)), "refused, and nothing was done"

    dispatched(github)
    assert 200 == reviewed(github, of_prod()[0], "approved")
    until(lambda: of_prod()[0]["status"] == "completed", "it does not end")
    own = [PROMOTE, UP, SMOKE]
    assert ("success", own) == (of_prod()[0]["conclusion"], calls(github)[len(before) :]), log_of(github, of_prod()[0])

    github.environments(production={"secrets": {}, "reviewers": ["owner"]})
    dispatched(github)
    reviewed(github, of_prod()[0], "approved")
    until(lambda: of_prod()[0]["status"] == "completed", "it does not end")
    assert "the secret HOMEPORT_PROD_PASSPHRASE is missing" in log_of(github, of_prod()[0])

    github.environments(production={"secrets": PRODUCTION})
    dispatched(github)
    until(lambda: of_prod()[0]["status"] == "completed", "it does not end")
    assert "the environment production asks nobody" in log_of(github, of_prod()[0])
    assert own == calls(github)[len(before) :], "neither has begun an update"


@pytest.mark.slow  # the same
@pytest.mark.req("S5-87", "P-19")
def test_production_gets_what_runs_in_preprod_unless_that_is_refused_or_switched_off(github):
    commit = pushed(github)
    run_of(github, commit, "Deploy preprod", "completed")

    def deployed(**inputs):
        """How a run of production ended, its log, and what it has called."""
        before = len(calls(github))
        dispatched(github, **inputs)
        [run, *_] = [run for run in github.runs(commit) if run["name"] == "Deploy production"]
        assert 200 == reviewed(github, run, "approved")
        ended = until(
            lambda: next((row for row in github.runs(commit) if row["id"] == run["id"] and row["conclusion"]), None),
            "it does not end",
        )
        return ended["conclusion"], log_of(github, run), calls(github)[before:]

    conclusion, log, called = deployed()
    assert ("success", [PROMOTE, UP, SMOKE]) == (conclusion, called), log
    passphrases = (github.folder / "calls.passphrases").read_text().splitlines()[-3:]
    assert ["promote C4naryPREPROD", "up C4naryPROD", "smoke C4naryPROD"] == passphrases, "each state by its own"
    assert "C4nary" not in log

    (github.folder / "calls.promote").write_text("")
    conclusion, log, called = deployed()
    assert ("failure", [PROMOTE]) == (conclusion, called), "what did not run well in preprod goes nowhere"
    conclusion, log, called = deployed(promote="false")
    assert ("success", [UP, SMOKE]) == (conclusion, called), log

    own = {"HOMEPORT_PROD_PASSPHRASE": "C4naryPROD"}
    github.environments(production={"secrets": own, "reviewers": ["owner"]})
    conclusion, log, called = deployed()
    assert ("failure", []) == (conclusion, called), "without preprod's passphrase nothing is touched"
    assert "HOMEPORT_PREPROD_PASSPHRASE is missing in the environment production" in log
    conclusion, log, called = deployed(promote="false")
    assert ("success", [UP, SMOKE]) == (conclusion, called), "without a preprod it is switched off"


@pytest.mark.req("S5-85")
def test_every_push_and_pull_request_is_checked_without_a_secret():
    ci = yaml.safe_load(FILES[".github/workflows/ci.yml"])
    assert {"push": None, "pull_request": None} == ci[True], "YAML 1.1 reads `on` as a truth value"
    assert {"contents": "read"} == ci["permissions"] and "secrets." not in FILES[".github/workflows/ci.yml"]
    assert "make check" in json.dumps(ci["jobs"])


@pytest.mark.req("S5-85", "S5-86", "S5-87")
@pytest.mark.parametrize("path", FILES)
def test_actions_are_pinned_by_commit_and_no_expression_stands_in_a_script(path):
    jobs = yaml.safe_load(FILES[path])["jobs"]
    for step in (step for job in jobs.values() for step in job["steps"]):
        assert "${{" not in step.get("run", ""), "what an event says is never part of a script"
        assert "uses" not in step or len(step["uses"].partition("@")[2]) == 40, "a tag can be moved"
