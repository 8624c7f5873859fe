"""deploy.sh as it is, on a machine whose docker and curl are written down instead of run."""

import base64
import json
import re
from pathlib import Path

import bcrypt
import pytest

from tests.rehearsal.export.conftest import GOOD

CASES = json.loads((Path(__file__).parent / "cases/bad_env.json").read_text())
FIVE = ["ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis"]


@pytest.mark.req("S3-41")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['variable']}: {case['says']}")
def test_a_bad_value_is_refused_by_its_variables_name_before_anything_is_changed(deployment, case):
    deployment.env(**{case["variable"]: case["value"]})
    done = deployment.run()

    assert 1 == done.returncode, done.stderr
    assert re.search(rf"^deploy.sh: {case['variable']} .*{case['says']}", done.stderr, re.MULTILINE), done.stderr
    assert 1 == len(done.stderr.splitlines()), "only the bad variable is named"
    assert not deployment.target.exists() and not (deployment.folder / "here").exists(), "nothing is changed"
    assert [] == deployment.asked(), "docker is not asked either"
    if case["value"] and "CHANGE_ME" not in case["value"] and case["value"].strip(" '\""):
        assert case["value"] not in done.stderr, "a value may be a secret with a slip in it: it is not shown"


@pytest.mark.req("S3-41")
def test_every_bad_value_is_named_at_once(deployment):
    deployment.env(**dict.fromkeys(GOOD, "CHANGE_ME"))
    done = deployment.run()

    assert (1, len(GOOD)) == (done.returncode, len(done.stderr.splitlines())), (
        "one run tells all that is to be repaired"
    )


def test_a_missing_env_file_is_refused_with_what_to_do(deployment):
    (deployment.source / ".env").unlink()
    done = deployment.run()

    assert 1 == done.returncode, done.stderr
    assert "cp .env.example .env" in done.stderr, "the fixing command is named"


@pytest.mark.req("FP-10")
def test_a_dry_run_changes_nothing(deployment):
    before = deployment.snapshot(deployment.source)
    done = deployment.run("--dry-run")

    assert 0 == done.returncode, done.stderr
    assert not deployment.target.exists(), "the production directory is not made"
    assert before == deployment.snapshot(deployment.source), "nor is anything changed here"
    assert {"compose version", "volume inspect"} == {" ".join(call.split()[:2]) for call in deployment.asked()}, (
        "docker is asked for its version, and whether there is data, and for nothing else"
    )
    assert ["1", "2", "3", "4"] == re.findall(r"^==> (\d)\.", done.stdout, re.MULTILINE), "the four steps are told"


@pytest.mark.req("S3-42", "S3-44")
def test_directories_and_files_get_their_modes_and_owners(deployment):
    done = deployment.run()
    assert 0 == done.returncode, done.stderr

    modes = {path: oct(mode) for path, (mode, _) in deployment.snapshot().items()}
    wanted = {"postgres": "0o700", "redis": "0o700", "caddy_data": "0o700", "n8n_data": "0o700", "logs": "0o750"}
    wanted |= {"exchange": "0o2770", "exchange/requests": "0o2770", ".env": "0o600", "deploy.sh": "0o755"}
    wanted |= {"n8n/start.sh": "0o755", "docker-compose.yml": "0o644", "executor/run_task.py": "0o644"}
    assert wanted == {path: modes.get(path) for path in wanted}, "modes of what every part of the system reads"
    templates = [path for path in modes if path.startswith("templates/ai-") and (deployment.target / path).is_file()]
    secrets = {path: modes[path.replace("templates/", "files/", 1)] for path in templates}
    assert 10 == len(secrets) and {"0o400"} == set(secrets.values()), "who is not the service reads no secret"

    owners = Path(f"{deployment.calls}.owners").read_text().splitlines()
    for owner, path in (
        ("1000:1000", "n8n_data"),
        ("999:999", "postgres"),
        ("999:999", "redis"),
        ("10001:10001", "caddy_data"),
        ("0:10002", "exchange"),
        ("1000:1000", "files/ai-n8n/encryption_key.new"),
        ("999:999", "files/ai-redis/users.acl.new"),
    ):
        assert f"chown {owner} {deployment.target / path}" in owners, f"{path} belongs to its container's user"


