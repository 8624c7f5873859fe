"""The five programs for Cloudflare, as processes, against the emulated API."""

from __future__ import annotations

import json

import pytest

from tests.support.cloudflare import ACCOUNT, READER, TOKEN, ZONE

CHECK, ACCESS, ROUTES = "check-cloudflare-config.py", "manage-cloudflare-access.py", "setup-cloudflare-tunnel-routes.py"
AUD, LAMBDA = "get-lambda-api-aud-tag.py", "setup-lambda-api-access.py"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cf")]
ALL = {
    CHECK: [],
    ACCESS: ["--list"],
    ROUTES: [],
    AUD: [],
    LAMBDA: [],
}
RECORDS = f"/zones/{ZONE}/dns_records"
APPS, POLICIES = f"/accounts/{ACCOUNT}/access/apps", f"/accounts/{ACCOUNT}/access/policies"
MARK = "3f9a01c2"


@pytest.fixture
def cf(programs, cloud):
    programs.words += [TOKEN, READER]
    tunnel = cloud.made("POST", f"/accounts/{ACCOUNT}/cfd_tunnel", {"name": "shared", "config_src": "cloudflare"})
    cloud.tunnel_id = tunnel["id"]
    programs.env = {
        "CLOUDFLARE_BASE_URL": cloud.emulator.api_url,
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_ZONE_ID": ZONE,
        "CLOUDFLARE_TUNNEL_ID": tunnel["id"],
        "CLOUDFLARE_ACCESS_EMAILS": "ops@example.com, Second@Example.com",
        "N8N_HOSTNAME": "n8n.example.com",
        "INFISICAL_HOSTNAME": "Infisical.example.com.",
        "LANGFUSE_HOSTNAME": ":8002",
    }
    cloud.control("DELETE", "/journal")
    return cloud


def writes(cloud):
    rows = cloud.control("GET", "/journal")
    return [(row["method"], row["path"].removeprefix("/client/v4")) for row in rows if row["method"] != "GET"]


def rules(cloud):
    path = f"/accounts/{ACCOUNT}/cfd_tunnel/{cloud.tunnel_id}/configurations"
    config = cloud.made("GET", path)["config"] or {}
    return [(rule.get("hostname"), rule["service"]) for rule in config.get("ingress", [])]


def put_rules(cloud, *ingress, **more):
    path = f"/accounts/{ACCOUNT}/cfd_tunnel/{cloud.tunnel_id}/configurations"
    cloud.made("PUT", path, {"config": {"ingress": list(ingress), **more}})
    cloud.control("DELETE", "/journal")


def record(name, content="192.0.2.1", kind="A", **more):
    return {"type": kind, "name": name, "content": content, "ttl": 60, **more}


@pytest.mark.req("S4-20", "S4-46", "FP-13")
def test_all_configured_host_names_get_a_route_and_a_record_and_ports_get_none(programs, cf):
    result = programs.run(ROUTES)

    assert (0, "") == (result.code, result.err)
    proxy = "http://caddy:80"
    assert [("infisical.example.com", proxy), ("n8n.example.com", proxy), (None, "http_status:404")] == rules(cf)
    into = f"{cf.tunnel_id}.cfargotunnel.com"
    rows = [(row["name"], row["type"], row["content"], row["proxied"]) for row in cf.made("GET", RECORDS)]
    assert [(f"{name}.example.com", "CNAME", into, True) for name in ("infisical", "n8n")] == sorted(rows)


@pytest.mark.req("S4-46", "FP-13")
def test_a_second_run_changes_nothing(programs, cf):
    programs.run(ROUTES)
    before = writes(cf)
    result = programs.run(ROUTES, "--json")
    rows = json.loads(result.out)["routes"]
    assert (0, {"unchanged"}) == (result.code, {row["route"] for row in rows} | {row["record"] for row in rows})
    assert before == writes(cf)


@pytest.mark.req("S4-46")
def test_the_catch_all_stays_last_and_a_wildcard_takes_nothing_away(programs, cf):
    put_rules(
        cf,
        {"hostname": "old.example.com", "service": "http://old:1", "path": "/x"},
        {"hostname": "n8n.example.com", "service": "http://n8n:5678"},
        {"hostname": "*.example.com", "service": "http://else:1"},
        {"service": "http_status:503"},
        originRequest={"connectTimeout": 5},
    )
    assert 0 == programs.run(ROUTES).code
    wanted = ["old.example.com", "n8n.example.com", "infisical.example.com", "*.example.com", None]
    assert wanted == [name for name, _ in rules(cf)]
    assert ("n8n.example.com", "http://caddy:80") == rules(cf)[1], "a route that led elsewhere leads to the proxy"
    assert (None, "http_status:503") == rules(cf)[-1]
    path = f"/accounts/{ACCOUNT}/cfd_tunnel/{cf.tunnel_id}/configurations"
    assert {"connectTimeout": 5} == cf.made("GET", path)["config"]["originRequest"], "what is not its own stays"


