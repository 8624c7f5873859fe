"""Each call is checked against what its token may do, in Cloudflare's own numbers."""

from __future__ import annotations

import pytest

from tests.support.cloudflare import ACCOUNT, PERMISSIONS, SEED, TOKEN, ZONE, Cloud

NOBODY = "00000000-0000-0000-0000-000000000000"
LISTS = {
    "DNS": f"/zones/{ZONE}/dns_records",
    "Cloudflare Tunnel": f"/accounts/{ACCOUNT}/cfd_tunnel",
    "Access: Apps and Policies": f"/accounts/{ACCOUNT}/access/apps",
    "Access: Service Tokens": f"/accounts/{ACCOUNT}/access/service_tokens",
    "Access: Organizations, Identity Providers, and Groups": f"/accounts/{ACCOUNT}/access/identity_providers",
}
LACKING = {name: f"{number}" * 40 for number, name in enumerate(PERMISSIONS)}


@pytest.fixture
def cloud(tmp_path):
    tokens = {token: {one: "edit" for one in PERMISSIONS if one != name} for name, token in LACKING.items()}
    made = Cloud(tmp_path / "state", tokens=tokens)
    yield made
    made.emulator.close()


@pytest.mark.parametrize("lacks", PERMISSIONS)
def test_a_token_without_one_permission_is_refused_that_kind_of_call_and_no_other(cloud, lacks):
    wrong = []
    for name, path in LISTS.items():
        status, answer = cloud.call("DELETE", f"{path}/{NOBODY}", token=LACKING[lacks])
        codes = [error["code"] for error in answer["errors"]]
        if ((403, [10000]) == (status, codes)) != (name == lacks):
            wrong.append(f"{name}: {status} {codes}")

    assert [] == wrong, "10000 for what it may not, and the service's own 404 for what it may"


@pytest.mark.parametrize("lacks", PERMISSIONS)
def test_a_list_is_refused_too_but_for_identity_providers_which_look_as_if_there_were_none(cloud, lacks):
    cloud.access("identity_providers", {"name": "pin", "type": "onetimepin"})
    status, answer = cloud.call("GET", LISTS[lacks], token=LACKING[lacks])
    hidden = lacks.endswith("Groups")

    assert (200 if hidden else 403) == status
    assert ([] if hidden else None) == answer["result"], "a list that is empty says nothing of the account"


def test_a_zone_is_shown_to_whoever_may_do_anything_in_it(cloud):
    assert 200 == cloud.call("GET", f"/zones/{ZONE}", token=LACKING["Cloudflare Tunnel"])[0]
    bare = {"e" * 40: {"Cloudflare Tunnel": "edit"}}
    assert (403, 9109) == refusal_of(cloud, bare, "GET", f"/zones/{ZONE}"), "a token of the account alone"


def refusal_of(cloud, tokens, method, path):
    more = Cloud(cloud.folder.with_name("more"), tokens=tokens)
    try:
        return more.refusal(method, path, token=next(iter(tokens)))
    finally:
        more.emulator.close()


@pytest.mark.req("RW-11")
def test_an_account_has_one_way_to_log_in_by_pin(cloud):
    first = cloud.access("identity_providers", {"name": "pin", "type": "onetimepin"})
    path = f"/accounts/{ACCOUNT}/access/identity_providers"

    assert (409, 12132) == cloud.refusal("POST", path, {"name": "mine", "type": "onetimepin"}), "one per account"
    assert "new" == cloud.made("PUT", f"{path}/{first['id']}", {"name": "new", "type": "onetimepin"})["name"]
    for name in ("a", "b"):
        cloud.access("identity_providers", {"name": name, "type": "google"})


def test_an_account_that_never_opened_zero_trust_says_so_at_every_call_of_access(tmp_path):
    made = Cloud(tmp_path / "state", seed={ACCOUNT: {**SEED[ACCOUNT], "team": ""}})
    try:
        for kind in ("apps", "policies", "organizations", "identity_providers", "service_tokens"):
            _, answer = made.call("GET", f"/accounts/{ACCOUNT}/access/{kind}", token=TOKEN)
            error = answer["errors"][0]
            assert (9999, True) == (error["code"], "access.api.error.not_enabled" in error["message"]), kind
        assert [] == made.made("GET", f"/accounts/{ACCOUNT}/cfd_tunnel"), "tunnels need none of it"
    finally:
        made.emulator.close()
