"""Where this machine's Docker answers: whoever set it, the docker command and we find the same daemon."""

import json
import os
import shutil
import stat
import subprocess

import pytest

from homeport.model.docker_here import SOCKET, Endpoint, endpoint, here
from homeport.model.errors import ToolError
from tests.unit.stack.recorded import built

TLS = ("ca.pem", "cert.pem", "key.pem")


@pytest.fixture
def surroundings(tmp_path):
    """An environment with a docker configuration of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    return kept | {"DOCKER_CONFIG": str(tmp_path / "docker config"), "HOME": str(tmp_path)}


@pytest.fixture
def docker(tmp_path, surroundings):
    """Runs the docker command in these surroundings."""
    if not shutil.which("docker"):
        pytest.skip("this machine has no docker command, whose contexts these are")

    def run(*argv):
        done = subprocess.run(["docker", *argv], env=surroundings, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "docker config").mkdir()
    return run


def fake(folder, printed, *, code=0, complaint=""):
    """A docker command that knows one answer; PATH with it first."""
    script = folder / "docker"
    text = f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\necho '{complaint}' >&2\nexit {code}\n"
    script.write_text(text, encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}


def context(host, *, files=(), skip=False, name="desktop-linux"):
    about = {"Host": host, "SkipTLSVerify": skip}
    storage = {"MetadataPath": "/m", "TLSPath": "/srv/jo/.docker/contexts/tls/ab"}
    return json.dumps(
        [{"Name": name, "Endpoints": {"docker": about}, "TLSMaterial": {"docker": list(files)}, "Storage": storage}]
    )


SOCKETS = [
    "unix:///srv/jo/.docker/run/docker.sock",
    "unix:///srv/jo/.colima/default/docker.sock",
    "unix:///srv/jo/.orbstack/run/docker.sock",
    "unix:///run/user/1000/docker.sock",
]


@pytest.mark.req("RW-04")
@pytest.mark.parametrize("socket", SOCKETS)
def test_the_context_in_use_says_where_docker_answers(docker, surroundings, socket):
    docker("context", "create", "mine", "--docker", f"host={socket}")
    docker("context", "use", "mine")

    assert socket == endpoint(surroundings).host, "the docker command goes there, so everything of ours does"
    assert SOCKET == endpoint(surroundings | {"DOCKER_CONTEXT": "default"}).host, "the variable comes before the file"
    assert "unix:///x.sock" == endpoint(surroundings | {"DOCKER_HOST": "unix:///x.sock"}).host, "and the address first"


@pytest.mark.req("RW-04")
def test_a_context_of_a_variable_is_taken(docker, surroundings):
    docker("context", "create", "other", "--docker", "host=unix:///other.sock")

    assert "unix:///other.sock" == endpoint(surroundings | {"DOCKER_CONTEXT": "other"}).host
    assert SOCKET == endpoint(surroundings).host, "without it the usual place"


@pytest.mark.req("RW-04")
def test_a_context_that_is_not_there_is_refused_by_name(docker, surroundings):
    docker("context", "ls")
    with pytest.raises(ToolError, match="nope") as refused:
        endpoint(surroundings | {"DOCKER_CONTEXT": "nope"})
    assert "fix: docker context use" in str(refused.value), refused.value


@pytest.mark.req("RW-04")
def test_certificates_of_a_context_are_handed_on(tmp_path):
    environ = fake(tmp_path, context("tcp://192.0.2.7:2376", files=TLS))
    daemon = endpoint(environ)

    folder = "/srv/jo/.docker/contexts/tls/ab/docker"
    assert Endpoint(host="tcp://192.0.2.7:2376", certificates=folder, context="desktop-linux") == daemon
    expected = {"DOCKER_HOST": "tcp://192.0.2.7:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": folder}
    assert expected == daemon.environment, "scripts reach it as the provider does"


@pytest.mark.req("RW-04")
@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (context("tcp://192.0.2.7:2376", files=TLS[:1]), "has no cert.pem, key.pem"),
        (context("tcp://192.0.2.7:2376", skip=True), "SkipTLSVerify"),
        (context("tcp://192.0.2.7:2376", files=TLS, skip=True), "SkipTLSVerify"),
        (context(""), "names no address"),
        ("{", "cannot be understood"),
    ],
)
def test_what_the_provider_cannot_use_is_refused_by_name(tmp_path, printed, words):
    with pytest.raises(ToolError, match="docker context") as refused:
        endpoint(fake(tmp_path, printed))
    assert words in str(refused.value), refused.value
    assert "\n  fix: " in str(refused.value), refused.value


def test_a_docker_command_without_contexts_leaves_the_usual_place(tmp_path):
    environ = fake(tmp_path, "", code=1, complaint="docker: 'context' is not a docker command.")
    assert Endpoint(host=SOCKET) == endpoint(environ)
    assert Endpoint(host=SOCKET) == endpoint({"PATH": str(tmp_path / "none")}), "nor is there one without the command"


def test_in_its_usual_place_docker_needs_no_words(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", SOCKET)
    assert {} == here(), "what is missing there may be installed and started"


@pytest.mark.req("RW-04")
def test_provider_and_scripts_of_a_local_stack_go_where_the_context_leads(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    printed = context("tcp://192.0.2.7:2376", files=TLS)
    path = fake(tmp_path, printed)["PATH"] + os.pathsep + os.environ["PATH"]
    settings = {"environment": "dev", "domain": "localhost", "exposure": "local"}
    case = {"preset": "ai-orchestrator", "stack": "dev", "settings": settings, "secrets": {}}
    graph = built(case, PATH=path)["resources"]

    provider = next(item for item in graph if item["type"] == "pulumi:providers:docker")
    assert "tcp://192.0.2.7:2376" == provider["inputs"]["host"], "the provider knows no contexts (pulumi-docker#603)"
    assert provider["inputs"]["certPath"].endswith("/tls/ab/docker"), provider["inputs"]
    scripts = [item for item in graph if item["type"] == "command:local:Command"]
    wrong = {
        item["name"]
        for item in scripts
        if "tcp://192.0.2.7:2376" != item["inputs"].get("environment", {}).get("DOCKER_HOST")
    }
    assert not wrong, "a script would speak to another daemon than the provider"