@pytest.mark.req("S4-20", "S4-46", "FP-13")
def test_a_removed_name_loses_its_route_and_its_record_and_no_other_does(programs, cf):
    programs.run(ROUTES)
    cf.made("POST", RECORDS, record("n8n", '"hello"', "TXT"))
    result = programs.run(ROUTES, "--remove", "N8N.example.com.", "--json")

    assert (0, "removed", "removed") == (
        result.code,
        *(json.loads(result.out)["routes"][0][k] for k in ("route", "record")),
    )
    assert ["infisical.example.com", None] == [name for name, _ in rules(cf)]
    assert [("infisical.example.com", "CNAME"), ("n8n.example.com", "TXT")] == sorted(
        (row["name"], row["type"]) for row in cf.made("GET", RECORDS)
    )
    again = programs.run(ROUTES, "--remove", "n8n.example.com")
    assert (0, "n8n.example.com: route absent, DNS record absent\n") == (again.code, again.out)


def test_a_record_that_leads_elsewhere_is_left_alone(programs, cf):
    cf.made("POST", RECORDS, record("n8n"))
    result = programs.run(ROUTES)
    assert (1, True) == (result.code, "leads elsewhere; it is left alone" in result.err)
    assert "infisical.example.com: route added, DNS record added" in result.out, "the others go on"
    assert 0 == programs.run(ROUTES, "--remove", "n8n.example.com").code
    assert ["192.0.2.1"] == [row["content"] for row in cf.made("GET", RECORDS) if row["name"] == "n8n.example.com"]


def test_a_tunnel_that_files_configure_is_not_taken_away_from_them(programs, cf):
    local = cf.made("POST", f"/accounts/{ACCOUNT}/cfd_tunnel", {"name": f"prod-{MARK}", "config_src": "local"})
    cf.control("DELETE", "/journal")
    for argv in ([], ["--remove", "n8n.example.com"]):
        result = programs.run(ROUTES, *argv, env={"CLOUDFLARE_TUNNEL_ID": local["id"]})
        assert (1, True) == (result.code, "configured by files" in result.err)
    assert [] == writes(cf), "a configuration that is put would win over them"


@pytest.mark.req("FP-13")
def test_what_a_homeport_stack_made_is_changed_with_a_warning(programs, cf):
    cf.made("POST", RECORDS, record("n8n", f"{'0' * 8}.cfargotunnel.com", "CNAME", comment=f"homeport {MARK}"))
    cf.made("PATCH", f"/accounts/{ACCOUNT}/cfd_tunnel/{cf.tunnel_id}", {"name": f"shared-{MARK}"})
    result = programs.run(ROUTES)
    assert 0 == result.code
    for what in (f"the tunnel shared-{MARK}", "the record of n8n.example.com"):
        assert f"warning: {what} was made by a homeport stack" in result.err
    assert [f"homeport {MARK}"] == [r["comment"] for r in cf.made("GET", RECORDS) if r["name"] == "n8n.example.com"]
    assert "" == programs.run(ROUTES).err, "and none where nothing is changed"


@pytest.mark.req("FP-13")
def test_lists_of_many_pages_are_read_to_the_end(programs, cf):
    for number in range(60):
        cf.made("POST", RECORDS, record(f"x{number}"))
        policy = {"name": f"p{number}", "decision": "deny", "include": [{"everyone": {}}]}
        cf.made("POST", POLICIES, policy)
    cf.made("POST", RECORDS, record("last", f"{'0' * 8}.cfargotunnel.com", "CNAME", comment=f"homeport {MARK}"))
    cf.made("POST", POLICIES, {"name": f"prod people {MARK}", "decision": "allow", "include": [{"everyone": {}}]})
    listed = json.loads(programs.run(ACCESS, "--list", "--json").out)["policies"]
    assert (61, True) == (len(listed), listed[-1]["homeport"]), "by the mark of a record on the second page"


