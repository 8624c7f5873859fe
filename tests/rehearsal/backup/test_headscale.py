"""The mesh's control server by vpai's own backup: lost with its host, and its members are members on a new one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from homeport.render import headscale
from tests.support.checkout import ROOT
from tests.support.mesh import IMAGES, Machine, MeshNetwork, docker
from tests.support.mesh_stack import MESH, keys_of, nodes_of
from tests.support.offsite import declared
from tests.support.waits import until

# Building its two programs takes minutes.
pytestmark = [pytest.mark.docker, pytest.mark.long]
KEPT = ("id", "given_name", "name", "user", "ip_addresses", "forced_tags", "node_key", "machine_key")


@pytest.fixture
def hub(tmp_path):
    """A control server with everybody whom an update makes, and a device's key that nobody has used yet."""
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", *IMAGES], check=True, cwd=ROOT)
    folder = tmp_path / "mesh"
    folder.mkdir()
    world = MeshNetwork(folder, MESH)
    try:
        world.start()
        make_users(world)
        yield world
    finally:
        world.remove()


def make_users(world):
    """What an update has the control server make."""
    done = world.script("users", stdin="".join(f"{name}\n" for name in headscale.users(MESH)))
    assert done.returncode == 0, done.stderr


def asked(world, *words):
    return json.loads(docker("exec", world.control, "headscale", *words, "-o", "json"))


def known(world):
    """Users, nodes and keys of a control server; of nodes what does not change while they come and go."""
    users = asked(world, "users", "list")
    keys = [asked(world, "preauthkeys", "list", "--user", str(user["id"])) for user in users]
    return users, [{name: node.get(name) for name in KEPT} for node in nodes_of(world)], keys


@pytest.mark.usefixtures("bucket")
def test_users_members_and_keys_of_the_mesh_are_on_a_new_hub_and_nobody_joins_anew(host, hub, volume):
    volume("couchdb", "/opt/couchdb/data").sh("echo a vault > /opt/couchdb/data/_dbs.couch")
    declared(host, "vpai", {"headscale": hub.control})
    member = Machine(hub, "ai")
    member.settle()
    member.install()
    address = hub.enrol(member)
    (alice,) = [str(user["id"]) for user in asked(hub, "users", "list") if user["name"] == "alice"]
    asked(hub, "preauthkeys", "create", "--user", alice, "--expiration", "24h")
    before, keys = known(hub), len(keys_of(hub))
    assert (["ai"], 2) == ([node["given_name"] for node in before[1]], len(before[0])), "there is something to lose"
    host.run("offsite")

    hub.new_state()
    hub.run_control()
    make_users(hub)
    assert [] == known(hub)[1], "a new host knows none of its members"
    subprocess.run(["rm", "-rf", str(host.backups)], check=True)
    host.run("restore", "offsite", "--replace")
    until(hub.answers, f"the control server does not answer: {hub.logs()[-2000:]}")

    assert before == known(hub), "users, members with their addresses, tags and keys, and keys that nobody used yet"
    until(lambda: [True] == [node.get("online") for node in nodes_of(hub)], "the member does not come back by itself")
    assert address == member.run("tailscale ip -4").strip(), "with the address that it had"
    assert address == hub.enrol(member), "an update finds it there"
    assert ([node["id"] for node in before[1]], keys) == ([node["id"] for node in nodes_of(hub)], len(keys_of(hub))), (
        "no second node, and no key that nobody needed"
    )
