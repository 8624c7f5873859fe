"""A stack's life on the real engine and real Docker, with the services that start in seconds."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.scratch import Scratch, docker, free_port, inspect

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Scratch(tmp_path_factory.mktemp("small")).running() as running:
        yield running


def _started(stack) -> dict[str, str]:
    return {name: inspect(name)["State"]["StartedAt"] + inspect(name)["Id"] for name in stack.objects("container")}


def _secrets(state) -> Iterator[str]:
    """Every value of a secret's length that the state has encrypted."""
    if isinstance(state, dict) and "plaintext" in state:
        yield from re.findall(r'"([A-Za-z0-9_-]{40,70})"', state["plaintext"])
    elif isinstance(state, (dict, list)):
        for inner in state.values() if isinstance(state, dict) else state:
            yield from _secrets(inner)


@pytest.mark.req("P-07")
def test_a_second_preview_is_empty(stack):
    done = stack.pulumi("preview", "--expect-no-changes", "--diff")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("P-07")
def test_a_preview_after_refresh_is_empty(stack):
    refreshed = stack.pulumi("refresh", "--yes", "--skip-preview")
    done = stack.pulumi("preview", "--expect-no-changes", "--diff")

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("P-24", "FP-20")
def test_verify_passes_on_what_is_up_and_fails_on_a_container_that_somebody_runs_by_hand_in_its_place(stack):
    name, port = f"{stack.name}-ai-redis", free_port()
    image = inspect(name)["Image"]
    whole = stack.homeport("verify")
    docker("stop", name)
    docker("rename", name, f"{name}-kept")
    try:
        docker(
            *("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:6379", "--user", "0"),
            *("--volume", "/var/run/docker.sock:/var/run/docker.sock:ro", "--entrypoint", "sleep", image, "600"),
        )
        by_hand = stack.homeport("verify", "--json")
    finally:
        docker("rm", "--force", name)
        docker("rename", f"{name}-kept", name)
        docker("start", name)
    document = json.loads(by_hand.stdout[: by_hand.stdout.index("\nhomeport:")])
    failed = {check["kind"]: check["what"] for check in document["checks"] if check["outcome"] == "fail"}

    assert whole.returncode == 0, whole.stdout
    assert f"ok  user          {name}" in whole.stdout and "FAIL " not in whole.stdout, whole.stdout
    assert 1 == by_hand.returncode, by_hand.stdout
    assert {name} == {check["where"] for check in document["checks"] if check["outcome"] == "fail"}, "and no other"
    hardening = {"user", "root", "capabilities", "privileges", "limits", "published", "networks", "mounts"}
    assert hardening == failed.keys() - {"health"}, failed
    assert f"127.0.0.1:{port}->6379/tcp; described: none" == failed["published"], failed
    assert "/var/run/docker.sock (read-only)" in failed["mounts"], failed
    assert "fail" == document["requirements"]["S2-27"] and "fix: bin/homeport up" in by_hand.stdout, by_hand.stdout


@pytest.mark.req("P-13", "P-14")
def test_a_changed_config_file_restarts_only_its_own_service(stack):
    before = _started(stack)
    path = stack.folder / "catalog/redis/files/redis.conf"
    path.write_text(path.read_text() + "\n# a change\n")
    preview = stack.pulumi("preview", "--diff")
    done = stack.up()
    after = _started(stack)
    changed = sorted(name for name in after if before[name] != after[name])

    assert done.returncode == 0, done.stdout + done.stderr
    assert "ai-redis-container" in preview.stdout, "the preview says which container is replaced"
    assert [f"{stack.name}-ai-redis"] == changed, "the others have no reason to stop"


@pytest.mark.req("P-15")
def test_a_service_that_never_gets_healthy_fails_the_update_with_its_last_lines_and_the_next_up_converges(stack):
    path = stack.folder / "catalog/redis/files/redis.conf"
    whole = path.read_text()
    service = stack.folder / "catalog/redis/service.py"
    literal = service.read_text()
    path.write_text(whole + "\nno-such-directive yes\n")
    service.write_text(literal.replace("interval=5,", "interval=5,\n        gate=8,"))
    failed = stack.up()
    path.write_text(whole)
    service.write_text(literal)
    repaired = stack.up()
    preview = stack.pulumi("preview", "--expect-no-changes", "--diff")
    printed = failed.stdout + failed.stderr

    assert failed.returncode != 0, "an update with an unhealthy service is no success"
    assert "no-such-directive" in printed, f"the service's own last words are the best explanation:\n{printed}"
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert preview.returncode == 0, preview.stdout + preview.stderr


@pytest.mark.req("P-08")
def test_no_secret_stands_in_the_state_in_inspect_in_the_preview_or_in_the_process_list(stack):
    shown = json.loads(stack.pulumi("stack", "output", "--show-secrets", "--json").stdout)
    credentials = {*shown["credentials"].values()}
    # Those of services that are off are no output, and kept in the state all the same.
    secrets = set(_secrets(json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout)))
    places = {
        "the state": "".join(path.read_text() for path in stack.state.rglob("*.json*") if path.is_file()),
        "docker inspect": "".join(docker("inspect", name) for name in stack.objects("container")),
        "the preview": stack.pulumi("preview", "--diff", "--show-config").stdout,
        "the process list": subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout,
        "the logs": "".join(docker("logs", name) for name in stack.objects("container")),
    }
    leaks = sorted(where for where, text in places.items() if any(secret in text for secret in secrets))

    assert credentials, "the services that run have some"
    assert credentials < secrets, "the positive control: these are found where they are asked for, and those kept"
    assert [] == leaks, "a secret's only places are its file in the container and the encrypted state"


@pytest.mark.req("P-15")
def test_a_container_removed_by_hand_comes_back_with_its_data_schema_and_files(stack):
    name = f"{stack.name}-ai-postgres"
    docker(
        "exec",
        "-i",
        name,
        "psql",
        "-U",
        "postgres",
        "-d",
        "ai_memory",
        "-c",
        "CREATE TABLE kept AS SELECT 42 AS answer",
    )
    docker("rm", "-f", name)
    refreshed = stack.pulumi("refresh", "--yes", "--skip-preview")
    done = stack.up()
    answer = docker("exec", "-i", name, "psql", "-U", "postgres", "-d", "ai_memory", "-Atc", "SELECT answer FROM kept")

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert "42" == answer.strip(), "a container is cattle, its volume is not"


@pytest.mark.req("P-18")
def test_destroy_leaves_no_container_network_or_volume(stack):
    """The last of this module: it takes the stack away."""
    objects = {kind: stack.objects(kind) for kind in ("container", "network", "volume")}
    done = stack.pulumi("destroy", "--yes", "--skip-preview")
    left = [name for kind in objects for name in stack.objects(kind)]

    assert all(objects.values()), "there was something to remove"
    assert done.returncode == 0, done.stdout + done.stderr
    assert [] == left, "a forgotten volume keeps data that somebody believes deleted"
