"""`homeport pulumi`: the commands of the refusals work where no pulumi is on PATH."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.world
ROOT = Path(__file__).parents[3]


@pytest.mark.req("NW-11")
def test_a_command_of_a_refusal_asks_for_its_value_and_writes_it(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("config:\n  homeport:settings:\n    access: {emails: [old@example.com]}\n")
    path = ":".join(part for part in os.environ["PATH"].split(":") if not (Path(part) / "pulumi").exists())
    environ = {**os.environ, "PATH": path, "PULUMI_BACKEND_URL": tmp_path.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "here"}
    words = "bin/homeport pulumi config set --path 'homeport:settings.access.emails[0]' --stack dev --config-file"
    done = subprocess.run(
        ["sh", "-c", f"{words} {file}"],
        cwd=ROOT,
        env=environ,
        input="new@example.com\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    written = yaml.safe_load(file.read_text())["config"]["homeport:settings"]
    assert {"access": {"emails": ["new@example.com"]}} == written, "what was typed is there, and nothing else"
