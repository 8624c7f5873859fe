"""The first words with a host: whether its Docker and this machine's docker command understand each other."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "components" / "scripts" / "ready.sh"
SSH = """#!/bin/sh
for command; do :; done
case $(printf %s "${command##*"' sh "}" | tr -d ' ' | base64 -d) in
  *os-release*) echo "$FAKE_SYSTEM A system" ;;
  *"docker version"*) printf '%s\\n' "$FAKE_SERVER" ;;
esac
"""
DOCKER = """#!/bin/sh
[ "$DOCKER_HOST" = unix:///nonexistent/docker.sock ] || { echo "a daemon was asked" >&2; exit 9; }
echo "$FAKE_CLIENT"
exit 1
"""


@pytest.fixture
def first_words(tmp_path):
    """Runs `ready.sh wait` with an ssh and a docker command that know one answer each."""
    tools = tmp_path / "tools"
    tools.mkdir()

    def run(client, server, system="debian-13"):
        for name, text in (("ssh", SSH), ("docker", DOCKER)):
            if name == "docker" and client is None:
                continue
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        kept = os.pathsep.join(
            folder for folder in ("/usr/bin", "/bin") if client is not None or not Path(folder, "docker").exists()
        )
        if client is None:
            # What the script needs of the system, without its docker command.
            for name in ("sh", "sed", "grep", "date", "sort", "head", "tail", "paste", "sleep", "tr", "base64", "fold"):
                found = next(Path(folder, name) for folder in ("/bin", "/usr/bin") if Path(folder, name).exists())
                (tools / name).symlink_to(found)
            kept = ""
        return subprocess.run(
            [str(Path("/bin/sh")), str(SCRIPT), "wait", "1"],
            env={
                "PATH": os.pathsep.join(filter(None, (str(tools), kept))),
                "HOMEPORT_SSH": "root@192.0.2.1",
                "DOCKER_HOST": "ssh://root@192.0.2.1",
                "FAKE_CLIENT": client or "",
                "FAKE_SERVER": server,
                "FAKE_SYSTEM": system,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.req("RW-13")
@pytest.mark.parametrize(
    ("client", "server", "system"),
    [
        ("1.50 28.2.2", "1.12 1.41 20.10.24", "debian-12"),
        ("1.52 29.0.1", "1.44 1.52 29.0.1", "debian-13"),
        ("1.44 25.0.0", "1.44 1.52 29.0.1", "debian-13"),
        ("1.52 29.0.1", "1.24 1.45 26.1.5", "debian-13"),
        ("1.41 20.10.24", "", "debian-13"),
        ("", "1.44 1.52 29.0.1", "debian-13"),
    ],
)
def test_a_pair_that_understands_each_other_goes_on(first_words, client, server, system):
    done = first_words(client, server, system)
    assert done.returncode == 0, done.stderr


@pytest.mark.req("RW-13")
@pytest.mark.parametrize(
    ("client", "server", "system", "words"),
    [
        ("1.41 20.10.24", "1.44 1.52 29.0.1", "debian-13", "install a docker command of version 25 or newer"),
        ("1.43 24.0.7", "1.44 1.52 29.0.1", "debian-13", "install a docker command of version 25 or newer"),
        ("1.52 29.0.1", "1.12 1.41 20.10.24", "debian-12", "a host with Debian 13 or Ubuntu 24.04"),
        ("1.53 29.1.0", "", "debian-12", "a host with Debian 13 or Ubuntu 24.04"),
    ],
)
def test_a_pair_that_does_not_is_refused_before_anything_is_changed(first_words, client, server, system, words):
    done = first_words(client, server, system)

    assert done.returncode == 1, "the first file would fail, after the host was changed"
    assert f"\n  fix: {words}" in done.stderr, done.stderr
    assert "nothing was changed there" in done.stderr, done.stderr


@pytest.mark.req("RW-13")
def test_a_machine_without_the_docker_command_is_told_so(first_words):
    done = first_words(None, "")

    assert done.returncode == 1, done.stderr
    assert "this machine has no docker command" in done.stderr, done.stderr
    assert "fix: install Docker's command line" in done.stderr, done.stderr
