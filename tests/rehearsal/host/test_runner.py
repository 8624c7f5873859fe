"""The runner's script and unit on a real machine with systemd.

Upstream's program is a stand-in that tells what it was given.

Nothing of GitHub's is contacted: what its own `config.sh` does with a token is not proved here.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from dataclasses import replace

import pytest

from homeport.model.runner import Runner
from homeport.render import runner as render
from tests.support import host_files
from tests.support.mesh import Machine, MeshNetwork, docker
from tests.support.waits import until

pytestmark = pytest.mark.docker
TOKEN = "C4naryREGISTRATIONTOKEN"
CONFIG = """#!/bin/sh
echo "$(id -un) [$*] token=$ACTIONS_RUNNER_INPUT_TOKEN args=$(tr '\\0' ' ' </proc/$$/cmdline)" >>/tmp/config-calls
[ "$ACTIONS_RUNNER_INPUT_TOKEN" = expired ] && { echo "Http response code: NotFound from POST, token expired"; exit 1; }
if [ "$1" = remove ]; then rm -f .runner .credentials; else echo "{}" >.runner; echo secret >.credentials; fi
"""
LISTENER = """#!/bin/sh
trap 'echo interrupted >>_diag; exit 0' INT
echo "$(id -un) $(id -Gn) docker=$(docker version >/dev/null 2>&1 && echo yes || echo no)" >_diag
for one in bin/Runner.Listener config.sh /etc/hostname; do
  { echo x >>$one; } 2>/dev/null && echo "wrote $one" >>_diag
  rm -f $one 2>/dev/null && echo "removed $one" >>_diag
