"""The preset's backups on a real machine with systemd: timers, their runs in the sandbox, a failure that is seen."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest

from catalog.presets.vps_infrastructure.backups import BACKUPS
from homeport.render import host_programs as render
from rehearsal.machine.daemon import CONTAINER, IMAGE
from tests.support import host_files
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker
UNITS = ROOT / "apps" / "host_scripts" / "units"
CHECKOUT = "/home/deploy/platform"
TEXTS = {"user": "deploy", "checkout": CHECKOUT, "repository": "", "backup-time": "03:15", "backup-keep": "14"}
TEXTS |= {"pushing-user": "git", "git-token": "c4nary-of-git"}
# Docker as it answers where one container is down: what the programs do with a real one is shown beside this file.
DOCKER = """#!/bin/sh
[ "$(id -un)" = deploy ] || exit 9
[ "$1" != exec ] || { echo "Error response from daemon: No such container: $2" >&2; exit 1; }
echo "$*"
"""


class Machine:
    """Systemd in a container of the rehearsal's, asked past every network."""

    def __init__(self):
        self.name = f"backup-units-{uuid.uuid4().hex[:6]}"
        docker("run", "--detach", "--name", self.name, "--network", "none", *CONTAINER, IMAGE)

    def inside(self, command, check=True):
        argv = ["docker", "exec", self.name, "sh", "-c", command]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def booted(self):
        up = "systemctl is-active basic.target"
        until(lambda: "active" == self.inside(up, check=False).strip(), "systemd is up", 240)


@pytest.fixture(scope="module")
def server():
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", IMAGE], check=True, cwd=ROOT)
    made = Machine()
    try:
        made.booted()
        made.inside("useradd --create-home deploy && (getent group docker || groupadd docker) && adduser deploy docker")
        made.inside(f"cat >/usr/local/bin/docker <<'END'\n{DOCKER}END\nchmod 755 /usr/local/bin/docker")
        host_files.lay(made.name, [one for one in render.files(BACKUPS, TEXTS, ROOT) if not one.template], {})
        host_files.lay(made.name, [one for one in render.files(BACKUPS, TEXTS, ROOT) if one.template], TEXTS)
        for folder in BACKUPS.folders:
            path = folder.path.replace("{checkout}", CHECKOUT)
            made.inside(f"install -d -m {folder.mode:o} -o deploy -g deploy {path} && chown -R deploy: {path}")
        made.inside(f"systemctl daemon-reload && systemctl enable --now {' '.join(BACKUPS.units)}")
        yield made
    finally:
        docker("rm", "--force", "--volumes", made.name, check=False)


def active(server):
    return server.inside(f"systemctl is-active {' '.join(BACKUPS.units)}", check=False).split()


@pytest.mark.req("S1-64")
def test_timers_are_set_for_the_time_of_the_settings_and_are_there_after_a_reboot(server):
    assert {path.name for path in UNITS.glob("*.timer")} == set(BACKUPS.units), "the preset starts each of them"
    assert ["active"] * len(BACKUPS.units) == active(server), "all of them run"
    server.inside("systemd-analyze verify /etc/systemd/system/*-backup.timer /etc/systemd/system/host-backup@.service")
    for unit, when in (
        ("n8n-backup", "*-*-* 03:15:00"),
        ("pg-backup", "*-*-* 03:15:00"),
        ("backup-drill", "Sun *-*-* 03:15:00"),
    ):
        shown = server.inside(f"systemctl show {unit}.timer -p TimersCalendar -p Persistent --value")
        assert f"OnCalendar={when}" in shown and "yes" in shown, f"{unit}: {shown}"
    docker("restart", server.name)
    server.booted()
    until(lambda: ["active"] * len(BACKUPS.units) == active(server), "the timers are back")
    listed = server.inside("systemctl list-timers --all --no-pager --no-legend")
    assert all(unit in listed for unit in BACKUPS.units), "an operator sees when each is due"


@pytest.mark.req("S1-64", "F-13")
def test_a_run_in_the_sandbox_does_its_work_as_the_checkouts_owner_and_one_that_fails_is_seen(server):
    token = "/etc/homeport-backup/git-token"
    assert "400 deploy:deploy" == server.inside(f"stat -c '%a %U:%G' {token}").strip(), "whoever runs backups reads it"
    assert "" == server.inside(f"runuser -u nobody -- cat {token}", check=False), "and nobody else"
    assert "" == server.inside(f"grep -r c4nary-of-git {CHECKOUT} /etc/systemd", check=False), "it is nowhere else"
    server.inside("systemctl start host-backup@state")
    state = "/var/lib/homeport-backup/state"
    assert "ps --all" in server.inside(f"cat {state}/docker-containers.txt"), "it reaches Docker's client"
    assert "600 deploy:deploy" == server.inside(f"stat -c '%a %U:%G' {state}/docker-images.txt").strip(), "its own"
    journal = "journalctl -u host-backup@state -o cat --no-pager | grep '^{' | tail -n 1"
    line = json.loads(until(lambda: server.inside(journal), "the journal has its line"))
    assert "ok" == line["status"], "one line in the journal"

    assert "" == server.inside("systemctl start host-backup@workflows 2>/dev/null", check=False)
    assert "failed" == server.inside("systemctl is-failed host-backup@workflows", check=False).strip(), "it is seen"
    shown = server.inside("systemctl show host-backup@workflows -p Result -p ExecMainStatus --value").split()
    assert {"exit-code", "2"} == set(shown), "with the code of the script: n8n"
    journal = "journalctl -u host-backup@workflows -o cat --no-pager"
    words = ("No such container: n8n", "fix: docker logs")
    until(lambda: all(word in server.inside(journal) for word in words), "and with what helps")
    assert "host-backup@workflows" in server.inside("systemctl --failed --no-legend --plain"), "in the list"
    by_hand = server.inside(f"runuser -u deploy -- {CHECKOUT}/backup.sh status", check=False)
    assert "workflows  last good: never" in by_hand and "last run: error" in by_hand, "and by one command"
    # A day later somebody, or a program, sees it without being told: the watch's unit fails as well.
    server.inside("systemctl start host-backup@status", check=False)
    assert "host-backup@status" in server.inside("systemctl --failed --no-legend --plain"), "the watch has seen it"
    score = server.inside("systemd-analyze security --no-pager host-backup@state.service | tail -n 1")
    assert "OK" in score, f"Docker's group is its one exception: {score}"


@pytest.mark.req("S1-65", "FP-03")
def test_the_timer_of_dumps_runs_them_keeps_as_many_as_the_settings_say_and_leaves_their_exit_code_in_the_journal(
    server,
):
    unit = server.inside("systemctl show pg-backup.timer -p Unit --value").strip()
    kept = server.inside(f"grep PG_KEEP {CHECKOUT}/host-scripts/backup.env").strip()
    server.inside(f"systemctl start {unit}", check=False)
    journal = f"journalctl -u {unit} -o cat --no-pager"

    assert ("host-backup@databases.service", "PG_KEEP=14") == (unit, kept)
    until(lambda: "code=exited, status=1" in server.inside(journal), "its exit code is in the journal")
    assert "supabase-db" in server.inside(journal), "beside the server that could not be dumped"