@pytest.mark.req("FP-13")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_too_many_calls_are_waited_for_and_nothing_is_made_twice(programs, cf, method):
    cf.control("POST", "/faults", {"kind": "status", "status": 429, "times": 3, "retry_after": 0, "method": method})
    assert 0 == programs.run(ROUTES).code
    assert 2 == len(cf.made("GET", RECORDS))


def test_a_lost_answer_makes_no_second_policy(programs, cf):
    cf.control("POST", "/faults", {"kind": "lost", "method": "POST", "path": "policies"})
    result = programs.run(ACCESS, "--create-policy")
    assert (1, True) == (result.code, "run this again" in result.err)
    assert 0 == programs.run(ACCESS, "--create-policy").code
    assert 1 == len(cf.made("GET", POLICIES))


@pytest.mark.req("S4-23", "S4-45", "FP-13")
def test_the_unified_policy_is_made_once_and_follows_its_settings(programs, cf):
    google = cf.made("POST", f"/accounts/{ACCOUNT}/access/identity_providers", {"name": "g", "type": "google"})["id"]
    results = [programs.run(ACCESS, "--create-policy").out for _ in range(2)]
    assert ["policy 'Unified access policy': created\n", "policy 'Unified access policy': unchanged\n"] == results
    (policy,) = cf.made("GET", POLICIES)
    assert [{"email": {"email": "ops@example.com"}}, {"email": {"email": "second@example.com"}}] == policy["include"]
    assert [{"login_method": {"id": google}}] == policy["require"], "by Google and by nothing else"

    env = {"CLOUDFLARE_ACCESS_EMAILS": "", "CLOUDFLARE_ACCESS_EMAIL_DOMAINS": "@example.com"}
    assert "changed" in programs.run(ACCESS, "--create-policy", env=env).out
    (policy,) = cf.made("GET", POLICIES)
    assert [{"email_domain": {"domain": "example.com"}}] == policy["include"]


@pytest.mark.req("S4-23", "S4-45")
def test_the_policy_goes_to_all_applications_for_people_and_to_no_other(programs, cf):
    programs.run(ACCESS, "--create-policy")
    unified = cf.made("GET", POLICIES)[0]["id"]
    made = {}
    for name, decision in (("people", "allow"), ("hook", "bypass"), ("robot", "non_identity")):
        body = {"name": name, "decision": decision, "include": [{"everyone": {}}]}
        policy = cf.made("POST", POLICIES, body)["id"]
        app = {"name": name, "domain": f"{name}.example.com", "type": "self_hosted", "policies": [{"id": policy}]}
        made[name] = cf.made("POST", APPS, {**app, "session_duration": "6h", "app_launcher_visible": False})
    bare = cf.made("POST", APPS, {"name": "bare", "domain": "bare.example.com", "type": "self_hosted"})
    cf.made("POST", APPS, {"name": "launcher", "type": "app_launcher", "domain": "team.cloudflareaccess.com"})

    rows = json.loads(programs.run(ACCESS, "--apply-to-all", "--json").out)["applied"]
    wanted = {
        "people": "changed",
        "hook": "skipped: for bypass, not for people",
        "robot": "skipped: for non_identity, not for people",
        "bare": "changed",
        "launcher": "skipped: of type app_launcher",
    }
    assert wanted == {row["application"]: row["result"] for row in rows}
    people = cf.made("GET", f"{APPS}/{made['people']['id']}")
    assert [unified, made["people"]["policies"][0]["id"]] == [row["id"] for row in people["policies"]]
    assert (made["people"]["aud"], "6h", False) == tuple(
        people[k] for k in ("aud", "session_duration", "app_launcher_visible")
    )
    assert [unified] == [row["id"] for row in cf.made("GET", f"{APPS}/{bare['id']}")["policies"]]

    before = writes(cf)
    again = programs.run(ACCESS, "--apply-to-all", "--list")
    assert (0, before) == (again.code, writes(cf))
    assert "people.example.com: Unified access policy, people" in again.out


def test_a_policy_that_is_not_there_is_not_applied(programs):
    result = programs.run(ACCESS, "--apply-to-all")
    assert (1, True) == (result.code, "fix: manage-cloudflare-access.py --create-policy" in result.err)


