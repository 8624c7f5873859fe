"""Tunnel, Access and names, as the engine is told them."""

from __future__ import annotations

import base64
import json

import pytest

from tests.unit.components.conftest import SEALED

PROGRAM = {"kind": "service-token", "because": "programs call it"}
LOGIN = {"kind": "login", "because": "people use it"}


def door(*guards, **more):
    return [{"name": "n8n", "hostname": "n8n.example.com", "origin": "http://10.0.0.2:5678", "guards": guards, **more}]


def plain(register):
    """What is told outside of secrets."""

    def without(value):
        if isinstance(value, dict):
            return None if SEALED in value else {key: without(one) for key, one in value.items()}
        return [without(item) for item in value] if isinstance(value, list) else value

    return json.dumps(without(register.requests))


@pytest.mark.req("S2-35")
def test_a_tunnels_name_ends_with_the_stacks_random_mark(register):
    (tunnel,) = register().inputs("ZeroTrustTunnelCloudflared").values()

    assert "jett-vps-m4rk" == tunnel["name"], (
        "a tunnel that Cloudflare did not delete holds its name (docs/traps.md, C4)"
    )
    assert "local" == tunnel["configSrc"], "its ingress is a file on the host"


@pytest.mark.req("S2-39")
def test_every_part_of_every_host_name_has_an_application_with_exactly_one_policy(register):
    policies = {app["domain"]: app["policies"] for app in register().inputs("ZeroTrustAccessApplication").values()}

    wanted = {
        "n8n.example.com/webhook/*": "access-n8n-program-id",
        "n8n.example.com/hook/*": "access-bypass-id",
        "n8n.example.com": "access-people-id",
        "jett.example.com/admin": "access-nobody-id",
        "jett.example.com": "access-people-id",
    }
    assert {domain: [{"id": policy, "precedence": 1}] for domain, policy in wanted.items()} == policies, "by reference"


@pytest.mark.req("S2-39")
def test_only_the_named_people_are_allowed(register):
    people = register().inputs("ZeroTrustAccessPolicy")["access-people"]

    assert "allow" == people["decision"]
    assert [
        {"email": {"email": "ada@example.com"}},
        {"emailDomain": {"domain": "example.org"}},
        {"group": {"id": "gid"}},
        {"gsuite": {"email": "g@example.com", "identityProviderId": "access-provider-id"}},
    ] == people["includes"], "each kind as Access reads it"


@pytest.mark.req("S2-40")
def test_a_program_gets_in_without_an_identity_and_a_bypass_is_a_policy_of_its_own(register):
    policies = register().inputs("ZeroTrustAccessPolicy")

    assert "non_identity" == policies["access-n8n-program"]["decision"], "with allow it would be sent to the login page"
    assert [{"serviceToken": {"tokenId": "access-n8n-token-id"}}] == policies["access-n8n-program"]["includes"], (
        "its own"
    )
    assert "bypass" == policies["access-bypass"]["decision"]
    assert "deny" == policies["access-nobody"]["decision"], "what is closed says so in the dashboard too"


def test_without_a_login_there_is_no_identity_provider_and_no_policy_for_people(register):
    graph = register(doors=door(PROGRAM))

    assert {} == graph.all("ZeroTrustAccessIdentityProvider"), "nobody logs in"
    assert ["access-n8n-program"] == list(graph.all("ZeroTrustAccessPolicy")), "one rule"


@pytest.mark.parametrize(
    ("provider", "kind", "config"),
    [({}, "onetimepin", {}), ({"kind": "google", "client_id": "c", "client_secret": "s"}, "google", None)],
)
def test_people_log_in_at_the_provider_of_the_settings_without_being_asked_which(register, provider, kind, config):
    graph = register(doors=door(LOGIN), provider=provider)
    (made,) = graph.inputs("ZeroTrustAccessIdentityProvider").values()
    (app,) = graph.inputs("ZeroTrustAccessApplication").values()

    assert kind == made["type"]
    assert config is None or config == made["config"], "a code by e-mail needs nothing"
    assert (["access-provider-id"], True) == (app["allowedIdps"], app["autoRedirectToIdentity"]), "the only way"


