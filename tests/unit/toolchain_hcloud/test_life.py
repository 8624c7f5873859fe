"""Each type from creation to deletion: nothing changes by itself, and what was asked for is there."""

from __future__ import annotations

import base64

import pytest

from tests.unit.clouds_hetzner.emulated import KEY
from tests.unit.toolchain_hcloud.stack import Resource

pytestmark = pytest.mark.slow

RULE = {"direction": "in", "protocol": "tcp", "port": "22", "sourceIps": ["203.0.113.7/32"]}
WEB = {"direction": "in", "protocol": "tcp", "port": "443", "sourceIps": ["0.0.0.0/0", "::/0"], "description": "web"}
OUT = {"direction": "out", "protocol": "icmp", "destinationIps": ["0.0.0.0/0"]}
SERVER = {"serverType": "cx23", "image": "debian-12", "location": "fsn1"}


class Names:
    """Ids of what a resource of the table below needs; made when first asked for."""

    def __init__(self, cloud):
        subnet = {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}
        body = {"name": "net", "ip_range": "10.0.0.0/16", "subnets": [subnet]}
        self.network = cloud.make("/networks", body)["network"]["id"]
        server = cloud.server("needed")
        self.server, self.ip = server["id"], server["public_net"]["ipv4"]["ip"]
        self.other = cloud.server("other")["id"]
        self.wall = cloud.make("/firewalls", {"name": "wall"})["firewall"]["id"]
        self.wall2 = cloud.make("/firewalls", {"name": "wall2"})["firewall"]["id"]
        self.volume = cloud.make("/volumes", {"name": "vol", "size": 10, "location": "fsn1"})["volume"]["id"]
        self.floating = cloud.make("/floating_ips", {"type": "ipv4", "home_location": "fsn1"})["floating_ip"]["id"]
        self.primary = cloud.make("/primary_ips", {"name": "p", "type": "ipv4", "location": "fsn1"})["primary_ip"]["id"]
        self.group = cloud.make("/placement_groups", {"name": "g", "type": "spread"})["placement_group"]["id"]


# Type, inputs, changed inputs (None where every change replaces), and what the state must then say.
TABLE = {
    "SshKey": (lambda _: {"publicKey": KEY}, {"labels": {"a": "b"}}, {"labels": {"a": "b"}}),
    "PlacementGroup": (lambda _: {"type": "spread"}, {"labels": {"a": "b"}}, {"labels": {"a": "b"}}),
    "Network": (
        lambda _: {"ipRange": "10.9.0.0/16"},
        {"labels": {"a": "b"}, "deleteProtection": True},
        {"deleteProtection": True},
    ),
    "NetworkSubnet": (
        lambda n: {"networkId": n.network, "type": "cloud", "networkZone": "eu-central", "ipRange": "10.0.2.0/24"},
        None,
        {"gateway": "10.0.0.1"},
    ),
    "NetworkRoute": (
        lambda n: {"networkId": n.network, "destination": "10.8.0.0/24", "gateway": "10.0.1.2"},
        None,
        {"destination": "10.8.0.0/24"},
    ),
    "Volume": (
        lambda _: {"size": 10, "location": "fsn1", "format": "ext4"},
        {"size": 20, "deleteProtection": True},
        {"size": 20, "deleteProtection": True},
    ),
    "VolumeAttachment": (lambda n: {"volumeId": n.volume, "serverId": n.server}, None, {}),
    "Firewall": (lambda _: {"rules": [WEB, RULE, OUT]}, {"rules": [RULE]}, {}),
    "FirewallAttachment": (
        lambda n: {"firewallId": n.wall, "serverIds": [n.other, n.server], "labelSelectors": ["env=prod"]},
        {"labelSelectors": ["env=dev"]},
        {"labelSelectors": ["env=dev"]},
    ),
    "PrimaryIp": (
        lambda _: {"type": "ipv6", "location": "fsn1", "autoDelete": False},
        {"labels": {"a": "b"}, "deleteProtection": True},
        {"deleteProtection": True, "ipNetwork": "2001:db8:0:2::/64", "ipAddress": "2001:db8:0:2::"},
    ),
    "FloatingIp": (
        lambda _: {"type": "ipv4", "homeLocation": "fsn1"},
        {"description": "d", "deleteProtection": True},
        {"description": "d"},
    ),
    "FloatingIpAssignment": (lambda n: {"floatingIpId": n.floating, "serverId": n.server}, {"serverId": "other"}, {}),
    "Rdns": (
        lambda n: {"serverId": n.server, "ipAddress": n.ip, "dnsPtr": "a.example.com"},
        {"dnsPtr": "b.example.com"},
        {"dnsPtr": "b.example.com"},
    ),
    "ServerNetwork": (
        lambda n: {"serverId": n.server, "networkId": n.network},
        {"aliasIps": ["10.0.1.77"]},
        {"aliasIps": ["10.0.1.77"], "ip": "10.0.1.2"},
    ),
    "Server": (
        lambda n: {
            **SERVER,
            "userData": "#cloud-config\n",
            "firewallIds": [n.wall2, n.wall],
            "publicNets": [{"ipv4": n.primary, "ipv4Enabled": True, "ipv6Enabled": True}],
            "networks": [{"networkId": n.network, "ip": "10.0.1.5", "aliasIps": []}],
            "shutdownBeforeDeletion": True,
        },
        {
            "firewallIds": ["wall"],
            "serverType": "cx33",
            "keepDisk": True,
            "backups": True,
            "labels": {"a": "b"},
            "placementGroupId": "group",
            "deleteProtection": True,
            "rebuildProtection": True,
        },
        {"serverType": "cx33", "primaryDiskSize": 40, "backups": True, "status": "running"},
    ),
}


