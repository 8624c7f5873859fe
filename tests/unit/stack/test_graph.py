"""The whole graph of a stack, as the engine is told it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from tests.support.one_machine import supplied
from tests.unit.stack.graph import CANARY

GOLDEN = Path(__file__).parents[2] / "golden"
CONTAINER = "docker:index/container:Container"
COMMAND = "command:local:Command"
VOLUME = "docker:index/volume:Volume"
DRAWN = "random:index/randomPassword:RandomPassword"
TOKEN = hashlib.sha256(b"nobody's token").hexdigest()
RENTED = {
    "environment": "prod",
    "domain": "example.com",
    "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}},
    "exposure": "tunnel",
    "cloudflare": {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "example"},
    "access": {"emails": ["admin@example.com"]},
}
RENTED_SECRETS = {"hcloud-token": TOKEN, "cloudflare-api-token": TOKEN[:40]}
ADOPTED = {
    "environment": "prod",
    "domain": "example.com",
    "hosts": {
        "main": {
            "mode": "adopt",
            "address": "203.0.113.7",
            "user": "root",
            "host_key": "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode(),
        }
    },
    "exposure": "direct",
}
SHARED = {
    "access": {"emails": ["admin@example.com"], "google_client_id": "1234567-abcdefg.apps.example.com"},
}
SHARED_SECRETS = {**RENTED_SECRETS, "google-client-secret": TOKEN[:35]}
VPAI = {
    "environment": "prod",
    "domain": "example.com",
    "hosts": {
        **{
            role: {
                "mode": "adopt",
                "address": address,
                "host_key": "ssh-ed25519 "
                + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + role.encode().ljust(32)).decode(),
                "roles": [role],
            }
            for role, address in (("ai", "192.0.2.10"), ("vpn", "192.0.2.30"), ("workstation", "192.0.2.40"))
        },
        "app": {
            "mode": "create",
            "server_type": "cx22",
            "location": "fsn1",
            "image": "ubuntu-24.04",
            "roles": ["app"],
        },
    },
}
VPAI_SECRETS = {
    **{key.partition(":")[2]: value for key, value in supplied("vpai", hosts=True).items()},
    "hcloud-token": TOKEN,
    "ovh-application-key": TOKEN[:16],
    "ovh-application-secret": TOKEN[:32],
    "ovh-consumer-key": TOKEN[32:],
}
STACKS = {
    "ai-orchestrator": ("ai-orchestrator", {}, {}),
    "jett": ("jett", {}, {}),
    "jett.rented": ("jett", RENTED, RENTED_SECRETS),
    "ai-orchestrator.adopted": ("ai-orchestrator", ADOPTED, {}),
    "shared-infrastructure": ("shared-infrastructure", {}, {}),
    "shared-infrastructure.rented": ("shared-infrastructure", {**RENTED, **SHARED}, SHARED_SECRETS),
    "vpai": (
        "vpai",
        {},
        {key.partition(":")[2]: value for key, value in supplied("vpai").items()},
    ),
    "vpai.hosts": ("vpai", VPAI, VPAI_SECRETS),
    "vps-infrastructure": ("vps-infrastructure", {}, {}),
    "vps-infrastructure.adopted": (
        "vps-infrastructure",
        {**ADOPTED, "cloudflare": RENTED["cloudflare"]},
        {"cloudflare-api-token": RENTED_SECRETS["cloudflare-api-token"]},
    ),
}
"""By the name of the list: preset, settings, secrets. A stack here, one on a rented host, one on adopted ones."""
PROD = {"environment": "prod", "domain": "example.com", "hosts": {"main": {"mode": "local"}}, "exposure": "direct"}


@pytest.mark.req("P-03")
@pytest.mark.parametrize("name", STACKS)
def test_no_resource_changed_its_identity(build, name):
    """A line gone from this file is a volume destroyed on someone's next `up`: add an alias, or say it in CHANGELOG.

    New lines, of a service that was added, are written by `sh homeport/cli/run.sh python -m
    tests.unit.stack.identities`.
    """
    preset, settings, secrets = STACKS[name]
    graph = build(settings, secrets, preset, stack="prod" if settings else "dev")

    assert (GOLDEN / f"identities.{name}.txt").read_text().splitlines() == graph.identities(), (
        "identity is a promise; write the new list only together with an alias"
    )


def test_every_resource_names_its_provider(build):
    graph = build()
    custom = [resource for resource in graph.resources if not resource["type"].startswith(("homeport:", "pulumi:"))]
    strays = [one["name"] for one in custom if not one["provider"]]

    assert len(custom) > 30, "the graph is not the one this test is about"
    assert [] == strays, "an ambient provider reaches whatever machine the environment points at (pulumi-docker#1147)"


def forms(name):
    """What a generated secret may look like in a graph: as it is drawn, and in each form that it is handed on in."""
    raw = hashlib.sha256(f"{CANARY}{name}".encode()).digest()
    text = base64.b64encode(raw).decode()
    return CANARY, raw.hex(), text, text.replace("+", "-").replace("/", "_").rstrip("=")


def leaks(graph, texts):
    """Where one of the texts stands in plain; on a command's standard input it is meant to be."""
    return [
        f"{resource['name']}.{key}"
        for resource in graph.resources
        if not resource["type"].startswith("pulumi:")
        for key, value in resource["inputs"].items()
        if any(text in json.dumps(value, default=str) for text in texts)
        and (resource["type"], key) != (COMMAND, "stdin")
    ]


