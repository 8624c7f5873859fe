"""A folder for the data of one service, made and removed on a host; ssh is a shell here."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "components" / "scripts" / "folder.sh"
SSH = """#!/bin/sh
for command; do :; done
printf %s "${command##*"' sh "}" | tr -d ' ' | base64 -d | sed 's/exec sudo -n sh/exec sh/' | sh
"""


@pytest.fixture
def folder(tmp_path):
    """Runs `folder.sh` for a folder of this machine; its exit code and what it said."""
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)

    def run(verb, path):
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOMEPORT_SSH": "deploy@192.0.2.1"}
        done = subprocess.run(
            ["sh", str(SCRIPT), verb, str(path)], env=environ, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    return run


def test_a_folder_is_made_for_its_owner_alone_and_again_without_a_change(folder, tmp_path):
    path = tmp_path / "platform" / "data" / "redis"
    assert (0, "") == folder("make", path)
    (path / "dump.rdb").write_text("data")

    assert (0, "") == folder("make", path), "made by us, so ours"
    assert "data" == (path / "dump.rdb").read_text()
    assert [0o700, 0o755] == [each.stat().st_mode & 0o777 for each in (path, path.parent)]


def test_a_folder_that_others_have_filled_is_left_alone_unless_it_is_to_be_taken(folder, tmp_path):
    path = tmp_path / "redis"
    path.mkdir()
    (path / "dump.rdb").write_text("theirs")
    code, said = folder("make", path)

    assert 1 == code
    assert f"{path}: not of homeport, and left alone" in said
    assert "fix: name it in homeport:settings.hosts.<name>.take_over" in said
    assert [path / "dump.rdb"] == [*path.iterdir()], "nothing was put beside it"
    assert (0, "") == folder("take", path)
    assert "theirs" == (path / "dump.rdb").read_text(), "used as it is"


def test_an_empty_folder_is_anybodys(folder, tmp_path):
    (tmp_path / "redis").mkdir()

    assert (0, "") == folder("make", tmp_path / "redis")


def test_a_removed_folder_takes_the_empty_ones_above_it_along_and_no_other(folder, tmp_path):
    one, two = (tmp_path / "platform" / "data" / name for name in ("redis", "n8n"))
    for path in (one, two):
        folder("make", path)
        (path / "file").write_text("data")

    assert (0, "") == folder("remove", one)
    assert [two] == [*two.parent.iterdir()], "another service's stays"
    assert (0, "") == folder("remove", two)
    assert not (tmp_path / "platform").exists()
    assert (0, "") == folder("remove", two), "what is gone is gone"