def filled(value, names):
    if isinstance(value, str) and hasattr(names, value):
        return getattr(names, value)
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return {key: filled(item, names) for key, item in value.items()} if isinstance(value, dict) else value


def snapshot(cloud):
    tables = ("firewalls", "networks", "volumes", "servers", "primary_ips", "floating_ips", "ssh_keys")
    return {name: sorted(row["id"] for row in cloud.get(f"/{name}")[name]) for name in tables}


@pytest.mark.parametrize("kind", TABLE)
def test_a_resource_lives_without_changing_by_itself(plugin, cloud, kind):
    names = Names(cloud)
    make, change, expected = TABLE[kind]
    inputs, before = make(names), snapshot(cloud)
    it = Resource(plugin, kind).create(**inputs)
    assert not it.diff(**inputs).changes, "a second preview is empty"
    assert it.refresh(), "it is there"
    assert not it.diff(**inputs).changes, "a preview after a refresh is empty"
    if change is not None:
        inputs |= filled(change, names)
        diff = it.diff(**inputs)
        assert (True, []) == (diff.changes, list(diff.replaces))
        it.update(**inputs)
        assert not it.diff(**inputs).changes, "what was updated is as asked for"
        assert it.refresh()
        assert not it.diff(**inputs).changes
    assert expected == {key: it.state.get(key) for key in expected}
    imported = it.imported()
    assert imported is not None
    assert it.id == imported[0]
    it.delete()
    assert before == snapshot(cloud), "nothing is left behind"
    assert kind == "Rdns" or not it.refresh(), "it is gone"
    it.delete()


@pytest.mark.parametrize("kind", TABLE)
def test_an_input_that_is_not_known_is_refused(plugin, cloud, kind):
    from toolchain.plugins.base import CheckFailed

    inputs = TABLE[kind][0](Names(cloud))
    with pytest.raises(CheckFailed, match="Invalid or unknown key"):
        Resource(plugin, kind).checked({**inputs, "colour": "red"})


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Server", {"userData": "#other\n"}),
        ("Server", {"image": "debian-13"}),
        ("Server", {"location": "nbg1"}),
        ("Server", {"sshKeys": ["1"]}),
        ("Network", {"ipRange": "10.10.0.0/16"}),
        ("NetworkSubnet", {"ipRange": "10.0.3.0/24"}),
        ("Volume", {"location": "nbg1"}),
        ("PrimaryIp", {"type": "ipv4"}),
        ("SshKey", {"publicKey": KEY.replace("AAAAC3", "BBBBC3")}),
        ("Rdns", {"ipAddress": "203.0.113.99"}),
        ("ServerNetwork", {"ip": "10.0.1.9"}),
        ("VolumeAttachment", {"serverId": 7}),
    ],
)
def test_a_change_of_what_cannot_be_changed_replaces(plugin, cloud, kind, change):
    inputs = TABLE[kind][0](Names(cloud))
    it = Resource(plugin, kind).create(**inputs)
    assert list(change) == list(it.diff(**{**inputs, **change}).replaces)


