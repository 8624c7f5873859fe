"""Plain `pulumi` in a fresh clone: what Pulumi.yaml tells the language host, and what it finds there.

Pulumi's own host is https://github.com/pulumi/pulumi/blob/v3.255.0/sdk/python/toolchain/pip.go; the options are those
of https://www.pulumi.com/docs/iac/languages-sdks/python/#runtime-options.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from google.protobuf import struct_pb2
from pulumi.runtime.proto import language_pb2

from toolchain.engine.environment import VIRTUALENV, link_virtualenv
from toolchain.engine.langhost import interpreter

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTED = {
    "toolchain": {"pip", "poetry", "uv"},
    "typechecker": {"mypy", "pyright"},
    "virtualenv": {VIRTUALENV},
}
"""Option to the values that the host takes; a virtual environment is any path, and ours has one name."""


@pytest.fixture
def runtime():
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["runtime"]


def program(folder, **options):
    """What the engine tells a language host of a program in `folder`."""
    values = struct_pb2.Struct()
    values.update(options)
    return language_pb2.ProgramInfo(root_directory=str(folder), program_directory=str(folder), options=values)


@pytest.mark.req("RW-16")
def test_the_runtime_options_are_documented_ones(runtime):
    strange = {key: value for key, value in runtime["options"].items() if value not in DOCUMENTED.get(key, ())}

    assert ("python", {}) == (runtime["name"], strange), (
        "the host ignores what it does not know, and refuses wrong values"
    )
    assert {"toolchain", "virtualenv"} <= set(runtime["options"]), (
        "without them the host takes the machine's own Python, which Debian forbids pip to change"
    )


@pytest.mark.req("RW-16")
def test_pip_reads_the_lock_and_checks_every_file_by_its_hash():
    words = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())

    assert ["-r requirements.lock"] == words, "one list of packages, whoever installs it"
    assert [] == [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry], (
        "one hash makes pip want one for every package"
    )


def test_no_lock_file_of_another_tool_is_there():
    assert [] == [name for name in ("uv.lock", "poetry.lock") if (ROOT / name).exists()], (
        "without the option the host would choose the tool by it"
    )


def test_git_does_not_see_the_environment(tmp_path):
    link_virtualenv(tmp_path, Path(sys.prefix, "bin", "python"))
    for argv in (["git", "init", "-q"], ["cp", str(ROOT / ".gitignore"), "."]):
        subprocess.run(argv, cwd=tmp_path, check=True)
    status = subprocess.run(["git", "status", "--short"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "?? .gitignore\n" == status.stdout, "a folder or a link: the checkout stays clean"


def test_pulumis_own_host_finds_the_environment_that_make_up_has_made(tmp_path):
    link_virtualenv(tmp_path, Path(sys.prefix, "bin", "python"))

    assert (tmp_path / VIRTUALENV / "bin" / "python").is_file(), "else it would refuse to run the program"


def test_a_link_into_an_older_environment_is_made_anew_and_one_that_a_person_made_stays(tmp_path):
    (tmp_path / VIRTUALENV).symlink_to(tmp_path / "older")
    link_virtualenv(tmp_path, tmp_path / "newer" / "bin" / "python")
    own = tmp_path / "own"
    (own / VIRTUALENV / "bin").mkdir(parents=True)
    link_virtualenv(own, tmp_path / "newer" / "bin" / "python")

    assert tmp_path / "newer" == (tmp_path / VIRTUALENV).readlink(), "requirements.lock has changed"
    assert not (own / VIRTUALENV).is_symlink(), "`pulumi install` made it"


@pytest.mark.req("RW-16")
def test_our_host_runs_the_environment_that_is_named_where_it_is_there(tmp_path):
    missing = interpreter(program(tmp_path, toolchain="pip", virtualenv=VIRTUALENV))
    link_virtualenv(tmp_path, Path(sys.prefix, "bin", "python"))

    assert sys.executable == missing, "its own has the same packages, and make up needs no second one"
    assert str(tmp_path / VIRTUALENV / "bin" / "python") == interpreter(program(tmp_path, virtualenv=VIRTUALENV))
    assert sys.executable == interpreter(program(tmp_path)), "no option, no other Python"
