"""Compose files become apps: each line is answered for, no secret is written, what is written can be planned."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from dataclasses import replace
from typing import ClassVar

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.cli import app, compose_files, importing
from homeport.cli.stack import read as read_stack
from homeport.model.errors import ToolError
from homeport.plan.compose.keys import LEFT
from homeport.plan.compose.services import translate
from homeport.plan.compose.shapes import Choices
from tests.unit.cli.compose_cases import CASES, GOLDEN, imported, text

SECRET_NAMES = [
    "DB_PASSWORD",
    "API_TOKEN",
    "SECRET_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "APP_KEY",
    "SMTP_PASS",
    "JWT_SECRET",
]
AROUND = [
    "{}",
    "postgres://u:{}@db:5432/x",
    "amqp://u:{}@broker",
    "redis://:{}@cache:6379",
    "https://a:{}@b.example.com/x?y=z",
]
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 4)}]\n" for n in range(1, 12))
"""Anchors within anchors: a short text that is a very large document."""
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 4)}]}}\n" for n in range(1, 30))
"""The same by `<<`, which brings one and the same key."""
STRANGER = "zq7-a-value-that-is-nobodys"
SCALARS = st.one_of(
    st.sampled_from(
        ["", "web", "80", "8080:80", "53:53/udp", "1g", "30s", "no", "always", "./data:/data", "data:/var/lib/data:ro",
         "A=b", "TOKEN=x", "/run", "service_healthy", "0", "root", "host", "service:web", "web:db", "${X:-y}", "$$x",
         "postgres://u:p@db:5432/x", "{name}", "/var/run/docker.sock:/var/run/docker.sock", "CMD", "NONE", "1000:1000"]
    ),
    st.integers(-1, 70000),
    st.booleans(),
    st.none(),
    st.floats(-1, 5, allow_nan=False),
    st.text(string.printable.replace("$", ""), max_size=12),
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(
        ["web", "db", "test", "limits", "memory", "condition", "source", "target", "type", "A_KEY", "FOO_FILE"]
    ),
    st.text(string.ascii_letters + "._-0", min_size=1, max_size=8),
)
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=3), max_leaves=6
)
KEYS = sorted(
    {*LEFT, "image", "command", "entrypoint", "environment", "env_file", "ports", "expose", "volumes", "tmpfs",
     "secrets", "networks", "depends_on", "links", "healthcheck", "deploy", "user", "cap_add", "cap_drop", "read_only",
     "restart", "profiles", "init", "hostname", "mem_limit", "cpus", "pids_limit", "logging", "stop_signal",
     "x-own", "unheard_of"}
)  # fmt: skip
FILES = st.dictionaries(
    st.sampled_from(["web", "db", "Worker_2"]),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6).map(
        lambda keys: {**keys, "image": "registry.example.com/a:1"} if len(keys) % 4 else keys
    ),
    min_size=1,
    max_size=3,
)


class Words(yaml.SafeLoader):
    """Reads every scalar as the text that stands there."""

    yaml_implicit_resolvers: ClassVar = {"<": [("tag:yaml.org,2002:merge", re.compile("<<"))]}


def lines(node, where=""):
    """Every leaf of a document as YAML has it, by a reader that is not the one that is tested."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from lines(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, list) and node:
        for number, value in enumerate(node):
            yield from lines(value, f"{where}[{number}]")
    else:
        yield where


def answered(result):
    """How many findings speak of each line."""
    return Counter(leaf for finding in result.findings for leaf in finding.leaves)


@pytest.mark.req("OS-21")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_compose_file_becomes_what_its_report_says(case):
    assert (GOLDEN / f"{case.name}.txt").read_text() == text(case), (
        "read the difference, then: python -m tests.unit.cli.compose_cases"
    )


@pytest.mark.req("OS-22")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_line_of_a_compose_file_is_in_one_list(case):
    counts = answered(imported(case))
    document = yaml.load((case / "compose.yaml").read_text(), Words)  # noqa: S506  # a safe loader of words alone

    assert {} == {line: counts[line] for line in lines(document) if counts[line] != 1}, "once, and nothing silently"


@pytest.mark.req("OS-22")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILES)
def test_every_line_of_any_file_is_in_one_list(tmp_path_factory, services):
    path = tmp_path_factory.mktemp("compose") / "compose.yaml"
    document = {"services": services, "volumes": {"data": None}}
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    try:
        result = translate(compose_files.read(path).tree, {}, Choices())
    except ToolError as error:
        assert "fix: " in str(error), "what is refused says what helps"
        return
    counts = answered(result)

    assert {} == {line: counts[line] for line in lines(document) if counts[line] != 1}, "once, and nothing silently"
    if not result.open and not any(map(floating, result.apps.values())):
        assert importing.checked(read_stack("dev"), result.apps), "what is written is never refused"


