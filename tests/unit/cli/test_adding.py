"""`homeport add`: a block out of what an image says of itself, and of what a person says."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from homeport.cli import adding, app, image_facts, stack_file
from homeport.cli.image_facts import Image
from homeport.cli.stack import path_of, read
from homeport.model.errors import ToolError
from homeport.plan.compose.shapes import Known
from tests.support.terminal import answered

WIKI = "registry.example.com/wiki:1.4"
PINNED = f"registry.example.com/wiki@sha256:{'0' * 64}"
SAYS = Known(
    user="1000:1000",
    entrypoint=("/wiki",),
    command=("serve",),
    ports=(9000, 8080),
    volumes=("/var/lib/wiki",),
    health=("/wiki", "check"),
)


def added(known, *, ask=None, taken=frozenset(), pinned="", **asked):
    image = Image(known=known, pinned=pinned, here=True) if known else None
    return adding.block(adding.Asked(**{"image": WIKI, **asked}), image, taken, ask)


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A dev stack's file of the test's own."""
    (tmp_path / "Pulumi.dev.yaml").write_text(path_of("dev").read_text())
    monkeypatch.setenv("HOMEPORT_STACK_FILES", str(tmp_path))
    monkeypatch.setattr(image_facts, "_docker", lambda *_: None)
    return tmp_path / "Pulumi.dev.yaml"


@pytest.mark.req("OS-20")
def test_an_image_that_says_everything_asks_nobody():
    assert {
        "image": WIKI,
        "user": "1000:1000",
        "port": 8080,
        "route": {"host": "wiki", "access": "login"},
        "health": {"command": ["/wiki", "check"]},
        "volumes": {"wiki": "/var/lib/wiki"},
    } == added(SAYS).block, "its own user, the web's port, a careful route, its check and its volumes"


@pytest.mark.req("OS-20")
def test_what_a_person_says_goes_before_what_an_image_says():
    block = added(
        SAYS,
        port=9000,
        host="docs.example.com",
        access="public",
        health="/up",
        root="it binds to the devices of the container",
        writable_root="it writes beside its program",
        env={"A": "b"},
        volumes={"data": "/var/lib/wiki"},
        memory=512,
        internet=True,
        database=True,
    ).block

    assert (9000, {"host": "docs.example.com", "access": "public"}, {"http": "/up"}) == (
        block["port"],
        block["route"],
        block["health"],
    )
    assert {"data": "/var/lib/wiki"} == block["volumes"], "a path has one volume"
    assert ("0", False) == (block["user"], block["read_only"])
    assert {
        "root": "it binds to the devices of the container",
        "writable_root": "it writes beside its program",
    } == block["waivers"], "each weakened default has its reason"
    assert (512, True, {"deliver": "environment"}, {"A": "b"}) == (
        block["memory"],
        block["internet"],
        block["database"],
        block["env"],
    )


@pytest.mark.req("OS-20")
def test_secrets_come_by_the_way_that_the_image_takes():
    inside = added(SAYS, secrets=("ADMIN_PASSWORD",)).block
    file = added(Known(ports=(80,)), secrets=("ADMIN_PASSWORD",)).block

    assert {"ADMIN_PASSWORD": {"deliver": "environment"}} == inside["secrets"]
    assert (["/wiki"], ["serve"]) == (inside["entrypoint"], inside["command"]), "which needs the whole start"
    assert {"ADMIN_PASSWORD": {}} == file["secrets"], "as a file where nothing is known"


@pytest.mark.req("OS-20")
def test_an_image_that_starts_as_root_is_warned_of_with_the_waiver_to_write():
    result = added(Known(ports=(80,)))

    assert "user" not in result.block, "the careful one is the default"
    assert any('--root "<why>"' in warning for warning in result.warnings)
    assert any('--writable-root "<why>"' in warning for warning in result.warnings)
    assert any("--internet" in warning for warning in result.warnings)


@pytest.mark.req("OS-20")
@pytest.mark.parametrize(
    ("asked", "known", "taken", "words"),
    [
        ({}, None, frozenset(), "--port <port> --yes"),
        ({"image": "registry.example.com/wiki"}, SAYS, frozenset(), "names no version"),
        (
            {"image": "registry.example.com/wiki:latest"},
            None,
            frozenset(),
            "docker pull registry.example.com/wiki:latest",
        ),
        ({}, SAYS, frozenset({"wiki"}), "--name <another>"),
    ],
)
def test_what_is_missing_or_taken_is_said_with_the_flag_that_says_it(asked, known, taken, words):
    with pytest.raises(ToolError, match=r"fix: .*bin/homeport add ") as refused:
        added(known, taken=taken, **asked)

    assert words in str(refused.value)


