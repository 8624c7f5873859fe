"""Servers: their machines, firewalls, addresses and networks."""

from __future__ import annotations

from rehearsal.clouds.hetzner.machines import InMemory
from tests.unit.clouds_hetzner.emulated import KEY

SSH = {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["203.0.113.7/32"]}


def test_a_machine_boots_with_its_keys_and_user_data_behind_its_firewall(cloud):
    key = cloud.make("/ssh_keys", {"name": "k", "public_key": KEY})["ssh_key"]
    wall = cloud.make("/firewalls", {"name": "f", "rules": [SSH]})["firewall"]
    more = {"ssh_keys": [key["id"]], "firewalls": [{"firewall": wall["id"]}], "user_data": "#cloud-config\n"}
    server = cloud.server(**more)
    (first, of, rules), second = cloud.machines.calls
    assert ("firewall", server["id"]) == (first, of), "a machine is never up before its filter is there"
    assert ["22"] == [rule["port"] for rule in rules]
    assert ("create", server["id"], "#cloud-config\n", (KEY,)) == second
    assert "running" == cloud.get(f"/servers/{server['id']}")["server"]["status"]


def test_changed_rules_labels_and_targets_reach_the_machine(cloud):
    wall = cloud.make("/firewalls", {"name": "f", "rules": [SSH]})["firewall"]
    selector = [{"type": "label_selector", "label_selector": {"selector": "env=prod"}}]
    cloud.make(f"/firewalls/{wall['id']}/actions/apply_to_resources", {"apply_to": selector})
    server = cloud.server()
    cloud.machines.calls.clear()
    cloud.ask("PUT", f"/servers/{server['id']}", {"labels": {"env": "prod"}})
    cloud.make(f"/firewalls/{wall['id']}/actions/set_rules", {"rules": []})
    cloud.ask("PUT", f"/servers/{server['id']}", {"labels": {}})
    ports = [None if rules is None else [rule["port"] for rule in rules] for _, _, rules in cloud.machines.calls]
    assert [["22"], [], None] == ports, "one rule, then no rule but a firewall, then no firewall"


def test_a_firewall_that_a_machine_refuses_is_an_error_and_is_tried_again(cloud):
    server = cloud.server()
    wall = cloud.make("/firewalls", {"name": "f", "rules": [SSH]})["firewall"]
    cloud.machines.fail["firewall"] = "nft: broken"
    entry = {"apply_to": [{"type": "server", "server": {"id": server["id"]}}]}
    status, answer, _ = cloud.ask("POST", f"/firewalls/{wall['id']}/actions/apply_to_resources", entry)
    assert (500, True) == (status, "nft: broken" in answer["error"]["message"])
    cloud.machines.fail.clear()
    cloud.machines.calls.clear()
    cloud.ask("PUT", f"/servers/{server['id']}", {"labels": {"any": "change"}})
    assert ["firewall"] == [call[0] for call in cloud.machines.calls]


def test_a_primary_ip_outlives_its_server_and_goes_to_the_next_one(cloud):
    ip = cloud.make("/primary_ips", {"name": "p", "type": "ipv4", "location": "fsn1"})["primary_ip"]
    net = {"enable_ipv4": True, "ipv4": ip["id"], "enable_ipv6": True}
    first = cloud.server(public_net=net)
    assert ip["ip"] == first["public_net"]["ipv4"]["ip"]
    assert first["public_net"]["ipv6"]["ip"].startswith("2001:db8:")
    cloud.ask("DELETE", f"/servers/{first['id']}")
    left = cloud.get("/primary_ips")["primary_ips"]
    assert [(ip["id"], None)] == [(row["id"], row["assignee_id"]) for row in left], "the automatic one is gone"
    assert ip["ip"] == cloud.server(name="two", public_net=net)["public_net"]["ipv4"]["ip"]


def test_a_deleted_server_leaves_volumes_firewalls_and_networks_behind(cloud):
    subnet = {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}
    net = cloud.make("/networks", {"name": "n", "ip_range": "10.0.0.0/16", "subnets": [subnet]})["network"]
    volume = cloud.make("/volumes", {"name": "v", "size": 10, "location": "fsn1"})["volume"]
    wall = cloud.make("/firewalls", {"name": "f"})["firewall"]
    parts = {"networks": [net["id"]], "volumes": [volume["id"]], "firewalls": [{"firewall": wall["id"]}]}
    server = cloud.server(**parts)
    assert "10.0.1.2" == server["private_net"][0]["ip"]
    assert [server["id"]] == cloud.get(f"/networks/{net['id']}")["network"]["servers"]
    cloud.ask("DELETE", f"/servers/{server['id']}")
    assert [] == cloud.get(f"/networks/{net['id']}")["network"]["servers"]
    assert cloud.get(f"/volumes/{volume['id']}")["volume"]["server"] is None
    assert [] == cloud.get(f"/firewalls/{wall['id']}")["firewall"]["applied_to"]
    assert ("delete", server["id"]) in cloud.machines.calls


def test_power_and_rebuild_reach_the_machine(cloud):
    server = cloud.server(user_data="old")
    path = f"/servers/{server['id']}"
    states = []
    for what in ("poweroff", "poweron", "reboot", "reset", "shutdown"):
        cloud.make(f"{path}/actions/{what}", {})
        states.append(cloud.get(path)["server"]["status"])
    assert ["off", "running", "running", "running", "off"] == states
    cloud.make(f"{path}/actions/rebuild", {"image": "ubuntu-24.04"})
    assert ("rebuild", server["id"], "old", ()) == cloud.machines.calls[-1]
    assert "ubuntu-24.04" == cloud.get(path)["server"]["image"]["name"]


def test_a_machine_that_does_not_boot_fails_its_action(cloud):
    cloud.machines.fail["create"] = "no space left"
    answer = cloud.make("/servers", {"name": "one", "server_type": "cx23", "image": "debian-12"})
    assert ("error", {"code": "action_failed", "message": "no space left"}) == (
        answer["action"]["status"],
        answer["action"]["error"],
    )
    assert "off" == answer["server"]["status"]


def test_addresses_come_from_the_documentation_ranges_and_are_never_given_twice():
    driver = InMemory()
    taken = set()
    for _ in range(20):
        taken.add(driver.ipv4(taken))
    assert (20, True) == (len(taken), all(ip.startswith("203.0.113.") for ip in taken))
    assert "2001:db8:0:1::/64" == driver.ipv6({"2001:db8::/64"})


def test_no_answer_names_a_datacenter_any_more(cloud):
    server = cloud.server()
    address = cloud.make("/primary_ips", {"name": "p", "type": "ipv4", "location": "hel1"})["primary_ip"]

    assert "fsn1" == server["location"]["name"], "a server is at a location"
    assert "hel1" == address["location"]["name"], "and so is an address"
    assert "datacenter" not in {*server, *address}, (
        "the API has taken it away in July 2026 (hetznercloud/hcloud-go, release notes of v2.45.0)"
    )
