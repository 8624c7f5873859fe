"""The emulated GitHub: who may do what, what a push starts, and a runner that takes jobs."""

from __future__ import annotations

import pytest

from rehearsal.clouds.github import workflows
from tests.support.github import NAME, READER, GitHub, Runner
from tests.support.waits import until

NOT_FOUND = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
BAD = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}
WORKFLOW = """
name: Try
on:
  push:
    branches: [main]
    paths: ["app/**", "!app/*.md"]
permissions:
  contents: read
  statuses: write
concurrency: try
jobs:
  try:
    runs-on: [self-hosted, vps]
    defaults:
      run:
        shell: bash
    env:
      PLACE: ${{ vars.PLACE }}
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789
      - id: first
        working-directory: app
        env:
          PASSWORD: ${{ secrets.PASSWORD }}
        run: |
          echo "$(cat file) at $PLACE with $PASSWORD of ${{ github.sha }}"
          echo "word=$(cat file)" >>"$GITHUB_OUTPUT"
      - name: Breaks where the file says so
        run: test "${{ steps.first.outputs.word }}" != broken
      - name: After a failure
        if: failure() && steps.first.outcome == 'success'
        run: echo mended
      - name: Skipped then
        run: echo went well
      - name: In any case
        if: always()
        run: echo the end
"""


@pytest.fixture
def github(tmp_path):
    emulated = GitHub(tmp_path, {"PASSWORD": "C4naryPASSWORD"}, {"PLACE": "home"}, patience=0.2, lock=3.0)
    yield emulated
    emulated.close()


@pytest.fixture
def runner(tmp_path):
    program = Runner(tmp_path / "runner")
    yield program
    program.close()


def configured(github, runner):
    argv = ("--unattended", "--url", f"{github.url}/{NAME}", "--name", "vps", "--labels", "vps", "--work", "_work")
    done = runner.config(*argv, "--replace", "--disableupdate", token=github.registration())
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_a_token_is_good_for_its_repository_its_permission_and_its_kind(github):
    place = f"/repos/{NAME}/actions/runners/registration-token"
    assert (401, BAD) == github.ask("POST", place, token="ghp_wrong")
    assert (404, NOT_FOUND) == github.ask("POST", place, token=""), "nobody sees a private repository"
    assert (404, NOT_FOUND) == github.ask("POST", place.replace("platform", "other"), token=READER)
    status, body = github.ask("POST", place, token=READER)
    assert (403, "Resource not accessible by personal access token") == (status, body["message"])
    status, body = github.ask("POST", place)
    assert 201 == status and {"token", "expires_at"} == {*body}, body

    with pytest.raises(AssertionError, match="403"):
        github.push({"a": "b"}, token=READER)


def test_a_registration_token_lasts_an_hour_and_is_for_one_repository(github):
    token = github.registration()
    body = {"url": f"{github.url}/{NAME}", "runner_event": "register"}

    def asked(**change):
        given = {"token": token, "kind": "RemoteAuth", **change}
        return github.ask("POST", "/actions/runner-registration", body | given.pop("body", {}), **given)

    assert 200 == asked()[0]
    assert (404, NOT_FOUND) == asked(token="AWRONG")
    assert (404, NOT_FOUND) == asked(kind="Bearer")
    assert (404, NOT_FOUND) == asked(body={"url": f"{github.url}/owner/other"})
    assert (404, NOT_FOUND) == asked(token=github.registration("remove")), "one to remove registers nothing"
    github.store.advance(3601)
    assert (404, NOT_FOUND) == asked(), "as GitHub answers, it does not say why"


@pytest.mark.slow  # a runner's own process, and its questions
def test_a_push_of_the_named_paths_is_a_job_that_a_runner_does(github, runner):
    configured(github, runner)
    for name in (".runner", ".credentials", ".credentials_rsaparams"):
        assert 0o600 == (runner.folder / name).stat().st_mode & 0o777, name
    other = github.push({".github/workflows/try.yml": WORKFLOW, "other": "x"})
    assert [] == github.runs(other), "no path that it asks for"
    good = github.push({"app/file": "good"})
    assert "queued" == github.runs(good)[0]["status"], "nobody takes it yet"
    runner.start()

    run = until(lambda: github.ended(good), "the run does not end")[0]
    [job] = github.jobs(run)
    log = github.log(job)
    assert ("success", "success") == (run["conclusion"], job["conclusion"]), log
    assert f"good at home with *** of {good}" in log and "C4nary" not in log, "secrets are masked"
    assert "mended" not in log and "went well" in log and "the end" in log, log

    broken = github.push({"app/file": "broken"})
    run = until(lambda: github.ended(broken), "the run does not end")[0]
    [job] = github.jobs(run)
    log = github.log(job)
    assert "failure" == run["conclusion"]
    conclusions = [step["conclusion"] for step in job["steps"]]
    assert ["success", "success", "failure", "success", "skipped", "success"] == conclusions, log
    assert "Process completed with exit code 1." in log and "mended" in log and "went well" not in log

    assert [] == github.runs(github.push({"app/notes.md": "words"})), "paths can be taken away"
    [row] = github.ask("GET", f"/repos/{NAME}/actions/runners")[1]["runners"]
    assert ("vps", "online", False) == (row["name"], row["status"], row["busy"])
    runner.close()
    assert "offline" == github.ask("GET", f"/repos/{NAME}/actions/runners")[1]["runners"][0]["status"]