@pytest.mark.req("S4-23")
def test_a_policy_for_nobody_is_refused(programs, cf):
    result = programs.run(ACCESS, "--create-policy", env={"CLOUDFLARE_ACCESS_EMAILS": " , "})
    assert (2, True) == (result.code, "CLOUDFLARE_ACCESS_EMAILS or" in result.err)
    assert [] == writes(cf)


@pytest.mark.req("S4-25", "FP-13")
def test_the_audience_tag_is_all_that_is_printed(programs, cf):
    app = cf.made("POST", APPS, {"name": "api", "domain": "api.example.com", "type": "self_hosted"})
    cf.made("POST", APPS, {"name": "path", "domain": "api.example.com/hook", "type": "self_hosted"})
    result = programs.run(AUD)
    assert (0, f"{app['aud']}\n", "") == (result.code, result.out, result.err)
    assert 64 == len(app["aud"])
    named = programs.run(AUD, "--hostname", "api.example.com/", env={})
    assert 2 == named.code, "a path is no host name"
    other = cf.made("POST", APPS, {"name": "l", "domain": "lambda.example.com", "type": "self_hosted"})
    assert f"{other['aud']}\n" == programs.run(AUD, env={"LAMBDA_HOSTNAME": "lambda.example.com"}).out
    assert f"{app['aud']}\n" == programs.run(AUD, env={"LAMBDA_HOSTNAME": ":8004"}).out


@pytest.mark.req("S4-25", "FP-13")
@pytest.mark.parametrize(
    ("env", "says"),
    [({}, "no Access application protects api.example.com"), ({"CLOUDFLARE_API_TOKEN": "x" * 40}, "9109")],
)
def test_no_application_and_no_access_are_told_on_standard_error(programs, env, says):
    result = programs.run(AUD, env=env)
    assert (1, "", True) == (result.code, result.out, says in result.err)
    assert "fix: " in result.err


@pytest.mark.req("S4-26", "FP-13")
def test_the_lambda_api_is_protected_before_it_can_be_reached_and_a_second_run_changes_nothing(programs, cf):
    programs.run(ACCESS, "--create-policy")
    cf.control("DELETE", "/journal")
    result = programs.run(LAMBDA)
    assert (0, "") == (result.code, result.err)
    kinds = [path.rstrip("s").rpartition("/")[2] for _, path in writes(cf)]
    assert ["app", "configuration", "dns_record"] == kinds, "the name leads nowhere before somebody stands in front"
    (app,) = cf.made("GET", APPS)
    assert ("api.example.com", "Unified access policy") == (app["domain"], app["policies"][0]["name"])
    assert [("api.example.com", "http://caddy:80"), (None, "http_status:404")] == rules(cf)

    before = writes(cf)
    again = json.loads(programs.run(LAMBDA, "--json").out)
    assert ({"unchanged"}, before) == ({again[k] for k in ("application", "route", "record")}, writes(cf))


@pytest.mark.req("S4-26")
def test_another_policy_and_host_name_can_be_named(programs, cf):
    policy = cf.made("POST", POLICIES, {"name": "own", "decision": "allow", "include": [{"everyone": {}}]})["id"]
    assert 0 == programs.run(LAMBDA, "--policy-id", policy, "--hostname", "fn.example.com").code
    assert [policy] == [row["id"] for row in cf.made("GET", APPS)[0]["policies"]]
    result = programs.run(LAMBDA, "--policy-id", "00000000-0000-0000-0000-000000000000")
    assert (1, True) == (result.code, "there is no policy" in result.err)
    assert (1, True) == ((none := programs.run(LAMBDA)).code, "--create-policy" in none.err)
    assert 1 == len(cf.made("GET", APPS)), "nothing is opened without a policy"


def good(cloud):
    for name, value in (("always_use_https", "on"), ("min_tls_version", "1.2")):
        cloud.made("PATCH", f"/zones/{ZONE}/settings/{name}", {"value": value})


def check(programs, *argv, **more):
    result = programs.run(CHECK, *argv, "--json", **more)
    return result.code, json.loads(result.out)


@pytest.mark.req("S4-44", "S4-59", "FP-13")
@pytest.mark.parametrize("mode", ["off", "flexible", "full", "strict", "origin_pull"])
def test_a_mode_that_loops_is_a_problem_and_is_mended_only_when_asked(programs, cf, mode):
    ssl = f"/zones/{ZONE}/settings/ssl"
    cf.made("PATCH", ssl, {"value": mode})
    cf.control("DELETE", "/journal")
    _, report = check(programs)
    state = next(one["state"] for one in report["findings"] if one["check"] == "SSL/TLS mode")
    assert ("ok" if mode in ("full", "strict") else "problem") == state
    assert [] == writes(cf), "without a flag it only reports"

    check(programs, "--fix-ssl")
    assert (mode if mode in ("full", "strict") else "full") == cf.made("GET", ssl)["value"]
    assert {path for _, path in writes(cf)} <= {ssl}, "and mends nothing else"


