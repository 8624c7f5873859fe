from __future__ import annotations

import pytest

from toolchain.plugins.base import UNKNOWN
from toolchain.plugins.docker.container_schema import CONTAINER
from toolchain.plugins.docker.network import NETWORK
from toolchain.plugins.tfbridge.diff import diff_of
from toolchain.plugins.tfbridge.plan import planned
from toolchain.plugins.tfbridge.state import after_create, after_read

BASE = {"image": "i", "name": "c", "networkMode": "bridge"}


def state(inputs, read=None):
    return after_create(
        CONTAINER,
        planned(CONTAINER, None, inputs),
        {"command": inputs.get("command", []), "entrypoints": [], "networkDatas": [], **(read or {})},
    )


def kinds(before, after, read=None):
    return dict(diff_of(CONTAINER, state({**BASE, **before}, read), {**BASE, **after}, replace_first=True).detailed)


A, B = {"label": "a", "value": "1"}, {"label": "b", "value": "1"}
CASES = [
    ("nothing changes", {"envs": ["A=1"]}, {"envs": ["A=1"]}, {}),
    ("order of a set", {"envs": ["A=1", "B=1"]}, {"envs": ["B=1", "A=1"]}, {}),
    ("one variable", {"envs": ["A=1", "B=1"]}, {"envs": ["A=2", "B=1"]}, {"envs[0]": "UPDATE_REPLACE"}),
    ("a variable more", {"envs": ["A=1"]}, {"envs": ["A=1", "B=1"]}, {"envs[1]": "ADD_REPLACE"}),
    ("first label", {}, {"labels": [A]}, {"labels": "ADD_REPLACE"}),
    ("second label", {"labels": [A]}, {"labels": [A, B]}, {"labels[1]": "ADD_REPLACE"}),
    ("a label less", {"labels": [A, B]}, {"labels": [B]}, {"labels[0]": "DELETE_REPLACE"}),
    ("command", {"command": ["a", "b"]}, {"command": ["a", "c"]}, {"command[1]": "UPDATE_REPLACE"}),
    ("command longer", {"command": ["a"]}, {"command": ["x", "a"]}, {"command[0]": "ADD_REPLACE"}),
    (
        "log option",
        {"logOpts": {"max-size": "1m"}},
        {"logOpts": {"max-size": "2m"}},
        {"logOpts.max-size": "UPDATE_REPLACE"},
    ),
    ("limit in place", {"memory": 64}, {"memory": 96}, {"memory": "UPDATE"}),
    ("limit given up", {"memory": 64}, {}, {"memory": "DELETE"}),
    ("image to come", {}, {"image": UNKNOWN}, {"image": "UPDATE_REPLACE"}),
    ("user as it is", {"user": "1"}, {"user": ""}, {}),
    (
        "volume not literal",
        {"volumes": [{"containerPath": "/a"}]},
        {"volumes": [{"containerPath": "/b"}]},
        {"volumes": "UPDATE_REPLACE"},
    ),
    (
        "capability",
        {"capabilities": {"drops": ["ALL"]}},
        {"capabilities": {"drops": ["ALL"], "adds": ["CAP_CHOWN"]}},
        {"capabilities.adds": "ADD_REPLACE"},
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_a_change_is_named_by_path_and_kind(before, after, expected):
    assert expected == kinds(before, after), "the detailed diff differs"


def test_ports_in_another_order_are_the_same_ports():
    ports = [{"internal": n, "external": n, "ip": "127.0.0.1", "protocol": "tcp"} for n in (80, 443)]
    assert {} == kinds({"ports": ports}, {"ports": ports[::-1]}), (
        "D26: the daemon sorts them, the provider does not mind"
    )


def test_a_refresh_of_an_unchanged_container_leaves_nothing_to_do():
    inputs = {**BASE, "volumes": [{"containerPath": "/a", "volumeName": "v"}], "networksAdvanced": [{"name": "n"}]}
    refreshed = after_read(CONTAINER, state(inputs), {})
    assert not diff_of(CONTAINER, refreshed, inputs, replace_first=True).changes, "zeros of a read are no change"


def test_a_replacement_of_something_named_deletes_first():
    diff = diff_of(CONTAINER, state(BASE), {**BASE, "hostname": "h"}, replace_first=True)
    assert diff.delete_before_replace, "the name must be free (D16)"
    assert ["hostname"] == list(diff.replaces), "the host name replaces"
    assert "hostname" not in diff.stables, "what changes is not stable"


def test_an_ignored_property_is_no_change():
    diff = diff_of(CONTAINER, state(BASE), {**BASE, "logOpts": {"a": "b"}}, replace_first=True, ignored=("logOpts",))
    assert not diff.changes, "ignoreChanges covers all below the path"


def test_a_network_with_another_subnet_is_replaced_whole():
    before = {"name": "n", "ipamDriver": "default", "ipamConfigs": [{"subnet": "192.0.2.0/25"}]}
    after = {**before, "ipamConfigs": [{"subnet": "192.0.2.128/25"}]}
    was = after_create(NETWORK, planned(NETWORK, None, before), {"options": {}})
    diff = diff_of(NETWORK, was, after, replace_first=True)
    assert {"ipamConfigs": "UPDATE_REPLACE"} == dict(diff.detailed), "D24: every property of a network replaces it"
