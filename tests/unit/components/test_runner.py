"""The runner: what is declared, what is rendered of it, and what the engine is told."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.model import template
from homeport.model.runner import Runner
from homeport.render import runner as render

RUNNER = Runner(
    name="vps",
    url="https://git.example.com/owner/platform",
    labels=("self-hosted", "vps"),
    archive="https://git.example.com/runner.tar.gz",
    sha256="ab" * 32,
)
# pulumi/sdk, runtime/rpc.py: what marks a secret on the wire.
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


@pytest.fixture(scope="module")
def told():
    argv = [sys.executable, str(Path(__file__).with_name("mesh_graph.py"))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])["told"]


def test_what_holds_together_has_no_problems():
    assert [] == list(RUNNER.problems()), "this runner is a good one"
    assert [] == list(replace(RUNNER, archive="", sha256="").problems()), "out of an image there is nothing to check"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"url": "http://git.example.com/owner/platform"}, "no repository or organization"),
        ({"url": "https://user:word@git.example.com/owner"}, "no repository or organization"),
        ({"url": "https://git.example.com/"}, "no repository or organization"),
        ({"url": "https://git.example.com/owner/$(id)"}, "cannot be part of"),
        ({"name": "vps; id"}, "cannot be part of"),
        ({"labels": ("a b",)}, "cannot be part of"),
        ({"archive": "http://git.example.com/runner.tar.gz"}, "without TLS"),
        ({"sha256": ""}, "is no SHA-256"),
        ({"sha256": "AB" * 32}, "is no SHA-256"),
    ],
)
def test_what_does_not_hold_together_is_named(change, word):
    problems = list(replace(RUNNER, **change).problems())

    assert [word] == [word for problem in problems if word in problem.what], problems


@pytest.mark.req("S1-70")
def test_the_unit_is_called_as_upstreams_installer_calls_it():
    assert "actions.runner.owner-platform.vps.service" == RUNNER.unit, "runbooks speak of actions.runner.*"


def test_only_the_token_file_holds_the_token_and_only_root_reads_it():
    holders = {file.path: file.mode for file in render.files(RUNNER) if "runner-token" in template.names(file.content)}

    assert {"/etc/homeport/runner/vps/token": 0o600} == holders
    names = {name for file in render.files(RUNNER) for name in template.names(file.content)}
    assert {"runner-token", "runner-image"} == names, "any other {name} would be filled in by mistake"


@pytest.mark.req("S1-71")
def test_docker_is_given_only_with_a_reason():
    assert "docker" not in render.unit(RUNNER), "the group is as mighty as root"
    unit = render.unit(replace(RUNNER, docker="it builds images"))
    assert "# Jobs reach the host's Docker: it builds images\nSupplementaryGroups=docker\n" in unit, unit


def test_every_setting_is_quoted_for_the_shell(tmp_path):
    hostile = replace(RUNNER, url="https://git.example.com/a/$(touch owned)`touch owned`'; touch owned; '")
    path = tmp_path / "runner.sh"
    path.write_text(render.script(hostile))
    done = subprocess.run(["sh", str(path), "neither"], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert (1, "runner vps: say up, install or remove\n") == (done.returncode, done.stderr), (
        "it was read, and did nothing"
    )
    assert [path] == list(tmp_path.iterdir()), "a setting ran as a command"


@pytest.mark.req("P-03")
def test_the_runner_is_a_component_and_its_token_a_secret(told):
    stdin = told["runner-service-files"]["object"]["stdin"]
    plain = json.dumps({name: one for name, one in told.items() if name != "runner-service-files"})
    sent = _bundle(stdin["value"])

    assert "homeport:host:ActionsRunner" == told["runner"]["type"], "names and types are identity"
    assert "runner" == told["runner-service"]["parent"].rpartition("::")[2], "a child of the component"
    assert SECRET == stdin[SIGNATURE], "all that travels with the token is secret in the state"
    assert "C4nary" in "".join(sent.values()) and "C4nary" not in plain, "the token is there, and nowhere else"
    assert "sh /etc/homeport/runner/vps/runner.sh up" == sent["bundle/apply"]
    assert sent["bundle/remove"].startswith("set -- remove\n"), "it works without the files, which are gone by then"


def _bundle(text):
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar if member.isfile()}
