import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from toolchain.engine import launcher

CASES = json.loads(Path(__file__).with_name("cases").joinpath("commands.json").read_text())
SALT = "v1:abc=:v1:def:ghi=="


@pytest.fixture
def project(tmp_path):
    """A project with a stack `dev` whose state holds the salt, and a stack `own` that keeps its own in its file."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config:\n  tiny:word: hello # a note\n")
    (folder / "Pulumi.own.yaml").write_text("encryptionsalt: v1:own\nconfig: {}\n")
    states = tmp_path / "state" / ".pulumi" / "stacks" / "tiny"
    states.mkdir(parents=True)
    provider = {"type": "passphrase", "state": {"salt": SALT}}
    for stack in ("dev", "own", "bare"):
        (states / f"{stack}.json").write_text(json.dumps({"checkpoint": {"latest": {"secrets_providers": provider}}}))
    return folder


@pytest.fixture
def adapted(project, tmp_path, monkeypatch):
    """The launcher's answer to a command line in the project's folder."""
    monkeypatch.chdir(project)

    def call(line, **environ):
        where = {"PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}", "PULUMI_HOME": str(tmp_path / "home")}
        return launcher.adapted(line.split(), where | environ, tmp_path / "copies")

    return call


@pytest.mark.parametrize("line", CASES["reads"])
def test_a_command_that_only_reads_settings_gets_a_copy(line):
    assert launcher.wants_copy(line.split(), {}), "the engine would write the salt into the committed file"


@pytest.mark.parametrize(("line", "why"), CASES["keeps"].items())
def test_a_command_that_writes_settings_or_leaves_a_doubt_gets_the_file_itself(line, why):
    assert not launcher.wants_copy(line.split(), {}), why


@pytest.mark.parametrize("name", launcher.HIDDEN_OPTIONS)
def test_a_flag_set_by_a_variable_counts_as_set(name):
    assert not launcher.wants_copy(["preview"], {name: "x"}), "user settings always win"


def test_the_copy_is_the_committed_file_with_the_states_salt(adapted, tmp_path):
    copy = tmp_path / "copies" / "Pulumi.dev.yaml"
    assert ["preview", "--stack", "dev", f"--config-file={copy}"] == adapted("preview --stack dev")
    assert f"config:\n  tiny:word: hello # a note\n\nencryptionsalt: {SALT}\n" == copy.read_text()


def test_the_copy_follows_each_change_of_the_committed_file(adapted, project, tmp_path):
    adapted("preview -sdev")
    (project / "Pulumi.dev.yaml").write_text("config:\n  tiny:word: changed\n")
    adapted("preview -sdev")
    assert "tiny:word: changed" in (tmp_path / "copies" / "Pulumi.dev.yaml").read_text(), (
        "the committed file is the truth"
    )


def test_the_flag_stands_before_two_dashes(adapted, tmp_path):
    added = f"--config-file={tmp_path / 'copies' / 'Pulumi.dev.yaml'}"
    assert ["up", "-s", "dev", added, "--", "x"] == adapted("up -s dev -- x")


def test_history_has_no_such_flag_and_runs_beside_the_copy(adapted, project, tmp_path):
    copies = tmp_path / "copies"
    expected = ["stack", "history", "--show-secrets", f"--cwd={copies}", "--stack=dev"]
    assert expected == adapted("stack history --show-secrets", PULUMI_STACK="dev")
    assert (project / "Pulumi.yaml").read_text() == (copies / "Pulumi.yaml").read_text()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("preview -s own", "a salt in the user's own file is used as it is"),
        ("preview -s new", "a stack without state has no salt yet"),
        ("preview", "no stack is selected"),
        ("preview -s organization/other/dev", "another project's state is another salt"),
    ],
)
def test_without_a_salt_to_lend_the_command_is_left_as_it_is(adapted, line, why):
    assert line.split() == adapted(line), why


def test_a_stack_without_a_file_gets_a_copy_with_the_salt_alone(adapted, tmp_path):
    adapted("preview -s bare")
    assert f"\nencryptionsalt: {SALT}\n" == (tmp_path / "copies" / "Pulumi.bare.yaml").read_text()


def test_the_selected_stack_is_found_where_the_engine_keeps_it(adapted, project, tmp_path):
    import hashlib

    digest = hashlib.sha1(str(project / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
    note = tmp_path / "home" / "workspaces" / f"tiny-{digest}-workspace.json"
    note.parent.mkdir(parents=True)
    note.write_text('{"stack": "organization/tiny/dev"}')
    assert [f"--config-file={tmp_path / 'copies' / 'Pulumi.dev.yaml'}"] == adapted("preview")[1:]


def test_a_backend_that_is_no_folder_is_left_to_pulumi(adapted):
    assert ["preview", "-s", "dev"] == adapted("preview -s dev", PULUMI_BACKEND_URL="s3://bucket")


def own_launcher(folder):
    """A line of shell that calls it, as its installation writes it: the project's folder may have blanks."""
    return f'exec {shlex.join([sys.executable, "-IS", launcher.__file__, f"{folder}/own", f"{folder}/copies"])} "$@"'


def test_the_launcher_becomes_the_next_pulumi_on_path(script, tmp_path):
    own = script("own/pulumi", own_launcher(tmp_path))
    script("real/pulumi", 'echo "real: $*"; exit 7')
    path = f"{own.parent}:{tmp_path / 'real'}:{os.defpath}"
    done = subprocess.run([own, "version"], env={"PATH": path}, capture_output=True, text=True, check=False, cwd="/")
    assert ("real: version\n", 7) == (done.stdout, done.returncode), done.stderr


def test_without_an_engine_the_launcher_says_what_fixes_it(script, tmp_path):
    own = script("own/pulumi", own_launcher(tmp_path))
    done = subprocess.run([own], env={"PATH": str(own.parent)}, capture_output=True, text=True, check=False, cwd="/")
    assert "fix: python -m toolchain.engine ensure" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "{config: {tiny:word: hello}}\n",
        "# note\n---\n{config: {}}\n",
        "config: {}\n---\nconfig: {}\n",
        "config: {}\n...\n",
        '"encryptionsalt": v1:own\n',
    ],
)
def test_a_file_to_which_no_line_can_be_added_is_left_to_the_engine(adapted, project, text):
    (project / "Pulumi.dev.yaml").write_text(text)
    assert ["preview", "-s", "dev"] == adapted("preview -s dev"), "settings must never get lost in a copy"


@pytest.mark.parametrize(
    "text", ["---\nconfig:\n  tiny:a: b\n", "# ---\nconfig:\n  tiny:list:\n  - ---\n", "", "# note"]
)
def test_the_copy_says_what_the_file_says_and_the_salt(adapted, project, tmp_path, text):
    import yaml

    (project / "Pulumi.dev.yaml").write_text(text)
    adapted("preview -s dev")
    copied = yaml.safe_load((tmp_path / "copies" / "Pulumi.dev.yaml").read_text())
    assert (yaml.safe_load(text) or {}) | {"encryptionsalt": SALT} == copied


@pytest.mark.parametrize("line", ["stackConfigDir: stacks", "config: stacks"])
def test_a_project_that_keeps_its_stack_files_elsewhere_is_left_to_the_engine(adapted, project, line):
    (project / "Pulumi.yaml").write_text(f"name: tiny\nruntime: python\n{line}\n")
    assert ["preview", "-s", "dev"] == adapted("preview -s dev"), "a copy without the settings would be believed"
