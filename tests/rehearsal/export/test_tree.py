"""What `homeport export` writes."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from bench.tools import compose
from catalog.presets.registry import preset
from tests.rehearsal.export.conftest import GOOD, ROOT

FIVE = ("ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis")


def listed(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.req("S3-47")
def test_the_layout_is_the_documented_one(exported):
    wanted = {"docker-compose.yml", "Caddyfile", "deploy.sh", ".env.example", ".gitignore", "README.md"}
    wanted |= {"executor/executor_api.py", "executor/run_task.py", "n8n/workflows/README.md"}
    wanted |= {f"n8n/workflows/{name}.json" for name in ("01_memory_ingest", "02_vector_search", "03_audit_append", "04_executor_dispatch")}  # fmt: skip

    assert set() == wanted - listed(exported), "missing"


@pytest.mark.req("S3-47")
def test_the_compose_file_has_the_presets_services_and_every_file_that_it_mounts(exported):
    compose = yaml.safe_load((exported / "docker-compose.yml").read_text())
    mounts = [one.split(":") for service in compose["services"].values() for one in service["volumes"]]
    made = {source for source, *_ in mounts if not (exported / source).exists()}

    assert set(FIVE) == set(compose["services"]), "the five"
    for service in preset("ai-orchestrator").services:
        given = compose["services"][service.name]
        assert (service.image, f"{service.limits.memory}m") == (given["image"], given["mem_limit"]), (
            "as the preset says"
        )
        targets = [one.split(":")[1] for one in given["volumes"]]
        for file in service.secret_files:
            assert f"{service.files_at}/{file.target}" in targets, "each secret file is mounted where it is read"
    for source in made:
        known = re.match(r"\./(secrets/ai-|(postgres|redis|caddy_data|n8n_data|exchange)$)", source)
        assert known, f"{source} is neither in the export nor made by deploy.sh"


@pytest.mark.req("S3-39")
def test_the_env_example_asks_for_the_five_and_knows_every_variable(exported):
    lines = (exported / ".env.example").read_text().splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    known = {
        line.split()[1] for line in (exported / "manifest").read_text().splitlines() if line.startswith("variable")
    }

    assert [f"{name}=CHANGE_ME" for name in GOOD] == required, "the five, to be filled in"
    assert known == {match[1] for line in lines if (match := re.match(r"(?:# )?([A-Z0-9_]+)=CHANGE_ME$", line))}, "all"


@pytest.mark.req("S3-48")
@pytest.mark.parametrize("path", [".env", ".env.prod", "postgres/x", "redis/x", "logs/x", "caddy_data/x", "n8n_data/x", "exchange/x", "secrets/ai-n8n/x", "a/tls.key", "b.pem", "id_rsa"])  # fmt: skip
def test_git_ignores_secrets_and_runtime_data_of_the_export(exported, tmp_path, path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_bytes((exported / ".gitignore").read_bytes())
    ignored = ["git", "-C", str(tmp_path), "check-ignore", "-q"]

    assert 0 == subprocess.run([*ignored, path], check=False).returncode, f"{path} could be committed"
    for source in listed(exported):
        assert 1 == subprocess.run([*ignored, source], check=False).returncode, f"{source} belongs to the repository"


def test_no_place_of_a_secret_is_filled_in_and_no_host_name_is_fixed(exported):
    for path in listed(exported):
        text = (exported / path).read_text()
        assert not re.search(r"\b[0-9a-f]{64}\b", text) or path == "templates/sql/ai-postgres.sql", f"{path}: a key?"
        assert "host-from-env" not in text, f"{path} still holds the mark"
    assert "https://{$N8N_HOST}" in (exported / "Caddyfile").read_text(), "the name comes from the environment"


def test_an_export_goes_over_an_earlier_one_and_never_over_something_else(exported, tmp_path):
    line = [sys.executable, "-m", "homeport.cli", "export", "--stack", "dev", "--to"]
    (tmp_path / "thesis.txt").write_text("mine")
    refused = subprocess.run([*line, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)

    assert 1 == refused.returncode and "--to" in refused.stderr, "a person's folder is left alone"
    assert {"thesis.txt"} == listed(tmp_path), "nothing is written"
    assert 0 == subprocess.run([*line, str(exported)], cwd=ROOT, capture_output=True, check=False).returncode, "again"


@pytest.mark.docker
@pytest.mark.req("S3-47")
def test_docker_compose_reads_the_file(exported):
    line = [str(compose()), "--env-file", "/dev/null", "-f", str(exported / "docker-compose.yml"), "config", "--quiet"]
    done = subprocess.run(
        line, env={**os.environ, "N8N_HOST": "n8n.example.com"}, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr), "valid, and without a warning"
