"""The command stand-in: files that commands make, the function `run`, and how texts are quoted."""

from __future__ import annotations

import hashlib
import re

import pytest

from toolchain.plugins.command.globs import expression
from toolchain.plugins.command.process import go_quote

LOCAL = "command:local:Command"


def create(plugin, **properties):
    return plugin.call("Create", {"urn": f"urn:pulumi:dev::p::{LOCAL}::r", "type": LOCAL, "properties": properties})


def test_files_made_by_a_command_come_back_as_assets_and_archive(command_plugin, tmp_path):
    for name in ("assets/logos/logo.svg", "src/index.js", "src/secret.js", "src/deep/a.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    command = "for f in assets/logos/logo.svg src/index.js src/secret.js src/deep/a.js; do printf $f > $f; done"
    globs = ["assets/**", "src/**.js", "!**secret.*"]
    properties = create(
        command_plugin, create=command, dir=str(tmp_path), assetPaths=globs, archivePaths=["src/*.js"]
    ).response["properties"]
    assert {"assets/logos/logo.svg", "src/index.js", "src/deep/a.js"} == set(properties["assets"])
    asset = properties["assets"]["src/index.js"]
    assert str(tmp_path / "src/index.js") == asset["path"]
    assert hashlib.sha256(b"src/index.js").hexdigest() == asset["hash"]
    assert {"src/index.js", "src/secret.js"} == set(properties["archive"]["assets"])


def test_an_archive_has_the_hash_that_pulumi_gives_it(command_plugin, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("A" * 100_000)
    (tmp_path / "sub" / "b").write_text("B")
    answer = create(command_plugin, create="true", dir=str(tmp_path), archivePaths=["**"])
    # Computed by resource.NewAssetArchive of Pulumi's SDK for Go 3.255.0 for these two files.
    expected = "7a4f9bb314e6f5402b8437767b223a66ad4edda31a439085810981e19997d815"
    assert expected == answer.response["properties"]["archive"]["hash"]


@pytest.mark.parametrize(
    ("glob", "fits", "misses"),
    [
        ("*.txt", ["a.txt"], ["d/a.txt", "atxt"]),
        ("**", ["a", "d/a"], []),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("[ab].c", ["a.c"], ["c.c"]),
        ("[!ab].c", ["c.c"], ["a.c"]),
        ("{a,b/*}.c", ["a.c", "b/x.c"], ["b.c"]),
        (r"\*.c", ["*.c"], ["a.c"]),
        ("a.b+c", ["a.b+c"], ["axb+c"]),
    ],
)
def test_globs_mean_what_they_officially_mean(glob, fits, misses):
    assert [True] * len(fits) + [False] * len(misses) == [
        bool(re.fullmatch(expression(glob), path)) for path in [*fits, *misses]
    ]


def test_run_answers_at_once_and_refuses_unknown_arguments(command_plugin):
    args = {"command": "cat; echo $A", "stdin": "in\n", "environment": {"A": "1"}}
    answer = command_plugin.call("Invoke", {"tok": "command:local:run", "args": args})
    assert {**args, "stdout": "in\n1", "stderr": ""} == answer.response["return"]
    answer = command_plugin.call("Invoke", {"tok": "command:local:run", "args": {"command": "x", "colour": "red"}})
    assert [{"property": "colour", "reason": "Unrecognized field 'colour' on 'local.RunInputs'"}] == answer.response[
        "failures"
    ]
    failed = command_plugin.call("Invoke", {"tok": "command:local:run", "args": {"command": "exit 2"}})
    assert 'exit status 2: running "exit 2":\n' == failed.error


def test_texts_are_quoted_as_go_quotes_them():
    assert r'"a\"b\\c\n\t\x00ü"' == go_quote('a"b\\c\n\t\x00ü')
    assert '"\\u200b"' == go_quote("\u200b")