@pytest.mark.req("OS-21")
@pytest.mark.parametrize(
    "key",
    [
        {"cpus": 257},
        {"cpus": "100.25"},
        {"cpus": ".inf"},
        {"cpus": 0},
        {"mem_limit": "2t"},
        {"pids_limit": 4194305},
        {"tmpfs": ["/tmp:size=65537m"]},
        {"healthcheck": {"retries": 101}},
        {"deploy": {"resources": {"limits": {"cpus": "1e9", "memory": "9999g", "pids": 99999999}}}},
    ],
    ids=str,
)
def test_a_limit_that_no_app_can_have_is_left_out_and_said(tmp_path, key):
    path = tmp_path / "compose.yaml"
    path.write_text(yaml.safe_dump({"services": {"web": {"image": "registry.example.com/a:1", **key}}}))
    result = translate(compose_files.read(path).tree, {}, Choices())

    assert not {"cpus", "memory", "pids", "tmpfs", "health"} & set(result.apps["web"]), "the settings would refuse it"


@pytest.mark.req("OS-23")
@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SECRET_NAMES),
    st.sampled_from(AROUND),
    st.sampled_from(["mapping", "list", "env_file", "variable", "label", "command", "check", "extension"]),
)  # fmt: skip
def test_no_secret_of_a_compose_file_is_shown_or_written(tmp_path_factory, name, around, place):
    folder = tmp_path_factory.mktemp("compose")
    value = around.format(STRANGER)
    service = {"image": "registry.example.com/a:1", "ports": ["80:80"]}
    name = name if around == "{}" else "SERVER"
    (folder / "own.env").write_text(f"{name}={value}\n")
    (folder / ".env").write_text(f"MY_PASSWORD={value}\n")
    service |= {
        "mapping": {"environment": {name: value}},
        "list": {"environment": [f"{name}={value}"]},
        "env_file": {"env_file": "own.env"},
        "variable": {"environment": {"PLAIN": "before ${MY_PASSWORD} after"}},
        "label": {"labels": {name: value}},
        "command": {"command": ["run", f"--password={value}", value]},
        "check": {"healthcheck": {"test": f"ask -p --token {value}"}},
        "extension": {"x-own": {name: value}},
    }[place]
    (folder / "compose.yaml").write_text(yaml.safe_dump({"services": {"web": service}}))
    content = compose_files.read(folder / "compose.yaml")
    result = translate(content.tree, content.env_files, Choices())

    assert STRANGER not in importing.report(result), "a person's screen"
    assert STRANGER not in json.dumps(importing.document(result)), "a program's document"
    assert STRANGER not in repr(result), "nor in whatever an error would show"


@pytest.mark.req("OS-21")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_imported_is_planned_on_a_stack(case):
    result = imported(case)
    stack = read_stack("dev")
    blocks = {name: block for name, block in result.apps.items() if not floating(block)}
    needed = {
        name: {**block, "needs": [need for need in block.get("needs", []) if need in blocks]}
        for name, block in blocks.items()
    }

    planned = importing.checked(stack, needed).plan.blueprint

    assert set(needed) - {service.name for service in planned.services} == {
        name for name, block in needed.items() if block.get("enabled") is False
    }, "each app is a container, but those that are off"


def floating(block):
    """Whether a block's image names no version, so that nothing of the case is written."""
    return ":" not in block["image"].rpartition("/")[2]


@pytest.mark.req("OS-24")
def test_an_import_is_written_with_the_files_own_comments_kept(tmp_path, monkeypatch, capfd):
    stack_file = tmp_path / "Pulumi.dev.yaml"
    before = (read_file := read_stack_file()) + "\n# the end\n"
    stack_file.write_text(before)
    monkeypatch.setenv("HOMEPORT_STACK_FILES", str(tmp_path))
    case = next(case for case in CASES if case.name == "one-password")

    code = app.main(["import", str(case), "--write"])

    after = stack_file.read_text()
    assert 0 == code, capfd.readouterr().err
    assert [] == [line for line in before.splitlines() if line not in after.splitlines()], "no line is lost"
    assert set(imported(case).apps) == set(yaml.safe_load(after)["config"]["homeport:settings"]["apps"])
    assert "kept-in-the-file" not in after, "and no secret is written in plain"
    assert read_file, "the shipped file was there"

    again = app.main(["import", str(case), "--write"])

    assert 0 == again, "a second time, under other names"
    assert {"store", "pages", "one-password-store", "one-password-pages"} == set(read_stack("dev").settings["apps"])
    assert after.splitlines()[5] in stack_file.read_text(), "the first stay as they are"


def read_stack_file():
    """The dev stack's file as it is shipped."""
    from homeport.cli.stack import path_of  # the folder is of the session's environment

    return path_of("dev").read_text()