@pytest.mark.req("P-08", "S3-17")
def test_a_secret_is_never_a_plain_input(build):
    graph = build()
    secrets = [form for resource in graph.all(DRAWN) for form in forms(resource["name"])]

    assert [] == leaks(graph, secrets), (
        "secrets travel on stdin and nowhere else: inspect, process list and previews stay clean"
    )


@pytest.mark.req("P-08")
def test_a_supplied_secret_is_never_a_plain_input_and_is_exported_as_a_secret(build):
    graph = build(secrets={"n8n-webhook-api-key": TOKEN})

    assert [] == leaks(graph, [TOKEN]), "what the user supplies travels as what is generated does"
    assert TOKEN == graph.exports["credentials"]["value"]["n8n-webhook-api-key"], "the value did arrive"
    assert graph.exports["credentials"]["secret"], "and the state keeps it encrypted"


@pytest.mark.req("S3-01")
def test_the_five_containers_have_the_seeds_names(build):
    graph = build()
    containers = sorted(container["inputs"]["name"] for container in graph.all(CONTAINER))

    assert ["ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis"] == containers, (
        "the operator's commands use them"
    )


@pytest.mark.req("P-16", "S3-13", "S3-14")
def test_only_the_edge_proxy_publishes_ports_and_only_on_loopback_in_dev(build):
    graph = build()
    published = {
        container["name"]: container["inputs"]["ports"]
        for container in graph.all(CONTAINER)
        if container["inputs"].get("ports")
    }

    assert ["ai-caddy-container"] == list(published), "every other door is closed"
    assert {"127.0.0.1"} == {port["ip"] for port in published["ai-caddy-container"]}, "dev is for this machine alone"


@pytest.mark.parametrize("name", ["ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis"])
def test_every_container_is_hardened(build, name):
    graph = build()
    inputs = graph.one(CONTAINER, f"{name}-container")["inputs"]

    assert inputs["readOnly"] is True, "the root file system is read-only"
    assert inputs["capabilities"]["drops"] == ["ALL"], "no capability but those listed with a reason"
    assert inputs["securityOpts"] == ["no-new-privileges:true"], "a setuid binary gains nothing"
    assert not inputs["user"].startswith("0:"), "nothing runs as root"
    assert inputs["memory"] == inputs["memorySwap"] > 0, "limited, without swap, and both set"
    assert inputs["restart"] == "unless-stopped", "it comes back after a reboot"
    assert inputs["logOpts"] == {"max-size": "10m", "max-file": "3"}, "logs do not fill the disk"
    assert inputs["destroyGraceSeconds"] > 0, "0 is SIGKILL at once (docs/traps.md, D14)"
    assert inputs["healthcheck"]["tests"][0] == "CMD", "health is known"


@pytest.mark.req("S3-15", "S3-17")
def test_the_executor_has_no_network_and_no_volume_but_code_and_exchange(build):
    graph = build()
    inputs = graph.one(CONTAINER, "ai-executor-container")["inputs"]

    assert inputs["networkMode"] == "none", "the executor reaches nothing and nobody reaches it"
    assert not inputs.get("envs"), "its environment holds nothing"
    assert [("/exchange", None), ("/workspace", True)] == sorted(
        (volume["containerPath"], volume.get("readOnly")) for volume in inputs["volumes"]
    ), "read-only code and the exchange folder, nothing else"


@pytest.mark.req("S3-40")
def test_what_is_not_supplied_is_drawn_and_its_id_tells_nothing(build):
    graph = build(secrets={"n8n-webhook-api-key": "0f" * 8 + "a1b2c3d4e5f60718" * 3})
    passwords = graph.all(DRAWN)

    assert [] == graph.all("random:index/randomBytes:RandomBytes"), (
        "its id is its value, in plain in every state (pulumi-random#190)"
    )
    assert {64} == {password["inputs"]["length"] for password in passwords}, (
        "381 bits, more than openssl rand -base64 32 gives"
    )
    assert "secrets-n8n-webhook-api-key" not in [password["name"] for password in passwords], (
        "what the user supplies is not generated"
    )