@pytest.mark.req("S4-44", "FP-13")
def test_each_flag_mends_its_own_and_all_together_all(programs, cf):
    check(programs, "--purge-cache")
    assert [("POST", f"/zones/{ZONE}/purge_cache")] == writes(cf)
    check(programs, "--create-page-rule")
    check(programs, "--create-page-rule")
    (rule,) = cf.made("GET", f"/zones/{ZONE}/pagerules")
    assert "infisical.example.com/*" == rule["targets"][0]["constraint"]["value"]
    assert [{"id": "cache_level", "value": "bypass"}] == rule["actions"]

    cf.made("DELETE", f"/zones/{ZONE}/pagerules/{rule['id']}")
    cf.made("PATCH", f"/zones/{ZONE}/settings/ssl", {"value": "flexible"})
    cf.control("DELETE", "/journal")
    _, report = check(programs, "--fix-all")
    assert 3 == len(report["done"])
    assert ["settings/ssl", "pagerules", "purge_cache"] == [path.split(ZONE + "/")[1] for _, path in writes(cf)]


@pytest.mark.req("S4-44")
def test_a_zone_in_order_ends_with_0(programs, cf):
    good(cf)
    check(programs, "--create-page-rule")
    code, report = check(programs, env={"CLOUDFLARE_TUNNEL_ID": ""})
    assert (0, []) == (code, [one for one in report["findings"] if one["state"] in ("problem", "unknown")])


@pytest.mark.req("S4-44", "S4-59")
def test_rules_that_break_the_way_to_the_origin_are_found(programs, cf):
    url = {"target": "url", "constraint": {"operator": "matches", "value": "*example.com/*"}}
    for number, action in enumerate(
        (
            {"id": "ssl", "value": "flexible"},
            {"id": "forwarding_url", "value": {"url": "http://example.com/$1", "status_code": 301}},
            {"id": "cache_level", "value": "cache_everything"},
        )
    ):
        status = {"status": "active", "priority": number + 1}
        cf.made("POST", f"/zones/{ZONE}/pagerules", {"targets": [url], "actions": [action], **status})
    for phase, about in (
        ("http_request_transform", {"headers": {"CF-Connecting-IP": {"operation": "remove"}}}),
        ("http_response_headers_transform", {"headers": {"Set-Cookie": {"operation": "remove"}, "X-Mine": {}}}),
        ("http_request_dynamic_redirect", {"from_value": {"target_url": {"value": "http://example.com"}}}),
        ("http_config_settings", {"ssl": "flexible"}),
    ):
        rule = {"action": "x", "action_parameters": about, "description": f"of {phase}", "enabled": True}
        off = {**rule, "description": "is off", "enabled": False}
        cf.made("PUT", f"/zones/{ZONE}/rulesets/phases/{phase}/entrypoint", {"rules": [rule, off]})
    cf.made("POST", RECORDS, record("a.b", f"{cf.tunnel_id}.cfargotunnel.com", "CNAME", proxied=False))

    code, report = check(programs)
    text = "\n".join(f"{one['check']}: {one['text']}" for one in report["findings"] if one["state"] == "problem")
    for part in (
        "SSL/TLS mode flexible",
        "leads back to http://",
        "caches all of infisical.example.com",
        "of http_request_transform: changes CF-Connecting-IP",
        "of http_response_headers_transform: changes Set-Cookie",
        "redirect rules: of http_request_dynamic_redirect",
        "configuration rules: of http_config_settings",
        "leads into a tunnel without Cloudflare's proxy",
        "the free certificate does not cover it",
        "shared is inactive",
    ):
        assert part in text
    assert (1, False) == (code, "is off" in text)


