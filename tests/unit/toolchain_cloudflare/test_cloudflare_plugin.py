"""The cloudflare stand-in beyond its recordings: every type made, read, changed and removed on the emulated API."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.rehearsal.conformance.recordings import schema
from tests.support.cloudflare import ACCOUNT, ZONE
from tests.support.cloudflare_stack import TYPES
from tests.unit.toolchain_cloudflare.inputs import APP, CHANGES, DNS, EACH, IDP, POLICY, SETTING, TOKEN, TUNNEL
from toolchain.plugins.base import UNKNOWN, CheckFailed, InvokeFailed, ProviderError, Secret, plain
from toolchain.plugins.cloudflare.kinds import KINDS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", EACH)
def test_a_resource_is_made_refreshed_without_a_change_updated_in_place_and_removed(stack, kind):
    inputs = EACH[kind]
    key, state = stack.up(kind, inputs)
    read_id, read_state, read_inputs = stack.refresh(kind, key, state, inputs)
    assert (key, state, inputs) == (read_id, read_state, read_inputs), "a refresh finds what was made"
    more, changed = CHANGES[kind]
    diff = stack.diff(kind, key, state, {**inputs, **more})
    assert (True, []) == (diff.changes, list(diff.replaces)), "a change in place"
    assert changed <= set(diff.diffs), "that names its properties"
    state = stack.update(kind, key, state, {**inputs, **more})
    for name, value in more.items():
        assert value == state[name], f"{name} is what was asked for"
    assert not stack.diff(kind, key, state, {**inputs, **more}).changes, "and then nothing differs"
    assert [*stack.refresh(kind, key, state, {**inputs, **more})][1] == state, "also after a refresh"
    stack.down(kind, key, state)


@pytest.mark.parametrize("kind", [kind for kind in EACH if kind not in ("setting", "tunnel")])
def test_what_was_removed_by_hand_is_gone_at_the_next_refresh(stack, kind):
    key, state = stack.up(kind, EACH[kind])
    stack.down(kind, key, state)
    assert stack.refresh(kind, key, state, EACH[kind]) is None, "the API answers 404"
    with pytest.raises(ProviderError, match="404 Not Found"):
        stack.down(kind, key, state)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("dns", {"zoneId": "f" * 32}),
        ("tunnel", {"configSrc": "local"}),
        ("tunnel", {"accountId": "f" * 32}),
        ("policy", {"accountId": "f" * 32}),
        ("app", {"accountId": "f" * 32}),
        ("setting", {"settingId": "brotli"}),
    ],
)
def test_what_upstream_replaces_on_is_replaced(stack, kind, change):
    key, state = stack.up(kind, EACH[kind])
    diff = stack.diff(kind, key, state, {**EACH[kind], **change})
    assert list(change) == list(diff.replaces), "exactly that property forces it"


@pytest.mark.parametrize(
    ("kind", "wrong", "where"),
    [
        ("dns", {"value": "192.0.2.1"}, "Invalid or unknown key. Examine values at 'dns.value'."),
        ("policy", {"includes": [{"mail": {}}]}, "'policy.includes[0].mail'"),
        ("policy", {"decision": "maybe"}, 'got: "maybe"'),
        ("app", {"saasApp": {}}, "'app.saasApp'"),
        ("idp", {"config": {"clientId": 7}}, "Expected string, got int"),
        ("dns", {"ttl": True}, "Expected number, got bool"),
        ("dns", {"tags": "a"}, "Expected a list"),
        ("idp", {"config": "x"}, "Expected an object"),
        ("token", {"clientSecretVersion": 2}, "previousClientSecretExpiresAt"),
        ("dns", {"createdOn": "2026-01-01T00:00:00Z"}, "Invalid or unknown key"),
        ("dns", {"ttl": None}, "Missing required property 'ttl'"),
        ("app", {"accountId": None}, "One of accountId and zoneId must be set"),
    ],
)
def test_an_input_that_the_official_plugin_would_not_take_is_refused_with_its_place(stack, kind, wrong, where):
    with pytest.raises(CheckFailed) as refused:
        stack.check(kind, {name: value for name, value in {**EACH[kind], **wrong}.items() if value is not None})
    assert 1 == len(refused.value.failures), "one mistake, one sentence"
    assert where in refused.value.failures[0][1]


def test_secrets_are_marked_at_any_depth(stack):
    resource, urn = stack.of("idp")
    assert Secret("y") == resource.check(urn, {}, IDP, b"")["config"]["clientSecret"], "in the inputs"
    assert Secret("y") == resource.create(urn, IDP, preview=False, timeout=0)[1]["config"]["clientSecret"], (
        "in the state"
    )
    resource, urn = stack.of("token")
    secret = resource.create(urn, TOKEN, preview=False, timeout=0)[1]["clientSecret"]
    assert isinstance(secret, Secret), "the secret that the API tells once"


def test_a_preview_leaves_open_what_only_the_api_can_tell_and_touches_nothing(stack):
    resource, urn = stack.of("token")
    key, state = resource.create(urn, TOKEN, preview=True, timeout=0)
    assert ("", UNKNOWN, UNKNOWN) == (key, state["id"], plain(state)["clientSecret"]), "not known yet"
    assert ("8760h", 1) == (state["duration"], state["clientSecretVersion"]), "defaults are"
    assert [] == stack.cloud.control("GET", "/journal"), "no call was made"


def test_a_value_that_is_not_known_yet_passes_the_check_and_counts_as_a_change(stack):
    inputs = {"accountId": ACCOUNT, "tunnelId": UNKNOWN, "config": {"ingresses": [{"service": UNKNOWN}]}}
    assert inputs == stack.check("ingress", inputs), "taken as it is"
    resource, urn = stack.of("ingress")
    assert UNKNOWN is resource.create(urn, inputs, preview=True, timeout=0)[1]["version"], "and planned"
    assert stack.diff("dns", "0", DNS, {**DNS, "content": UNKNOWN}).changes, "it may become anything"


def test_the_secret_of_a_service_token_outlives_refreshes_and_updates_and_changes_with_its_version(stack):
    key, state = stack.up("token", TOKEN)
    _, again, _ = stack.refresh("token", key, state, TOKEN)
    assert state["clientSecret"] == again["clientSecret"], "the API never tells it again, the state has it"
    renamed = stack.update("token", key, state, {**TOKEN, "name": "other"})
    assert state["clientSecret"] == renamed["clientSecret"], "a new name is no new secret"
    inputs = {**TOKEN, "clientSecretVersion": 2, "previousClientSecretExpiresAt": "2100-01-01T00:00:00Z"}
    assert state["clientSecret"] != stack.update("token", key, renamed, inputs)["clientSecret"], "a new version is one"


DAY = {**POLICY, "sessionDuration": "24h"}
INCLUDE = [{"email_domain": {"domain": "example.com"}}]
STAFF = {"name": "staff", "decision": "allow", "include": INCLUDE, "session_duration": "24h"}
OPEN = {"name": "app", "domain": "app.example.com", "type": "self_hosted", "session_duration": "24h"}
HOUR = {**APP, "sessionDuration": "24h"}
ALL = [{"everyone": {}}]
TWO = [*INCLUDE, {"email": {"email": "stranger@example.net"}}]
# Kind, inputs, method and path of the call of a hand, its body, and what differs then.
BY_HAND = {
    "a record leads elsewhere": ("dns", DNS, "PATCH", "zone/dns_records", {"content": "203.0.113.9"}, {"content"}),
    "a record past the proxy": ("dns", DNS, "PATCH", "zone/dns_records", {"proxied": False}, {"proxied"}),
    "a tunnel's name": ("tunnel", TUNNEL, "PATCH", "account/cfd_tunnel", {"name": "other"}, {"name"}),
    "everybody let in": ("policy", DAY, "PUT", "account/access/policies", {**STAFF, "include": ALL}, {"includes"}),
    "one more let in": ("policy", DAY, "PUT", "account/access/policies", {**STAFF, "include": TWO}, {"includes"}),
    "nobody asked": ("policy", DAY, "PUT", "account/access/policies", {**STAFF, "decision": "bypass"}, {"decision"}),
    "a session for a month": (
        "policy",
        DAY,
        "PUT",
        "account/access/policies",
        {**STAFF, "session_duration": "720h"},
        {"sessionDuration"},
    ),
    "an application elsewhere": (
        "app",
        HOUR,
        "PUT",
        "account/access/apps",
        {**OPEN, "domain": "other.example.com"},
        {"domain"},
    ),
    "an application for a month": (
        "app",
        HOUR,
        "PUT",
        "account/access/apps",
        {**OPEN, "session_duration": "720h"},
        {"sessionDuration"},
    ),
    "plain HTTP to the origin": ("setting", SETTING, "PATCH", "zone/settings", {"value": "flexible"}, {"value"}),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_a_hand_has_changed_is_found_by_its_key_put_back_and_then_nothing_differs(stack, name):
    kind, inputs, method, place, body, keys = BY_HAND[name]
    key, state = stack.up(kind, inputs)
    owner, _, rest = place.partition("/")
    base = f"/zones/{ZONE}" if owner == "zone" else f"/accounts/{ACCOUNT}"
    stack.cloud.made(method, f"{base}/{rest}/{key}", body)
    _, drifted, _ = stack.refresh(kind, key, state, inputs)
    differs = stack.diff(kind, key, drifted, inputs).diffs
    assert keys == {*differs} & {*inputs}, "of what the program asks for, just that"
    repaired = stack.update(kind, key, drifted, inputs)
    _, seen, _ = stack.refresh(kind, key, repaired, inputs)
    assert not stack.diff(kind, key, seen, inputs).changes, "put back, and a third look finds nothing"


def test_ways_of_a_tunnel_and_policies_of_an_application_that_a_hand_has_changed_are_put_back(stack):
    tunnel, _ = stack.up("tunnel", TUNNEL)
    rules = [{"hostname": "a.example.com", "service": "https://a"}, {"service": "http_status:404"}]
    policy, _ = stack.up("policy", POLICY)
    cases = {
        "ingress": (
            {"accountId": ACCOUNT, "tunnelId": tunnel, "config": {"ingresses": rules}},
            lambda _: (
                f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}/configurations",
                {"config": {"ingress": [{"hostname": "a.example.com", "service": "https://b"}, rules[1]]}},
            ),
            {"config"},
        ),
        "app": (
            {**APP, "policies": [{"id": policy, "precedence": 1}]},
            lambda key: (f"/accounts/{ACCOUNT}/access/apps/{key}", {**OPEN, "policies": []}),
            {"policies"},
        ),
    }
    for kind, (inputs, by_hand, keys) in cases.items():
        key, state = stack.up(kind, inputs)
        path, body = by_hand(key)
        stack.cloud.made("PUT", path, body)
        _, drifted, _ = stack.refresh(kind, key, state, inputs)
        differs = stack.diff(kind, key, drifted, inputs).diffs
        assert keys == {*differs} & {*inputs}, f"{kind}: of what the program asks for, just that"
        repaired = stack.update(kind, key, drifted, inputs)
        _, seen, _ = stack.refresh(kind, key, repaired, inputs)
        assert not stack.diff(kind, key, seen, inputs).changes, kind


def test_a_change_by_hand_shows_in_refresh_and_the_next_update_fixes_it(stack):
    key, state = stack.up("policy", POLICY)
    wide = {"name": "staff", "decision": "allow", "include": [{"everyone": {}}], "session_duration": "24h"}
    stack.cloud.made("PUT", f"/accounts/{ACCOUNT}/access/policies/{key}", wide)
    _, drifted, seen = stack.refresh("policy", key, state, POLICY)
    assert [{"everyone": {}}] == drifted["includes"] == seen["includes"], "as it is now"
    assert ["includes"] == list(stack.diff("policy", key, drifted, POLICY).diffs), "exactly that differs"
    assert POLICY["includes"] == stack.update("policy", key, drifted, POLICY)["includes"], "repaired"


def test_an_application_keeps_the_reference_to_a_policy_and_not_its_copy(stack):
    key, _ = stack.up("policy", POLICY)
    inputs = {**APP, "policies": [{"id": key, "precedence": 1}]}
    app, state = stack.up("app", inputs)
    policy = stack.cloud.made("GET", f"/accounts/{ACCOUNT}/access/apps/{app}")["policies"][0]
    assert ("staff", key) == (policy["name"], policy["id"]), "the API tells the whole policy"
    assert inputs["policies"] == stack.refresh("app", app, state, inputs)[1]["policies"], "the state has what was given"


def test_the_ingress_rules_go_out_under_cloudflareds_own_names(stack):
    tunnel, _ = stack.up("tunnel", TUNNEL)
    access = {"required": True, "teamName": "team", "audTags": ["a" * 64]}
    rule = {
        "hostname": "a.example.com",
        "service": "https://a",
        "originRequest": {"noTlsVerify": True, "access": access},
    }
    config = {"ingresses": [rule, {"service": "http_status:404"}]}
    inputs = {"accountId": ACCOUNT, "tunnelId": tunnel, "config": config}
    key, state = stack.up("ingress", inputs)
    sent = stack.cloud.made("GET", f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}/configurations")["config"]["ingress"][0]
    body = {"noTLSVerify": True, "access": {"required": True, "teamName": "team", "audTag": ["a" * 64]}}
    assert body == sent["originRequest"], "as cloudflared reads them"
    assert config == stack.refresh("ingress", key, state, inputs)[1]["config"], "and come back under Pulumi's"
    stack.down("ingress", key, state)
    assert stack.refresh("ingress", key, state, inputs) is not None, "a configuration goes with its tunnel, not before"


@pytest.mark.parametrize("kind", EACH)
def test_an_import_finds_state_and_inputs_by_the_id_that_upstream_documents(stack, kind):
    key, state = stack.up(kind, EACH[kind])
    scoped = {"app": f"accounts/{ACCOUNT}", "idp": f"accounts/{ACCOUNT}", "token": f"accounts/{ACCOUNT}"}
    owner = scoped.get(kind, ZONE if kind in ("dns", "setting") else ACCOUNT)
    imported_key, imported, inputs = stack.refresh(kind, f"{owner}/{key}", {}, {})
    assert key == imported_key, "the id alone is left"
    assert EACH[kind].items() <= inputs.items(), "with the inputs of a program"
    assert state.keys() - {"clientSecret"} <= imported.keys(), "and the state"
    with pytest.raises(ProviderError, match="invalid ID"):
        stack.refresh(kind, key, {}, {})


def test_a_rate_limit_is_waited_for_and_a_refusal_is_told_in_the_apis_words(stack):
    stack.cloud.control("POST", "/faults", {"kind": "status", "status": 429, "retry_after": 0.05, "times": 2})
    stack.up("dns", DNS)
    statuses = [row["status"] for row in stack.cloud.control("GET", "/journal")]
    assert [429, 429, 200] == statuses, "the official client tries twice more"
    with pytest.raises(ProviderError, match=r'failed to make http request: POST ".+": 400 Bad Request .+81058'):
        stack.up("dns", DNS)


def test_the_token_of_a_tunnel_is_told_and_bad_arguments_are_refused(stack):
    tunnel, _ = stack.up("tunnel", TUNNEL)
    function = "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken"
    args = {"accountId": ACCOUNT, "tunnelId": tunnel}
    assert stack.cloud.token_of(tunnel) == stack.plugin.invoke(function, args)["token"], "as the API has it"
    with pytest.raises(InvokeFailed):
        stack.plugin.invoke(function, {**args, "name": "x"})
    with pytest.raises(InvokeFailed):
        stack.plugin.invoke(function, {"accountId": ACCOUNT})


def test_settings_of_the_provider_are_checked_and_marked(stack):
    urn = "urn:pulumi:dev::p::pulumi:providers:cloudflare::c"
    assert Secret("b" * 40) == stack.plugin.check_config(urn, {}, {"apiToken": "b" * 40})["apiToken"], "secret"
    for wrong in ({"apiToken": "short"}, {"token": "x"}):
        with pytest.raises(CheckFailed):
            stack.plugin.check_config(urn, {}, wrong)


def test_every_property_has_the_official_name_kind_and_requirement():
    official = schema("cloudflare")
    wrong = []
    for kind in KINDS:
        about = official[f"cloudflare:index/{kind.token}"]
        ours = {name: field for name, field in kind.fields.items() if field.settable}
        wrong += [f"{kind.token}.{name}" for name in kind.fields if name not in about["outputs"]]
        wrong += [f"{kind.token}.{name}: input" for name in ours if name not in about["inputs"]]
        for name in ours.keys() & about["inputs"].keys():
            theirs = about["inputs"][name]
            if theirs.get("secret", False) != ours[name].secret or (theirs.get("type") == "array") != ours[name].many:
                wrong.append(f"{kind.token}.{name}: secret or list")
        # accountId and zoneId are required by the API; the official schema lets them come from elsewhere.
        required = {name for name, field in ours.items() if field.required} - {"accountId", "zoneId"}
        wrong += [f"{kind.token}: required {required}"] if required != set(about["requiredInputs"]) else []
    assert [] == wrong
    assert set(TYPES.values()) == {f"cloudflare:index/{kind.token}" for kind in KINDS}, "the tests know every type"


def test_nothing_is_imported_before_the_first_call():
    program = (
        "import sys; from toolchain.plugins.cloudflare.provider import provider; provider(); "
        "print('httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=180)
    assert "False" == done.stdout.strip(), (
        "the client costs a third of a second, which a plugin without calls does not pay"
    )


@pytest.mark.req("NP-03")
@pytest.mark.parametrize("kind", EACH)
def test_a_state_carries_the_version_of_its_schema_so_that_upstream_migrates_nothing(stack, kind):
    key, state = stack.up(kind, EACH[kind])
    refreshed = stack.refresh(kind, key, state, EACH[kind])

    assert ['{"schema_version":"500"}'] * 2 == [state["__meta"], refreshed[1]["__meta"]]
