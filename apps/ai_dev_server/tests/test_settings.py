"""What it refuses to start with: the variable is named, its value is not shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ai_dev_server.settings import SettingsError, settings
from dev_server_world import API_KEY, ENV, HOST_TOKEN, TOKEN

APP = Path(__file__).resolve().parents[1]


@pytest.mark.req("FP-02")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MCP_BEARER_TOKEN", ""),
        ("MCP_BEARER_TOKEN", "short"),
        ("MCP_BEARER_TOKEN", "your-secure-token-your-secure-token-your-secure-token"),
        ("MCP_BEARER_TOKEN", "change-me-change-me-change-me-change-me"),
        ("MCP_BEARER_TOKEN", "ä" * 40),
        ("MCP_BEARER_TOKEN", f"{TOKEN} {TOKEN}"),
        ("MCP_BEARER_TOKEN_FILE", "/nowhere/token"),
        ("HOST_AGENT_BEARER_TOKEN", "two\nlines"),
        ("N8N_API_KEY", "a b"),
        ("N8N_BASE_URL", "n8n:5678"),
        ("N8N_BASE_URL", "file:///etc/passwd"),
        ("N8N_BASE_URL", "http://user:word@n8n"),
        ("HOST_AGENT_URL", "http://h:99999"),
        ("HOST_AGENT_URL", "http://h/?a=b"),
        ("PUBLIC_BASE_URL", "ai-dev.example.com"),
        ("DOCS", "yes"),
        ("PORT", "0"),
        ("PORT", "eighty"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_shown(name, value):
    with pytest.raises(SettingsError) as refused:
        settings({**ENV, name: value})

    first, fix = str(refused.value).splitlines()
    assert first.startswith(name.removesuffix("_FILE"))
    assert fix.startswith("fix: ")
    assert "_FILE" in name or not value or value not in first


@pytest.mark.req("FP-02", "S1-16")
def test_a_secret_comes_from_its_file_before_its_variable(tmp_path):
    files = {"MCP_BEARER_TOKEN": "1" * 64, "HOST_AGENT_BEARER_TOKEN": "2" * 64, "N8N_API_KEY": "3" * 64}
    env = dict(ENV)
    for name, value in files.items():
        (tmp_path / name).write_text(f"{value}\n")
        env[f"{name}_FILE"] = str(tmp_path / name)
    chosen = settings(env)

    assert tuple(files.values()) == (chosen.tokens["assistant"], chosen.host_agent_token, chosen.n8n_api_key)
    assert (TOKEN, HOST_TOKEN, API_KEY) == settings(ENV).secrets


@pytest.mark.req("FP-02", "S1-16")
def test_the_defaults_are_those_of_the_description():
    chosen = settings({"MCP_BEARER_TOKEN": TOKEN})

    assert ("http://host.docker.internal:9000", "http://n8n:5678", 8080, "bearer") == (
        chosen.host_agent_url,
        chosen.n8n_url,
        chosen.port,
        chosen.docs,
    )
    assert {"localhost", "127.0.0.1", "::1", "ai-dev-server"} == chosen.hosts


@pytest.mark.slow  # a process of its own
@pytest.mark.req("FP-02")
def test_it_does_not_start_without_its_token():
    done = subprocess.run(
        [sys.executable, "-B", "-m", "ai_dev_server"],
        cwd=APP,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert 2 == done.returncode
    assert ["ai-dev-server: MCP_BEARER_TOKEN is not set", "fix: export MCP_BEARER_TOKEN=$(openssl rand -hex 32)"] == (
        done.stderr.splitlines()
    )