def test_who_starts_a_workflow_by_hand_chooses_among_the_inputs_that_it_declares(github):
    declared = "on:\n  workflow_dispatch:\n    inputs: { really: { type: boolean, default: true }, word: {} }\n"
    github.push({".github/workflows/try.yml": declared + WORKFLOW[WORKFLOW.index("permissions:") :]})

    def started(**inputs):
        place = f"/repos/{NAME}/actions/workflows/try.yml/dispatches"
        status, body = github.ask("POST", place, {"ref": "main", "inputs": inputs})
        return (status, body["message"]) if status != 204 else github.store.all("runs").popitem()[1]["inputs"]

    assert {"really": True, "word": ""} == started(), "what nobody chooses is its default"
    assert {"really": False, "word": "x"} == started(really="false", word="x"), "a boolean is one in an expression"
    assert (422, "Unexpected inputs provided: ['other']") == started(other="x")
    assert 422 == started(really="perhaps")[0]


@pytest.mark.slow  # the same
def test_a_runner_that_was_killed_takes_jobs_again_and_its_job_has_failed(github, runner):
    configured(github, runner)
    runner.start()
    slow = WORKFLOW.replace("echo the end", "sleep 600")
    commit = github.push({".github/workflows/try.yml": slow, "app/file": "good"})
    until(lambda: [run for run in github.runs(commit) if run["status"] == "in_progress"], "nobody takes it")
    runner.kill()
    [run] = until(lambda: github.ended(commit), "a silent runner's job never ends")
    assert "failure" == run["conclusion"], "The self-hosted runner lost communication with the server"

    runner.start()
    commit = github.push({".github/workflows/try.yml": WORKFLOW, "app/file": "good again"})
    [run] = until(lambda: github.ended(commit), "it does not come back")
    assert "success" == run["conclusion"]


def test_the_stand_in_refuses_as_upstream_does(github, runner):
    argv = ("--unattended", "--url", f"{github.url}/{NAME}", "--name", "vps")
    done = runner.config(*argv, token="AWRONG")
    assert done.returncode == 1 and "Http response code: NotFound from 'POST" in done.stdout, done.stdout
    assert not (runner.folder / ".runner").exists(), "nothing half registered"
    assert "Unrecognized command-line input arguments: 'sudo'" in runner.config("--sudo").stdout
    configured(github, runner)
    assert "already configured" in runner.config(*argv, token=github.registration()).stdout

    assert 0 == runner.config("remove", token=github.registration()).returncode
    assert not (runner.folder / ".runner").exists()
    assert [] == github.ask("GET", f"/repos/{NAME}/actions/runners")[1]["runners"], "GitHub is told"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("jobs:", "job:"),
        ("runs-on:", "strategy: {}\n    runs-on:"),
        ("      - id: first\n", "      - id: first\n        uses: x/y@1\n"),
    ],
)
def test_what_is_not_emulated_is_refused_and_not_skipped(change, word):
    with pytest.raises(workflows.WorkflowError):
        workflows.read("try.yml", WORKFLOW.replace(change, word, 1))


def test_statuses_of_a_commit(github):
    commit = github.push({"a": "b"})
    place = f"/repos/{NAME}/statuses/{commit}"
    assert 422 == github.ask("POST", place, {"state": "great"})[0]
    assert 403 == github.ask("POST", place, {"state": "success"}, token=READER)[0]
    assert 201 == github.ask("POST", place, {"state": "pending", "context": "deploy"})[0]
    assert 201 == github.ask("POST", place, {"state": "success", "context": "deploy"})[0]
    assert "success" == github.ask("GET", f"/repos/{NAME}/commits/main/status")[1]["state"], "the last word counts"
