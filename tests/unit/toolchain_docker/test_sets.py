"""Sets as upstream answers them: inputs of a refresh in the program's order, zeros in what an update leaves alone."""

from __future__ import annotations

import random

import pytest

from toolchain.plugins.docker.container_schema import CONTAINER
from toolchain.plugins.docker.provider import provider
from toolchain.plugins.docker.volume import VOLUME
from toolchain.plugins.tfbridge.diff import diff_of
from toolchain.plugins.tfbridge.plan import planned
from toolchain.plugins.tfbridge.state import after_create, after_read, after_update, partial, refreshed_inputs

URN = "urn:pulumi:dev::p::pulumi:providers:docker::d"
BASE = {"image": "i", "name": "c", "networkMode": "bridge"}
READ = {"command": [], "entrypoints": [], "networkDatas": []}
LABELS = [{"label": label, "value": label.upper()} for label in ("stack", "host", "made-by", "app")]


def net(name, **more):
    return {"name": name, **more}


@pytest.mark.parametrize("order", range(5))
def test_a_refresh_keeps_the_order_in_which_the_program_has_the_elements_of_a_set(order):
    labels = random.Random(order).sample(LABELS, len(LABELS))  # noqa: S311  # no secret
    inputs = {"name": "v", "labels": labels, "__defaults": []}
    state = after_read(VOLUME, {}, {"name": "v", "labels": sorted(labels, key=lambda one: one["label"])})

    assert labels == refreshed_inputs(VOLUME, inputs, state)["labels"], "matchSetElements: by content, not by position"
    assert sorted(labels, key=lambda one: one["label"]) == state["labels"], "the state is in the set's own order"


@pytest.mark.parametrize(
    ("now", "remembered"),
    [
        ([("host", "h2"), ("stack", "s")], [("stack", "s"), ("host", "h2")]),
        ([("host", "h")], [("host", "h")]),
        ([("host", "h"), ("new", "n"), ("stack", "s")], [("stack", "s"), ("host", "h")]),
        ([], []),
    ],
)
def test_what_changed_outside_is_found_by_its_likeness_and_what_is_gone_is_left_out(now, remembered):
    def rows(pairs):
        return [{"label": label, "value": value} for label, value in pairs]

    inputs = {"labels": rows([("stack", "s"), ("host", "h")])}

    assert rows(remembered) == refreshed_inputs(VOLUME, inputs, {"labels": rows(now)})["labels"]


def test_an_update_answers_zeros_for_what_the_elements_of_a_set_leave_out_and_creation_does_not():
    inputs = {**BASE, "networksAdvanced": [net("b", aliases=["x"]), net("a")]}
    made = after_create(CONTAINER, planned(CONTAINER, None, inputs), READ)
    changed = after_update(CONTAINER, made, planned(CONTAINER, made, {**inputs, "memory": 64}))

    assert [None, None] == [element["gwPriority"] for element in made["networksAdvanced"]]
    assert [0, 0] == [element["gwPriority"] for element in changed["networksAdvanced"]]
    names = [[element["name"] for element in state["networksAdvanced"]] for state in (made, changed)]
    assert names[0] == names[1], "in the same order"


@pytest.mark.parametrize(
    ("name", "element", "zeros"),
    [
        ("uploads", {"file": "/a", "content": "x"}, {"executable": False}),
        ("volumes", {"containerPath": "/a", "volumeName": "v"}, {"readOnly": False}),
        ("mounts", {"target": "/a", "type": "tmpfs"}, {"readOnly": False}),
    ],
)
def test_so_does_every_set_of_objects(name, element, zeros):
    inputs = {**BASE, name: [element]}
    made = after_create(CONTAINER, planned(CONTAINER, None, inputs), READ)
    changed = after_update(CONTAINER, made, planned(CONTAINER, made, {**inputs, "memory": 64}))[name][0]

    assert zeros == {key: changed[key] for key in zeros}


@pytest.mark.req("NP-03")
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('["-o", "BatchMode=yes"]', '["-o","BatchMode=yes"]'),
        ('["-o","BatchMode=yes"]', '["-o","BatchMode=yes"]'),
        (["-o", "BatchMode=yes"], '["-o","BatchMode=yes"]'),
        ('["-o", "ProxyCommand=a <b> & c"]', '["-o","ProxyCommand=a \\u003cb\\u003e \\u0026 c"]'),
        ('["ä"]', '["ä"]'),
        ("", "[]"),
    ],
)
def test_lists_among_the_settings_are_kept_as_go_writes_json(given, kept):
    assert kept == provider().check_config(URN, {}, {"host": "ssh://h", "sshOpts": given})["sshOpts"]


@pytest.mark.req("NP-03")
def test_logins_are_kept_with_their_keys_in_order():
    logins = '[{"username": "u", "address": "registry.example.com"}]'
    kept = provider().check_config(URN, {}, {"host": "ssh://h", "registryAuth": logins})["registryAuth"]

    assert '[{"address":"registry.example.com","username":"u"}]' == kept


def mounted(chance):
    """Volumes as a program may have them: read-only, not, or not a word about it."""
    rows = [{"containerPath": f"/{number}", "volumeName": chance.choice("ab")} for number in range(3)]
    return [row | chance.choice([{}, {}, {"readOnly": False}, {"readOnly": True}]) for row in rows]


@pytest.mark.parametrize("seed", range(40))
def test_a_flag_of_a_volume_that_nobody_names_is_no_difference_whatever_the_container_went_through(seed):
    """Null after creation and false after a read, by the official plugin too (docker-network-volume.json)."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    news = {**BASE, "mustRun": True, "volumes": mounted(chance)}
    plan = planned(CONTAINER, None, news)
    state = chance.choice([after_create(CONTAINER, plan, READ), partial(CONTAINER, plan)])
    inputs = news
    for _ in range(6):
        if chance.random() < 0.4:
            state, inputs = after_update(CONTAINER, state, planned(CONTAINER, state, news)), news
        else:
            stopped = chance.choice([{}, {"mustRun": False, "exitCode": 1}])
            state = after_read(CONTAINER, state, {**READ, **stopped})
            inputs = refreshed_inputs(CONTAINER, inputs, state)
        for wanted in (inputs, news):
            found = diff_of(CONTAINER, state, wanted, replace_first=True).detailed
            assert [] == [path for path in found if path.startswith("volumes")], found
        assert [*map(dict.keys, news["volumes"])] == [*map(dict.keys, inputs["volumes"])], "no key more, in this order"
