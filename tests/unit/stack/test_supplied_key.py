"""An SSH key that the stack's owner brings: once at Hetzner, whoever put it there."""

from __future__ import annotations

import functools

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519

from homeport.cli.preflight.hetzner import fingerprint
from tests.unit.stack.test_graph import RENTED, RENTED_SECRETS, VPAI, VPAI_SECRETS

KEY, SERVER = "hcloud:index/sshKey:SshKey", "hcloud:index/server:Server"
HOST = {"mode": "create", "server_type": "cx33", "location": "fsn1"}
TWO = {
    **RENTED,
    "hosts": {"main": {**HOST, "roles": ["core"]}, "ai": {**HOST, "roles": ["ai"]}},
}


@functools.cache
def pair():
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()).decode()
    return private, key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


def built(build, hosts, ssh_keys=()):
    private, _ = pair()
    settings = {**RENTED, "hosts": dict.fromkeys(hosts, HOST)}
    return build(settings, {**RENTED_SECRETS, "ssh-private-key": private}, "jett", stack="prod", ssh_keys=ssh_keys)


def at_hetzner(**labels):
    public = pair()[1]
    return {"id": 4711, "name": "laptop", "publicKey": public, "fingerprint": fingerprint(public), "labels": labels}


@pytest.mark.req("RW-12")
def test_two_hosts_share_one_key_which_every_server_has(build):
    graph = built(build, ["main", "second"])
    [key] = graph.all(KEY)

    assert ("supplied-key", pair()[1]) == (key["name"], key["inputs"]["publicKey"]), "one per fingerprint and stack"
    keys = [server["inputs"]["sshKeys"] for server in graph.all(SERVER)]
    assert (2, 1) == (len(keys), len({str(one) for one in keys})), "both servers have it"


def test_every_host_of_a_stack_is_reached_with_it_rented_or_adopted(build):
    private, public = pair()
    graph = build(VPAI, {**VPAI_SECRETS, "ssh-private-key": private}, "vpai", stack="prod")
    first = {"adopt": "answers", "create": "key"}
    options = {
        name: graph.one("command:local:Command", f"{name}-reach-{first[host['mode']]}")["inputs"]["environment"]
        for name, host in VPAI["hosts"].items()
    }

    assert [] == [name for name, asked in options.items() if "IdentityFile" not in asked["HOMEPORT_SSH_OPTS"]]
    assert public == graph.one(KEY, "supplied-key")["inputs"]["publicKey"], "and Hetzner's server is born with it"


@pytest.mark.req("RW-12")
def test_a_key_that_the_project_has_already_is_used_and_not_uploaded_again(build):
    graph = built(build, ["main"], ssh_keys=(at_hetzner(),))

    assert [] == graph.all(KEY), "Hetzner refuses a second one of the same fingerprint"
    assert ["4711"] == graph.one(SERVER, "main-server")["inputs"]["sshKeys"]


@pytest.mark.req("RW-12")
def test_the_stacks_own_key_is_not_taken_for_somebody_elses(build):
    ours = at_hetzner(**{"homeport.stack": "prod"})

    assert 1 == len(built(build, ["main"], ssh_keys=(ours,)).all(KEY)), "else the next update would delete it"
    other = at_hetzner(**{"homeport.stack": "preprod"})
    assert [] == built(build, ["main"], ssh_keys=(other,)).all(KEY), "that of another stack is used"


@pytest.mark.req("P-03")
def test_a_key_that_an_earlier_version_made_for_a_host_keeps_its_place(build):
    graph = built(build, ["main"])
    [key] = graph.all(KEY)
    former = [alias["spec"] for alias in key["options"]["aliases"]]

    assert [("main-key", "urn:pulumi:prod::homeport::homeport:host:Server::main")] == [
        (alias["name"], alias["parentUrn"]) for alias in former
    ], "the engine finds it under its name of before"
    assert "prod-main" == key["inputs"]["name"]


def test_without_a_supplied_key_each_host_has_its_own(build):
    hosts = {"main": HOST, "second": HOST}
    graph = build({**RENTED, "hosts": hosts}, RENTED_SECRETS, "jett", stack="prod")

    assert ["main-key", "second-key"] == sorted(key["name"] for key in graph.all(KEY))