@pytest.mark.req("S4-44")
def test_what_the_token_may_not_see_is_unknown_and_no_success(programs, cf):
    programs.words.append("e" * 40)
    more = {
        "e" * 40: {
            "Zone": "read",
            "Zone Settings": "read",
            "DNS": "read",
            "Cloudflare Tunnel": "read",
            "Page Rules": "read",
        }
    }
    from rehearsal.clouds.cloudflare.accounts import seed

    seed(cf.emulator.store, {}, more)
    good(cf)
    code, report = check(programs, env={"CLOUDFLARE_API_TOKEN": "e" * 40})
    (unknown,) = [one for one in report["findings"] if one["state"] == "unknown"]
    assert (1, "rules", True) == (code, unknown["check"], "Transform Rules" in unknown["fix"])


@pytest.mark.req("FP-13")
@pytest.mark.parametrize(
    ("program", "argv"),
    [(ROUTES, []), (ACCESS, ["--create-policy"]), (CHECK, ["--fix-all"]), (CHECK, ["--purge-cache"])],
)
def test_a_token_that_may_only_read_is_told_which_permission_it_lacks(programs, program, argv):
    result = programs.run(program, *argv, env={"CLOUDFLARE_API_TOKEN": READER})
    assert (1, True) == (result.code, "fix: check CLOUDFLARE_API_TOKEN; it needs " in result.err), result.err


@pytest.mark.req("S4-48", "FP-13")
@pytest.mark.parametrize("program", list(ALL))
def test_all_missing_variables_are_named_at_once(programs, program):
    left = {"CLOUDFLARE_API_TOKEN": None, "CLOUDFLARE_ZONE_ID": "", "CLOUDFLARE_ACCOUNT_ID": None}
    result = programs.run(program, *ALL[program], env=left)
    first = "not set: CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_ZONE_ID"
    assert (2, first, "") == (result.code, result.err.splitlines()[0], result.out)


@pytest.mark.parametrize("program", list(ALL))
@pytest.mark.parametrize("argv", [["--nothing"], ["words"], ["--hostname"], ["--fix"], ["--remove"], ["--create"]])
def test_a_wrong_command_line_ends_with_2(programs, cf, program, argv):
    result = programs.run(program, *ALL[program], *argv)
    assert (2, "", True) == (result.code, result.out, "usage: " in result.err)
    assert [] == writes(cf)


@pytest.mark.parametrize(
    "name", ["n8n", "n8n.example.org", "*.example.com", "a b.example.com", "", "-.example.com", "../x"]
)
def test_a_host_name_that_is_none_or_of_another_zone_is_refused(programs, cf, name):
    # A single word in a variable is a name inside, see below.
    configured = [([], {"N8N_HOSTNAME": name})] if "." in name else []
    for argv, env in ((["--remove", name], {}), *configured):
        result = programs.run(ROUTES, *argv, env=env)
        assert (2, True) == (result.code, "fix: " in result.err or "usage: " in result.err), result.text
    assert [] == writes(cf)


def test_names_inside_get_no_route_and_names_in_other_scripts_do(programs, cf):
    inside = {"DB_HOSTNAME": "postgres", "CACHE_HOSTNAME": "192.0.2.7", "N8N_HOSTNAME": "bücher.example.com"}
    result = programs.run(ROUTES, env=inside)
    assert (0, 2) == (result.code, result.err.count("note: "))
    assert ["infisical.example.com", "xn--bcher-kva.example.com", None] == [name for name, _ in rules(cf)]


def test_a_broken_env_file_is_named_where_a_variable_is_missing(programs):
    (programs.folder / ".env").write_text("CLOUDFLARE_API_TOKEN='never closed\n")
    result = programs.run(ROUTES, env={"CLOUDFLARE_API_TOKEN": None})
    assert (2, True) == (result.code, "line 1: the quote that begins CLOUDFLARE_API_TOKEN" in result.err)


def test_without_any_host_name_nothing_is_done(programs):
    result = programs.run(ROUTES, env={"N8N_HOSTNAME": ":8001", "INFISICAL_HOSTNAME": None})
    assert (2, True) == (result.code, "no service has a host name" in result.err)
    assert 2 == programs.run(ACCESS).code


@pytest.mark.parametrize(
    "fault",
    [{"kind": "html", "status": 502}, {"kind": "reset"}, {"kind": "truncated"}, {"kind": "status", "status": 500}],
)
@pytest.mark.parametrize("program", list(ALL))
def test_a_cloudflare_that_is_ill_is_an_error_in_words(programs, cf, program, fault):
    cf.control("POST", "/faults", {**fault, "times": 50, "message": f"internal {TOKEN}"})
    result = programs.run(program, *ALL[program])
    assert (1, True) == (result.code, "fix: " in result.err), result.text
