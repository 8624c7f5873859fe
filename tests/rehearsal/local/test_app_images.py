"""Images that nobody here chose, brought up as apps: where no registry can be asked, a stub holds the contract."""

from __future__ import annotations

import pytest

from tests.support import campaign
from tests.support.door import Door
from tests.support.scratch import Scratch, free_port, inspect
from tests.support.waits import until
from tests.unit.cli.image_cases import CASES, added, case

pytestmark = [pytest.mark.world, pytest.mark.campaign]
NO_STUB = {
    "04-4ga-boards": "it is started by ./start.sh, in a folder that a stub does not have",
    "07-activepieces": "it is started by ./docker-entrypoint.sh, in a folder that a stub does not have",
    "10-admidio": "a shell starts the script that asks how it is, and a stub does not have it",
    "11-adventurelog": "its check is a program of Python's, which a stub does not have",
    "14-aleph": "a shell starts its server, which a stub does not have",
}
"""Contracts that a stub cannot hold, with the reason."""
TRIED = campaign.sample("images of a public list", [path for path in CASES if path.stem not in NO_STUB])


@pytest.fixture(scope="module")
def apps():
    """The blocks, as `homeport add` makes them."""
    return {result.name: result.block for result in (added(case(path)) for path in TRIED)}


@pytest.fixture(scope="module")
def stack(tmp_path_factory, apps):
    made = Scratch(
        tmp_path_factory.mktemp("images"),
        services={name: {"enabled": False} for name in ("ai-n8n", "ai-executor", "ai-redis")},
        edge={"http_port": free_port(), "https_port": free_port()},
        apps=apps,
    )
    try:
        done = made.homeport("up", timeout=900)
        assert done.returncode == 0, done.stdout
        yield made
    finally:
        made.remove()


def healthy(container):
    """What Docker's own probe says, which comes after the update's."""
    return "healthy" == inspect(container)["State"]["Health"]["Status"]


@pytest.mark.req("OS-26")
def test_each_runs_as_its_block_says_and_answers_its_check(stack, apps):
    for name, block in apps.items():
        until(lambda there=f"{stack.name}-{name}": healthy(there), f"{name} answers its check")
        there = inspect(f"{stack.name}-{name}")
        host = there["HostConfig"]
        uid = there["Config"]["User"].partition(":")[0]

        assert str(block.get("user", "10001")).partition(":")[0] == uid, f"{name} runs as nobody else"
        assert ("writable_root" not in block.get("waivers", {})) == host["ReadonlyRootfs"], name
        assert ["no-new-privileges:true"] == host["SecurityOpt"], name
        assert sorted(f"CAP_{right}" for right in block.get("capabilities", {})) == sorted(host["CapAdd"] or []), name


@pytest.mark.req("OS-26")
def test_each_has_its_name_at_the_proxy_which_asks_who_comes(stack, apps):
    door = Door.of(f"{stack.name}-ai-caddy", stack.settings["edge"]["https_port"])
    for name, block in apps.items():
        assert 401 == door.ask(f"{block['route']['host']}.localhost"), f"{name} asks for a login, as `add` has it"


@pytest.mark.req("OS-26")
def test_a_second_preview_is_empty(stack):
    done = stack.pulumi("preview", "--expect-no-changes", "--diff")

    assert done.returncode == 0, done.stdout + done.stderr
