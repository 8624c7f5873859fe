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


@pytest.mark.req("RW-02")
def test_an_unknown_major_of_n8n_is_refused_before_it_touches_the_database(tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "n8n"
    program.write_text("#!/bin/sh\necho 'n8n was started' >&2\n")
    program.chmod(0o755)
    (tmp_path / "package.json").write_text('{"name": "n8n", "version": "3.0.1"}')
    tmp_path.chmod(0o755)
    files = ROOT / "catalog" / "n8n" / "files"
    command = ["docker", "run", "--rm", *HARDENED, "--network", "none", "-v", f"{tmp_path}:/opt/n8n:ro"]
    command += ["-v", f"{files}:/etc/homeport:ro", "-e", "PATH=/opt/n8n/bin:/usr/local/bin:/usr/bin:/bin"]
    command += ["-e", "HOMEPORT_FILES=/etc/homeport", "-e", "HOMEPORT_RUN=/tmp", "--entrypoint", "node"]
    done = subprocess.run(
        [*command, SERVICE.image, "/etc/homeport/provision.cjs"], capture_output=True, text=True, check=False
    )

    assert 1 == done.returncode, done.stderr
    assert "homeport: n8n 3.0.1 is not known here: provision.cjs writes the tables of n8n 2\n  fix: " in done.stderr
    assert "started" not in done.stderr