def test_a_resource_without_a_name_gets_one_and_one_with_a_name_is_deleted_before_it_is_replaced(plugin):
    it = Resource(plugin, "Network", "lan").create(ipRange="10.9.0.0/16")
    assert ("lan-", 11) == (it.state["name"][:4], len(it.state["name"]))
    assert not it.diff(ipRange="10.8.0.0/16").delete_before_replace
    named = Resource(plugin, "Network", "own").create(ipRange="10.9.0.0/16", name="own")
    assert named.diff(ipRange="10.8.0.0/16", name="own").delete_before_replace


def ruled(*rules):
    return "firewalls", "actions/set_rules", {"rules": [*rules]}


EDGE = {"name": "edge", "rules": [RULE], "labels": {"a": "b"}}
IP = {"name": "edge", "type": "ipv4", "location": "fsn1", "autoDelete": False, "deleteProtection": True}
SSH = {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["203.0.113.7/32"]}
ALL = ["0.0.0.0/0", "::/0"]
# Kind, inputs, what a hand does (table, path of the call, body), and what differs then.
BY_HAND = {
    "a rule less": ("Firewall", EDGE, ruled(), {"rules"}),
    "a rule more": ("Firewall", EDGE, ruled(SSH, {**SSH, "port": "5432"}), {"rules"}),
    "a rule for everybody": ("Firewall", EDGE, ruled({**SSH, "source_ips": ALL}), {"rules"}),
    "a range of ports": ("Firewall", EDGE, ruled({**SSH, "port": "22-443"}), {"rules"}),
    "another protocol": ("Firewall", EDGE, ruled({**SSH, "protocol": "udp"}), {"rules"}),
    "a firewall's label": ("Firewall", EDGE, ("firewalls", "", {"labels": {"a": "c"}}), {"labels"}),
    "a firewall's name": ("Firewall", EDGE, ("firewalls", "", {"name": "other"}), {"name"}),
    "a server's label": ("Server", {"labels": {"a": "b"}}, ("servers", "", {"labels": {}}), {"labels"}),
    "a server's name": ("Server", {}, ("servers", "", {"name": "other"}), {"name"}),
    "a server's copies": ("Server", {"backups": True}, ("servers", "actions/disable_backup", {}), {"backups"}),
    "a server's protection": (
        "Server",
        {"deleteProtection": True, "rebuildProtection": True},
        ("servers", "actions/change_protection", {"delete": False, "rebuild": False}),
        {"deleteProtection", "rebuildProtection"},
    ),
    "an address's protection": (
        "PrimaryIp",
        IP,
        ("primary_ips", "actions/change_protection", {"delete": False}),
        {"deleteProtection"},
    ),
    "an address's end": ("PrimaryIp", IP, ("primary_ips", "", {"auto_delete": True}), {"autoDelete"}),
    "an address's label": ("PrimaryIp", IP, ("primary_ips", "", {"labels": {"x": "y"}}), {"labels"}),
    "a key's label": ("SshKey", {"publicKey": KEY, "name": "k"}, ("ssh_keys", "", {"labels": {"x": "y"}}), {"labels"}),
    "a key's name": ("SshKey", {"publicKey": KEY, "name": "k"}, ("ssh_keys", "", {"name": "other"}), {"name"}),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_a_hand_has_changed_is_found_by_its_key_put_back_and_then_nothing_differs(plugin, cloud, name):
    kind, inputs, (table, call, body), keys = BY_HAND[name]
    inputs = {**SERVER, "name": "one", **inputs} if kind == "Server" else inputs
    it = Resource(plugin, kind).create(**inputs)
    if call:
        cloud.make(f"/{table}/{it.id}/{call}", body)
        cloud.settle()
    else:
        assert 200 == cloud.ask("PUT", f"/{table}/{it.id}", body)[0]
    assert it.refresh()
    assert keys == set(it.diff(**inputs).diffs), "just that differs"
    it.update(**inputs)
    assert it.refresh()
    assert not it.diff(**inputs).changes, "put back, and a third look finds nothing"


def test_a_firewall_that_a_hand_has_taken_off_a_server_is_put_on_again(plugin, cloud):
    wall = Resource(plugin, "Firewall").create(**EDGE)
    inputs = {**SERVER, "name": "one", "firewallIds": [int(wall.id)]}
    it = Resource(plugin, "Server").create(**inputs)
    taken = {"remove_from": [{"type": "server", "server": {"id": int(it.id)}}]}
    cloud.make(f"/firewalls/{wall.id}/actions/remove_from_resources", taken)
    cloud.settle()
    assert it.refresh()
    assert {"firewallIds"} == set(it.diff(**inputs).diffs)
    it.update(**inputs)
    assert it.refresh()
    assert not it.diff(**inputs).changes
    assert [int(wall.id)] == [row["id"] for row in cloud.get(f"/servers/{it.id}")["server"]["public_net"]["firewalls"]]


@pytest.mark.parametrize(("kind", "table"), [("Firewall", "firewalls"), ("SshKey", "ssh_keys"), ("Server", "servers")])
def test_what_a_hand_has_deleted_is_found_to_be_gone(plugin, cloud, kind, table):
    inputs = {"Firewall": EDGE, "SshKey": {"publicKey": KEY}, "Server": {**SERVER, "name": "one"}}[kind]
    it = Resource(plugin, kind).create(**inputs)
    cloud.ask("DELETE", f"/{table}/{it.id}")
    cloud.settle()
    assert not it.refresh()


def test_user_data_are_in_the_state_as_a_hash_only(plugin):
    server = Resource(plugin, "Server").create(**SERVER, name="one", userData="#cloud-config\n")
    assert "wK9leoEi2xH7hUH5D+q3hxwsPXE=" == server.state["userData"]
    assert server.refresh()
    assert "#cloud-config\n" == server.inputs["userData"]


def test_an_inline_network_without_address_changes_at_every_preview_as_officially(plugin, cloud):
    """docs/traps.md, H7: the remedy is a ServerNetwork, or all fields given."""
    inputs = {**SERVER, "name": "one", "networks": [{"networkId": Names(cloud).network}]}
    assert ["networks"] == list(Resource(plugin, "Server").create(**inputs).diff(**inputs).diffs)


def test_the_keys_of_a_project_are_listed_page_by_page(plugin, cloud):
    for number in range(53):
        blob = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + number.to_bytes(32, "big")).decode()
        cloud.make(
            "/ssh_keys", {"name": f"k{number}", "public_key": f"ssh-ed25519 {blob}", "labels": {"n": str(number)}}
        )
    everything = plugin.invoke("hcloud:index/getSshKeys:getSshKeys", {})
    chosen = plugin.invoke("hcloud:index/getSshKeys:getSshKeys", {"withSelector": "n=7"})

    assert 53 == len(everything["sshKeys"]), "more than a page"
    assert "-".join(str(key["id"]) for key in everything["sshKeys"]) == everything["id"]
    assert [("k7", {"n": "7"})] == [(key["name"], key["labels"]) for key in chosen["sshKeys"]]
    assert {"fingerprint", "id", "labels", "name", "publicKey"} == set(chosen["sshKeys"][0])


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("Server", {"serverType": "cx23", "image": "debian-12"}),
        ("PrimaryIp", {"type": "ipv4", "assigneeType": "server"}),
    ],
)
def test_a_datacenter_is_asked_for_as_its_location(plugin, cloud, kind, inputs):
    made = Resource(plugin, kind).create(**inputs, datacenter="hel1-dc2")

    listed = cloud.get("/servers" if kind == "Server" else "/primary_ips")
    places = {row["location"]["name"] for rows in listed.values() if isinstance(rows, list) for row in rows}
    assert {"hel1"} == places, "the API takes no datacenter, and the provider goes on taking one"
    assert "hel1" == made.state["location"], "and reads back where that is"
