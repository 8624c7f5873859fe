"""`homeport backup` and `restore` against a real machine, by its own sshd: the host's programs, run by nobody at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from catalog.presets.vps_infrastructure.backups import BACKUPS
from homeport.cli import backups, look
from homeport.model.host_program import HostCommand
from homeport.render import host_programs as render
from tests.support import host_files
from tests.support.checkout import ROOT
from tests.support.host import Server
from tests.support.waits import until

pytestmark = pytest.mark.docker
CHECKOUT = "/home/deploy/platform"
TEXTS = {"user": "deploy", "checkout": CHECKOUT, "repository": "", "backup-time": "03:15", "backup-keep": "14"}
TEXTS |= {"pushing-user": "git", "git-token": ""}
COMMAND = HostCommand(path=f"{CHECKOUT}/backup.sh", user="deploy")
# What is done with a real Docker is shown in tests/rehearsal/backup.
DOCKER = """#!/bin/sh
[ "$(id -un) $HOME" = "deploy /home/deploy" ] || { echo "as $(id -un) at home in $HOME" >&2; exit 9; }
[ "$1" != exec ] || { echo "Error response from daemon: No such container: $2" >&2; exit 1; }
[ ! -e /tmp/slow ] || sleep 1
echo "$*"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("backup-verbs"))
    try:
        made.pinned()
        made.inside(f"cat >/usr/local/bin/docker <<'END'\n{DOCKER}END\nchmod 755 /usr/local/bin/docker")
        laid = render.files(BACKUPS, TEXTS, ROOT)
        host_files.lay(made.container, [file for file in laid if not file.template], {})
        host_files.lay(made.container, [file for file in laid if file.template], TEXTS)
        made.inside(f"install -d -o deploy -g deploy -m 700 /var/lib/homeport-backup; chown -R deploy: {CHECKOUT}")
        yield made
    finally:
        made.remove()


@pytest.fixture
def said(server, capfd):
    """What a work says, and its code."""

    def run(*words):
        code = look.shown_as_root(server.environment(), backups.shell(COMMAND, words, "prod"))
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.mark.req("S1-64")
def test_a_backup_runs_as_its_user_in_its_folder_and_its_code_and_words_come_back(server, said):
    code, out, err = said("status")
    assert (1, True) == (code, "workflows  last good: never" in out), err
    code, out, err = said("state", ".")
    assert (0, "ok") == (code, json.loads(out.splitlines()[-1])["status"]), err
    assert "ps --all" in server.inside(f"cat {CHECKOUT}/docker-containers.txt"), "the folder is the command's own"
    code, out, err = said("workflows")
    assert 2 == code and "No such container: n8n" in err, "a failure's own code, and its words"


def test_words_reach_the_hosts_command_as_they_were_typed(server, said):
    word = 'a b\'; touch /tmp/C4nary; $(touch /tmp/C4nary) "`id`" \n!'
    code, _, err = said("restore", "databases", word, "--set=*")
    assert 1 == code and "Traceback" not in err, err
    assert "a b'; touch /tmp/C4nary; $(touch /tmp/C4nary)" in err, "it is named as what it is"
    assert "" == server.inside("ls /tmp/C4nary 2>/dev/null", check=False), "no shell has read it"


def test_a_work_whose_connection_was_lost_goes_on_and_leaves_its_result(server):
    server.inside("rm -f /var/lib/homeport-backup/results/state.json; touch /tmp/slow")
    script = "import sys; from homeport.cli import look; sys.exit(look.shown_as_root({}, sys.argv[1]))"
    argv = [sys.executable, "-c", script, backups.shell(COMMAND, ("state",), "prod")]
    process = subprocess.Popen(
        argv, cwd=ROOT, env={**server.environment(), "HOMEPORT_SSH_MULTIPLEX": "0"}, start_new_session=True
    )
    until(lambda: "sleep 1" in server.inside("ps ax", check=False), "it has begun")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    result = "cat /var/lib/homeport-backup/results/state.json 2>/dev/null"
    done = json.loads(until(lambda: server.inside(result, check=False), "it comes to its end"))
    server.inside("rm /tmp/slow")
    assert "ok" == done["status"] and done["last_good"], done