def test_a_provider_that_is_there_already_is_used_and_not_made(register):
    graph = register(doors=door(LOGIN), provider={"id": "known"})

    assert {} == graph.all("ZeroTrustAccessIdentityProvider"), "somebody else's"
    assert ["known"] == graph.inputs("ZeroTrustAccessApplication")["access-n8n"]["allowedIdps"]


def test_a_service_tokens_secret_is_rotated_with_an_overlap(register):
    first = register(doors=door(PROGRAM), versions={}).inputs("ZeroTrustAccessServiceToken")["access-n8n-token"]
    later = register(doors=door(PROGRAM), versions={"n8n": 3}).inputs("ZeroTrustAccessServiceToken")["access-n8n-token"]

    assert {"accountId", "duration", "name"} == set(first), "nothing of rotation"
    assert 3 == later["clientSecretVersion"]
    assert "2026-12-01T00:00:00Z" == later["previousClientSecretExpiresAt"], (
        "the provider wants both (docs/traps.md, C11)"
    )


@pytest.mark.req("S2-38")
def test_names_lead_into_the_tunnel_and_only_once_it_runs_and_is_guarded(register):
    graph = register()
    records = {record["name"]: record for record in graph.inputs("DnsRecord").values() if record["type"] == "CNAME"}

    assert {"n8n.example.com", "jett.example.com"} == set(records), "one for each door"
    for one in records.values():
        assert ("tunnel-tunnel-id.cfargotunnel.com", True, 1) == (one["content"], one["proxied"], one["ttl"])
    waits = set(graph.all("DnsRecord")["dns-n8n"]["dependencies"])
    apps = {urn for urn in waits if "zeroTrustAccessApplication" in urn}
    assert 5 == len(apps), "a name that leads to an unguarded door is an open door"


def test_names_without_a_tunnel_are_plain_addresses(register):
    records = {name: one for name, one in register().inputs("DnsRecord").items() if name.startswith("plain-")}

    assert {"plain-www-a": ("A", "192.0.2.1"), "plain-www-aaaa": ("AAAA", "2001:db8::1")} == {
        name: (one["type"], one["content"]) for name, one in records.items()
    }
    assert [(False, 300)] * 2 == [(record["proxied"], record["ttl"]) for record in records.values()], (
        "nobody stands between"
    )


def test_everything_that_the_stack_makes_in_cloudflare_bears_its_mark(register):
    graph = register()
    names = [
        one["comment"] if kind == "DnsRecord" else one["name"]
        for kind in (
            "DnsRecord",
            "ZeroTrustTunnelCloudflared",
            "ZeroTrustAccessApplication",
            "ZeroTrustAccessPolicy",
            "ZeroTrustAccessServiceToken",
            "ZeroTrustAccessIdentityProvider",
        )
        for one in graph.inputs(kind).values()
    ]

    assert [] == [name for name in names if not name.endswith("m4rk")], "what a lost answer left is found by it"


@pytest.mark.req("S2-53")
def test_no_secret_is_told_in_plain(register):
    graph = register()

    assert "C4nary" in json.dumps(graph.requests), "the canaries are there"
    assert "C4nary" not in plain(graph), "audiences, the provider's secret and the API token are sealed"
    (tunnel,) = graph.inputs("ZeroTrustTunnelCloudflared").values()
    assert SEALED in tunnel["tunnelSecret"], "and the tunnel's"
    assert 32 == len(base64.b64decode(tunnel["tunnelSecret"]["value"])), "as long as Cloudflare wants it"
    assert {} == graph.all("RandomBytes"), "its id would be the secret, in plain in the state"
    assert ["clientSecret"] == graph.all("ZeroTrustAccessServiceToken")["access-n8n-token"]["additionalSecretOutputs"]
    assert ["config"] == graph.all("ZeroTrustAccessIdentityProvider")["access-provider"]["additionalSecretOutputs"]


def test_no_alias_of_a_type_that_cloudflare_gave_up_is_used(register):
    old = ("accessApplication", "accessPolicy", "/tunnel:", "record:Record", "argoTunnel")

    assert [] == [request["type"] for request in register().requests if any(name in request["type"] for name in old)], (
        "docs/traps.md, C1"
    )
