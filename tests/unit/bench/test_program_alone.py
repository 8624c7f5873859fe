"""The program without an engine, as the benchmark runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.previews import CONFIGURATION, SECRETS

ROOT = Path(__file__).parents[3]


DEV = {"homeport:settings": json.dumps({"environment": "dev"})}


@pytest.mark.parametrize(
    "configuration",
    [{"homeport:preset": "ai-orchestrator", **DEV}, {"homeport:preset": "jett", **DEV}, {**CONFIGURATION, **SECRETS}],
    ids=["ai-orchestrator", "jett", "production"],
)
def test_the_whole_graph_is_built_against_an_engine_that_only_says_yes(configuration):
    done = subprocess.run(
        [sys.executable, "-m", "bench.program_alone"],
        cwd=ROOT,
        input=json.dumps(configuration),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    figures = json.loads(done.stdout)
    assert 30 < figures["resources"], "all of the stack, or the seconds say nothing"
    assert 0 < figures["imports"] and 0 < figures["graph"], "both are measured"
