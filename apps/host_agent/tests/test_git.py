"""Git on repositories, honest ones and hostile ones."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from host_agent_git import ConflictError, GitError, Repository

_CLEAN = {
    **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "t"), ("EMAIL", "t@example.com"))
    },
}


def git(folder, *words):
    argv = ["git", "-c", "protocol.file.allow=always", *words]
    done = subprocess.run(argv, cwd=folder, env=_CLEAN, capture_output=True, text=True, check=False, timeout=180)
    assert 0 == done.returncode, f"{words}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def world(tmp_path):
    """A remote, somebody else's clone of it, and the host's."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote")
    git(tmp_path, "clone", "-q", "remote", "theirs")
    (tmp_path / "theirs" / "a").write_text("1")
    commit(tmp_path / "theirs", "first")
    git(tmp_path / "theirs", "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", "remote", "ours")
    return tmp_path


def commit(folder, subject):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", subject)


def repository(path, *protocols):
    return Repository(path=path, protocols=protocols or ("file",), deadline=time.monotonic() + 60)


@pytest.mark.req("FP-01", "S1-50")
def test_status_says_branch_changes_distance_and_last_commit(world):
    ours = world / "ours"
    status = repository(ours).status()
    assert ("main", False, 0, 0, "origin/main") == tuple(
        status[key] for key in ("branch", "dirty", "ahead", "behind", "upstream")
    )
    assert "first" == status["last_commit"]["subject"] and 40 == len(status["last_commit"]["id"])
    (ours / "b").write_text("2")
    assert repository(ours).status()["dirty"], "an untracked file is a change"
    commit(ours, "ours")
    assert (1, 0) == tuple(repository(ours).status()[key] for key in ("ahead", "behind"))
    git(world, "init", "-q", "-b", "main", "empty")
    empty = repository(world / "empty").status()
    assert (None, None, "main") == (empty["last_commit"], empty["upstream"], empty["branch"]), "nothing yet"


@pytest.mark.req("FP-01", "S1-50")
def test_pull_goes_forward_only(world):
    ours, theirs = world / "ours", world / "theirs"
    assert not repository(ours).pull()["changed"], "there is nothing new"
    (theirs / "a").write_text("2")
    commit(theirs, "second")
    git(theirs, "push", "-q", "origin", "main")
    done = repository(ours).pull()
    assert done["changed"] and "2" == (ours / "a").read_text() and done["before"] != done["commit"]
    (theirs / "a").write_text("3")
    commit(theirs, "third")
    git(theirs, "push", "-q", "origin", "main")
    (ours / "a").write_text("mine")
    with pytest.raises(ConflictError, match="local changes are in the way"):
        repository(ours).pull()
    assert "mine" == (ours / "a").read_text(), "nothing is lost"
    commit(ours, "ours")
    with pytest.raises(ConflictError, match="diverged: 1 commits here and 1 there"):
        repository(ours).pull()
    assert "mine" == (ours / "a").read_text(), "and nothing is merged"


@pytest.mark.req("FP-01")
def test_without_a_remote_without_a_repository_and_through_the_agent(world, make):
    git(world, "init", "-q", "-b", "main", "alone")
    with pytest.raises(ConflictError, match="fix: git branch --set-upstream-to"):
        repository(world / "alone").pull()
    (world / "none").mkdir()
    with pytest.raises(GitError):
        repository(world / "none").status()
    agent = make(GIT_PROTOCOLS="file")
    status, answer = agent.ask("GET", "/git/status")
    assert 500 == status, f"no repository yet: {answer}"
    git(agent.repo, "init", "-q", "-b", "main")
    assert (200, "main") == ((answer := agent.ask("GET", "/git/status"))[0], answer[1]["branch"])
    assert 409 == agent.ask("POST", "/git/pull")[0], "it follows nothing"
    git(agent.repo, "remote", "add", "origin", str(world / "remote"))
    git(agent.repo, "fetch", "-q", "origin")
    git(agent.repo, "reset", "-q", "--hard", "origin/main")
    git(agent.repo, "branch", "-q", "--set-upstream-to=origin/main")
    assert (200, False) == ((answer := agent.ask("POST", "/git/pull"))[0], answer[1].get("changed"))


PROGRAMS = {
    "core.fsmonitor": "{canary}",
    "core.sshCommand": "{canary}",
    "core.hooksPath": "{folder}",
    "core.gitProxy": "{canary}",
    "core.askPass": "{canary}",
    "core.pager": "{canary}",
    "core.editor": "{canary}",
    "core.alternateRefsCommand": "{canary}",
    "credential.helper": "!{canary}",
    "credential.https://example.com.helper": "!{canary}",
    "diff.external": "{canary}",
    "diff.x.textconv": "{canary}",
    "filter.x.clean": "{canary}",
    "filter.x.smudge": "{canary}",
    "filter.x.process": "{canary}",
    "merge.x.driver": "{canary}",
    "gpg.program": "{canary}",
    "gpg.ssh.program": "{canary}",
    "log.showSignature": "true",
    "alias.status": "!{canary}",
    "include.path": "{folder}/more",
    "includeIf.gitdir:/.path": "{folder}/more",
    "remote.origin.uploadpack": "{canary}",
    "remote.origin.vcs": "x",
    "url.ext::{canary} .insteadOf": "https://",
    "protocol.ext.allow": "always",
    "submodule.x.update": "!{canary}",
    "extensions.worktreeConfig": "true",
    "uploadpack.packObjectsHook": "{canary}",
    "init.templateDir": "{folder}",
    "pager.status": "{canary}",
    "man.x.cmd": "{canary}",
    "ssh.variant": "simple",
    "trace2.eventTarget": "{folder}/trace",
}


