"""backup-n8n-workflows.sh with Git as it is, and fakes of Docker and n8n."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from checkouts import ended, flow, until

# Each runs the script as an operator does, with some thirty commands of Git: seconds on a busy machine.
pytestmark = pytest.mark.slow

SECRET = "c4nary-token"


@pytest.mark.req("S1-63", "FP-03")
def test_all_workflows_are_committed_once_and_pushed_and_a_second_run_changes_nothing(host):
    host.with_remote()
    host.n8n(flow("a1", "first"), flow("b2", "second", active=True))
    code, line, errors = host.run()
    assert (0, "") == (code, errors), "it went well"
    assert {"status": "ok", "workflows": 2, "changed": True, "pushed": True} == {
        key: line[key] for key in ("status", "workflows", "changed", "pushed")
    }, "the line has FP-01's fields"
    assert line["duration_s"] >= 0 and host.git("rev-parse", "HEAD") == line["commit"], "the commit is named"
    assert {"a1.json", "b2.json"} == set(host.files()), "files are named after ids, which stay when names change"
    assert host.git("rev-parse", "main", at=host.remote) == line["commit"], "the remote has it"
    assert "homeport backup <backup@homeport.invalid>" == host.git("log", "-1", "--format=%an <%ae>"), "one author"
    code, again, _ = host.run()
    assert (0, False, None, False) == (code, again["changed"], again["commit"], again["pushed"]), "nothing to do"
    assert "1" == host.git("rev-list", "--count", "HEAD"), "no empty commit"
    assert "" == host.git("status", "--porcelain", "n8n-workflows"), "Git sees a clean folder"


@pytest.mark.req("S1-63", "FP-03")
def test_changed_and_deleted_workflows_are_a_commit_each_and_other_files_stay(host):
    host.n8n(flow("a1", "first"), flow("b2", "second"))
    host.run()
    (host.checkout / "n8n-workflows" / "README.md").write_text("mine")
    host.git("add", "n8n-workflows/README.md")
    host.git("commit", "--quiet", "-m", "mine", "--", "n8n-workflows/README.md")
    host.n8n(flow("a1", "renamed"))
    code, line, _ = host.run()
    assert (0, True, 1) == (code, line["changed"], line["workflows"]), "a commit"
    assert {"a1.json", "README.md"} == set(host.files()), "the deleted one goes, what is nobody's workflow stays"
    assert "renamed" == json.loads(host.files()["a1.json"])["name"], "the name is inside"
    host.n8n()
    code, line, _ = host.run()
    assert (0, True, 0) == (code, line["changed"], line["workflows"]), "none is an answer too"
    assert {"README.md"} == set(host.files()) == {"README.md"}, "all are gone"


@pytest.mark.req("S1-63", "FP-03")
def test_neither_credentials_nor_what_runs_left_are_in_a_file(host):
    node = {
        "id": "n",
        "name": "n",
        "parameters": {},
        "credentials": {"httpHeaderAuth": {"id": "c1", "name": "mine", "data": SECRET}, "odd": SECRET},
    }
    state = {"staticData": {"token": SECRET}, "pinData": {"n": [{"json": {"authorization": SECRET}}]}}
    host.n8n(flow("a1", nodes=[node], shared=[{"project": {"name": SECRET}}], **state))
    assert 0 == host.run()[0], "it went well"
    text = host.files()["a1.json"]
    assert SECRET not in text, "no token in Git"
    kept = json.loads(text)["nodes"][0]["credentials"]
    assert {"httpHeaderAuth": {"id": "c1", "name": "mine"}} == kept, "which credential is used is part of a workflow"


HOSTILE = {
    "traversal": "../../../etc/cron.d/x",
    "newline": "two\nlines\r\n\x1b[31m",
    "long": "x" * 300,
    "unicode": "é😀\u202e\u0000",
    "half a pair": "\ud83d",
    "option": "--upload-pack=touch /tmp/x",
    "shell": "$(touch canary)`touch canary`; touch canary",
    "empty": "",
}


@pytest.mark.req("S1-63")
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_or_an_id_may_hold_anything_and_leads_nowhere(host, name):
    number = name[:36] or "empty"
    host.n8n(flow("a1", name), flow(number, name, nodes=[{"name": name, "id": name}]))
    before = {path for path in host.checkout.parent.rglob("*") if "platform" not in path.parts}
    code, line, errors = host.run()
    if not number.isprintable():
        assert 2 == code and "is no id" in errors, "n8n makes ids of letters and digits; this is none, and said"
        host.n8n(flow("a1", name), flow("b2", name, nodes=[{"name": name, "id": name}]))
        code, line, errors = host.run()
    assert (0, 2) == (code, line["workflows"]), f"both are saved: {errors}"
    files = host.files()
    assert {name, name} == {json.loads(text)["name"] for text in files.values()}, "names are kept as they are"
    assert all("/" not in file and not file.startswith(".") for file in files), "files are in their folder"
    after = {path for path in host.checkout.parent.rglob("*") if "platform" not in path.parts}
    left = {path.name for path in after - before} - {"docker-calls"}
    assert {"state", "locks", "results", "workflows", "workflows.json"} == left, "nothing was written elsewhere"
    assert name[:20].strip() not in host.git("log", "--format=%B") or not name, "a commit's message names none"


DAMAGE = {"no JSON": b"<html>", "an object": b'{"a": 1}', "no ids": b'[{"name": "x"}]', "half": b'[{"id": "a1", "na'}
DAMAGE |= {"deep": b"[" * 100_000, "nothing": b"", "nodes": b'[{"id": "a", "name": "b", "nodes": [1]}]'}


@pytest.mark.req("S1-63")
@pytest.mark.parametrize("answer", DAMAGE.values(), ids=DAMAGE)
def test_what_is_no_export_ends_with_2_and_leaves_the_files_alone(host, answer):
    host.n8n(flow("a1"))
    host.run()
    before = host.files()
    (host.fake / "raw").write_bytes(answer)
    code, line, errors = host.run()
    assert (2, "error", 2) == (code, line["status"], line["exit_code"]), "n8n did not answer"
    assert "\nfix: " in errors and "Traceback" not in errors, "a message that helps"
    assert before == host.files() and "" == host.git("status", "--porcelain", "n8n-workflows"), "what there was, is"


@pytest.mark.req("S1-63", "FP-03")
@pytest.mark.parametrize("trouble", ["no-docker", "broken", "no container", "no program"])
def test_n8n_out_of_reach_ends_with_2_and_says_so(host, trouble):
    if trouble == "no container":
        (host.fake / "containers" / "n8n").unlink()
    elif trouble == "no program":
        host.env["N8N_TIMEOUT"], host.env["N8N_CONTAINER"] = "5", "other"
    else:
        (host.fake / trouble).touch()
    code, line, errors = host.run()
    assert (2, "error") == (code, line["status"]), "n8n's code"
    assert "fix: docker logs" in errors and not (host.checkout / ".git").exists(), "nothing of Git was touched"


@pytest.mark.req("S1-63", "FP-03")
def test_of_two_runs_at_once_the_second_ends_with_4_and_the_first_is_not_disturbed(host):
    host.n8n(flow("a1"))
    (host.fake / "wait").touch()
    first = host.start()
    until((host.fake / "waiting").exists, "the first is in the middle of it")
    code, line, errors = host.run()
    assert (4, {}) == (code, line) and "another run" in errors, "the lock is held"
    (host.fake / "wait").unlink()
    output, _ = first.communicate(timeout=300)
    assert (0, "ok") == (first.returncode, json.loads(output)["status"]), "the first ends well"
    assert 0 == host.run()[0], "and frees the lock"


@pytest.mark.req("S1-63")
def test_a_run_killed_anywhere_leaves_a_repository_that_the_next_run_completes(host):
    host.with_remote()
    host.n8n(flow("a1"))
    host.run()
    chance = random.Random(5)  # noqa: S311  # points in time
    for turn in range(8):
        host.n8n(*(flow(f"w{number}", f"turn {turn}") for number in range(20)))
        process = host.start()
        time.sleep(chance.uniform(0.02, 0.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # Its git ends by itself, and takes its lock away.
        until(lambda killed=process.pid: ended(killed), "what it had started goes on")
        host.git("fsck", "--strict")
    code, line, errors = host.run()
    assert 0 == code, f"the next run goes through: {errors}"
    assert 20 == line["workflows"] == len(host.files()), "all are there"
    assert host.files() == host.files("main", at=host.remote), "here and at the remote"
    assert "" == host.git("status", "--porcelain", "n8n-workflows"), "no half-written file is left"


@pytest.mark.req("S1-63")
def test_locks_that_a_killed_git_left_long_ago_go_and_new_ones_stay(host):
    host.n8n(flow("a1"))
    host.run()
    held = host.checkout / ".git" / "refs" / "heads" / "main.lock"
    held.touch()
    host.n8n(flow("a1", "new"))
    code, _, errors = host.run()
    assert 3 == code and "fix: " in errors, "somebody may be at it at this moment"
    os.utime(held, (1, 1))
    assert 0 == host.run()[0] and not held.exists(), "nobody is at it for an hour"


@pytest.mark.req("S1-63", "FP-03")
def test_a_remote_that_is_gone_ends_with_3_and_the_commit_is_kept_and_pushed_later(host):
    host.with_remote()
    host.n8n(flow("a1"))
    host.run()
    away = host.remote.with_name("away.git")
    host.remote.rename(away)
    host.n8n(flow("a1", "new"))
    code, line, errors = host.run()
    assert (3, True, False, 1) == (code, line["changed"], line["pushed"], line["workflows"]), "committed, not pushed"
    assert line["commit"] == host.git("rev-parse", "HEAD") and "fix: " in errors, "here it is safe"
    away.rename(host.remote)
    code, line, _ = host.run()
    assert (0, False, True) == (code, line["changed"], line["pushed"]), "the next run pushes it"
    assert host.git("rev-parse", "HEAD") == host.git("rev-parse", "main", at=host.remote), "nothing is missing"


@pytest.mark.req("S1-63")
@pytest.mark.parametrize("unreachable", [False, True], ids=["pushed before", "with a commit that was not pushed"])
def test_a_remote_that_moved_on_gets_the_commit_on_top_and_the_checkout_can_be_pulled(host, unreachable):
    host.with_remote()
    host.n8n(flow("a1"))
    host.run()
    if unreachable:
        host.n8n(flow("a1", "meanwhile"))
        host.run(REPOSITORY=str(host.remote.with_name("nowhere.git")))
    clone = host.clone()
    (clone / "deployed.txt").write_text("theirs")
    host.git("add", ".", at=clone)
    host.git("commit", "--quiet", "-m", "theirs", at=clone)
    host.git("push", "--quiet", at=clone)
    host.n8n(flow("a1", "new"))
    code, line, errors = host.run()
    assert (0, True, True) == (code, line["changed"], line["pushed"]), f"it is pushed: {errors}"
    assert "new" == json.loads(host.files("main", at=host.remote)["a1.json"])["name"], "the remote has it"
    assert "theirs" == host.git("show", "main:deployed.txt", at=host.remote), "and what others pushed"
    assert not (host.checkout / "deployed.txt").exists(), "a backup deploys nothing"
    host.git("pull", "--quiet", "--ff-only", str(host.remote), "main")
    assert "theirs" == (host.checkout / "deployed.txt").read_text(), "whoever pulls gets both"
    assert 0 == host.run()[0] and "" == host.git("status", "--porcelain", "n8n-workflows"), "all is as it should be"


@pytest.mark.req("S1-63")
def test_commits_of_others_that_the_remote_lacks_are_neither_lost_nor_rewritten(host):
    host.with_remote()
    host.n8n(flow("a1"))
    host.run()
    clone = host.clone()
    for folder in (clone, host.checkout):
        (folder / f"{folder.name}.txt").write_text("x")
        host.git("add", f"{folder.name}.txt", at=folder)
        host.git("commit", "--quiet", "-m", folder.name, at=folder)
    host.git("push", "--quiet", at=clone)
    host.n8n(flow("a1", "new"))
    code, line, errors = host.run()
    assert (3, True, False) == (code, line["changed"], line["pushed"]), "committed here"
    assert "pull --rebase" in errors, "and said what helps"
    assert "platform" in host.git("log", "--format=%s"), "their commit is there"


@pytest.mark.req("S1-63")
def test_what_somebody_prepares_in_the_checkout_is_not_committed_and_stays_prepared(host):
    host.n8n(flow("a1"))
    host.run()
    (host.checkout / "draft.txt").write_text("not yet")
    host.git("add", "draft.txt")
    host.n8n(flow("a1", "new"))
    assert 0 == host.run()[0], "it went well"
    assert {"a1.json"} == {name.split("/")[-1] for name in host.git("ls-tree", "-r", "--name-only", "HEAD").split()}
    assert "A  draft.txt" in host.git("status", "--porcelain").splitlines(), "still prepared, still not committed"


@pytest.mark.req("S1-63")
def test_no_hook_filter_or_setting_of_the_repository_is_run_and_no_other_protocol_is_used(host):
    host.with_remote()
    host.n8n(flow("a1"))
    host.run()
    canary = host.checkout.parent / "canary"
    program = f"touch {canary}; cat"
    hooks = host.checkout / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "commit-msg", "post-commit", "pre-push", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\n{program}\n")
        (hooks / name).chmod(0o755)
    for name, value in {
        "core.fsmonitor": program,
        "core.sshCommand": program,
        "core.hooksPath": str(hooks),
        "core.pager": program,
        "filter.evil.clean": program,
        "filter.evil.smudge": program,
        "diff.external": program,
        "credential.helper": f"!{program}",
        "gpg.program": program,
        "commit.gpgSign": "true",
        "core.autocrlf": "true",
    }.items():
        host.git("config", name, value)
    (host.checkout / ".gitattributes").write_text("*.json filter=evil text eol=crlf ident\n")
    host.n8n(flow("a1", "new"), flow("b2"))
    code, _, errors = host.run()
    assert 0 == code, f"it does its work: {errors}"
    assert b"\r" not in (host.checkout / "n8n-workflows" / "a1.json").read_bytes(), "files are as they were written"
    assert "new" == json.loads(host.files("main", at=host.remote)["a1.json"])["name"], "and so are commits"
    assert not canary.exists(), "nothing of the repository ran"
    for url in (
        f"ext::sh -c touch% {canary}",
        "--upload-pack=touch",
        f"ssh://-oProxyCommand=touch {canary}/x",
        "git://x",
    ):
        code, line, errors = host.run(REPOSITORY=url)
        assert (3, "error") == (code, line["status"]) and "fix: " in errors, f"{url} is refused"
    assert not canary.exists(), "no URL ran anything"
    # Where pushes go to a URL of https, a repository's own settings lead to no program either.
    host.git("config", f"url.ext::sh -c touch% {canary} .insteadOf", "https://git.example.com/")
    assert 3 == host.run(REPOSITORY="https://git.example.com/x.git")[0] and not canary.exists(), "not by a detour"


@pytest.mark.req("S1-63")
def test_a_link_in_the_place_of_the_folder_or_of_a_file_leads_nowhere(host, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.json").write_text("theirs")
    (host.checkout / "n8n-workflows").symlink_to(outside)
    host.n8n(flow("a1"))
    code, _, errors = host.run()
    assert 3 == code and "is a link" in errors and {"kept.json"} == {path.name for path in outside.iterdir()}, (
        "the folder: refused"
    )
    (host.checkout / "n8n-workflows").unlink()
    (host.checkout / "n8n-workflows").mkdir()
    (host.checkout / "n8n-workflows" / "a1.json").symlink_to(outside / "kept.json")
    assert 0 == host.run()[0], "the file: replaced"
    assert "theirs" == (outside / "kept.json").read_text(), "what it led to is untouched"


@pytest.mark.req("S1-63")
def test_a_full_disk_ends_with_3_says_so_and_spoils_nothing(host):
    host.n8n(flow("a1"))
    host.run()
    before = host.git("rev-parse", "HEAD")
    host.n8n(*(flow(f"w{number}", nodes=[{"name": "x" * 3000}]) for number in range(9)))
    # No file may be larger than 2 kB from here on, as on a disk with as much left.
    argv = ["bash", "-c", f"trap '' XFSZ; ulimit -f 2; exec sh {host.checkout}/backup-n8n-workflows.sh"]
    done = subprocess.run(argv, env=host.env, capture_output=True, text=True, check=False)
    assert done.returncode in {2, 3} and "fix: " in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert before == host.git("rev-parse", "HEAD"), "no commit of half of it"
    host.git("fsck", "--strict")
    code, line, _ = host.run()
    assert (0, 9) == (code, line["workflows"]), "with room again all is saved"


@pytest.mark.req("S1-63")
def test_a_checkout_that_is_no_ones_to_write_ends_with_3(host):
    host.n8n(flow("a1"))
    (host.checkout / "n8n-workflows").write_text("a file in its place")
    code, _, errors = host.run()
    assert 3 == code and "fix: " in errors and "Traceback" not in errors, errors


@pytest.mark.req("S1-63")
def test_a_detached_checkout_is_not_committed_to(host):
    host.n8n(flow("a1"))
    host.run()
    host.git("checkout", "--quiet", "--detach")
    host.n8n(flow("a1", "new"))
    code, _, errors = host.run()
    assert 3 == code and "no branch" in errors and "switch main" in errors, errors


@pytest.mark.req("S1-63")
def test_a_run_leaves_its_line_for_others_to_read_and_when_it_went_well_last(host):
    host.n8n(flow("a1"))
    host.run()
    file = host.state / "results" / "workflows.json"
    good = json.loads(file.read_text())
    assert ("ok", 1, good["finished"]) == (good["status"], good["workflows"], good["last_good"]), "the line, and when"
    assert 0o600 == file.stat().st_mode & 0o777, "for its owner"
    (host.fake / "broken").touch()
    host.run()
    bad = json.loads(file.read_text())
    assert ("error", 2, good["last_good"]) == (bad["status"], bad["exit_code"], bad["last_good"]), "a bad one keeps it"


RESTORE = {"script": "backup.sh"}
SPOILT = {
    "half of it": lambda text: text[: len(text) // 2],
    "nothing": lambda _: "",
    "a list": lambda text: f"[{text}]",
    "another's id": lambda text: text.replace('"a1"', '"b2"'),
    "no nodes": lambda text: text.replace('"nodes": []', '"nodes": null'),
    "tags of no name": lambda text: text.replace('"tags": []', '"tags": [1]'),
    "a publication of no nodes": lambda text: text.replace('"tags": []', '"tags": [], "published": {"nodes": [1]}'),
    "a marker of a merge": lambda text: f"<<<<<<< HEAD\n{text}",
}


@pytest.mark.req("S1-63")
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_damaged_file_in_git_is_named_before_n8n_is_asked_and_an_earlier_commit_can_be_taken(host, spoil):
    host.n8n(flow("a1"), flow("c3"))
    host.run()
    file = host.checkout / "n8n-workflows" / "a1.json"
    spoilt = spoil(file.read_text())
    assert spoilt != file.read_text(), "it is another"
    file.write_text(spoilt)
    host.git("commit", "--quiet", "--all", "-m", "spoilt")
    host.n8n()
    (host.fake / "docker-calls").unlink()
    code, _, errors = host.run("restore", "workflows", "--replace", **RESTORE)
    assert 3 == code and "HEAD:n8n-workflows/a1.json" in errors and "--revision" in errors, errors
    assert not (host.fake / "docker-calls").exists() and {} == host.holds(), "nothing was begun"
    code, line, _ = host.run("restore", "workflows", "--revision", "HEAD~1", **RESTORE)
    assert (0, 2) == (code, line["imported"]), "what was saved before is whole"


@pytest.mark.req("S1-63")
def test_a_new_host_gets_its_workflows_out_of_the_remote_with_ids_and_what_was_published(host):
    host.with_remote()
    edited = flow("c3", "edited", active=True, nodes=[{"name": "new", "id": "n"}])
    edited["versions"].insert(0, {**edited["versions"][0], "versionId": "v0", "nodes": [{"name": "old", "id": "n"}]})
    edited["activeVersionId"] = "v0"
    host.n8n(flow("a1", "first"), flow("b2", "second", active=True), edited)
    host.run()
    saved = host.files()
    (host.checkout / "README.md").write_text("laid here before")
    shutil.rmtree(host.checkout / ".git")
    shutil.rmtree(host.checkout / "n8n-workflows")
    host.n8n(flow("p1", "provisioned"))
    code, line, errors = host.run("restore", "workflows", **RESTORE)
    assert (0, 3, 3, 2) == (code, line["workflows"], line["imported"], line["active"]), errors
    holds = host.holds()
    assert {"a1", "b2", "c3", "p1"} == set(holds), "with their ids, beside what is there"
    assert [False, True, True] == [holds[key]["active"] for key in ("a1", "b2", "c3")], "active as they were"
    live = next(one for one in holds["c3"]["versions"] if one["versionId"] == holds["c3"]["activeVersionId"])
    assert "old" == live["nodes"][0]["name"], "what was published is, not what somebody edits"
    assert "restart n8n" in (host.fake / "docker-calls").read_text(), "n8n takes publications when it starts"
    assert "laid here before" == (host.checkout / "README.md").read_text(), "files that lie here stay"
    again = host.run("restore", "workflows", **RESTORE)
    assert (0, 0) == (again[0], again[1]["imported"]), "a second time nothing is to be done"
    host.n8n(*(one for key, one in host.holds().items() if key != "p1"))
    code, line, _ = host.run()
    assert (0, False) == (code, line["changed"]), "the next backup sees no change"
    assert saved == host.files(), "the files are the same"


@pytest.mark.req("S1-63")
def test_a_restore_overwrites_no_workflow_unasked_and_takes_an_older_commit(host):
    host.n8n(flow("a1", "old"))
    host.run()
    host.n8n(flow("a1", "new"))
    host.run()
    code, line, errors = host.run("restore", "workflows", "--revision", "HEAD~1", **RESTORE)
    assert (1, "error") == (code, line["status"]) and "a1" in errors and "--replace" in errors, "it asks first"
    assert "new" == host.holds()["a1"]["name"], "nothing was touched"
    assert 0 == host.run("restore", "workflows", "--revision", "HEAD~1", "--replace", **RESTORE)[0], "it goes back"
    assert "old" == host.holds()["a1"]["name"], "to what it was"
    for revision in ("nothing", "--output=/tmp/x", "HEAD:n8n-workflows"):
        code, _, errors = host.run("restore", "workflows", f"--revision={revision}", **RESTORE)
        assert 3 == code and "fix: " in errors, f"{revision} is no commit"
