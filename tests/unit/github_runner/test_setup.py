"""What setup-runner.sh makes of its variables, up to where it would change something."""

from __future__ import annotations

import os
import platform
import subprocess

import pytest

from tests.support.checkout import ROOT

MACHINE = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
RELEASES = "https://github.com/actions/runner/releases/download"


@pytest.fixture
def setup(tmp_path):
    """Runs the script as root would, to its first refusal: nobody is there whom it could ask."""
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "id").chmod(0o755)

    def run(**variables):
        argv = ["sh", str(ROOT / "apps" / "github_runner" / "setup-runner.sh")]
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables}
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True, check=False
        )
        return done.returncode, done.stderr

    return run


@pytest.mark.req("S1-69", "FP-03")
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"RUNNER_SHA256": "0" * 64}, "GITHUB_REPO is missing"),
        (
            {"GITHUB_REPO": "owner/platform", "RUNNER_VERSION": "9.9.9"},
            f"the checksum of {RELEASES}/v9.9.9/actions-runner-linux-{MACHINE}-9.9.9.tar.gz is not known",
        ),
        (
            {"GITHUB_REPO": "owner/platform", "RUNNER_SHA256": "0" * 64},
            "fix: take one from https://github.com/owner/platform (Settings, Actions, Runners, New), then: ",
        ),
        ({"GITHUB_REPO": "owner/plat form", "RUNNER_SHA256": "0" * 64}, "'plat form' cannot be part of"),
        (
            {"GITHUB_REPO": "owner/platform", "RUNNER_SHA256": "0" * 64, "RUNNER_LABELS": "vps,a$b"},
            "RUNNER_LABELS: 'a$b' cannot be part of",
        ),
    ],
)
def test_repository_version_token_and_labels_are_its_variables_each_refused_by_name(setup, variables, says):
    status, said = setup(**variables)

    assert (1, True) == (status, says in said), said
