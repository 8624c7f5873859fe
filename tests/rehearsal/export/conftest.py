"""A whole export, and a fake `docker` and `curl` that write down what they are asked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GOOD = {
    "POSTGRES_PASSWORD": "Example0postgres+password/for=tests",
    "N8N_ENCRYPTION_KEY": "0123456789abcdef" * 4,
    "N8N_BASIC_AUTH_PASSWORD": "Example0door+password/for=tests",
    "N8N_WEBHOOK_API_KEY": "fedcba9876543210" * 4,
    "N8N_HOST": "n8n.example.com",
}
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
  'inspect '*) cat "$STATE" ;;
  'volume inspect '* | 'network inspect '*) [ -n "$MADE" ] || exit 1 ;;
  'compose exec '*) cat >"$CALLS.sql" ;;
esac
"""
CURL = """#!/bin/sh
printf 'curl %s\\n' "$*" >>"$CALLS"
printf %s "$CODE"
"""
# Without root nothing can be given away: what would be is written down.
CHOWN = """#!/bin/sh
printf 'chown %s\\n' "$*" >>"$CALLS.owners"
"""
ID = """#!/bin/sh
echo 0
"""


class Deployment:
    """One export in a folder, a production directory beside it, and a machine with fake programs."""

    def __init__(self, folder, exported):
        self.folder, self.source, self.target = folder, folder / "source", folder / "production"
        shutil.copytree(exported, self.source)
        self.calls, self.state, self.code, self.made = folder / "calls", folder / "state", "401", ""
        self.calls.touch()
        self.state.write_text("running healthy\n")
        programs = folder / "bin"
        programs.mkdir()
        for name, text in (("docker", DOCKER), ("curl", CURL), ("chown", CHOWN), ("id", ID)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.env()

    def env(self, **changed):
        """Writes .env: good values, some of them changed; None leaves a variable out."""
        values = {**GOOD, **changed}
        lines = [f"{name}={value}\n" for name, value in values.items() if value is not None]
        (self.source / ".env").write_text("".join(lines))

    def run(self, *argv):
        """Runs the real deploy.sh."""
        environ = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "STATE": str(self.state),
            "CODE": self.code,
            "MADE": self.made,
            "DEPLOY_WAIT": "0",
        }
        line = [str(self.source / "deploy.sh"), "--to", str(self.target), *argv]
        return subprocess.run(line, env=environ, cwd=self.folder, capture_output=True, text=True, check=False)

    def asked(self):
        """The calls of docker and curl since the last time."""
        lines = self.calls.read_text().splitlines()
        self.calls.write_text("")
        return lines

    def snapshot(self, folder=None):
        """Path to mode, content and time of change of all below a folder."""
        folder = folder or self.target
        return {
            str(path.relative_to(folder)): (path.stat().st_mode & 0o7777, path.is_file() and path.read_bytes())
            for path in sorted(folder.rglob("*"))
        }


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "tree"
    line = [sys.executable, "-m", "homeport.cli", "export", "--stack", "dev", "--to", str(folder)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return folder


@pytest.fixture
def deployment(tmp_path, exported):
    return Deployment(tmp_path, exported)