@pytest.mark.req("OS-24")
def test_an_import_with_something_to_decide_is_not_written(tmp_path, monkeypatch, capfd):
    stack_file = tmp_path / "Pulumi.dev.yaml"
    stack_file.write_text(before := read_stack_file())
    monkeypatch.setenv("HOMEPORT_STACK_FILES", str(tmp_path))
    compose = tmp_path / "compose.yaml"
    compose.write_text("services:\n  web: {image: registry.example.com/web, ports: ['80:80']}\n  own: {build: .}\n")

    code = app.main(["import", str(compose), "--write"])
    said = capfd.readouterr().err

    assert (1, before) == (code, stack_file.read_text()), "refused, and nothing written"
    assert "services.web.image" in said
    assert "services.own.image" in said
    assert f"fix: bin/homeport import {compose} --stack dev --image web=registry.example.com/web:<version>" in said

    code = app.main(
        [
            "import",
            str(compose),
            "--image",
            "web=registry.example.com/web:2",
            "--image",
            "own=registry.example.com/own:1",
            "--write",
        ]
    )

    assert 0 == code, capfd.readouterr().err
    assert {"web", "own"} == set(read_stack("dev").settings["apps"])


@pytest.mark.req("OS-21")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("services: [", "is not valid YAML"),
        ("- a", "is no mapping"),
        ("x: 1", "has no services"),
        ("services: {a: {image: 'x:1', image: 'y:1'}}", "image stands there twice"),
        ("services: {a: {image: '${'}}", "without a }"),
        ("services: {a: {image: '${A B}'}}", "no operator"),
        ("services: {a: {extends: b}}", "extends b, which is not there"),
        ("services: {a: {extends: b}, b: {extends: a}}", "extends itself"),
        ("include: [other.yaml]\nservices: {a: {image: 'x:1'}}", "includes other.yaml"),
        ("services: &a {b: *a}", "too large"),
        (LAUGHS, "too large"),
        (MERGES, "too large"),
    ],
)  # fmt: skip
def test_a_file_that_compose_would_not_take_is_refused_by_name(tmp_path, content, words):
    path = tmp_path / "compose.yaml"
    path.write_text(content)

    with pytest.raises(ToolError, match="fix: ") as refused:
        compose_files.read(path)

    assert words in str(refused.value)
    assert str(refused.value).startswith("compose.yaml"), "where comes first"


@pytest.mark.req("OS-21")
@pytest.mark.parametrize(
    "number", ["9" * 5000, "0x" + "f" * 5000, "1e999", "0" * 5000, "9" * 70, "\N{SUPERSCRIPT TWO}"], ids=len
)
def test_a_number_that_is_none_or_too_long_for_any_is_answered_for_as_every_line_is(tmp_path, number):
    told = {
        **dict.fromkeys(("cpus", "mem_limit", "shm_size", "pids_limit", "stop_grace_period", "user"), number),
        "ports": f"[{number}, '{number}:{number}']",
        "expose": f"[{number}]",
        "command": f"[{number}]",
        "tmpfs": f"['/a:size={number}']",
        "environment": f"{{A: {number}, VIRTUAL_PORT: {number}}}",
        "labels": f"{{traefik.http.services.a.loadbalancer.server.port: {number}}}",
        "healthcheck": f"{{test: [CMD, a], retries: {number}, interval: {number}s, timeout: {number}}}",
    }
    path = tmp_path / "compose.yaml"
    block = ", ".join(f"{key}: {value}" for key, value in told.items())
    path.write_text(f"services: {{a: {{image: 'registry.example.com/a:1', {block}}}}}")
    asked = importing.Asked(file=path, images={}, access="login", database="")

    assert importing.look(read_stack("dev"), asked).apps, "no number ends an import in Python's own words"


def test_a_service_that_the_file_does_not_have_is_named_with_those_it_has(tmp_path):
    (tmp_path / "compose.yaml").write_text("services: {web: {image: 'registry.example.com/web:1'}}")
    asked = importing.Asked(file=tmp_path / "compose.yaml", services=("wep",), images={}, access="login", database="")

    with pytest.raises(ToolError, match="it has no service wep; it has web"):
        importing.look(read_stack("dev"), asked)


def test_without_a_proxy_each_app_has_a_port_of_its_own_that_nobody_has(tmp_path):
    (tmp_path / "compose.yaml").write_text(
        "services:\n"
        "  a: {image: 'registry.example.com/a:1', ports: ['5678:80']}\n"
        "  b: {image: 'registry.example.com/b:1', ports: ['127.0.0.1:8088:80/tcp']}\n"
        "  c: {image: 'registry.example.com/c:1', ports: [{target: 8088}]}\n"
    )
    stack = replace(read_stack("dev"), preset="jett")
    asked = importing.Asked(file=tmp_path / "compose.yaml", images={}, access="login", database="")

    apps = importing.look(stack, asked).apps

    assert {"a": 80, "b": 8088, "c": 8000} == {
        name: block["route"].get("port", block["port"]) for name, block in apps.items()
    }
    assert importing.checked(stack, apps), "5678 is n8n's there, and 8088 the first one's that asks"


def test_a_report_ends_the_same_for_the_same_file():
    case = CASES[0]

    assert text(case) == text(case), "an order that changes would be noise in every review"
    assert replace(imported(case), open=()).apps == imported(case).apps
