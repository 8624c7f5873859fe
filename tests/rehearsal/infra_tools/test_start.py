"""`start_services.py` and `update_images.py` with docker compose itself, on stacks whose names are this test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import pytest

from bench.tools import compose
from catalog.redis.service import SERVICE
from tests.support.infra_tools import SCRIPTS
from tests.support.marking_docker import marking
from tests.support.readers import have
from tests.support.scratch import docker

pytestmark = pytest.mark.docker
EXPORT = "T_FROM_INFISICAL='it''s # $odd'\nT_WHO='infisical'\n"


def stack(mark, name, *, external, **services):
    network = {"name": f"{mark}ai-network"} | ({"external": True} if external else {"internal": True})
    whole = {
        service: {
            "image": SERVICE.image,
            "entrypoint": ["sleep", "600"],
            "stop_signal": "SIGKILL",
            "environment": {key: f"${{{key}:-}}" for key in ("T_WHO", "T_SHARED", "T_FROM_INFISICAL")},
            **more,
        }
        for service, more in services.items()
    }
    return json.dumps({"name": f"{mark}{name}", "services": whole, "networks": {"default": network}})


@pytest.fixture
def world(tmp_path):
    have(SERVICE.image)
    mark = f"t{uuid.uuid4().hex[:8]}-"
    programs = tmp_path / "bin"
    programs.mkdir()
    marking(programs, mark, "ai-network")
    (programs / "docker-compose").symlink_to(compose())
    infisical = programs / "infisical"
    infisical.write_text(f"#!/bin/sh\ncat {tmp_path}/export\n")
    infisical.chmod(0o755)
    (tmp_path / "export").write_text(EXPORT)
    root = tmp_path / "project"
    for name, text in {
        "00-infrastructure": stack(mark, "00", external=False, proxy={}),
        "01-data": stack(mark, "01", external=True, cpu={"profiles": ["cpu"]}, gpu={"profiles": ["gpu-amd"]}),
    }.items():
        (root / name).mkdir(parents=True)
        (root / name / "docker-compose.yml").write_text(text)
    (root / "01-data" / "docker-compose.override.public.yml").write_text(
        json.dumps({"services": {"cpu": {"labels": {"public": "yes"}}}})
    )
    (root / ".env.global").write_text("T_SHARED=global\nT_WHO=global\n")
    (root / ".env").write_text("T_WHO=env\n")
    try:
        yield mark, root, {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    finally:
        listed = docker("ps", "-aq", "--filter", f"name={mark}").split()
        subprocess.run(["docker", "rm", "-fv", *listed], capture_output=True, check=False)
        subprocess.run(["docker", "network", "rm", f"{mark}ai-network"], capture_output=True, check=False)


def run(world, program, *argv):
    _, root, env = world
    line = [sys.executable, SCRIPTS / program, "--root", root, *argv]
    return subprocess.run(line, env=env, cwd=root, capture_output=True, text=True, check=False)


def running(mark):
    return sorted(docker("ps", "--filter", f"name={mark}", "--format", "{{.Names}}").split())


@pytest.mark.req("S4-39", "S4-49", "FP-15")
def test_stacks_come_up_in_order_with_the_layers_of_their_variables_and_stay_when_started_again(world):
    mark = world[0]
    alone = run(world, "start_services.py", "--stack", "01-data")
    assert (1, "ai-network not found: start 00-infrastructure first") == (
        alone.returncode,
        alone.stderr.splitlines()[0],
    )
    assert [] == running(mark)

    done = run(world, "start_services.py", "--environment", "public")
    assert (0, "started 00-infrastructure\nstarted 01-data\n") == (done.returncode, done.stdout), done.stderr
    assert [f"{mark}00-proxy-1", f"{mark}01-cpu-1"] == running(mark), "of the profile, and no other"
    about = json.loads(docker("inspect", f"{mark}01-cpu-1"))[0]
    env = dict(line.split("=", 1) for line in about["Config"]["Env"])
    assert ("infisical", "global", "it''s # $odd") == (env["T_WHO"], env["T_SHARED"], env["T_FROM_INFISICAL"])
    assert "yes" == about["Config"]["Labels"]["public"], "the override of the environment is laid over"

    again = run(world, "start_services.py", "--environment", "public")
    assert 0 == again.returncode
    assert about["Id"] == json.loads(docker("inspect", f"{mark}01-cpu-1"))[0]["Id"], "what runs is left alone"


@pytest.mark.req("S4-47", "FP-14")
def test_a_pull_that_fails_is_told_and_nothing_that_runs_is_touched(world):
    mark, root, _ = world
    run(world, "start_services.py")
    before = docker("ps", "-q", "--no-trunc", "--filter", f"name={mark}")
    path = root / "01-data" / "docker-compose.yml"
    # A registry that refuses the connection at once.
    path.write_text(path.read_text().replace(SERVICE.image, "127.0.0.1:1/none:1"))
    done = run(world, "update_images.py", "--json")

    report = {row["image"]: row["result"] for row in json.loads(done.stdout)["images"]}
    assert (1, "failed") == (done.returncode, report["127.0.0.1:1/none:1"])
    assert "fix: docker pull 127.0.0.1:1/none:1" in done.stderr
    assert before == docker("ps", "-q", "--no-trunc", "--filter", f"name={mark}")