def test_secrets_come_from_env_into_the_files_that_containers_read(deployment):
    assert 0 == deployment.run().returncode, "deployed"
    files = deployment.target / "files"
    door = base64.b64encode(f"admin:{GOOD['N8N_BASIC_AUTH_PASSWORD']}".encode()).decode()
    kept = dict(line.split("=", 1) for line in (deployment.target / "secrets/generated.env").read_text().splitlines())

    assert GOOD["N8N_ENCRYPTION_KEY"] == (files / "ai-n8n/encryption_key").read_text(), "as it is, without a line's end"
    assert f'"{GOOD["N8N_WEBHOOK_API_KEY"]}"' in (files / "ai-caddy/guards/n8n-0.caddy").read_text(), "the door's key"
    assert f'"Basic {door}"' in (files / "ai-caddy/guards/n8n-2.caddy").read_text(), "the door's user and password"
    assert f">{kept['REDIS_PASSWORD']} " in (files / "ai-redis/users.acl").read_text(), "made here, for nobody told it"
    sql = Path(f"{deployment.calls}.sql").read_text()
    assert f"PASSWORD '{GOOD['POSTGRES_PASSWORD']}'" in sql, "ai_user's role has its password"
    assert not re.search(r"\{[a-z][a-z0-9-]*-password", sql), "no placeholder is left"


@pytest.mark.req("AT-10")
def test_a_password_that_is_only_checked_comes_as_a_hash_that_changes_with_it_alone(deployment):
    assert 0 == deployment.run().returncode, "deployed"
    file = deployment.target / "files/ai-n8n/owner_hash"
    first, password = file.read_bytes(), GOOD["N8N_BASIC_AUTH_PASSWORD"]
    readers = [path for path in (deployment.target / "files").rglob("*") if path.is_file()]

    assert bcrypt.checkpw(password.encode(), first), "n8n takes it for the password's"
    assert [] == [path.name for path in readers if path.parts[-2] == "ai-n8n" and password in path.read_text()]
    assert 0 == deployment.run().returncode, "deployed again"
    assert first == file.read_bytes(), "nobody is signed out, and nothing is made anew"
    deployment.env(N8N_BASIC_AUTH_PASSWORD=f"{password}2")
    assert 0 == deployment.run().returncode, "with another password"
    assert bcrypt.checkpw(f"{password}2".encode(), file.read_bytes()), "a rotated one signs in"


@pytest.mark.req("AT-10")
def test_a_host_that_can_make_no_hash_is_refused_before_anything_is_changed(deployment):
    (deployment.folder / "bin/perl").write_text("#!/bin/sh\nexit 127\n")
    (deployment.folder / "bin/perl").chmod(0o755)
    done = deployment.run()

    assert (1, False) == (done.returncode, deployment.target.exists()), done.stderr
    assert "perl is missing" in done.stderr, "what to install is named"


@pytest.mark.req("S1-33")
def test_a_host_that_gives_low_ports_to_root_alone_is_refused_before_anything_is_changed(deployment):
    manifest = deployment.source / "manifest"
    manifest.write_text(manifest.read_text() + "low 443 caddy\nlow 80 caddy\n")
    (deployment.folder / "bin/sysctl").write_text("#!/bin/sh\necho 1024\n")
    (deployment.folder / "bin/sysctl").chmod(0o755)
    done = deployment.run()

    assert (1, False) == (done.returncode, deployment.target.exists()), done.stderr
    assert "caddy listens on port 80" in done.stderr, "the lowest of them"
    assert "ip_unprivileged_port_start = 80'" in done.stderr, "with what mends it"
    (deployment.folder / "bin/sysctl").write_text("#!/bin/sh\necho 80\n")
    assert 0 == deployment.run().returncode, "as on a host that homeport has set up"


@pytest.mark.req("S3-43")
def test_the_sync_leaves_out_secrets_and_runtime_data(deployment):
    for path in (
        ".env.prod",
        "tls.key",
        "ca.pem",
        "id_ed25519",
        "logs/a.log",
        "postgres/base",
        "secrets/x",
        ".git/config",
    ):
        (deployment.source / path).parent.mkdir(exist_ok=True)
        (deployment.source / path).write_text("canary")
    (deployment.source / "n8n/workflows/05_mine.json").write_text("{}")
    assert 0 == deployment.run().returncode, "deployed"

    held = deployment.snapshot()
    assert [] == [path for path, (_, content) in held.items() if content == b"canary"], "these never travel"
    assert "n8n/workflows/05_mine.json" in held, "an operator's own source file does"


