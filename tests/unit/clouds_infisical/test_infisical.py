"""The emulated Infisical: what its own routers do with values, tokens, permissions and references."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode, urlsplit

import pytest

from rehearsal.clouds.infisical.__main__ import main
from tests.support.infra_tools import CLIENT, PROJECT, SECRET, Infisical

RAW = "/api/v3/secrets/raw"
LOGIN = "/api/v1/auth/universal-auth/login"


@pytest.fixture
def infisical():
    made = Infisical()
    yield made
    made.close()


def call(infisical, method, path, body=None, token=""):
    link = http.client.HTTPConnection(urlsplit(infisical.server.url).netloc, timeout=120)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        link.request(method, path, None if body is None else json.dumps(body), headers)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        link.close()


def sign_in(infisical, client=CLIENT, secret=SECRET):
    status, body = call(infisical, "POST", LOGIN, {"clientId": client, "clientSecret": secret})
    return body["accessToken"] if status == 200 else (status, body["message"])


def where(environment="prod", **more):
    return {"workspaceId": PROJECT, "environment": environment, "secretPath": "/", **more}


def listed(infisical, token, **more):
    return call(infisical, "GET", f"{RAW}?{urlencode(where(**more))}", token=token)


def put(infisical, token, name, value, method="POST", **more):
    return call(infisical, method, f"{RAW}/{name}", where(secretValue=value, type="shared", **more), token)


@pytest.mark.parametrize(
    ("value", "kept"),
    [(" a ", "a"), ("a\n", "a\n"), (" a\n\n", "a\n"), ("\ufeffa\u00a0", "a"), ("a b", "a b"), ("", "")],
)
def test_a_value_loses_what_is_around_it(infisical, value, kept):
    token = sign_in(infisical)
    status, body = put(infisical, token, "A", value)
    assert (200, kept) == (status, body["secret"]["secretValue"])


def test_three_wrong_secrets_lock_an_identity_for_a_while(infisical):
    for _ in range(3):
        assert (401, "Invalid credentials") == sign_in(infisical, secret="wrong")
    status, words = sign_in(infisical)
    assert (401, True) == (status, "temporarily locked" in words), "the right one too"
    infisical.control("POST", "/clock", {"advance": 301})
    assert isinstance(sign_in(infisical), str)


def test_a_token_ends(infisical):
    token = sign_in(infisical)
    assert 200 == listed(infisical, token)[0]
    infisical.control("POST", "/clock", {"advance": 2_592_001})
    status, body = listed(infisical, token)
    assert (403, "TokenError") == (status, body["error"])
    assert {"reqId", "statusCode", "message", "error"} == set(body), "an error has its own shape"
    assert (401, "Token missing") == (call(infisical, "GET", RAW)[0], call(infisical, "GET", RAW)[1]["message"])


def test_a_reference_must_lead_to_a_secret_and_is_filled_in_when_asked(infisical):
    token = sign_in(infisical)
    status, body = put(infisical, token, "URL", "db://${PASSWORD}@x")
    assert (400, "Referenced secret(s) not found: PASSWORD") == (status, body["message"])
    put(infisical, token, "PASSWORD", "p")
    assert 200 == put(infisical, token, "URL", "db://${PASSWORD}@x")[0]
    for expand, value in (("false", "db://${PASSWORD}@x"), ("true", "db://p@x")):
        rows = {
            row["secretKey"]: row["secretValue"]
            for row in listed(infisical, token, expandSecretReferences=expand)[1]["secrets"]
        }
        assert value == rows["URL"]


@pytest.mark.parametrize(
    ("method", "name", "status", "words"),
    [
        ("POST", "THERE", 400, "Secret already exist"),
        ("PATCH", "NONE", 404, "Secret with name NONE not found"),
        ("POST", "a%3Ab", 422, "colon"),
    ],
)
def test_what_cannot_be_written_is_refused(infisical, method, name, status, words):
    token = sign_in(infisical)
    put(infisical, token, "THERE", "x")
    got, body = put(infisical, token, name, "y", method)
    assert (status, True) == (got, words in str(body["message"]))


def test_who_may_see_names_gets_a_mask_and_no_error(infisical):
    infisical.put(A="value")
    status, body = listed(infisical, sign_in(infisical, "client-of-names"))
    assert (200, "<hidden-by-infisical>", True) == (
        status,
        body["secrets"][0]["secretValue"],
        body["secrets"][0]["secretValueHidden"],
    )
    assert 403 == put(infisical, sign_in(infisical, "client-that-reads"), "B", "x")[0]


def test_a_guarded_environment_takes_a_wish_and_changes_nothing(infisical):
    status, body = put(infisical, sign_in(infisical), "A", "x", environment="guarded")
    assert (200, ["approval"], {}) == (status, list(body), infisical.values("guarded"))


def test_imported_secrets_come_apart_and_without_their_times(infisical):
    infisical.put("shared", A="value")
    token = sign_in(infisical)
    assert [] == listed(infisical, token)[1]["imports"]
    (imported,) = listed(infisical, token, include_imports="true")[1]["imports"]
    assert ("shared", False) == (imported["environment"], "createdAt" in imported["secrets"][0])


def test_it_listens_on_loopback_and_nowhere_else(tmp_path, capsys):
    (tmp_path / "seed.json").write_text("{}")
    assert 2 == main(["--seed", str(tmp_path / "seed.json"), "--address", "0.0.0.0:0"])
    assert "no loopback address" in capsys.readouterr().err
