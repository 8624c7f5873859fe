"""What was changed by hand in Docker, and what `homeport up` makes of it, on the real engine and real Docker."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys

import pytest

from homeport.cli import settled
from tests.support.scratch import Scratch, docker, inspect

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Scratch(tmp_path_factory.mktemp("by-hand"))
    try:
        done = _homeport(made, "up")
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        made.remove()
        settled.path(made.name).unlink(missing_ok=True)


def _homeport(stack, verb, *flags):
    return subprocess.run(
        [sys.executable, "-m", "homeport.cli", verb, "--stack", stack.name, *flags],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _volume(stack, start):
    return next(name for name in stack.objects("volume") if name.startswith(f"{stack.name}-{start}"))


@pytest.mark.req("NW-04")
def test_a_second_up_sees_in_a_moment_that_there_is_nothing_to_do(stack):
    before = {name: inspect(name)["Id"] for name in stack.objects("container")}
    done = _homeport(stack, "up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to do: 3 services" in done.stderr, "Pulumi is not asked for what a look at Docker answers"
    assert before == {name: inspect(name)["Id"] for name in stack.objects("container")}


@pytest.mark.req("NW-04", "NW-12")
def test_all_that_was_done_by_hand_is_announced_and_put_back(stack):
    redis, executor, postgres = (f"{stack.name}-ai-{name}" for name in ("redis", "executor", "postgres"))
    files, gone = _volume(stack, "ai-redis-files"), _volume(stack, "ai-executor-files")
    image = inspect(redis)["Config"]["Image"]
    docker(
        *("run", "--rm", "--user", "0", "--entrypoint", "sh", "-v", f"{files}:/v", image, "-c"),
        "echo '# by hand' >> /v/redis.conf; echo x > /v/extra",
    )
    docker("rm", "-f", executor)
    docker("volume", "rm", gone)
    docker("stop", "-t", "5", postgres)
    whole = inspect(postgres)["Id"]
    preview = _homeport(stack, "preview")
    said = preview.stdout + preview.stderr

    assert preview.returncode == 0, said
    for words in (
        f"container {executor} is gone",
        f"volume {gone} is gone",
        f"container {postgres} is stopped",
        f"volume {files}: extra, redis.conf was changed by hand",
    ):
        assert words in said, said
    assert "exited" == inspect(postgres)["State"]["Status"], "a preview changes nothing"

    done = _homeport(stack, "up")
    again = _homeport(stack, "up")
    there = docker("exec", redis, "ls", "/etc/homeport").split()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to do: 3 services" in again.stderr, again.stderr
    assert whole == inspect(postgres)["Id"], "what was only stopped is started, not replaced"
    assert ["redis.conf", "users.acl"] == there, "what was put there by hand is gone"
    assert "by hand" not in docker("exec", redis, "cat", "/etc/homeport/redis.conf")


@pytest.mark.req("NW-03")
def test_vectors_that_are_stored_refuse_another_size_before_anything_is_removed(stack):
    postgres = f"{stack.name}-ai-postgres"
    text = (
        "INSERT INTO memories (tenant_id, scope, text, source, model, embedding) "
        "SELECT 't', 's', 'x', 'test', 'm', array_fill(0.1, ARRAY[384])::vector"
    )
    docker("exec", "-i", postgres, "psql", "-X", "-U", "postgres", "-d", "ai_memory", "-c", text)
    before = {name: inspect(name)["Id"] for name in stack.objects("container")}
    provider = {"url": "https://embeddings.example.com/v1", "model": "m", "dimensions": 768}
    stack.configure(embedding=provider)
    given = stack.pulumi("config", "set", "--secret", "homeport:embedding-api-key", secrets.token_hex(20))
    refused = _homeport(stack, "up")
    way_out = refused.stderr.partition("(docker exec ")[2].partition(")")[0]
    emptied = subprocess.run(f"docker exec {way_out}", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    checked = _homeport(stack, "preview")

    assert given.returncode == 0, given.stderr
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "stored with vectors of 384, the settings say 768" in refused.stderr
    assert before == {name: inspect(name)["Id"] for name in stack.objects("container")}, "nothing was removed"
    assert emptied.returncode == 0, f"the way out works as it stands: {way_out}: {emptied.stderr}"
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.req("NW-15")
def test_a_stack_that_was_taken_down_says_so(stack):
    done = _homeport(stack, "down", "--json")
    status = _homeport(stack, "status")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [] == json.loads(done.stdout)["kept"], "dev leaves nothing behind"
    assert "it was taken down at" in status.stdout
