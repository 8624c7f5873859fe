"""The API v4: envelope, authentication, pages, refusals, faults, and what outlives a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rehearsal.clouds.cloudflare.__main__ import main
from rehearsal.clouds.kit.listener import NotLoopbackError, loopback
from tests.support.cloudflare import ACCOUNT, READER, TOKEN, ZONE, wait_for

RECORDS = f"/zones/{ZONE}/dns_records"
TOKENS = f"/accounts/{ACCOUNT}/access/service_tokens"
REFUSALS = json.loads((Path(__file__).parent / "refusals.json").read_text(encoding="utf-8"))


def record(name, content="192.0.2.1"):
    return {"type": "A", "name": name, "content": content, "ttl": 60}


def test_every_refusal_has_its_status_and_number(cloud):
    cloud.made("POST", RECORDS, record("there", "192.0.2.7"))
    tunnel = cloud.made("POST", f"/accounts/{ACCOUNT}/cfd_tunnel", {"name": "there"})["id"]
    wrong = []
    for name, method, path, body, status, code in REFUSALS:
        where = path.replace("ZONE", f"/zones/{ZONE}").replace("ACCOUNT", f"/accounts/{ACCOUNT}")
        got = cloud.refusal(method, where.replace("TUNNEL", tunnel), body)
        wrong += [] if got == (status, code) else [f"{name}: expected {status} {code}, got {got}"]
    assert [] == wrong
    assert 1 == len(cloud.made("GET", RECORDS)), "nothing that was refused is kept"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, 9106),
        ({"Authorization": "Basic x"}, 400, 6003),
        ({"Authorization": "Bearer "}, 400, 6003),
        ({"Authorization": f"Bearer {'x' * 40}"}, 403, 9109),
    ],
)
def test_a_call_without_a_known_token_is_refused(cloud, headers, status, code):
    got, content, _ = cloud.raw("GET", "/client/v4/zones", None, headers)
    assert (status, code) == (got, json.loads(content)["errors"][0]["code"]), "as the reference numbers it"


def test_a_token_that_may_only_read_writes_nothing(cloud):
    assert 200 == cloud.call("GET", "/zones", token=READER)[0], "reading is allowed"
    assert (403, 10000) == cloud.refusal("POST", RECORDS, record("x"), READER), "writing is not"
    assert "active" == cloud.call("GET", "/user/tokens/verify", token=READER)[1]["result"]["status"], "it is valid"
    assert (401, 1000) == cloud.refusal("GET", "/user/tokens/verify", token="y" * 40), "an unknown one is not"


def test_a_body_that_is_no_object_is_refused(cloud):
    for body in (b"{", b"[]", b"7"):
        status, content, _ = cloud.raw("POST", f"/client/v4{RECORDS}", body, {"Authorization": f"Bearer {TOKEN}"})
        assert (400, 9207) == (status, json.loads(content)["errors"][0]["code"]), f"{body!r} is no object"


def test_lists_come_in_pages_and_by_name(cloud):
    for number in range(5):
        cloud.made("POST", RECORDS, record(f"n{number}"))
    _, answer = cloud.call("GET", f"{RECORDS}?page=2&per_page=2")
    assert ["n2.example.com", "n3.example.com"] == [row["name"] for row in answer["result"]], "the second page of two"
    wanted = {"page": 2, "per_page": 2, "count": 2, "total_count": 5, "total_pages": 3}
    assert wanted == answer["result_info"], "and how many there are"
    assert 1 == len(cloud.made("GET", f"{RECORDS}?name=N4.example.com")), "names are compared without letter case"


def test_a_record_gets_its_zone_and_a_proxied_one_the_automatic_ttl(cloud):
    created = cloud.made("POST", RECORDS, {**record("App"), "proxied": True, "ttl": 300})
    assert ("app.example.com", 1, True) == (created["name"], created["ttl"], created["proxiable"]), (
        "as the real one has it"
    )
    assert "example.com" == cloud.made("POST", RECORDS, record("@"))["name"], "@ is the zone itself"
    changed = cloud.made("PATCH", f"{RECORDS}/{created['id']}", {"comment": "hello"})
    assert ("hello", created["content"]) == (changed["comment"], changed["content"]), "a patch changes what it names"


def test_a_deleted_tunnel_is_still_shown_and_its_name_is_free(cloud):
    base = f"/accounts/{ACCOUNT}/cfd_tunnel"
    tunnel = cloud.made("POST", base, {"name": "edge"})["id"]
    cloud.made("DELETE", f"{base}/{tunnel}")
    assert cloud.made("GET", f"{base}/{tunnel}")["deleted_at"], "with its time of deletion, not as 404"
    assert (404, 1003) == cloud.refusal("GET", f"{base}/{tunnel}/token"), "its token opens nothing any more"
    cloud.made("POST", base, {"name": "edge"})
    assert 1 == len(cloud.made("GET", f"{base}?is_deleted=false&name=edge")), "only one of them lives"


def test_settings_of_a_zone_are_read_and_patched(cloud):
    ssl = f"/zones/{ZONE}/settings/ssl"
    assert "full" == cloud.made("GET", ssl)["value"], "the default"
    assert "strict" == cloud.made("PATCH", ssl, {"value": "strict"})["value"], "changed"
    items = {"items": [{"id": "min_tls_version", "value": "1.2"}, {"id": "always_use_https", "value": "on"}]}
    cloud.made("PATCH", f"/zones/{ZONE}/settings", items)
    values = {row["id"]: row["value"] for row in cloud.made("GET", f"/zones/{ZONE}/settings")}
    assert ("strict", "1.2", "on") == tuple(values[name] for name in ("ssl", "min_tls_version", "always_use_https"))


def test_the_secret_of_a_service_token_is_told_once_and_kept_nowhere(cloud):
    created = cloud.made("POST", TOKENS, {"name": "ci"})
    assert "client_secret" not in cloud.made("GET", f"{TOKENS}/{created['id']}"), "never again"
    assert created["client_secret"] not in (cloud.emulator.folder / "state.json").read_text(), "nor on disk"
    turned = cloud.made("POST", f"{TOKENS}/{created['id']}/rotate")
    assert created["client_secret"] != turned["client_secret"], "a rotation makes a new one"
    assert created["client_id"] == turned["client_id"], "under the same client id"


def test_what_was_made_outlives_a_restart(cloud):
    created = cloud.made("POST", RECORDS, record("app"))
    kid = cloud.emulator.keys.current()[0]["kid"]
    cloud.restart()
    assert created == cloud.made("GET", f"{RECORDS}/{created['id']}"), "the record is the same"
    assert kid == cloud.emulator.keys.current()[0]["kid"], "and so is the signing key"


def test_a_status_has_the_clouds_envelope_and_number(cloud):
    cloud.control("POST", "/faults", {"kind": "status", "status": 429, "times": 2})
    assert (429, 10001) == cloud.refusal("GET", "/zones"), "the usual one"
    cloud.control("DELETE", "/faults")
    cloud.control("POST", "/faults", {"kind": "status", "status": 400, "code": "1045"})
    assert (400, 1045) == cloud.refusal("GET", "/zones"), "and another"


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:80", "localhost:0", "[::]:0", "127.0.0.1", ":80"])
def test_it_listens_on_loopback_and_nowhere_else(address, tmp_path, capsys):
    with pytest.raises(NotLoopbackError):
        loopback(address)
    (tmp_path / "seed.json").write_text('{"accounts": {}, "tokens": {}}')
    options = ["--state", str(tmp_path / "s"), "--seed", str(tmp_path / "seed.json")]
    assert 2 == main([*options, "--api", address]), "refused before anything listens"
    assert "no loopback address" in capsys.readouterr().err, "and says why"


def test_many_writers_at_once_lose_nothing(cloud):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cloud.made("POST", RECORDS, record(f"n{number}")), range(40)))
    _, answer = cloud.call("GET", f"{RECORDS}?per_page=100")
    assert 40 == answer["result_info"]["total_count"], "one write does not undo another"
    wait_for(lambda: len(json.loads((cloud.emulator.folder / "state.json").read_text())["tables"]["dns_records"]) == 40)
