"""What a lost answer leaves in Cloudflare, on the emulated one and through the provider's stand-in, as it happens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from homeport.cli.cloudflare import client, gone, mark, orphans, remove
from homeport.model.errors import ToolError
from tests.support.cloudflare import ACCOUNT, TOKEN, ZONE, connected
from tests.support.cloudflare_fixtures import cloud, stack
from tests.support.cloudflare_stack import TYPES
from tests.support.other_forms import with_more, without
from toolchain.plugins.base import ProviderError

__all__ = ["cloud", "stack"]
pytestmark = pytest.mark.slow

MARK = "1a2b3c4d"
RANDOM = {
    "type": "random:index/randomId:RandomId",
    "urn": "urn:pulumi:prod::homeport::random:index/randomId:RandomId::mark",
    "outputs": {"hex": MARK},
}
EACH = {
    "dns": {
        "zoneId": ZONE,
        "name": "n8n.example.com",
        "type": "CNAME",
        "content": "x.cfargotunnel.com",
        "ttl": 1,
        "proxied": True,
        "comment": f"homeport {MARK}",
    },
    "app": {"accountId": ACCOUNT, "name": f"homeport a {MARK}", "domain": "n8n.example.com", "type": "self_hosted"},
    "policy": {
        "accountId": ACCOUNT,
        "name": f"homeport people {MARK}",
        "decision": "allow",
        "includes": [{"email": {"email": "ada@example.com"}}],
    },
    "token": {"accountId": ACCOUNT, "name": f"homeport n8n {MARK}"},
    "idp": {"accountId": ACCOUNT, "name": f"homeport code {MARK}", "type": "onetimepin", "config": {}},
    "tunnel": {"accountId": ACCOUNT, "name": f"jett-vps-{MARK}", "configSrc": "local"},
}
LISTS = {
    "dns": f"/zones/{ZONE}/dns_records",
    "app": f"/accounts/{ACCOUNT}/access/apps",
    "policy": f"/accounts/{ACCOUNT}/access/policies",
    "token": f"/accounts/{ACCOUNT}/access/service_tokens",
    "idp": f"/accounts/{ACCOUNT}/access/identity_providers",
    "tunnel": f"/accounts/{ACCOUNT}/cfd_tunnel",
}


@pytest.fixture
def api(cloud):
    return client(TOKEN, cloud.emulator.api_url)


def state(*known):
    rows = [{"type": TYPES[kind], "id": key, "urn": f"urn::{kind}", "inputs": EACH[kind]} for kind, key in known]
    return {"resources": [RANDOM, *rows]}


def alive(cloud, kind):
    rows = cloud.made("GET", LISTS[kind])
    return [row["id"] for row in rows if not row.get("deleted_at")]


@pytest.mark.parametrize("kind", EACH)
def test_after_a_lost_answer_there_is_exactly_one_once_the_orphans_are_removed(cloud, stack, api, kind):
    """E-03, and D-04 without the kill: the object is there, the state knows nothing."""
    cloud.control("POST", "/faults", {"kind": "lost", "method": "POST", "path": LISTS[kind], "times": 9})
    with pytest.raises(ProviderError):
        stack.up(kind, EACH[kind])
    cloud.control("DELETE", "/faults")
    assert alive(cloud, kind), "Cloudflare made it all the same"

    found = orphans(state(), api, ACCOUNT, ZONE)
    assert len(alive(cloud, kind)) == len(found), "each of them is found"
    remove(found, api)
    key, _ = stack.up(kind, EACH[kind])

    assert [key] == alive(cloud, kind), "one, and the state knows it"
    assert [] == orphans(state((kind, key)), api, ACCOUNT, ZONE), "so there is nothing left to repair"


def test_a_retry_without_the_repair_collides_for_ever(cloud, stack):
    cloud.control("POST", "/faults", {"kind": "lost", "method": "POST", "path": "cfd_tunnel", "times": 9})
    for _ in range(2):
        with pytest.raises(ProviderError):
            stack.up("tunnel", EACH["tunnel"])
        cloud.control("DELETE", "/faults")

    assert 1 == len(alive(cloud, "tunnel")), "the name is taken by the orphan: this is what the repair is for"


def test_what_is_not_the_stacks_is_never_touched(stack, api):
    for name in (f"somebody {MARK}x", f"{MARK} first", "jett-vps-99999999", "jett-vps"):
        stack.up("tunnel", {**EACH["tunnel"], "name": name})
    stack.up("dns", {**EACH["dns"], "name": "www.example.com", "comment": "by hand"})
    ours, _ = stack.up("tunnel", EACH["tunnel"])

    assert [] == orphans(state(("tunnel", ours)), api, ACCOUNT, ZONE), "another mark, no mark, or known"
    assert [] == orphans({"resources": []}, api, ACCOUNT, ZONE), "a state without a mark made nothing"


def test_a_tunnel_in_use_is_refused_by_name_and_everything_stays(cloud, stack, api):
    tunnel, _ = stack.up("tunnel", EACH["tunnel"])
    stack.up("policy", EACH["policy"])
    with connected(cloud, tunnel):
        with pytest.raises(ToolError, match=rf"jett-vps-{MARK} \(2 connections\)(?s:.*)fix: "):
            remove(orphans(state(), api, ACCOUNT, ZONE), api)

        assert [tunnel] == alive(cloud, "tunnel"), "somebody's connector is connected"
    assert 1 == len(alive(cloud, "policy")), "and nothing else was removed before it was noticed"


def test_orphans_beyond_the_first_page_are_found(cloud, api):
    for number in range(120):
        cloud.made(
            "POST", LISTS["policy"], {"name": f"p{number} {MARK}", "decision": "deny", "include": [{"everyone": {}}]}
        )

    assert 120 == len(orphans(state(), api, ACCOUNT, ZONE)), "three pages"


def test_a_refusal_says_which_rights_are_wanted_and_never_the_token(cloud):
    with pytest.raises(ToolError, match="Cloudflare Tunnel:Edit") as refused:
        orphans(state(), client("f" * 40, cloud.emulator.api_url), ACCOUNT, ZONE)
    with pytest.raises(ToolError, match="does not answer"):
        orphans(state(), client(TOKEN, "http://127.0.0.1:9"), ACCOUNT, ZONE)

    assert "f" * 40 not in str(refused.value) + repr(client("f" * 40)), "errors are shown to people"


def test_the_mark_is_the_stacks_own_and_no_other_random_id():
    other = {**RANDOM, "urn": RANDOM["urn"].replace("::mark", "::other"), "outputs": {"hex": "ffffffff"}}

    assert MARK == mark({"resources": [other, RANDOM]}), "by its name"
    assert "" == mark({"resources": [other]}), "not any"


@pytest.mark.parametrize("kind", EACH)
def test_what_was_deleted_without_an_answer_is_known_to_be_gone(cloud, stack, api, kind):
    key, _ = stack.up(kind, EACH[kind])
    known = state((kind, key))
    before = gone(known, api, ACCOUNT, ZONE)
    cloud.made("DELETE", f"{LISTS[kind]}/{key}")

    assert [] == before, "it is there"
    assert [f"urn::{kind}"] == gone(known, api, ACCOUNT, ZONE), "a tunnel too, which can still be read"


@pytest.mark.parametrize("kind", EACH)
def test_what_is_in_another_account_or_zone_is_not_taken_to_be_gone(api, kind):
    """Settings that name another account, and an update that fails half-way: what is in the old one still is there."""
    other = {**EACH[kind], "zoneId" if kind == "dns" else "accountId": "e" * 32}
    row = {"type": TYPES[kind], "id": "f" * 32, "urn": f"urn::{kind}", "inputs": other}

    assert [] == gone({"resources": [RANDOM, row]}, api, ACCOUNT, ZONE), (
        "this account cannot tell, and the state would forget what it made"
    )


def test_another_way_to_sign_in_that_the_environment_offers_is_not_taken(cloud, monkeypatch):
    for name in ("EMAIL", "API_KEY", "API_USER_SERVICE_KEY"):
        monkeypatch.setenv(f"CLOUDFLARE_{name}", "somebody-else")

    assert [] == orphans(state(), client(TOKEN, cloud.emulator.api_url), ACCOUNT, ZONE), (
        "the stack's token, and nothing else"
    )


@pytest.mark.parametrize("module", ["hcloud", "cloudflare"])
def test_an_update_of_a_stack_without_a_cloud_imports_no_clouds_client(module):
    code = f"import sys, homeport.cli.lifecycle\nsys.exit({module!r} in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode, "dev would pay for it"


@pytest.mark.req("E-08")
@pytest.mark.parametrize("find", [orphans, gone])
def test_a_row_without_its_id_is_told_and_nothing_is_removed_by_it(cloud, stack, api, monkeypatch, find):
    key, _ = stack.up("policy", EACH["policy"])
    service = cloud.emulator.service
    answer = service.answer
    monkeypatch.setattr(service, "answer", lambda call: without(answer(call), "id"))

    with pytest.raises(ToolError, match=r"Cloudflare's answer to .* is not read: .*\(id\)\n  fix: git pull"):
        find(state(("policy", key)), api, ACCOUNT, ZONE)


@pytest.mark.req("E-08")
def test_what_an_answer_has_besides_is_of_no_matter(cloud, stack, api, monkeypatch):
    key, _ = stack.up("policy", EACH["policy"])
    service = cloud.emulator.service
    answer = service.answer
    monkeypatch.setattr(service, "answer", lambda call: with_more(answer(call)))

    assert ([], []) == (
        orphans(state(("policy", key)), api, ACCOUNT, ZONE),
        gone(state(("policy", key)), api, ACCOUNT, ZONE),
    )
