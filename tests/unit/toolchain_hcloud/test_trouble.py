"""The cloud says no, is slow or does not answer; settings that are wrong; the facts of the official schema."""

from __future__ import annotations

import pytest
from hcloud import APIException

from tests.rehearsal.conformance.recordings import schema
from tests.unit.clouds_hetzner.emulated import KEY, TOKEN
from tests.unit.toolchain_hcloud.stack import Resource
from toolchain.plugins.base import CheckFailed, InitError, ProviderError, Secret
from toolchain.plugins.hcloud.provider import provider

pytestmark = pytest.mark.slow

SERVER = {"name": "one", "serverType": "cx23", "image": "debian-12", "location": "fsn1"}


def test_a_slow_action_is_waited_for(plugin, cloud):
    cloud.fault(kind="slow_action", path="/servers$", seconds=0.3)
    server = Resource(plugin, "Server").create(**SERVER)
    assert "running" == server.state["status"]
    assert any(row["path"] == "/v1/actions" for row in cloud.service.journal.rows())


def test_a_server_that_does_not_boot_stays_in_the_state_to_be_replaced(plugin, cloud):
    cloud.machines.fail["create"] = "no space left"
    with pytest.raises(InitError, match="no space left") as failed:
        Resource(plugin, "Server").create(**SERVER)
    assert [failed.value.id] == [str(row["id"]) for row in cloud.get("/servers")["servers"]]
    assert failed.value.state["id"] == failed.value.id


def test_a_lost_answer_is_an_error_and_the_orphan_is_refused_by_name(plugin, cloud):
    cloud.fault(kind="lost", method="POST", path="/networks$")
    with pytest.raises(ProviderError, match="POST /networks"):
        Resource(plugin, "Network").create(name="net", ipRange="10.0.0.0/16")
    with pytest.raises(ProviderError, match=r"network name is already used \(uniqueness_error\)"):
        Resource(plugin, "Network").create(name="net", ipRange="10.0.0.0/16")


def test_a_locked_server_and_a_rate_limit_are_waited_out(plugin, cloud):
    server = Resource(plugin, "Server").create(**SERVER)
    cloud.fault(kind="status", status=423, method="DELETE")
    cloud.fault(kind="status", status=429, method="DELETE")
    server.delete()
    assert [] == cloud.get("/servers")["servers"]
    statuses = [row["status"] for row in cloud.service.journal.rows() if row["method"] == "DELETE"]
    assert [423, 429, 200] == statuses


@pytest.mark.parametrize(
    ("kind", "inputs", "text"),
    [
        ("Server", {**SERVER, "serverType": "cx99"}, "server type cx99 not found"),
        ("Server", {**SERVER, "image": "plan9"}, "image plan9 for architecture x86 not found"),
        ("Server", {**SERVER, "sshKeys": ["me"]}, "ssh key not found: me"),
        ("Server", {**SERVER, "name": "not_a_host"}, r"invalid input in field 'name' \(invalid_input\): \[name =>"),
        ("Volume", {"name": "v", "size": 1, "location": "fsn1"}, "must be between 10"),
        ("SshKey", {"name": "k", "publicKey": "nonsense"}, "SSH key format is invalid"),
        ("ServerNetwork", {"serverId": 1}, "either networkId or subnetId must be given"),
        ("Rdns", {"ipAddress": "203.0.113.1", "dnsPtr": "a.example.com"}, "exactly one of"),
    ],
)
def test_a_refusal_is_shown_with_its_reason(plugin, kind, inputs, text):
    with pytest.raises(ProviderError, match=text):
        Resource(plugin, kind).create(**inputs)


def test_servers_deleted_by_hand_disappear_with_what_hangs_on_them(plugin, cloud):
    server = Resource(plugin, "Server").create(**SERVER)
    volume = Resource(plugin, "Volume").create(name="v", size=10, location="fsn1")
    on = Resource(plugin, "VolumeAttachment").create(volumeId=int(volume.id), serverId=int(server.id))
    cloud.ask("DELETE", f"/servers/{server.id}")
    assert [False, False, True] == [it.refresh() for it in (server, on, volume)]