@pytest.mark.req("P-30")
def test_a_rotated_secret_gets_a_new_keeper_and_no_other_does(build):
    graph = build({"rotate": {"redis-password": 2}})
    versions = {
        password["name"]: password["inputs"]["keepers"]["version"]
        for password in graph.all(DRAWN)
        if "keepers" in password["inputs"]
    }

    assert {"secrets-redis-password"} == {name for name, version in versions.items() if version == "2"}, "singly"


def changed(before, after):
    """The resources of two graphs that are new, gone or have other inputs; what a secret is drawn from aside."""
    was, is_ = ({(one["type"], one["name"]): one["inputs"] for one in graph.resources} for graph in (before, after))
    names = {name for kind, name in {*was, *is_} if was.get((kind, name)) != is_.get((kind, name)) and kind != DRAWN}
    return names - {"homeport-dev"}


@pytest.mark.req("OS-30")
def test_a_changed_route_is_a_reload_and_replaces_those_alone_that_are_told_its_name(build):
    apps = {name: {"image": "nginx:1.27", "port": 80, "route": {"access": "api-key"}} for name in ("one", "two")}
    renamed = {**apps, "two": {**apps["two"], "route": {"access": "api-key", "host": "other"}}}
    before = build({"apps": apps})

    assert {"caddy-routes-taken"} == {name.removeprefix("ai-") for name in changed(before, build({"apps": renamed}))}, (
        "a name is no reason for another container"
    )
    assert {"ai-caddy-routes-taken", "ai-n8n-container"} == changed(
        before, build({"apps": apps, "hostnames": {"n8n": "editor.localhost"}})
    ), "n8n is told its own name"


@pytest.mark.req("OS-30")
def test_the_proxy_stays_when_an_app_comes_or_goes(build):
    app = {"image": "nginx:1.27", "port": 80, "route": {"access": "api-key"}}
    new = changed(build({"apps": {"one": app}}), build({"apps": {"one": app, "two": app}}))
    graph = build({"apps": {"one": app}})

    assert {"ai-caddy-routes-taken", "ai-caddy-on-app-two"} == {name for name in new if name.startswith("ai-")}
    assert "ai-edge" == graph.one(CONTAINER, "ai-caddy-container")["inputs"]["networkMode"]
    assert not graph.one(CONTAINER, "ai-caddy-container")["inputs"].get("networksAdvanced"), "connected while it runs"


@pytest.mark.req("NW-08")
def test_a_service_switched_off_runs_no_more_and_keeps_its_data_and_keys(build):
    on = build({})
    graph = build({"services": {"ai-caddy": {"enabled": False}, "ai-n8n": {"enabled": False}}})
    left = [
        resource["name"]
        for resource in graph.resources
        if resource["name"].startswith(("ai-n8n-", "images-ai-n8n", "ai-caddy-"))
    ]
    volumes = {one["name"]: one["inputs"] for one in on.resources if one["name"] in left}

    assert sorted(volumes) == sorted(left), "nothing but what was there while it ran"
    assert all(one["type"] == "docker:index/volume:Volume" for one in on.resources if one["name"] in left)
    assert "ai-n8n-data" in left, "its data"
    assert volumes["ai-n8n-data"] == graph.one("docker:index/volume:Volume", "ai-n8n-data")["inputs"], "as it was"
    assert graph.one("random:index/randomPassword:RandomPassword", "secrets-n8n-encryption-key"), (
        "and the key without which that is lost"
    )
    assert graph.one(CONTAINER, "ai-postgres-container"), "the others stay"


@pytest.mark.req("NP-02")
def test_no_address_names_a_type_of_assignee_without_an_assignee(build):
    graph = build(RENTED, RENTED_SECRETS, "jett", stack="prod")
    addresses = [one["inputs"] for one in graph.resources if one["type"] == "hcloud:index/primaryIp:PrimaryIp"]

    assert 2 == len(addresses), "IPv4 and IPv6"
    assert not any("assigneeType" in inputs for inputs in addresses), "the provider warns of each, at every preview"


def test_a_service_of_ones_own_may_call_a_volume_as_homeport_calls_that_with_its_files(build):
    """The engine refuses twins; a secret that is added later leaves the volume's identity alone."""
    app = {"image": "app:1", "port": 8000, "volumes": {"files": "/srv"}}
    secret = {"secrets": {"KEY": {}}, "entrypoint": ["app"]}
    before = build({"apps": {"notes": app}}, {}).one(VOLUME, "notes-files")["inputs"]["name"]
    graph = build({"apps": {"notes": {**app, **secret}}}, {})

    assert "notes-files" == before == graph.one(VOLUME, "notes-files")["inputs"]["name"]
    assert graph.one(VOLUME, "notes-own-files"), "the files that homeport delivers are in another one"