done
ls /home/deploy >/dev/null 2>&1 && echo "saw a home" >>_diag
echo ready >>_diag
while :; do sleep 1 & wait $!; done
"""


def _archive(folder: str = ".") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in (("config.sh", CONFIG), ("bin/Runner.Listener", LISTENER)):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.mode, entry.size = 0o755, len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


ARCHIVE = _archive()
RUNNER = Runner(
    name="vps",
    url="https://git.example.com/owner/platform",
    labels=("self-hosted", "vps"),
    archive="file:///srv/runner.tar.gz",
    sha256=hashlib.sha256(ARCHIVE).hexdigest(),
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    world = MeshNetwork(tmp_path_factory.mktemp("runner"), None)
    try:
        world.lay()
        made = Machine(world, "vps")
        made.settle()
        docker("exec", "-i", made.container, "sh", "-c", "cat >/srv/runner.tar.gz", stdin=ARCHIVE)
        yield made
    finally:
        world.remove()


def lay(machine, runner, token=TOKEN, image="unused"):
    host_files.lay(machine.container, render.files(runner), {"runner-token": token, "runner-image": image})


def run(machine, *argv, given=None):
    argv = ["docker", "exec", "-i", machine.container, "sh", *argv]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, input=given)


def remove(machine, runner):
    """As HostFiles removes: the files first."""
    machine.run(f"rm -rf {render.folder(runner)}")
    return run(machine, given=render.remove(runner))


def up(machine, runner, token=TOKEN, image="unused"):
    lay(machine, runner, token, image)
    return run(machine, f"{render.folder(runner)}/runner.sh", "up")


def calls(machine):
    return machine.run("cat /tmp/config-calls 2>/dev/null || true").splitlines()


def test_a_wrong_checksum_and_a_missing_token_are_refused_before_anything_runs(machine):
    done = up(machine, replace(RUNNER, sha256="0" * 64))
    assert 1 == done.returncode and "another checksum than the settings say" in done.stderr, done.stderr
    assert "no" == machine.run(f"test -e {render.STATE}/vps.new/bin && echo yes || echo no").strip(), (
        "nothing was unpacked"
    )

    done = up(machine, RUNNER, token="")
    assert 1 == done.returncode and "there is no registration token" in done.stderr, done.stderr
    assert "pulumi config set --secret homeport:github-runner-token" in done.stderr, "the way out is named"
    assert [] == calls(machine), "config.sh was not even asked"


@pytest.mark.req("S1-69")
def test_an_expired_token_is_told_by_name_and_never_shown(machine):
    done = up(machine, RUNNER, token="expired")

    assert 1 == done.returncode and "GitHub refused to register it; a token lasts one hour" in done.stderr, done.stderr
    assert "expired" not in done.stderr + done.stdout, "the line of config.sh that held the token was left out"
    assert "inactive" == machine.run(f"systemctl is-active {RUNNER.unit} || true").strip(), (
        "nothing half-registered runs"
    )


@pytest.mark.req("S1-69", "S1-70")
def test_it_is_registered_once_and_runs_as_a_service_that_comes_back(machine):
    before = len(calls(machine))
    done = up(machine, RUNNER)
    assert 0 == done.returncode, done.stderr
    again = up(machine, RUNNER, token="another")
    assert 0 == again.returncode, again.stderr

    made = calls(machine)[before:]
    assert 1 == len(made), "a second run, and a new token, register nothing twice"
    wanted = (
        "--unattended --url https://git.example.com/owner/platform --name vps --labels self-hosted,vps --work _work"
    )
    assert made[0].startswith(f"{render.USER} [{wanted} --replace --disableupdate] token={TOKEN}"), made
    assert TOKEN not in made[0].partition("args=")[2], "the token is no argument"
    assert "active enabled" == " ".join(
        machine.run(f"systemctl is-active {RUNNER.unit}; systemctl is-enabled {RUNNER.unit}").split()
    ), "it runs, and will after a reboot"


@pytest.mark.req("S1-71")
def test_its_jobs_are_not_root_change_no_program_and_have_docker_only_with_a_reason(machine):
    diary = f"cat {render.STATE}/vps/_diag"
    entries = until(lambda: (text := machine.run(diary)).endswith("ready\n") and text, "the listener did not get ready")
    assert f"{render.USER} {render.USER} docker=no\nready\n" == entries, (
        "no group, no Docker, nothing written, no home seen"
    )

    assert 0 == up(machine, replace(RUNNER, docker="it builds images")).returncode
    entries = until(lambda: (text := machine.run(diary)).endswith("ready\n") and text, "the listener did not get ready")
    assert "docker=yes" in entries and "wrote" not in entries, entries
    assert 0 == up(machine, RUNNER).returncode, "and it can be taken away again"


def test_the_token_is_in_no_journal_and_in_no_readable_file(machine):
    kept = machine.run(
        f"journalctl --no-pager; systemctl show {RUNNER.unit}; cat /proc/[0-9]*/environ | tr '\\0' '\\n'"
    )
    modes = machine.run(f"stat -c '%a %U' {render.folder(RUNNER)}/token").strip()

    assert TOKEN == machine.run(f"cat {render.folder(RUNNER)}/token").strip(), "this is the one to look for"
    assert TOKEN not in kept, "a journal or a long-lived process knows it"
    assert "600 root" == modes, modes


def test_the_unit_is_hardened(machine):
    rating = machine.run(f"systemd-analyze security --no-pager {RUNNER.unit} | tail -n 1")
    exposure = float(rating.partition("service: ")[2].split()[0])

    assert exposure <= 2.5, f"upstream's own unit is at 9.2: {rating}"


def test_another_label_registers_anew_and_removal_leaves_nothing(machine):
    before = len(calls(machine))
    relabelled = replace(RUNNER, labels=("self-hosted", "vps", "arm"))
    refused = up(machine, relabelled, token="expired")
    assert 1 == refused.returncode and "GitHub refused" in refused.stderr, refused.stderr
    assert 0 == up(machine, RUNNER, token="expired").returncode, (
        "as it was it works on: HostFiles runs the old one again"
    )
    assert 0 == up(machine, relabelled).returncode
    assert "--labels self-hosted,vps,arm" in calls(machine)[before:][1], "labels are part of the registration"

    done = remove(machine, relabelled)
    assert 0 == done.returncode, done.stderr
    assert "[remove]" in calls(machine)[-1], "GitHub is told"
    left = machine.run(
        f"ls -A {render.STATE} 2>/dev/null; id {render.USER} 2>/dev/null; systemctl is-active {RUNNER.unit} || true"
    )
    assert "inactive" == left.strip(), f"nothing of it is left: {left}"
    assert 0 == remove(machine, relabelled).returncode, "to remove what is gone is no error"


def test_the_program_may_come_out_of_an_image(machine):
    until(machine.docker_answers, "no Docker")
    docker("exec", "-i", machine.container, "docker", "import", "-", "runner:1", stdin=_archive("home/runner"))
    pinned = replace(RUNNER, archive="", sha256="")
    done = up(machine, pinned, image="runner:1")

    assert 0 == done.returncode, done.stderr
    assert "active" == machine.run(f"systemctl is-active {RUNNER.unit}").strip(), "it runs from what the image held"
    assert "" == machine.run("docker ps -aq --filter label=homeport.carrier").strip(), (
        "the container that carried it is gone"
    )
    assert 0 == remove(machine, pinned).returncode, "and it goes"