def canary(tmp_path):
    program = tmp_path / "canary"
    program.write_text(f"#!/bin/sh\necho run >>{tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    (tmp_path / "hooks").mkdir(exist_ok=True)
    for hook in ("pre-merge-commit", "post-merge", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        (tmp_path / "hooks" / hook).write_text(program.read_text())
        (tmp_path / "hooks" / hook).chmod(0o755)
    (tmp_path / "hooks" / "more").write_text(f"[core]\n\tfsmonitor = {program}\n")
    return program


@pytest.mark.req("H-07")
@pytest.mark.parametrize("key", PROGRAMS)
def test_a_setting_of_the_repository_that_could_run_a_program_runs_none(world, key):
    ours, program = world / "ours", canary(world)
    (ours / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    commit(ours, "attributes")
    value = PROGRAMS[key].replace("{canary}", str(program)).replace("{folder}", str(world / "hooks"))
    git(ours, "config", key.replace("{canary}", str(program)), value)
    (ours / "a").write_text("changed")
    for operation in (repository(ours).status, repository(ours).pull):
        with pytest.raises(GitError, match="settings that can run programs"):
            operation()
    assert not (world / "ran").exists(), f"{key} has run a program"


@pytest.mark.req("H-07")
def test_hooks_attributes_and_submodules_of_a_repository_run_nothing(world):
    ours, theirs, program = world / "ours", world / "theirs", canary(world)
    for hook in [*(world / "hooks").iterdir()]:
        (ours / ".git" / "hooks" / hook.name).write_text(hook.read_text())
        (ours / ".git" / "hooks" / hook.name).chmod(0o755)
    (theirs / ".gitattributes").write_text("* filter=x diff=x merge=x export-subst\n")
    (theirs / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = ext::{program}\n\tupdate = !{program}\n')
    (theirs / "$(id)").write_text("x")
    commit(theirs, "hostile: $(id) `id` ; id\x1b[2J")
    git(theirs, "push", "-q", "origin", "main")
    assert repository(ours).pull()["changed"], "the files come"
    assert "hostile" in repository(ours).status()["last_commit"]["subject"]
    assert not (world / "ran").exists(), "no hook, no filter, no submodule"


URLS = [
    "ext::sh -c {canary}",
    "ext::{canary}",
    "--upload-pack={canary}",
    "-oProxyCommand={canary}",
    "ssh://-oProxyCommand={canary}/x",
    "ssh://example.com/$(./{canary})",
    "git@-oProxyCommand={canary}:x",
    "file:///{folder}",
    "{folder}",
    "http://127.0.0.1:1/x",
    "http://169.254.169.254/latest",
    "git://127.0.0.1:1/x",
    "ftp://127.0.0.1:1/x",
    "fd::17",
    "x::y",
    "https://127.0.0.1:1/\r\nHost: x",
    "$(touch {folder}/ran)",
    "`touch {folder}/ran`",
    ";touch {folder}/ran",
]


@pytest.mark.req("H-07", "H-08")
@pytest.mark.parametrize("url", URLS)
def test_a_remote_that_names_a_program_or_another_protocol_is_not_asked(world, url):
    ours, program = world / "ours", canary(world)
    bad = url.replace("{canary}", str(program)).replace("{folder}", str(world))
    git(ours, "config", "remote.origin.url", bad)
    with pytest.raises(GitError):
        repository(ours, "https").pull()
    assert not (world / "ran").exists(), f"{url} has run a program"


REFS = [
    "--upload-pack={canary}",
    "-x",
    "a..b",
    "a b",
    "a\nb",
    "$(id)",
    "@{-1}",
    "HEAD;id",
    "refs/../x",
    "a~b",
    "x.lock",
]


@pytest.mark.req("H-07")
@pytest.mark.parametrize("ref", REFS)
def test_a_branch_whose_name_is_an_option_or_no_name_gets_nowhere(world, ref):
    ours, program = world / "ours", canary(world)
    text = (ours / ".git" / "config").read_text()
    bad = ref.replace("{canary}", str(program)).replace("\n", "\\n")
    (ours / ".git" / "config").write_text(text.replace("refs/heads/main", f'"{bad}"'))
    with pytest.raises(GitError):
        repository(ours).pull()
    assert not (world / "ran").exists()


@pytest.mark.req("H-07")
def test_a_git_folder_that_is_elsewhere_or_has_attributes_of_its_own_is_refused(world):
    ours = world / "ours"
    (ours / ".git" / "info").mkdir(exist_ok=True)
    (ours / ".git" / "info" / "attributes").write_text("* filter=x\n")
    with pytest.raises(GitError, match="no plain repository"):
        repository(ours).status()
    (ours / ".git" / "info" / "attributes").unlink()
    (ours / ".git").rename(world / "elsewhere")
    (ours / ".git").symlink_to(world / "elsewhere")
    with pytest.raises(GitError, match="no plain repository"):
        repository(ours).status()


@pytest.mark.req("H-07")
def test_the_environment_of_the_caller_reaches_no_git(world, monkeypatch):
    program = canary(world)
    for name in ("GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_EDITOR", "GIT_ASKPASS", "GIT_PROXY_COMMAND"):
        monkeypatch.setenv(name, str(program))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(program))
    repository(world / "ours").status()
    assert not (world / "ran").exists()


def test_a_git_that_takes_too_long_is_ended(world):
    late = Repository(path=world / "ours", protocols=("file",), deadline=time.monotonic() - 1)
    with pytest.raises(subprocess.TimeoutExpired):
        late.status()
