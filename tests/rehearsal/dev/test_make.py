"""The dev stack for whoever types `make`: what is said, what is left clean, and what works without hosts or Docker."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.support.checkout import ROOT
from tests.support.command import make
from tests.support.dev import SERVICES, STACK

pytestmark = pytest.mark.world


@pytest.mark.usefixtures("world")
def test_both_commands_leave_the_checkout_clean():
    done = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = [line for line in done.stdout.splitlines() if "Pulumi" in line]

    assert [] == ours, "no salt, no state, nothing generated in the user's files"


@pytest.mark.req("P-25", "P-21")
def test_up_says_what_runs_where_what_is_skipped_and_what_comes_next(world):
    printed = make("status", "STACK=dev").stdout

    assert [] == [name for name in SERVICES if name not in printed], printed
    assert world.outputs["services"]["ai-n8n"]["url"] in printed, "where to call"
    assert "Skipped" in printed, "nothing is left out silently"
    assert "Next steps" in printed, "what is left for a person"


@pytest.mark.usefixtures("world")
@pytest.mark.req("P-24", "FP-20")
def test_verify_finds_addresses_certificate_ports_and_containers_as_described():
    done = make("verify", f"STACK={STACK}")
    kinds = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("ok ")}

    assert done.returncode == 0, done.stdout
    asked = {"address", "certificate", "health", "published", "networks", "mounts", "port"}
    assert asked | {"user", "root", "capabilities", "privileges", "limits"} == kinds, done.stdout


@pytest.mark.parametrize("stack", ["preprod", "prod"])
@pytest.mark.req("NW-02")
def test_a_preview_of_the_shipped_stacks_names_what_is_to_be_replaced(stack):
    done = make("preview", f"STACK={stack}")

    assert done.returncode != 0, done.stdout
    assert "example.com is for documentation" in done.stdout, done.stdout
    assert "hosts.main.address" in done.stdout and "hosts.main.host_key" in done.stdout, "all of it at once"
    assert "engine" not in done.stdout, "nothing is fetched or asked for that"


def test_without_docker_there_is_one_clear_sentence_and_exit_code_1(tmp_path):
    git = shutil.which("git")
    assert git, "git is there, or this test proves nothing"
    done = subprocess.run(
        [sys.executable, "-m", "homeport.cli", "up", "--stack", "dev"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
        env={
            "HOME": str(tmp_path),
            "HOMEPORT_CACHE": str(tmp_path / "cache"),
            "HOMEPORT_NO_INSTALL": "1",
            "PATH": "/usr/bin:/bin",
            "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
        },
    )
    printed = done.stdout + done.stderr

    assert done.returncode == 1, printed
    assert "Docker" in printed, printed
    assert "Traceback" not in printed, "a missing tool is a sentence"