def test_what_speaks_no_http_has_no_route_unless_somebody_says_so():
    assert "route" not in added(Known(ports=(6379,))).block
    assert {"host": "store", "access": "login"} == added(Known(ports=(6379,)), host="store").block["route"]


def test_an_image_of_this_machine_is_pinned_where_its_tag_floats():
    assert PINNED == added(SAYS, image="registry.example.com/wiki", pinned=PINNED).block["image"]


def test_a_person_is_asked_with_what_is_likely():
    asked = []

    def ask(_, flag, default):
        asked.append((flag, default))
        return {"--port": "9000", "--host": "-"}.get(flag, default)

    block = added(SAYS, ask=ask).block

    assert [("--port", "8080"), ("--host", "wiki"), ("--health", "-")] == asked, "no access without a route"
    assert (9000, False) == (block["port"], "route" in block)


@pytest.mark.req("OS-20")
@pytest.mark.req("OS-24")
def test_it_writes_once_somebody_agrees_and_never_over_an_app(stack, capfd):
    before = stack.read_text()

    refused = app.main(["add", WIKI, "--port", "8080"])
    said = capfd.readouterr()

    assert (1, before) == (refused, stack.read_text()), "nobody is here to say yes"
    assert "image: registry.example.com/wiki:1.4" in said.out, "the block is shown"
    assert f"fix: bin/homeport add {WIKI} --port 8080 --stack dev --yes" in said.err, "the whole command"

    assert 0 == app.main(["add", WIKI, "--port", "8080", "--yes"]), capfd.readouterr().err
    first = stack.read_text()
    assert 8080 == yaml.safe_load(first)["config"]["homeport:settings"]["apps"]["wiki"]["port"]

    assert 1 == app.main(["add", WIKI, "--port", "80", "--yes"]), "the name is taken"
    assert "--name <another>" in capfd.readouterr().err
    assert first == stack.read_text()


@pytest.mark.req("OS-24")
def test_a_block_that_the_program_would_refuse_is_not_written(stack, capfd):
    before = stack.read_text()

    code = app.main(["add", WIKI, "--port", "8080", "--root", "no", "--yes"])

    assert (1, before) == (code, stack.read_text())
    assert "homeport:settings.apps.wiki.waivers.root" in capfd.readouterr().err, "where and what"


def test_what_docker_says_of_an_image_is_understood(monkeypatch):
    config = {
        "User": "",
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "Volumes": {"/b": {}, "/a": {}},
        "Healthcheck": {"Test": ["CMD-SHELL", "up || exit 1"]},
        "Env": ["PATH=/bin", "A_FILE=/x"],
        "Cmd": ["serve"],
    }
    item = [{"Config": config, "RepoDigests": ["other@sha256:1", PINNED]}]
    answer = subprocess.CompletedProcess([], 0, json.dumps(item).encode(), b"")
    monkeypatch.setattr(image_facts, "_docker", lambda *_: answer)

    image = image_facts.find([WIKI], {})[WIKI]

    assert ((8080,), ("/a", "/b"), ("sh", "-c", "up || exit 1"), ("PATH", "A_FILE"), ("serve",)) == (
        image.known.ports,
        image.known.volumes,
        image.known.health,
        image.known.variables,
        image.known.command,
    )
    assert (PINNED, True) == (image.pinned, image.here)


@pytest.mark.req("OS-20")
def test_a_person_at_a_terminal_answers_and_agrees(stack):
    answers = (
        (b"--port", b"8080\n"),
        (b"--host", b"\n"),
        (b"--access", b"public\n"),
        (b"--health", b"/\n"),
        (b"Type yes", b"yes\n"),
    )
    environ = {**os.environ, "HOMEPORT_STACK_FILES": str(stack.parent), "PATH": "/nonexistent"}
    shown, code = answered([sys.executable, "-m", "homeport.cli", "add", WIKI], answers, environ)
    assert 0 == code, shown

    assert {
        "image": WIKI,
        "port": 8080,
        "route": {"host": "wiki", "access": "public"},
        "health": {"http": "/"},
    } == read("dev").settings["apps"]["wiki"]
    assert "wiki:" in stack_file.shown(read("dev").settings["apps"])