@pytest.mark.req("S3-43", "S3-46")
def test_a_second_run_keeps_data_and_changes_nothing(deployment):
    assert 0 == deployment.run().returncode, "deployed"
    for path in (
        "postgres/pgdata",
        "redis/dump.rdb",
        "caddy_data/key",
        "n8n_data/config",
        "exchange/requests/1.json",
        "logs/a",
    ):
        (deployment.target / path).write_text("data")
    before, first = deployment.snapshot(), deployment.asked()
    done = deployment.run()

    assert 0 == done.returncode, done.stderr
    assert before == deployment.snapshot(), "data, secrets and sources are as they were"
    assert any("--force-recreate" in call for call in first), "the first run makes containers"
    assert not any("--force-recreate" in call for call in deployment.asked()), "the second leaves them running"


@pytest.mark.req("S3-46")
def test_a_changed_file_or_secret_replaces_the_containers(deployment):
    assert 0 == deployment.run().returncode, "deployed"
    for change in (
        lambda: (deployment.source / "executor/run_task.py").write_text("# newer\n"),
        lambda: deployment.env(N8N_WEBHOOK_API_KEY="a" * 64),
    ):
        deployment.asked()
        change()
        assert 0 == deployment.run().returncode, "deployed again"
        assert any("--force-recreate" in call for call in deployment.asked()), "a running container holds the old file"


@pytest.mark.req("S3-45")
def test_services_are_restarted_and_all_five_and_the_door_are_looked_at(deployment):
    assert 0 == deployment.run().returncode, "deployed"
    calls = deployment.asked()
    ups = [call for call in calls if call.startswith("compose up -d")]

    assert FIVE == sorted(call.rpartition(" ")[2] for call in calls if call.startswith("inspect")), "five containers"
    assert ups[0].endswith(" ai-postgres") and "--remove-orphans" in ups[-1], "the database before what needs it"
    assert [name for name in FIVE if name != "ai-postgres"] == sorted(ups[-1].split()[-4:]), "each is made once"
    assert any("https://n8n.example.com:8443/" in call for call in calls if call.startswith("curl")), "the door"


@pytest.mark.req("S3-45")
@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("running unhealthy", "401"),
        ("exited healthy", "401"),
        ("running healthy", "502"),
        ("running healthy", "000"),
        ("running healthy", "200"),
    ],
)
def test_what_does_not_answer_afterwards_fails_loudly(deployment, state, code):
    deployment.state.write_text(f"{state}\n")
    deployment.code = code
    done = deployment.run()

    assert 2 == done.returncode, "2: changed, and not well"
    assert (code if code != "401" else f"ai-n8n is {state}") in done.stderr, "what was found is said"
    assert "docker compose logs" in done.stderr, "and where to look"


MADE_BEFORE = {
    "N8N_DATABASE_PASSWORD": "Example0n8n/password+for=tests",
    "REDIS_PASSWORD": "Example0redis/password+for=tests",
}


@pytest.mark.req("S3-43")
def test_volumes_and_networks_of_homeport_are_used_as_they_are(deployment):
    deployment.made = "yes"
    deployment.env(**MADE_BEFORE)
    done = deployment.run()
    calls = deployment.asked()

    assert 0 == done.returncode, done.stderr
    assert [] == [call for call in calls if " create " in call], "nothing is made anew beside what is there"
    assert not (deployment.target / "postgres").exists(), "the data is in the volume: an empty folder would mislead"


@pytest.mark.req("S3-43")
def test_data_of_homeport_without_the_secrets_that_it_was_made_with_is_refused(deployment):
    deployment.made = "yes"
    done = deployment.run()

    assert 1 == done.returncode, "n8n could not read its credentials with another key"
    assert all(name in done.stderr for name in MADE_BEFORE), "what is missing is named"
    assert "homeport export --secrets" in done.stderr, "and where it comes from"
    assert not deployment.target.exists(), "nothing is changed"


@pytest.mark.req("S3-42")
def test_a_new_volume_is_a_folder_of_the_production_directory_and_a_network_has_its_subnet(deployment):
    assert 0 == deployment.run().returncode, "deployed"
    created = {call.rpartition(" ")[2]: call for call in deployment.asked() if " create " in call}

    assert {"ai-postgres-postgres", "ai-redis-redis", "ai-n8n-data", "ai-caddy-caddy_data", "shared-exchange"} < set(
        created
    )
    assert f"--opt device={deployment.target / 'postgres'} " in created["ai-postgres-postgres"], (
        "data is where one looks"
    )
    assert "--internal --subnet 172.30.11.0/24 --gateway 172.30.11.1" in created["ai-data"], "no way out of it"
    assert "--internal=false --subnet 172.30.10.0/24" in created["ai-edge"]


def test_an_unknown_argument_is_refused(deployment):
    assert 1 == deployment.run("--force").returncode, "a slip of the pen deploys nothing"
    assert not deployment.target.exists(), "nothing is changed"
