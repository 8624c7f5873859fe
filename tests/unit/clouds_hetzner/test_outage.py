"""The computer that plays the data centre was away: which servers come back, and behind what."""

from __future__ import annotations

from rehearsal.clouds.hetzner.machines import InMemory
from rehearsal.clouds.hetzner.outage import restored
from rehearsal.clouds.hetzner.project import Project
from rehearsal.clouds.hetzner.store import Store
from tests.unit.clouds_hetzner.emulated import Emulated

SSH = {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0"], "destination_ips": []}


def again(path, *, fail=()):
    """The world as another process finds it, and what it did."""
    machines = InMemory(fail=dict.fromkeys(fail, "the machine is gone"))
    world = Project(Store(path), machines)
    return restored(world), world, [(call[0], call[1], *call[2:3]) for call in machines.calls]


def test_what_was_on_boots_behind_its_firewall_and_what_was_off_stays_off(tmp_path):
    cloud = Emulated(tmp_path / "state.json")
    wall = cloud.make("/firewalls", {"name": "wall", "rules": [SSH]})["firewall"]
    on = cloud.server("on", firewalls=[{"firewall": wall["id"]}])
    off = cloud.server("off")
    cloud.make(f"/servers/{off['id']}/actions/poweroff", {})
    cloud.listener.stop()

    found, world, calls = again(tmp_path / "state.json")

    rules = next(row for row in world.table("servers").values() if row["name"] == "on")["_rules"]
    assert ["22"] == [rule["port"] for rule in rules], "the rules are those of its firewall"
    assert [("firewall", on["id"], rules), ("power", on["id"], "poweron"), ("firewall", off["id"], None)] == calls, (
        "the firewall first: a server is never open to the world, not even while it boots"
    )
    assert (["on"], []) == ([server["name"] for server in found.on], found.lost)


def test_a_machine_that_is_gone_is_told_by_its_servers_name_and_the_others_come_back(tmp_path):
    cloud = Emulated(tmp_path / "state.json")
    cloud.server("one")
    cloud.listener.stop()

    found, _, _ = again(tmp_path / "state.json", fail=("power",))
    later, _, calls = again(tmp_path / "state.json")

    assert ([], ["server one: the machine is gone"]) == (found.on, found.lost)
    assert ["firewall"] == [call[0] for call in calls], "nobody can know whether it should be on"
    assert ([], []) == (later.on, later.lost), "told once: its status is unknown from then on"