def test_an_update_that_fails_says_so_and_keeps_the_resource(plugin, cloud):
    server = Resource(plugin, "Server").create(**SERVER)
    cloud.fault(kind="status", method="PUT", status=503)
    with pytest.raises(InitError, match="unavailable"):
        server.update(**SERVER, labels={"a": "b"})
    with pytest.raises(InitError, match="cannot change rescue"):
        server.update(**SERVER, rescue="linux64")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "Missing Hetzner Cloud API token"),
        ({"token": "short"}, "exactly 64 characters"),
        ({"token": TOKEN, "pollInterval": "soon"}, "invalid poll interval"),
        ({"token": TOKEN, "pollFunction": "guess"}, "invalid poll function"),
    ],
)
def test_wrong_settings_are_refused_without_the_token_in_the_message(monkeypatch, settings, text):
    monkeypatch.delenv("HCLOUD_TOKEN", raising=False)
    with pytest.raises(ProviderError, match=text) as refused:
        provider().configure(settings)
    assert settings.get("token", "-") not in str(refused.value)


def test_an_unknown_setting_is_refused_and_the_token_is_a_secret():
    with pytest.raises(CheckFailed, match="Invalid or unknown key"):
        provider().check_config("urn::h", {}, {"colour": "red"})
    assert Secret(TOKEN) == provider().check_config("urn::h", {}, {"token": TOKEN})["token"]


def test_no_request_goes_through_a_proxy(monkeypatch, cloud):
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    plugin = provider()
    plugin.configure({"token": TOKEN, "endpoint": cloud.listener.url})
    assert Resource(plugin, "SshKey").create(publicKey=KEY).id
    plugin.cloud()._client._client._session.close()


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("1m30s", 90.0), ("1.5s", 1.5)])
def test_the_poll_interval_is_read_as_in_go(text, seconds):
    plugin = provider()
    plugin.configure({"token": TOKEN, "pollInterval": text})
    assert seconds == plugin.cloud()._interval


TYPES = {"string": "string", "int": "integer", "bool": "boolean", "list": "array", "set": "array", "map": "object"}
# Load balancers are not covered, so nothing can refer to one.
NOT_COVERED = {"hcloud:index/rdns:Rdns": {"loadBalancerId"}}


def test_inputs_outputs_types_and_replacements_are_those_of_the_official_schema():
    official = schema("hcloud")
    for token, kind in provider().resources.items():
        theirs, missing = official[token], NOT_COVERED.get(token, set())
        outputs = {name: kind for name, kind in theirs["outputs"].items() if name not in missing}
        assert outputs == {name: TYPES[attr.kind] for name, attr in kind.schema.items()}, token
        assert set(theirs["inputs"]) - missing == {n for n, attr in kind.schema.items() if attr.is_input}, token
        assert set(theirs["requiredInputs"]) == {n for n, attr in kind.schema.items() if attr.required}, token
        replacing = {name for name, entry in theirs["inputs"].items() if entry.get("willReplaceOnChanges")}
        # Of types made with the plugin framework the schema does not say what replaces.
        assert replacing <= {name for name, attr in kind.schema.items() if attr.force_new}, token


def test_rules_that_could_not_be_set_are_not_noted_as_set(plugin, cloud):
    rule = {"direction": "in", "protocol": "tcp", "sourceIps": ["0.0.0.0/0"]}
    wall = Resource(plugin, "Firewall").create(name="wall", rules=[{**rule, "port": "22"}])
    cloud.fault(kind="status", method="POST", path="set_rules$", status=503)

    with pytest.raises(InitError) as failed:
        wall.update(name="wall", rules=[{**rule, "port": "2222"}])

    assert ["22"] == [rule["port"] for rule in failed.value.state["rules"]], (
        "else the next update would find nothing to do"
    )


def test_an_answer_that_is_no_json_says_so(plugin, monkeypatch):
    def cut(_self, _method, _path, **_more):
        raise APIException(code=201, message="Created", details={})

    monkeypatch.setattr("hcloud.Client.request", cut)
    with pytest.raises(ProviderError, match="no JSON, so what was asked for may be done"):
        Resource(plugin, "SshKey").create(name="k", publicKey="x")
