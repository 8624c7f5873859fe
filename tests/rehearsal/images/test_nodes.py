"""Which of n8n's nodes run what their user wrote: read in the image itself, so that a new version's are found too."""

import json
import subprocess
from pathlib import Path

import pytest

from catalog.n8n.service import SERVICE
from tests.support.checkout import ROOT
from tests.support.containers import HARDENED

pytestmark = pytest.mark.docker

STAY = {
    "n8n-nodes-base.merge": "its SQL runs in an isolate with 64 MB and 30 s, without network and files (sandbox-utils)",
}


AI = {
    "@n8n/n8n-nodes-langchain.agent",
    "@n8n/n8n-nodes-langchain.chainLlm",
    "@n8n/n8n-nodes-langchain.lmChatAnthropic",
    "@n8n/n8n-nodes-langchain.mcpClientTool",
    "@n8n/n8n-nodes-langchain.toolHttpRequest",
    "@n8n/n8n-nodes-langchain.vectorStoreSupabase",
    "n8n-nodes-base.httpRequest",
    "n8n-nodes-base.postgres",
    "n8n-nodes-base.supabase",
}
"""What a workflow with an assistant is made of: it talks to models, to services by their names, to servers by MCP."""


@pytest.fixture(scope="module")
def found():
    """Every node of the image, with its ways to run what a user wrote."""
    script = (Path(__file__).parent / "code_nodes.cjs").read_text()
    command = [
        "docker",
        "run",
        "--rm",
        "-i",
        *HARDENED,
        "--network",
        "none",
        "--entrypoint",
        "node",
        SERVICE.image,
        "-",
    ]
    return json.loads(subprocess.run(command, input=script, capture_output=True, text=True, check=True).stdout)


@pytest.mark.req("AT-02")
def test_no_node_that_runs_code_or_commands_is_loaded(found):
    running = {node for node, ways in found.items() if ways}
    excluded = set(json.loads(SERVICE.env["NODES_EXCLUDE"]))

    assert {"n8n-nodes-base.function", "@n8n/n8n-nodes-langchain.code", "n8n-nodes-base.sort"} <= running, (
        "the search finds those in n8n's own process, and those that ask a runner"
    )
    assert excluded <= set(found), "a misspelt name excludes nothing"
    assert set(STAY) == running - excluded, "whatever runs code is out, or has a reason to stay"


@pytest.mark.req("S1-83")
def test_what_workflows_with_an_assistant_are_made_of_stays(found):
    excluded = set(json.loads(SERVICE.env["NODES_EXCLUDE"]))

    assert AI <= set(found) - excluded, "the hardening takes what runs code, and nothing that asks others"


def provided(folder, program, version, data=ROOT / "catalog" / "n8n" / "files"):
    """How provision.cjs ends in n8n's image, with this shell script in n8n's place."""
    (folder / "bin").mkdir()
    stub = folder / "bin" / "n8n"
    stub.write_text(f"#!/bin/sh\n{program}\n")
    stub.chmod(0o755)
    (folder / "package.json").write_text(json.dumps({"name": "n8n", "version": version}))
    folder.chmod(0o755)
    provision = ROOT / "catalog" / "n8n" / "files" / "provision.cjs"
    command = ["docker", "run", "--rm", *HARDENED, "--network", "none", "--tmpfs", "/tmp:mode=1777"]
    command += ["-v", f"{folder}:/opt/n8n:ro", "-v", f"{provision}:/opt/provision.cjs:ro"]
    command += ["-v", f"{data}:/etc/homeport:ro", "-e", "PATH=/opt/n8n/bin:/usr/local/bin:/usr/bin:/bin"]
    command += ["-e", "HOMEPORT_FILES=/etc/homeport", "-e", "HOMEPORT_RUN=/tmp", "-e", "N8N_USER_FOLDER=/tmp"]
    return subprocess.run(
        [*command, "--entrypoint", "node", SERVICE.image, "/opt/provision.cjs"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.req("RW-02")
def test_an_unknown_major_of_n8n_is_refused_before_it_touches_the_database(tmp_path):
    done = provided(tmp_path, "echo 'n8n was started' >&2", "3.0.1")

    assert 1 == done.returncode, done.stderr
    assert "homeport: n8n 3.0.1 is not known here: provision.cjs writes the tables of n8n 2\n  fix: " in done.stderr
    assert "started" not in done.stderr


@pytest.fixture
def empty(tmp_path):
    """Files of n8n's with nothing to import, and a database that has nothing."""
    data = tmp_path / "data"
    (data / "workflows").mkdir(parents=True)
    (data / "credentials.json").write_text("[]")
    (data / "encryption_key").write_text("k" * 32)
    driver = tmp_path / "n8n" / "node_modules" / "pg" / "index.js"
    driver.parent.mkdir(parents=True)
    driver.write_text(
        "exports.Client = class { on() {} async connect() {} async end() {} async query() { return { rows: [] }; } };\n"
    )
    return data


@pytest.mark.parametrize(
    ("program", "code", "repeated", "words"),
    [
        (
            "[ -e /tmp/$1 ] && exit 0; touch /tmp/$1; kill -9 $$",
            0,
            2,
            "import:workflow was ended by SIGKILL; it is run once",
        ),
        ("kill -9 $$", 1, 1, "n8n import:credentials failed (SIGKILL)\n"),
        ("echo run >&2; exit 3", 1, 0, "run\nhomeport: n8n import:credentials failed (3)\n"),
    ],
    ids=["once", "again", "by itself"],
)
def test_an_import_that_a_signal_ends_is_run_once_more_and_no_other(empty, program, code, repeated, words):
    done = provided(empty.parent / "n8n", program, "2.38.7", empty)

    assert code == done.returncode, done.stderr
    assert words in done.stderr, done.stderr
    assert repeated == done.stderr.count("run once more"), done.stderr
