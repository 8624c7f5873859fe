"""What `homeport export` writes."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from bench.tools import compose
from catalog.presets.registry import preset
from homeport.cli.export import export, of
from homeport.cli.stack import Stack
from tests.rehearsal.export.conftest import GOOD, ROOT

PRESETS = ("ai-orchestrator", "jett")
FIVE = ("ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis")


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """Preset to an export without secrets."""
    made = {name: tmp_path_factory.mktemp(name) / "tree" for name in PRESETS}
    for name, folder in made.items():
        assert 0 == export(Stack(name="dev", preset=name, settings={}), str(folder))
    return made


@pytest.fixture(scope="module")
def whole_trees(tmp_path_factory):
    """Preset to an export with secrets, and these."""
    made = {}
    for name in PRESETS:
        folder, stack = tmp_path_factory.mktemp(name) / "tree", Stack(name="dev", preset=name, settings={})
        values = {secret: f"C4nary{number:064x}" for number, secret in enumerate(of(stack).blueprint.secrets())}
        assert 0 == export(stack, str(folder), values) == export(stack, str(folder), values), "twice is no harm"
        made[name] = folder, values
    return made


def listed(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.req("S3-47")
def test_the_layout_is_the_documented_one(exported):
    wanted = {"docker-compose.yml", "Caddyfile", "deploy.sh", ".env.example", ".gitignore", "README.md"}
    wanted |= {"executor/executor_api.py", "executor/run_task.py", "n8n/workflows/README.md"}
    workflows = ("01_memory_ingest", "02_vector_search", "03_audit_append", "04_executor_dispatch")
    wanted |= {f"n8n/workflows/{name}.json" for name in workflows}

    assert set() == wanted - listed(exported), "missing"


def facts(folder, kind):
    """The manifest's lines of one kind, in words."""
    lines = (folder / "manifest").read_text().splitlines()
    return [line.split()[1:] for line in lines if line.startswith(f"{kind} ")]


@pytest.mark.req("S3-47", "S2-05")
@pytest.mark.parametrize("name", PRESETS)
def test_the_compose_file_has_the_presets_services_and_all_that_it_mounts_is_there_or_made(trees, name):
    folder = trees[name]
    whole = yaml.safe_load((folder / "docker-compose.yml").read_text())
    made = {path: source for kind in ("file", "secret") for source, path, *_ in facts(folder, kind)}
    volumes, networks = ({first for first, *_ in facts(folder, kind)} for kind in ("volume", "network"))

    assert {service.name for service in preset(name).services} == set(whole["services"]), "all of them"
    assert (volumes, networks) == (set(whole["volumes"]), set(whole["networks"])), "deploy.sh makes what is external"
    assert [] == [source for source in made.values() if not (folder / source).is_file()], "each file has its source"
    for service in preset(name).services:
        given = whole["services"][service.name]
        assert (service.image, f"{service.limits.memory}m") == (given["image"], given["mem_limit"]), (
            "as the preset says"
        )
        mounts = [mount.split(":") for mount in given["volumes"]]
        binds = [source for source, *_ in mounts if source.startswith("/")]
        folders = [(source, target) for source, target, *_ in mounts if source.startswith("./")]
        assert [bind.source for bind in service.binds.values()] == binds, "of the host, only what the service declares"
        assert [source for source, *_ in mounts if source in volumes] == [
            source for source, *_ in mounts if source not in binds and not source.startswith("./")
        ], "every volume is known"
        assert folders in ([], [(f"./files/{service.name}", service.files_at)]), "its files in one folder"
        for file in service.secret_files:
            assert f"files/{service.name}/{file.target}" in made, "each secret file is where it is read"


@pytest.mark.req("S3-44", "S2-53")
@pytest.mark.parametrize("name", PRESETS)
def test_with_secrets_every_file_is_written_and_those_with_secrets_are_its_users_alone(whole_trees, name):
    folder, values = whole_trees[name]
    owners = {}
    for kind in ("file", "secret"):
        for _, path, owner, mode in facts(folder, kind):
            found = (folder / path).stat()
            owners[path] = (f"{found.st_uid}:{found.st_gid}", owner)
            assert int(mode, 8) == found.st_mode & 0o7777, f"mode of {path}"
            assert (kind == "secret") == (mode == "400"), "a secret is read by one user"
    held = "".join((folder / path).read_text() for _, path, *_ in facts(folder, "secret"))

    assert [] == [secret for secret, value in values.items() if needed(name, secret) and value not in held], "filled in"
    assert 0o600 == (folder / ".env").stat().st_mode & 0o777, "nobody else reads it"
    assert "CHANGE_ME" not in (folder / ".env").read_text(), "there is nothing left to fill in"
    if os.geteuid() == 0:
        assert [] == [path for path, (found, wanted) in owners.items() if found != wanted], "owned as containers need"


def needed(name, secret):
    """Whether a secret stands in a service's file as it is, rather than in SQL or as credentials of a proxy's guard."""
    return any(f"{{{secret}}}" in file.template for service in preset(name).services for file in service.secret_files)


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
@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.prod", "secrets/generated.env", "files/ai-n8n/x", "a/tls.key", "b.pem", "id_rsa"),
        *("postgres/x", "redis/x", "logs/x", "caddy_data/x", "n8n_data/x", "exchange/x", "secrets/ai-n8n/x"),
    ],
)
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
@pytest.mark.parametrize("name", PRESETS)
def test_docker_compose_reads_the_file(trees, name):
    file = trees[name] / "docker-compose.yml"
    line = [str(compose()), "--env-file", "/dev/null", "-f", str(file), "config", "--quiet"]
    done = subprocess.run(
        line, env={**os.environ, "N8N_HOST": "n8n.example.com"}, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr), "valid, and without a warning"
