"""Assertions as the emulated Access signs them, and everything that is none."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import jwt
from access_assertion import Access, OnlyThroughAccess, RefusedError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUDIENCE = "a" * 64


@pytest.fixture
def team():
    """A team's address with the keys that it publishes; `down` makes it fail, `asked` counts."""

    class Certs(BaseHTTPRequestHandler):
        def do_GET(self):
            server = self.server
            server.asked += 1
            wrong = server.down or self.path != "/cdn-cgi/access/certs"
            body = b"" if wrong else json.dumps({"keys": [jwk(*row) for row in server.ring.items()]}).encode()
            self.send_response(500 if wrong else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Certs)
    server.ring, server.asked, server.down = {"first": new_key()}, 0, False
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(kid, key):
    return json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "alg": "RS256", "use": "sig"}


def assertion(team, kid="first", key=None, without=(), **claims):
    now = int(time.time())
    content = {"aud": [AUDIENCE], "iss": team.url, "exp": now + 600, "iat": now, "email": "ada@example.com"} | claims
    content = {name: value for name, value in content.items() if name not in without}
    return jwt.encode(content, key or team.ring["first"], "RS256", headers={"kid": kid})


def forged(team, algorithm):
    """A right assertion whose header names another algorithm; PyJWT itself refuses to make one."""
    _, content, _ = assertion(team).split(".")
    signed = f"{text64(json.dumps({'alg': algorithm, 'kid': 'first'}).encode())}.{content}"
    public = team.ring["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signature = hmac.digest(public, signed.encode(), "sha256") if algorithm == "HS256" else b""
    return f"{signed}.{text64(signature)}"


def text64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
def access(team):
    return Access(team.url, AUDIENCE)


def status(access, text):
    with pytest.raises(RefusedError) as refused:
        access.claims(text)
    return refused.value.status


@pytest.mark.req("FP-16")
def test_who_came_through_access_is_known_by_name_and_the_keys_are_asked_for_once(access, team):
    assert ["ada@example.com"] * 3 == [access.claims(assertion(team))["email"] for _ in range(3)]
    assert 1 == team.asked
    assert Access(f"{team.url}/", AUDIENCE).claims(assertion(team)), "the address as a browser shows it"


WRONG = {
    "nothing": (lambda _: None, 401),
    "empty": (lambda _: "", 401),
    "no token": (lambda _: "a.b.c", 401),
    "another key under a known name": (lambda team: assertion(team, key=new_key()), 401),
    "an unknown key": (lambda team: assertion(team, kid="other", key=new_key()), 401),
    "out of date": (lambda team: assertion(team, exp=int(time.time()) - 60), 401),
    "never ending": (lambda team: assertion(team, without=("exp",)), 401),
    "not yet": (lambda team: assertion(team, nbf=int(time.time()) + 600), 401),
    "for nobody": (lambda team: assertion(team, without=("aud",)), 401),
    "another application": (lambda team: assertion(team, aud=["b" * 64]), 403),
    "part of the audience": (lambda team: assertion(team, aud=[AUDIENCE[:-1]]), 403),
    "another team": (lambda team: assertion(team, iss="https://other.cloudflareaccess.com"), 403),
    "signed by nobody": (lambda team: forged(team, "none"), 401),
    "signed with the public key as a password": (lambda team: forged(team, "HS256"), 401),
}


@pytest.mark.req("FP-16")
@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_assertion_for_this_application_is_refused(access, team, what):
    text, expected = WRONG[what]
    assert expected == status(access, text(team))
    assert access.claims(assertion(team)), "the control: the right one is still let in"


@pytest.mark.req("FP-16")
def test_a_new_key_is_asked_for_once_a_minute_whatever_strangers_send(team):
    now = [1000.0]
    access = Access(team.url, AUDIENCE, clock=lambda: now[0])
    assert access.claims(assertion(team))
    for number in range(50):
        assert 401 == status(access, assertion(team, kid=f"x{number}"))
    assert 1 == team.asked, "no stranger makes this server call out"

    team.ring["second"] = new_key()
    now[0] += 61
    assert access.claims(assertion(team, kid="second", key=team.ring["second"])), "Cloudflare changes its keys"
    assert access.claims(assertion(team)), "and publishes the one before for seven days"
    del team.ring["first"]
    old = assertion(team, key=new_key())
    now[0] += 3601
    assert 401 == status(access, old), "then it is gone here as well"


@pytest.mark.req("FP-16")
def test_a_known_key_is_asked_for_again_after_an_hour_and_an_unknown_one_after_a_minute(team):
    now = [1000.0]
    access = Access(team.url, AUDIENCE, clock=lambda: now[0])
    asked = {}
    for moment, kid in ((0, "first"), (59, "x"), (60, "x"), (3659, "first"), (3660, "first")):
        now[0] = 1000.0 + moment
        sent = assertion(team, kid=kid)
        assert access.claims(sent) if kid == "first" else 401 == status(access, sent)
        asked[moment] = team.asked

    assert {0: 1, 59: 1, 60: 2, 3659: 2, 3660: 3} == asked, "neither at every request nor never"


@pytest.mark.req("FP-16")
def test_without_keys_nobody_is_let_in_and_known_keys_outlast_an_outage(team):
    now = [1000.0]
    access = Access(team.url, AUDIENCE, clock=lambda: now[0])
    team.down = True
    assert 503 == status(access, assertion(team))
    assert 503 == status(access, assertion(team)), "and it is not asked again at once"
    assert 1 == team.asked
    team.down = False
    now[0] += 61
    assert access.claims(assertion(team))
    team.down = True
    now[0] += 3601
    assert access.claims(assertion(team)), "an outage of theirs is none of ours"


@pytest.mark.req("FP-16")
@pytest.mark.parametrize("pair", [("http://team.example.com", AUDIENCE), ("", AUDIENCE), ("https://a.example.com", "")])
def test_what_would_believe_anybody_is_refused_at_the_start(pair):
    with pytest.raises(ValueError, match="CLOUDFLARE_A"):
        Access(*pair)
    assert Access("https://team.cloudflareaccess.com", AUDIENCE), "the control"


@pytest.mark.req("FP-16")
def test_a_server_behind_it_answers_only_who_came_through_access(access, team):
    async def server(scope, _receive, send):
        who = scope.get("access", {}).get("email", "nobody")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": who.encode()})

    def ask(*headers, path="/", kind="http"):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": kind, "path": path, "headers": [(b"cf-access-jwt-assertion", text) for text in headers]}
        asyncio.run(OnlyThroughAccess(server, access, open_paths=("/health",))(scope, None, send))
        answer = ["websocket.close"] if kind == "websocket" else ["http.response.start", "http.response.body"]
        assert answer == [message["type"] for message in sent], "a server that knows no such message would end"
        headers = dict(sent[0].get("headers", ()))
        return sent[0].get("status", sent[0].get("code")), sent[-1].get("body", b""), headers

    right = assertion(team).encode()
    assert (200, b"ada@example.com") == ask(right)[:2]
    assert 401 == ask()[0] and "Cloudflare Access" in json.loads(ask()[1])["error"]
    assert {b"content-type": b"application/json", b"content-length": b"%d" % len(ask()[1])} == ask()[2]
    assert 401 == ask(right, right)[0], "one of the two is a stranger's"
    assert 403 == ask(assertion(team, aud=["b" * 64]).encode())[0]
    assert (200, b"nobody") == ask(path="/health")[:2]
    assert (200, b"nobody") == ask(kind="lifespan")[:2], "the server's own start is no request"
    assert 1008 == ask(kind="websocket")[0], "closed before it is accepted"
