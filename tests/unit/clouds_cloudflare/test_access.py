"""Access at the edge: who gets in, what the origin is told, and what a forged assertion is worth."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest

from rehearsal.clouds.cloudflare.decide import COOKIE
from rehearsal.clouds.cloudflare.signing import DAY
from tests.support.cloudflare import ACCOUNT, TOKEN, connected, origin, wait_for
from toolchain.cloudflared.assertions import accepted

pytestmark = pytest.mark.slow

APP = "app.example.com"
ADA = "ada@example.com"
ISSUER = "https://team.cloudflareaccess.com"


@pytest.fixture
def door(cloud):
    with origin() as (service, seen):
        tunnel = cloud.tunnel(service=service)
        with connected(cloud, tunnel):
            cloud.seen, cloud.tunnel_id, cloud.service = seen, tunnel, service
            yield cloud


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def with_cookie(token):
    return {"Cookie": f"other=1; {COOKIE}={token}"}


def test_nobody_is_sent_to_the_login_page_and_the_origin_hears_nothing(door):
    app = door.app(door.policy())
    status, _, answer = door.visit(APP, "/deep?x=1")
    login = f"{ISSUER}/cdn-cgi/access/login/{APP}?kid={app['aud']}&redirect_url=%2Fdeep%3Fx%3D1"
    assert (302, login) == (status, answer.headers["Location"]), "to the team's login, with the way back"
    assert [] == door.seen, "no byte of it reached the origin"


def test_a_user_whom_a_policy_allows_gets_in_with_a_signed_assertion(door):
    app = door.app(door.policy())
    status, token = door.log_in(ADA)
    assert 200 == status, "the policy names her"
    assert 200 == door.visit(APP, "/", headers=with_cookie(token))[0], "the cookie is her session"
    claims = claims_of(door.seen[0]["cf-access-jwt-assertion"])
    assert ([app["aud"]], ADA, ISSUER) == (claims["aud"], claims["email"], claims["iss"]), "who, for what, by whom"
    assert 24 * 3600 == claims["exp"] - claims["iat"], "the session lasts as long as the application says"
    assert ADA == door.seen[0]["cf-access-authenticated-user-email"], "named beside it too"
    assert (403, "") == door.log_in("eve@example.com"), "no policy names her"


def test_headers_that_only_cloudflare_may_set_are_taken_from_the_visitor(door):
    forged = {"Cf-Access-Jwt-Assertion": "x.y.z", "X-Forwarded-For": "192.0.2.9", "CF-Connecting-IP": "192.0.2.9"}
    forged |= {"cf-access-authenticated-user-email": ADA, "Forwarded": "for=192.0.2.9"}
    assert 200 == door.visit(APP, "/", headers=forged)[0], "no application protects it yet"
    seen = door.seen[0]
    assert "cf-access-jwt-assertion" not in seen, "a forged assertion is dropped"
    assert "cf-access-authenticated-user-email" not in seen, "and a forged name"
    assert "forwarded" not in seen, "and a forged way"
    assert ("127.0.0.1", "127.0.0.1") == (seen["x-forwarded-for"], seen["cf-connecting-ip"]), "the edge knows better"


def test_a_service_token_opens_what_its_policy_says_until_it_is_rotated(door):
    token = door.access("service_tokens", {"name": "ci"})
    door.app(door.policy("non_identity", [{"service_token": {"token_id": token["id"]}}]))
    headers = {"CF-Access-Client-Id": token["client_id"], "CF-Access-Client-Secret": token["client_secret"]}
    assert 200 == door.visit(APP, headers=headers)[0], "the token of the policy"
    claims = claims_of(door.seen[0]["cf-access-jwt-assertion"])
    assert (token["client_id"], "") == (claims["common_name"], claims["sub"]), "no person stands behind it"
    assert "cf-access-client-secret" not in door.seen[0], "the secret goes no further than the edge"
    assert 403 == door.visit(APP, headers={**headers, "CF-Access-Client-Secret": "0" * 64})[0], "a wrong secret"
    other = door.access("service_tokens", {"name": "other"})
    strange = {"CF-Access-Client-Id": other["client_id"], "CF-Access-Client-Secret": other["client_secret"]}
    assert 403 == door.visit(APP, headers=strange)[0], "a valid token that no policy names"
    later = {"client_secret_version": 2, "previous_client_secret_expires_at": "2100-01-01T00:00:00Z", "name": "ci"}
    path = f"/accounts/{ACCOUNT}/access/service_tokens/{token['id']}"
    fresh = door.made("PUT", path, later)["client_secret"]
    both = [
        door.visit(APP, headers={**headers, "CF-Access-Client-Secret": s})[0] for s in (token["client_secret"], fresh)
    ]
    assert [200, 200] == both, "old and new overlap for as long as was asked"
    door.made("PUT", path, {**later, "previous_client_secret_expires_at": "2020-01-01T00:00:00Z"})
    assert 403 == door.visit(APP, headers=headers)[0], "then the old one is worth nothing"
    door.control("POST", "/clock", {"advance": 366 * DAY})
    assert 403 == door.visit(APP, headers={**headers, "CF-Access-Client-Secret": fresh})[0], "after a year, none is"


def test_a_bypassed_path_is_open_and_its_neighbour_is_not(door):
    door.app(door.policy())
    door.app(door.policy("bypass", [{"everyone": {}}]), domain=f"{APP}/webhook")
    got = {path: door.visit(APP, path)[0] for path in ("/webhook", "/webhook/a", "/webhookx", "/", "/a/webhook")}
    assert {"/webhook": 200, "/webhook/a": 200, "/webhookx": 302, "/": 302, "/a/webhook": 302} == got
    assert all("cf-access-jwt-assertion" not in row for row in door.seen), "nobody vouches for a bypass"


def test_an_application_without_policies_and_one_whose_policy_was_deleted_let_nobody_in(door):
    policy = door.policy()
    door.app(policy)
    assert 200 == door.log_in(ADA)[0], "as long as it is there"
    door.made("DELETE", f"/accounts/{ACCOUNT}/access/policies/{policy}")
    assert 403 == door.log_in(ADA)[0], "nothing that matches means no"


def test_exclude_require_group_and_identity_provider_are_respected(door):
    idp = door.access("identity_providers", {"name": "google", "type": "google"})["id"]
    group = door.access("groups", {"name": "staff", "include": [{"email_domain": {"domain": "example.com"}}]})["id"]
    more = {"exclude": [{"email": {"email": "eve@example.com"}}], "require": [{"login_method": {"id": idp}}]}
    door.app(door.policy(include=[{"group": {"id": group}}], **more), allowed_idps=[idp])
    tries = {who: door.log_in(who, idp=idp)[0] for who in (ADA, "eve@example.com", "ada@example.org")}
    assert {ADA: 200, "eve@example.com": 403, "ada@example.org": 403} == tries
    assert 403 == door.log_in(ADA)[0], "without the identity provider nobody is vouched for"


def test_a_session_ends_by_time_by_revocation_and_does_not_open_another_application(door):
    door.app(door.policy(), session_duration="1h")
    door.app(door.policy(), domain="b.example.com")
    _, token = door.log_in(ADA)
    other = door.log_in(ADA, "b.example.com")[1]
    assert 302 == door.visit(APP, headers=with_cookie(other))[0], "a session for another audience"
    door.made("POST", f"/accounts/{ACCOUNT}/access/organizations/revoke_user", {"email": ADA})
    assert 302 == door.visit(APP, headers=with_cookie(token))[0], "revoked"
    door.control("POST", "/clock", {"advance": 5})
    _, token = door.log_in(ADA)
    assert 200 == door.visit(APP, headers=with_cookie(token))[0], "a new login opens again"
    door.control("POST", "/clock", {"advance": 3601})
    assert 302 == door.visit(APP, headers=with_cookie(token))[0], "until its hour is over"


def forgeries(cloud, app):
    """Assertions that no validator may take, by what is wrong with them."""
    now = time.time()
    good = {"aud": [app["aud"]], "iss": ISSUER, "exp": now + 600, "iat": now, "nbf": now, "email": ADA}

    def minted(claims, header=None):
        return cloud.control("POST", "/assertion", {"claims": claims, "header": header})["token"]

    key = cloud.emulator.keys.published()["public_cert"]["cert"].encode()
    coded = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()  # noqa: E731
    kid = cloud.emulator.keys.current()[0]["kid"]
    hs256 = f"{coded({'alg': 'HS256', 'kid': kid})}.{coded(good)}"
    mark = base64.urlsafe_b64encode(hmac.new(key, hs256.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    right = minted(good)
    return right, {
        "expired": minted({**good, "exp": now - 1}),
        "wrong audience": minted({**good, "aud": ["0" * 64]}),
        "wrong issuer": minted({**good, "iss": "https://evil.cloudflareaccess.com"}),
        "not yet": minted({**good, "nbf": now + 600}),
        "unknown key": minted(good, {"kid": "0" * 64}),
        "no algorithm": f"{coded({'alg': 'none', 'kid': kid})}.{coded(good)}.",
        "public key as a password": f"{hs256}.{mark}",
        "changed claims": f"{right.split('.')[0]}.{coded({**good, 'email': 'eve@example.com'})}.{right.split('.')[2]}",
        "no assertion": "",
        "nonsense": "a.b",
    }


def test_an_assertion_is_signed_for_nobody_but_the_holder_of_this_starts_control_token(cloud):
    asked = {"claims": {"email": ADA}}
    assert cloud.control("POST", "/assertion", asked)["token"], "tests hold it"
    before = cloud.emulator.control_token
    cloud.restart()
    for shown in (
        None,
        "",
        "Bearer ",
        f"Bearer {TOKEN}",
        f"Bearer {before}",
        "Bearer \xff",
        cloud.emulator.control_token,
    ):
        headers = {} if shown is None else {"Authorization": shown}
        status, content, _ = cloud.raw("POST", "/_control/assertion", asked, headers)
        assert 403 == status, f"shown: {shown}"
        assert b"token" not in content.replace(b"control token", b""), "and nothing is signed"


def test_the_check_behind_the_tunnel_takes_none_of_the_forgeries(cloud):
    app = cloud.app(cloud.policy())
    right, wrong = forgeries(cloud, app)
    keys = json.loads(cloud.visit("team.cloudflareaccess.com", "/cdn-cgi/access/certs")[1])["keys"]
    check = lambda token: accepted(token, keys, "team", [app["aud"]], time.time())  # noqa: E731
    assert check(right), "the good one passes"
    assert [] == [name for name, token in wrong.items() if check(token)], "none of the others"
    assert {"certs": 1} == cloud.control("GET", "/counters"), "and the certificates were fetched once"


def test_a_forged_session_cookie_opens_nothing(door):
    app = door.app(door.policy())
    _, wrong = forgeries(door, app)
    # The edge is its own issuer and sets no start: these two are for the check behind it.
    tried = {name: token for name, token in wrong.items() if name not in ("wrong issuer", "not yet")}
    got = {name: door.visit(APP, headers=with_cookie(token))[0] for name, token in tried.items()}
    assert dict.fromkeys(tried, 302) == got, "all are sent to the login page"


def test_a_second_tunnel_to_the_same_origin_does_not_get_around_access(door):
    app = door.app(door.policy())
    guarded = {"access": {"required": True, "teamName": "team", "audTag": [app["aud"]]}}
    rules = [{"hostname": APP, "service": door.service, "originRequest": guarded}]
    door.route(
        door.tunnel_id, [*rules, {"hostname": "back.example.com", "service": door.service, "originRequest": guarded}]
    )
    name = {"type": "CNAME", "name": "back", "content": f"{door.tunnel_id}.cfargotunnel.com", "proxied": True, "ttl": 1}
    door.made("POST", f"/zones/{'c' * 32}/dns_records", name)
    wait_for(lambda: door.visit("back.example.com")[0] == 403)
    _, token = door.log_in(ADA)
    assert 200 == door.visit(APP, headers=with_cookie(token))[0], "with the assertion of the application it passes"


@pytest.mark.parametrize(("days", "published"), [(0, 2), (6, 2), (8, 1)])
def test_the_key_before_is_published_for_seven_days(cloud, days, published):
    old = cloud.emulator.keys.current()[0]["kid"]
    new = cloud.control("POST", "/keys/rotate")["kid"]
    cloud.control("POST", "/clock", {"advance": days * DAY})
    keys = [key["kid"] for key in cloud.emulator.keys.published()["keys"]]
    assert [new, old][:published] == keys, f"on day {days}"


def test_the_key_changes_by_itself_after_six_weeks(cloud):
    old = cloud.emulator.keys.current()[0]["kid"]
    cloud.control("POST", "/clock", {"advance": 43 * DAY})
    assert old != cloud.emulator.keys.current()[0]["kid"], "another one signs"
    assert 42 == cloud.made("GET", f"/accounts/{ACCOUNT}/access/keys")["key_rotation_interval_days"], "every 42 days"
