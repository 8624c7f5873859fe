"""A remote behind HTTPS that asks for a token: where the token is, and where it never is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from checkouts import flow
from git_server import certificate, serving

# Each runs the script with some thirty commands of Git.
pytestmark = [pytest.mark.slow, pytest.mark.req("S1-63")]

# A backslash, quotes and what a shell would run: a token is a text.
TOKEN = "c4nary_" + r"a\nb'\"$(id)`id`; %s"


@pytest.fixture
def server(host):
    host.with_remote()
    host.git("config", "http.receivepack", "true", at=host.remote)
    pem = certificate(host.fake / "tls")
    with serving(host.remote.parent, pem) as served:
        served.token = TOKEN
        host.env |= {"REPOSITORY": f"{served.origin}/remote.git", "GIT_SSL_CAINFO": str(pem)}
        yield served


@pytest.fixture
def token(host):
    file = host.fake / "git-token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o400)
    host.env["GIT_TOKEN_FILE"] = str(file)
    return file


def rotate(token, text):
    token.chmod(0o600)
    token.write_text(text)
    token.chmod(0o400)


def everything(folder):
    return b"".join(path.read_bytes() for path in Path(folder).rglob("*") if path.is_file())


def watched(host, *words, script="backup-n8n-workflows.sh"):
    """A run to its end, and the arguments and environments of all that it ran, by a Git that writes them down."""
    real = next(path for path in os.environ["PATH"].split(":") if (Path(path) / "git").exists())
    folder = host.fake / "watch"
    folder.mkdir(exist_ok=True)
    log = f'{{ tr "\\0" " " </proc/$$/cmdline; env; }} >>{folder}/seen'
    (folder / "git").write_text(f'#!/bin/sh\n{log}\nexec {real}/git "$@"\n')
    (folder / "git").chmod(0o755)
    code, line, errors = host.run(*words, script=script, PATH=f"{folder}:{host.env['PATH']}")
    return code, line, errors, (folder / "seen").read_text()


def test_workflows_are_pushed_with_the_token_which_is_in_no_argument_environment_url_or_file(host, server, token):
    host.n8n(flow("a1"))
    code, line, errors, seen = watched(host)
    assert (0, True) == (code, line["pushed"]), errors
    assert host.git("rev-parse", "main", at=host.remote) == line["commit"], "the remote has it"
    assert {None} != {sent for _, sent in server.asked}, "it was asked for, and sent"
    assert "git-token" in seen, "the watch sees environments: the file's path is in one"
    assert "c4nary" not in seen, "in no argument and no environment"
    assert "c4nary" not in errors + json.dumps(line), "and not in the journal"
    token.unlink()
    assert b"c4nary" not in everything(host.checkout) + everything(host.state) + everything(host.remote), "in no file"


@pytest.mark.parametrize("text", ["another\n", "", "\n"], ids=["wrong", "none", "an empty line"])
def test_a_wrong_token_ends_with_3_says_which_remote_and_which_file_and_a_right_one_pushes(host, server, token, text):
    rotate(token, text)
    host.n8n(flow("a1"))
    code, line, errors = host.run()
    assert (3, True, False) == (code, line["changed"], line["pushed"]), "it is committed, and not pushed"
    what, fix = errors.strip().split("\n")
    assert what.startswith(f"{server.origin}/remote.git: it takes no token of this host"), what
    assert fix == f"fix: put a token that may push there into {token}", fix
    assert text.strip() not in errors or not text.strip(), "it is not printed"
    rotate(token, TOKEN)
    code, line, errors = host.run()
    assert (0, True) == (code, line["pushed"]), f"the next run takes the new one: {errors}"
    server.token = "c4nary_rotated"
    host.n8n(flow("a1", "new"))
    assert 3 == host.run()[0], "the old one is refused"
    rotate(token, "c4nary_rotated")
    assert (0, True) == (host.run()[0], (host.state / "results" / "workflows.json").exists()), "and the new one works"
    assert "new" == json.loads(host.files("main", at=host.remote)["a1.json"])["name"], "the remote has all of it"


@pytest.mark.usefixtures("token")
def test_a_server_that_the_remote_leads_to_is_not_told_the_token(host, server):
    with serving(host.remote.parent, host.fake / "tls" / "server.pem") as other:
        other.token, server.leads_to = TOKEN, other.origin
        host.n8n(flow("a1"))
        code, _, errors = host.run()
        assert 3 == code and "it takes no token" in errors, "the push fails"
        assert other.asked and {None} == {sent for _, sent in other.asked}, "it was reached, and told nothing"


@pytest.mark.usefixtures("token")
def test_who_asks_a_token_of_another_name_gets_it_and_no_program_of_the_repository_is_asked(host, server):
    server.user = "x-token-auth"
    canary = host.checkout.parent / "canary"
    host.n8n(flow("a1"))
    host.run()
    host.git("config", "core.askPass", f"touch {canary}; echo")
    host.git("config", "credential.helper", f"!touch {canary}; echo")
    assert 3 == host.run()[0], "the name is another"
    code, line, errors = host.run(GIT_USER="x-token-auth")
    assert (0, True) == (code, line["pushed"]), errors
    assert not canary.exists(), "nothing of the repository ran"


def test_a_token_that_others_may_read_or_that_is_not_there_is_refused_before_git_is_asked(host, server, token):
    host.n8n(flow("a1"))
    token.chmod(0o440)
    code, _, errors = host.run()
    assert 3 == code and f"{token} can be read by others\nfix: chmod 400" in errors, errors
    token.unlink()
    code, _, errors = host.run()
    assert 3 == code and f"{token}: No such file" in errors, errors
    assert [] == server.asked and not (host.checkout / ".git").exists(), "nothing was begun"


def test_a_password_in_the_url_is_refused_and_not_printed(host):
    host.n8n(flow("a1"))
    code, _, errors = host.run(REPOSITORY="https://me:c4nary@git.example.com/x.git")
    assert 3 == code and "GIT_TOKEN_FILE" in errors and "c4nary" not in errors, errors


@pytest.mark.usefixtures("server", "token")
def test_a_new_host_whose_checkout_began_anew_restores_from_the_remote_and_goes_on_from_it(host):
    host.n8n(flow("a1"), flow("b2", active=True))
    host.run()
    saved = host.files("main", at=host.remote)
    host.git("init", "--quiet", "--initial-branch=main", str(host.checkout / "again"), at="/")
    (host.checkout / ".git").rename(host.fake / "old")
    (host.checkout / "again" / ".git").rename(host.checkout / ".git")
    (host.checkout / "again").rmdir()
    (host.checkout / "README.md").write_text("laid by an update, before there was a token")
    host.git("add", "README.md")
    host.git("commit", "--quiet", "-m", "Configuration")
    host.n8n()
    code, line, errors = host.run("restore", "workflows", script="backup.sh")
    assert (0, 2, 1) == (code, line["imported"], line["active"]), errors
    host.n8n(flow("a1", "new"))
    code, line, errors = host.run()
    assert (0, True) == (code, line["pushed"]), errors
    assert {"a1.json"} == set(host.files("main", at=host.remote)) != set(saved), "it follows what was there"
    assert "2" == host.git("rev-list", "--count", "main", at=host.remote), "which is still there"
    assert "Configuration" == host.git("log", "--format=%s"), "and the checkout's own history too"
