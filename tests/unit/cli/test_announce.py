"""An update in sentences, and what it would lose."""

from __future__ import annotations

import json

import pytest

from homeport.cli import announce
from homeport.cli.announce import Announcer
from homeport.cli.stack import read

URN = "urn:pulumi:dev::homeport::"
BLUEPRINT = read("dev").plan.blueprint
DATA = [{"label": "homeport.data", "value": "true"}]
FILES = [{"label": "homeport.data", "value": "false"}]
MOUNTS = {"volumes": [{"volumeName": "ai-n8n-n8n", "containerPath": "/home/node"}]}


def _event(op, type_, name, parent="ai-n8n", *, old=None, new=None, **more):
    record = {"parent": f"{URN}homeport:docker:Workload::{parent}"}
    meta = {
        "op": op,
        "urn": f"{URN}homeport:docker:Workload${type_}::{name}",
        "old": {**record, **more, "inputs": old} if old is not None else None,
        "new": {**record, "inputs": new} if new is not None else None,
    }
    return {"timestamp": 1, "resourcePreEvent": {"metadata": meta}}


def _container(op, service, old=None, new=None):
    return _event(op, "docker:index/container:Container", f"{service}-container", service, old=old, new=new)


def _announced(tmp_path, *events, seconds=None):
    log = tmp_path / "events"
    log.write_text("\n".join(map(json.dumps, events)) + "\n{broken")
    return Announcer(blueprint=BLUEPRINT, seconds=seconds or {}).announce(announce.steps(log))


@pytest.mark.req("NW-12")
def test_a_replaced_service_says_why_for_how_long_and_what_stays(tmp_path):
    event = _container("replace", "ai-n8n", {**MOUNTS, "envs": ["A=1"]}, {**MOUNTS, "envs": ["A=2"]})
    told = _announced(tmp_path, event, seconds={"ai-n8n": 7})

    assert (
        "ai-n8n: replaced (environment); down for about 7 s; its data stays",
        "https://n8n.localhost:8443: does not answer for about 7 s",
    ) == told.sentences
    assert () == told.losses, "nothing goes"


@pytest.mark.req("NW-12")
def test_a_database_that_is_replaced_takes_the_address_of_what_needs_it_along(tmp_path):
    told = _announced(tmp_path, _container("replace", "ai-postgres", {"envs": []}, {"envs": ["A=1"]}))

    assert any(text.startswith("https://n8n.localhost:8443: does not answer") for text in told.sentences), told


@pytest.mark.req("NW-12")
def test_a_change_in_place_says_that_nothing_is_down(tmp_path):
    told = _announced(tmp_path, _container("update", "ai-n8n", {"memory": 1}, {"memory": 2}))

    assert ("ai-n8n: memory changed in place; not down",) == told.sentences


@pytest.mark.req("NW-12")
@pytest.mark.parametrize("op", ["update", "replace"])
def test_a_changed_route_takes_nothing_down(tmp_path, op):
    create = "sh components/scripts/routes.sh ai-caddy-routes mark caddy:2 ai-caddy /etc/homeport 10001 dev"
    event = _event(
        op,
        "command:local:Command",
        "ai-caddy-routes-taken",
        "ai-caddy-routes",
        old={"create": create},
        new={"create": "?"},
    )

    assert ("ai-caddy: takes its routes and their guards by a reload; no connection ends",) == _announced(
        tmp_path, event
    ).sentences


@pytest.mark.req("NW-12")
def test_a_time_that_nobody_has_measured_is_said_to_be_that(tmp_path):
    told = _announced(tmp_path, _container("replace", "ai-redis", {"image": "1"}, {"image": "2"}))

    assert "down for about 10 s (an estimate: no update has measured it yet)" in told.sentences[0], told


@pytest.mark.req("NW-12")
@pytest.mark.parametrize("op", ["update", "replace"])
def test_no_word_of_pulumis_is_in_a_sentence(tmp_path, op):
    inputs = (
        "mustRun",
        "logDriver",
        "destroyGraceSeconds",
        "capabilities",
        "readOnly",
        "sysctls",
        "envs",
        "waitTimeout",
    )
    for name in inputs:
        told = _announced(tmp_path, _container(op, "ai-n8n", {name: 1}, {name: 2}))
        assert not [word for word in inputs if word in "".join(told.sentences)], told
        assert told.sentences[0].startswith("ai-n8n: "), told


@pytest.mark.req("NW-12")
def test_a_new_service_takes_nothing_down(tmp_path):
    told = _announced(tmp_path, _container("create", "ai-redis", None, {"image": "2"}))

    assert ("ai-redis: started; nothing is down for it",) == told.sentences


@pytest.mark.req("NW-08", "NW-12")
@pytest.mark.parametrize("op", ["delete", "replace"])
def test_a_data_volume_that_goes_is_a_loss_with_its_name(tmp_path, op):
    volume = {"name": "ai-n8n-n8n", "labels": DATA}
    told = _announced(tmp_path, _event(op, "docker:index/volume:Volume", "ai-n8n-n8n", old=volume, new=volume))

    assert ["ai-n8n-n8n"] == [loss.name for loss in told.losses]
    assert "volume ai-n8n-n8n: DATA LOST, it is deleted" in told.sentences


