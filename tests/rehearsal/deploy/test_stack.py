"""A deployed service in a stack of Pulumi's: who owns what, on the real engine and real Docker."""

from __future__ import annotations

import pytest

from tests.support import deployments
from tests.support.scratch import Scratch, docker, free_port, inspect
from tests.support.small_registry import SmallRegistry
from tests.support.waits import until

pytestmark = pytest.mark.world
SERVICE = '''"""hello: the small app of the tests."""

from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, Port, Service

IMAGE = ImageFacts(repository="hello", source="https://example.com", read="2026-11-29", entrypoint=("/app",))
SERVICE = Service(
    name="hello",
    image="{image}",
    purpose="Says its version",
    deployed=True,
    env={{"GREETING": "hello"}},
    networks=("ai-edge",),
    limits=Limits(memory=64, cpus="0.5", pids=32),
    ports=(Port(name="http", inside=8080, outside={port}, at="here"),),
    health=Health(test=("/app", "health"), interval=1, timeout=30, start_period=60, retries=20, gate=120),
)
'''
REST = {name: {"enabled": False} for name in ("ai-n8n", "ai-caddy", "ai-postgres", "ai-executor", "ai-redis")}


class Deployed:
    """The stack, its registry, and what of its service runs."""

    def __init__(self, folder):
        self.registry, self.port, self.folder = SmallRegistry(), free_port(), folder
        self.stack = Scratch(folder, services=REST)
        self.name = f"{self.stack.name}-hello"
        image = self.pushed("0")
        service = self.stack.folder / "catalog" / "hello" / "service.py"
        service.parent.mkdir()
        service.write_text(SERVICE.format(image=image, port=self.port))
        preset = self.stack.folder / "catalog/presets/ai_orchestrator/preset.py"
        text = preset.read_text()
        text = text.replace("    services=(", "    services=(HELLO, ", 1)
        preset.write_text(
            text.replace("from homeport", "from catalog.hello.service import SERVICE as HELLO\nfrom homeport", 1)
        )

    def pushed(self, version):
        reference = f"{self.registry.host}/hello:{version}"
        deployments.build(self.folder / f"image-{version}", reference, version)
        docker("push", reference)
        return reference

    def live(self):
        return deployments.answer(self.port)

    def deploy(self, *argv):
        return deployments.run(*argv)

    def containers(self):
        return sorted(self.stack.objects("container"))

    def close(self):
        self.stack.remove()
        for mark in docker(
            "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"homeport.deployed/{self.name}"
        ).split():
            docker("rmi", mark)
        self.registry.close()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    made = Deployed(tmp_path_factory.mktemp("deployed"))
    try:
        done = made.stack.homeport("up", "--yes")
        assert done.returncode == 0, done.stdout
        yield made
    finally:
        made.close()


def empty(stack):
    done = stack.pulumi("preview", "--expect-no-changes", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr


def test_pulumi_makes_a_template_and_the_first_container(deployed):
    assert "0" == deployed.live()
    seen, template = inspect(deployed.name), inspect(f"{deployed.name}-template")
    assert "created" == template["State"]["Status"], "it is never started"
    for key in (
        "ReadonlyRootfs",
        "CapDrop",
        "SecurityOpt",
        "Memory",
        "NanoCpus",
        "PortBindings",
        "Ulimits",
        "RestartPolicy",
    ):
        assert template["HostConfig"][key] == seen["HostConfig"][key], key
    assert 32 == seen["HostConfig"]["PidsLimit"]
    assert ("10001:10001", ["ALL"], True) == (
        seen["Config"]["User"],
        seen["HostConfig"]["CapDrop"],
        seen["HostConfig"]["ReadonlyRootfs"],
    ), "hardened as every container"
    empty(deployed.stack)


@pytest.mark.req("S1-74")
def test_a_deployment_is_no_difference_for_pulumi(deployed):
    deployed.pushed("1")
    done = deployed.deploy("deploy", deployed.name, "1")
    assert done.returncode == 0 and "1" == deployed.live(), done.stderr
    empty(deployed.stack)
    refreshed = deployed.stack.pulumi("refresh", "--yes", "--skip-preview")
    assert refreshed.returncode == 0, refreshed.stderr
    empty(deployed.stack)
    before = inspect(deployed.name)["Id"]
    up = deployed.stack.homeport("up", "--yes")
    assert up.returncode == 0, up.stdout
    assert ("1", before) == (deployed.live(), inspect(deployed.name)["Id"]), "an update leaves it alone: " + up.stdout


def test_another_setting_is_rolled_out_with_the_image_that_is_live(deployed):
    deployed.stack.configure(services={**REST, "hello": {"memory": 96}})
    with deployments.Callers(deployed.port) as callers:
        up = deployed.stack.up()
    assert up.returncode == 0, up.stdout + up.stderr
    assert 96 << 20 == inspect(deployed.name)["HostConfig"]["Memory"]
    assert "1" == deployed.live() and "0" not in callers.answers, "the template's image is only the first one"
    empty(deployed.stack)


def test_one_that_is_gone_is_seen_and_made_again_of_the_image_that_is_live(deployed):
    docker("rm", "-f", deployed.name)
    up = deployed.stack.homeport("up", "--yes")
    assert up.returncode == 0 and f"container {deployed.name} is gone" in up.stdout, up.stdout
    assert "1" == until(deployed.live, "it does not answer")


@pytest.mark.req("S1-74", "L-06")
def test_one_command_takes_it_back_and_a_broken_one_changes_nothing(deployed):
    deployed.pushed("broken")
    with deployments.Callers(deployed.port) as callers:
        done = deployed.deploy("deploy", deployed.name, "broken")
    assert 2 == done.returncode and {"1"} == {*callers.answers}, f"{done.stderr} {callers.answers}"

    assert 0 == deployed.deploy("rollback", deployed.name).returncode
    assert "0" == deployed.live(), "what was live before"
    empty(deployed.stack)


def test_nothing_is_left_when_the_stack_goes_down(deployed):
    assert {deployed.name, f"{deployed.name}-template"} <= {*deployed.containers()}
    down = deployed.stack.homeport("down", "--yes", "--delete-data", deployed.stack.name)
    assert down.returncode == 0, down.stdout
    assert [] == deployed.containers(), "neither the template nor its copy"
