"""The mesh: what is declared, what is rendered of it, and what the engine is told."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.model import template
from homeport.model.mesh import Member, Mesh, Rule
from homeport.render import headscale, tailscale

MESH = Mesh(
    server="mesh.example.com",
    base_domain="net.example.com",
    members=(Member(name="ai", tags=("ai",)), Member(name="hub", tags=("hub",))),
    users=("alice",),
    rules=(
        Rule(sources=("alice", "10.1.0.0/16"), targets=("tag:ai",), ports="22,443", protocol="tcp"),
        Rule(sources=("tag:hub",), targets=("100.64.0.0/10",)),
    ),
)


@pytest.fixture(scope="module")
def graph():
    argv = [sys.executable, str(Path(__file__).with_name("mesh_graph.py"))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_holds_together_has_no_problems():
    assert () == MESH.problems(), "this mesh is a good one"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"members": (*MESH.members, MESH.members[0])}, "two members have this name"),
        (
            {"members": (replace(MESH.members[0], name="AI box"), MESH.members[1])},
            "no name that the control server takes",
        ),
        ({"members": (*MESH.members, Member(name="mute", tags=()))}, "has no tag"),
        ({"users": ("alice", "hosts")}, "the stack's own hosts belong to this user"),
        ({"subnet": "10.64.0.0/16"}, "the only range that clients take"),
        ({"subnet": "100.64.0.0/8"}, "the only range that clients take"),
        ({"subnet": "nonsense"}, "the only range that clients take"),
        ({"base_domain": "example.com"}, "would hide it from its own members"),
        ({"base_domain": "mesh.example.com"}, "would hide it from its own members"),
        ({"rules": (Rule(sources=("tag:none",), targets=("tag:ai",)),)}, "tag:none is no tag of a member"),
        (
            {"rules": (Rule(sources=("bob",), targets=("tag:ai",)),)},
            "bob is no tag of a member, no user and no network",
        ),
        ({"rules": (Rule(sources=("fd00::/8",), targets=("tag:ai",)),)}, "fd00::/8 is no tag"),
        ({"rules": (Rule(sources=(), targets=("tag:ai",)),)}, "allows nothing"),
        ({"rules": (Rule(sources=("alice",), targets=("tag:ai",), ports="70000"),)}, "70000 are no ports"),
        ({"rules": (Rule(sources=("alice",), targets=("tag:ai",), ports="ssh"),)}, "ssh are no ports"),
        ({"rules": (Rule(sources=("alice",), targets=("tag:ai",), protocol="sctp"),)}, "sctp is no protocol"),
        ({"rules": (Rule(sources=("alice",), targets=("tag:ai",), ports="1", protocol="icmp"),)}, "ICMP has no ports"),
    ],
)
def test_what_does_not_hold_together_is_named_once(change, word):
    problems = replace(MESH, **change).problems()

    assert 1 == len(problems), f"one mistake, one line: {problems}"
    assert word in problems[0].what and problems[0].fix, problems[0]


@pytest.mark.req("S5-12")
def test_the_control_server_needs_no_third_party_and_reads_the_policy():
    config = json.loads(headscale.config(MESH))

    assert "https://mesh.example.com" == config["server_url"], "TLS ends at the edge proxy in front of it"
    assert ([], [], False) == tuple(config["derp"][key] for key in ("urls", "paths", "auto_update_enabled")), (
        "own relay only"
    )
    assert config["derp"]["server"]["enabled"], "members find each other through the own relay"
    assert {"mode": "file", "path": "/etc/headscale/policy.json"} == config["policy"], "an empty path allows everything"
    assert ({"enabled": False}, True) == (config["logtail"], config["disable_check_updates"]), "nothing calls home"
    assert "100.64.0.0/10" == config["prefixes"]["v4"], "the range of S5-12"


def test_the_policy_says_what_is_declared_and_nobody_may_tag_himself():
    policy = json.loads(headscale.policy(MESH))

    first, second = policy["acls"]
    assert ["alice@", "10.1.0.0/16"] == first["src"] and ["tag:ai:22,443"] == first["dst"], first
    assert "tcp" == first["proto"] and "proto" not in second, "no protocol named means all"
    assert ["100.64.0.0/10:*"] == second["dst"], second
    assert {"tag:ai": [], "tag:hub": []} == policy["tagOwners"], "a tag comes with a key, never from a client"
    assert [] == json.loads(headscale.policy(replace(MESH, rules=())))["acls"], "without a rule nobody reaches anybody"


def test_the_clients_files_want_the_image_and_nothing_else():
    for authority in ("", "-----BEGIN CERTIFICATE-----\n"):
        files = tailscale.files(41641, authority)
        names = {name for file in files for name in template.names(file.content)}

        assert {"mesh-image"} == names, "any other {name} would be filled in by mistake"
        assert bool(authority) == any("SSL_CERT_FILE" in file.content for file in files), "trust as declared"


@pytest.mark.req("P-03")
def test_each_member_gets_the_client_and_is_enrolled_after_the_users_are_made(graph):
    inputs = graph["told"]
    tree = {name: one["type"] for name, one in inputs.items() if name.startswith("mesh")}

    assert {
        "mesh": "homeport:mesh:Mesh",
        "mesh-users": "command:local:Command",
        "mesh-ai-client": "homeport:host:Files",
        "mesh-ai-client-files": "command:local:Command",
        "mesh-ai-enrolled": "command:local:Command",
        "mesh-watch-client": "homeport:host:Files",
        "mesh-watch-client-files": "command:local:Command",
        "mesh-watch-enrolled": "command:local:Command",
    } == tree, "names and types are identity"
    parents = {inputs[name]["parent"].rpartition("::")[2] for name in tree if name != "mesh" and "files" not in name}
    assert {"mesh"} == parents, "children of the component"
    needs = {urn.rpartition("::")[2] for urn in inputs["mesh-ai-enrolled"]["dependencies"]}
    assert {"mesh-users", "mesh-ai-client-files"} == needs, needs
    create = inputs["mesh-ai-client-files"]["object"]["create"]
    assert create.endswith("apply mesh-ai-client 120"), (
        f"SSH may come over the mesh, so a timer undoes a change: {create}"
    )


def test_enrolment_knows_both_ends_and_holds_no_key(graph):
    inputs = graph["told"]["mesh-ai-enrolled"]["object"]
    environment = inputs["environment"]

    assert "sh components/scripts/mesh.sh enrol ai https://mesh.example.com tag:ai,tag:gpu" == inputs["create"]
    assert "sh components/scripts/mesh.sh leave ai" == inputs["delete"], "the server forgets who is removed"
    assert "triggers" not in inputs and "update" not in inputs, (
        "a replacement would remove the member first (docs/traps.md, M3)"
    )
    assert "deploy@ai.example.com" == environment["HOMEPORT_SSH"], "the member is reached as itself"
    assert "ssh://deploy@hub.example.com" == environment["HUB_DOCKER_HOST"], "the hub as the hub"
    assert ("headscale", "c0ffee", "hosts") == tuple(
        environment[f"MESH_{key}"] for key in ("CONTROL", "CONTROL_ID", "USER")
    )
    assert "hosts\nalice\n" == graph["told"]["mesh-users"]["object"]["stdin"], "people are users too"


@pytest.mark.req("S5-14")
def test_addresses_and_names_of_members_are_outputs(graph):
    outputs = graph["outputs"]["mesh"]

    assert {"ai": "ai.net.example.com", "watch": "watch.net.example.com"} == outputs["names"]
    assert {"ai": "100.64.0.16", "watch": "100.64.0.19"} == outputs["addresses"], (
        "what the script printed, without its line end"
    )