def test_a_volume_that_docker_keeps_and_one_of_files_are_no_loss(tmp_path):
    told = _announced(
        tmp_path,
        _event("delete", "docker:index/volume:Volume", "a", old={"name": "a", "labels": DATA}, retainOnDelete=True),
        _event("replace", "docker:index/volume:Volume", "b", old={"name": "b", "labels": FILES}, new={"labels": FILES}),
    )

    assert () == told.losses
    assert ("volume a: leaves the stack; Docker keeps it",) == told.sentences


@pytest.mark.req("NW-08", "NW-12")
def test_a_key_that_goes_is_a_loss_and_a_new_value_is_said(tmp_path):
    password = "random:index/randomPassword:RandomPassword"
    told = _announced(
        tmp_path,
        _event("delete", password, "secrets-n8n-encryption-key", "secrets", old={"length": 64}),
        _event("replace", password, "secrets-redis-password", "secrets", old={}, new={}),
    )

    assert ["n8n-encryption-key"] == [loss.name for loss in told.losses], "its name is the consent"
    assert "secret redis-password: gets a new value; the old one is gone" in told.sentences


def test_a_server_that_goes_is_a_loss(tmp_path):
    told = _announced(
        tmp_path, _event("replace", "hcloud:index/server:Server", "main-server", old={"name": "p-main"}, new={})
    )

    assert ["p-main"] == [loss.name for loss in told.losses], "everything on it goes along"


def test_nothing_planned_is_nothing_said(tmp_path):
    assert 0 == _announced(tmp_path, {"timestamp": 1, "summaryEvent": {}}).changes


@pytest.mark.req("NW-12")
def test_how_long_a_service_was_away_is_measured_by_the_update_itself(tmp_path):
    gate = _event("create-replacement", "command:local:Command", "ai-n8n-healthy", old={}, new={})
    log = tmp_path / "events"
    events = [
        {**_container("delete-replaced", "ai-n8n", {}), "timestamp": 100},
        {"timestamp": 109, "resOutputsEvent": gate["resourcePreEvent"]},
    ]
    log.write_text("\n".join(map(json.dumps, events)))

    assert {"ai-n8n": 9} == announce.measured(log)


@pytest.mark.req("NW-08")
def test_a_new_value_of_a_key_that_data_is_encrypted_with_is_a_loss(tmp_path):
    password = "random:index/randomPassword:RandomPassword"
    log = tmp_path / "events"
    log.write_text(json.dumps(_event("replace", password, "secrets-the-key", "secrets", old={}, new={})))
    keyed = Announcer(blueprint=BLUEPRINT, keys=frozenset({"the-key"})).announce(announce.steps(log))

    assert ["the-key"] == [loss.name for loss in keyed.losses], "what was stored with the old one is lost"
    assert () == Announcer(blueprint=BLUEPRINT).announce(announce.steps(log)).losses, "a password is only another"


def test_a_shared_volume_of_tools_or_files_is_never_called_lost_data(tmp_path):
    labels = [{"label": "homeport.stack", "value": "dev"}, {"label": "homeport.volume", "value": "busybox"}]
    volume = {"name": "shared-busybox", "labels": labels}
    told = _announced(tmp_path, _event("delete", "docker:index/volume:Volume", "shared-busybox", old=volume))

    assert () == told.losses, "the next update fills it again: nobody has to give it up"
    assert "LOST" not in "".join(told.sentences)


@pytest.mark.req("NW-12")
def test_who_needs_what_is_replaced_or_started_again_is_named_as_disturbed(tmp_path):
    for event in (
        _container("update", "ai-postgres", {"mustRun": False}, {"mustRun": True}),
        _container("replace", "ai-postgres", {"image": "1"}, {"image": "2"}),
    ):
        told = _announced(tmp_path, event)
        assert any(text.startswith("ai-n8n: disturbed by it, for it needs ai-postgres") for text in told.sentences), (
            told
        )
        assert not any(text.startswith("ai-redis: disturbed") for text in told.sentences), "it needs no database"


@pytest.mark.req("NW-12")
def test_an_address_that_stops_for_good_is_said_with_the_one_that_answers_instead(tmp_path):
    log = tmp_path / "events"
    log.write_text(json.dumps(_container("update", "ai-caddy", {"memory": 1}, {"memory": 2})))
    old = {"https://n8n.localhost:9443": "ai-n8n", "https://n8n.localhost:8443": "ai-n8n"}
    steps = announce.steps(log)

    told = Announcer(blueprint=BLUEPRINT, doors={"https://n8n.localhost:9443": "ai-n8n"}).announce(steps)
    moved = "https://n8n.localhost:9443: stops for good; ai-n8n answers at https://n8n.localhost:8443 from then on"
    assert moved in told.sentences, told
    kept = Announcer(blueprint=BLUEPRINT, doors={"https://n8n.localhost:8443": "ai-n8n"}).announce(steps)
    assert not any("stops for good" in text for text in kept.sentences), "it is the same one"
    both = Announcer(blueprint=BLUEPRINT, doors=old).announce(steps)
    assert "https://n8n.localhost:9443: stops for good" in both.sentences, "the other one is no news"
