"""All programs: where they lie, what they are called by, and that none of them ends in a way that nobody expects."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from functools import cache

import pytest

from homeport.cli.export import of
from homeport.cli.stack import Stack
from tests.support import checkout
from tests.support.cloudflare import ACCOUNT, TOKEN, ZONE
from tests.support.infra_tools import SCRIPTS

FLAGS = {
    "manage-infisical.py": ["reset-infra", "reset-data"],
    "sync-env-to-infisical.py": ["--dry-run", "--env-file"],
    "sync-infisical-to-env.py": ["--dry-run", "--env-file"],
    "check-env-sync-status.py": ["--env-file", "--verbose"],
    "check-cloudflare-config.py": ["--fix-ssl", "--create-page-rule", "--purge-cache", "--fix-all", "--json"],
    "manage-cloudflare-access.py": ["--create-policy", "--list", "--apply-to-all", "--json"],
    "setup-cloudflare-tunnel-routes.py": ["--remove", "--json"],
    "get-lambda-api-aud-tag.py": ["--hostname", "--json"],
    "setup-lambda-api-access.py": ["--hostname", "--policy-id", "--json"],
    "update_images.py": ["--profile", "--environment", "--skip-dhi-auth", "--json"],
    "start_services.py": ["--profile", "--environment", "--without-infisical"],
    "diagnose.py": ["--json"],
}
NO_CLIENT = ("manage-infisical.py", "update_images.py", "start_services.py")
JUNK = [
    "",
    "-",
    "--",
    "--no",
    "-x",
    "x",
    "é",
    "\n",
    "a b",
    "../..",
    "{}",
    "*",
    "--json=1",
    "--env-file=",
    "$HOME",
    "0",
    "-h",
]


def test_the_programs_are_those_of_the_page():
    there = sorted(path.name for path in SCRIPTS.glob("*.py"))
    assert sorted(FLAGS) == there
    page = (SCRIPTS / "README.md").read_text(encoding="utf-8")
    assert [] == [name for name in FLAGS if f"`{name}" not in page]


def test_users_get_the_versions_that_are_tested_here():
    pinned = re.compile(r"^([a-z0-9-]+==\S+) \\$", re.MULTILINE)
    ours = set(pinned.findall((checkout.ROOT / "requirements.lock").read_text(encoding="utf-8")))
    theirs = pinned.findall((SCRIPTS / "requirements.txt").read_text(encoding="utf-8"))
    assert {"cloudflare", "infisicalsdk"} <= {line.split("==")[0] for line in theirs}
    assert [] == [line for line in theirs if line not in ours], "compile it again, constrained by requirements.lock"


@pytest.mark.parametrize("name", FLAGS)
def test_each_has_its_flags_and_says_so(programs, name):
    result = programs.run(name, "--help")
    assert (0, "") == (result.code, result.err)
    assert [] == [flag for flag in FLAGS[name] if flag not in result.out]


@pytest.mark.req("S4-27", "S4-57")
def test_no_file_of_the_repository_holds_a_tunnel_token_or_an_audience_tag():
    # Base64 of `{"a":"`, with which each token of a tunnel begins; a tag is 64 hexadecimal digits.
    kinds = re.compile(r"eyJhIjoi[A-Za-z0-9+/]{80}|(?i:\baud)[\w\"']{0,8}\s{0,2}[=:]\s{0,2}[\"']?[0-9a-f]{64}\b")
    assert kinds.search("aud: " + "0a" * 32), "it finds what it looks for"
    # Recordings hold what the emulated Cloudflare answered.
    files = [path for path in checkout.FILES if "recordings" not in path.parts]
    assert [] == [checkout.name(path) for path in files if kinds.search(checkout.text(path))]


@cache
def exported():
    return of(Stack(name="dev", preset="shared-infrastructure", settings={})).tree()


def in_place(folder):
    """The programs where the export of the preset has them."""
    for path, content in exported().items():
        if path.startswith("scripts/"):
            target = folder / "00-infrastructure" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return folder / "00-infrastructure" / "scripts"


def typed(folder, name, *argv, options=()):
    return subprocess.run(
        [sys.executable, *options, f"00-infrastructure/scripts/{name}", *argv],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            # Whatever runs on this machine's own is none of the test's.
            "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.req("S4-48")
@pytest.mark.parametrize("name", FLAGS)
def test_each_runs_where_the_rendered_folder_has_it_and_names_what_is_missing(tmp_path, name):
    in_place(tmp_path)
    done = typed(tmp_path, name, *(["--list"] if "--list" in FLAGS[name] else []))
    lines = done.stderr.splitlines()
    if name.startswith(("sync", "check", "setup", "get", "manage-cl")):
        kind = "INFISICAL_API_URL" if "env" in name else "CLOUDFLARE_API_TOKEN"
        assert (2, True, True) == (
            done.returncode,
            lines[0].startswith(f"not set: {kind}, "),
            lines[-1].startswith("fix: "),
        )
    else:
        assert "Traceback" not in done.stderr
        assert done.returncode in (1, 2), "no Docker is set up here, or no argument"


@pytest.mark.slow
@pytest.mark.parametrize("name", FLAGS)
def test_a_python_without_the_clients_is_told_how_to_get_them(tmp_path, name):
    scripts = in_place(tmp_path)
    done = typed(tmp_path, name, "--help", options=("-S",))
    if name in (*NO_CLIENT, "diagnose.py"):
        assert 0 == done.returncode, "these need none"
    else:
        assert (1, True) == (
            done.returncode,
            f"{scripts}/.venv/bin/pip install -r {scripts}/requirements.txt" in done.stderr,
        )
        assert "Traceback" not in done.stderr


def test_an_environment_beside_the_programs_is_used_without_being_named(tmp_path):
    scripts = in_place(tmp_path)
    python = scripts / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "here: $*"\n')
    python.chmod(0o755)
    done = typed(tmp_path, "update_images.py", "--help")
    assert (0, "here: 00-infrastructure/scripts/update_images.py --help\n") == (done.returncode, done.stdout)


@pytest.mark.slow
@pytest.mark.req("S4-58")
def test_no_command_line_ends_in_an_unexpected_way_or_shows_a_secret(programs, infisical, cloud, fake):
    """`Programs.run` itself refuses a traceback and any of the words that nobody may see."""
    programs.words += [TOKEN, "canary-of-env", "canary-of-infisical"]
    programs.env |= infisical.env() | {
        "CLOUDFLARE_BASE_URL": cloud.emulator.api_url,
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_ZONE_ID": ZONE,
        "CLOUDFLARE_TUNNEL_ID": "00000000-0000-0000-0000-000000000000",
        "N8N_HOSTNAME": "n8n.example.com",
    }
    fake.change(caddyfile="")
    (programs.folder / "00-infrastructure").mkdir()
    (programs.folder / "00-infrastructure" / "docker-compose.yml").write_text(json.dumps({"services": {}}))
    infisical.put(THEIRS="canary-of-infisical")
    chance = random.Random(4711)  # noqa: S311  # the same command lines always
    for name, flags in FLAGS.items():
        for _ in range(8):
            (programs.folder / ".env").write_text("MINE='canary-of-env'\n")
            words = [*flags, *JUNK]
            argv = [chance.choice(words) for _ in range(chance.randint(0, 4))]
            result = programs.run(name, *(word for word in argv if "\0" not in word), stdin="no\n")
            assert result.code in (0, 1, 2), f"{name} {argv}: {result.text}"
            assert result.code == 0 or result.err or "problem" in result.out or "only in" in result.out, (
                f"{name} {argv}"
            )
