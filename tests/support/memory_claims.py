"""What callers of the four webhooks may rely on (FP-11), as functions over a door.

The same claims hold on n8n itself and through the proxy.

Each claim uses a tenant of its own, so that they may run in any order, on a system that has data, and again.
"""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where and how to call.

    Attributes:
        base_url: Scheme, host and port, as a caller types them.
        api_key: The webhooks' key.
        tls: Trust for https; None for http.
        connect: Address and port to connect to in place of the URL's, which then only names the host.
        refusal: Status of whoever has not the key: the proxy's 401, as the contract has it; n8n's own node says 403.
    """

    base_url: str
    api_key: str
    tls: ssl.SSLContext | None = None
    connect: tuple[str, int] | None = None
    refusal: int = 401

    def call(self, path: str, body: object, *, key: str | None = "", method: str = "POST") -> tuple[int, Any]:
        """Status and answer, parsed where it is JSON; key "" is the right one, None sends none."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["X-API-Key"] = key or self.api_key
        url = urlsplit(self.base_url)
        connection: http.client.HTTPConnection
        if url.scheme == "https":
            connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=120, context=self.tls)
        else:
            connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=120)
        if self.connect:
            address = self.connect
            connection._create_connection = (  # type: ignore[attr-defined]
                lambda _address, *rest: socket.create_connection(address, *rest)
            )
        try:
            connection.request(method, f"/webhook/{path}", raw, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if "json" in (answer.getheader("Content-Type") or "") else text
        finally:
            connection.close()


def tenant() -> str:
    return f"claim-{secrets.token_hex(6)}"


def ingest_stores_a_fact(door: Door, who: str = "t1") -> int:
    """The seed's documented call, unchanged: the id of what it stored."""
    status, answer = door.call(
        "memory/ingest", {"tenant_id": who, "scope": "user:123", "text": "Hello", "source": "api"}
    )
    assert status == 200, f"the documented ingest call answered {status}: {answer}"
    assert {"id", "created_at"} == set(answer), f"ingest answered {answer}"
    assert isinstance(answer["id"], int), f"the id is {answer['id']!r}"
    return answer["id"]


def search_ranks_by_likeness(door: Door) -> None:
    who = tenant()
    for text in ("The capital of France is Paris", "Bananas grow in warm countries", "Paris is a large city in France"):
        door.call("memory/ingest", {"tenant_id": who, "scope": "facts", "text": text, "source": "claim"})
    status, answer = door.call("memory/search", {"tenant_id": who, "query": "capital of France", "limit": 2})
    assert status == 200, f"search answered {status}: {answer}"
    assert ["The capital of France is Paris", "Paris is a large city in France"] == [
        result["text"] for result in answer["results"]
    ], "nearest first, two of three"
    assert {"id", "scope", "text", "source", "score", "created_at"} == set(answer["results"][0])
    assert answer["results"][0]["score"] > answer["results"][1]["score"] > 0
    _, answer = door.call("memory/search", {"tenant_id": who, "query": "capital of France", "min_score": 0.99})
    assert [] == answer["results"], "min_score keeps weak likeness out"


def search_gives_five_unless_asked_for_another_number(door: Door) -> None:
    who = tenant()
    for number in range(6):
        body = {"tenant_id": who, "scope": "s", "text": f"Paris {number}", "source": "claim"}
        door.call("memory/ingest", body)
    found = {
        most: len(door.call("memory/search", {"tenant_id": who, "query": "Paris", **asked})[1]["results"])
        for most, asked in ((5, {}), (2, {"limit": 2}), (50, {"limit": 50}))
    }
    assert {5: 5, 2: 2, 50: 6} == found


def search_stays_in_tenant_and_scope(door: Door) -> None:
    mine, other = tenant(), tenant()
    secret = f"only for the owner {secrets.token_hex(8)}"
    _, stored = door.call("memory/ingest", {"tenant_id": mine, "scope": "a", "text": secret, "source": "claim"})
    for who, scope, expected in ((mine, None, 1), (mine, "a", 1), (mine, "b", 0), (other, None, 0), (other, "a", 0)):
        body = {"tenant_id": who, "query": secret, "limit": 50} | ({"scope": scope} if scope else {})
        for _ in range(2):  # the second answer may come from the cache
            _, answer = door.call("memory/search", body)
            found = [result["id"] for result in answer["results"]]
            assert [stored["id"]] * expected == found, (
                f"tenant {'mine' if who == mine else 'other'}, scope {scope}: {found}"
            )


def search_is_cached_until_the_tenant_stores_more(door: Door) -> None:
    who = tenant()
    door.call("memory/ingest", {"tenant_id": who, "scope": "a", "text": "first", "source": "claim"})
    body = {"tenant_id": who, "query": "first"}
    first = door.call("memory/search", body)[1]
    assert not first["cached"], "nobody asked this before"
    for _ in range(60):  # the cache is written after the answer, and skipped where it takes more than half a second
        time.sleep(0.5)
        again = door.call("memory/search", body)[1]
        assert first["results"] == again["results"]
        if again["cached"]:
            break
    assert again["cached"], "equal searches come from the cache"
    door.call("memory/ingest", {"tenant_id": who, "scope": "a", "text": "first again", "source": "claim"})
    third = door.call("memory/search", body)[1]
    assert (False, 2) == (third["cached"], len(third["results"])), "what was stored just now is found at once"


def audit_appends_one_after_another(door: Door) -> None:
    answers = [
        door.call(
            "audit/append", {"tenant_id": "t1", "actor": "claim", "action": "test", "target": "x", "details": {"n": n}}
        )
        for n in range(2)
    ]
    assert [200, 200] == [status for status, _ in answers], f"{answers}"
    assert answers[0][1]["seq"] < answers[1][1]["seq"], "the later event has the higher number"
    answers.append(door.call("audit/append", {"tenant_id": "t1", "actor": "claim", "action": "no more than needed"}))
    assert [{"seq", "hash"}] * 3 == [set(answer) for _, answer in answers], f"{answers}"
    assert all(len(answer["hash"]) == 64 for _, answer in answers), "a SHA-256 in hex"


def executor_runs_a_task(door: Door) -> None:
    for body in ({"tenant_id": "t1", "task": {"type": "ping", "message": "test"}}, {"type": "ping", "message": "test"}):
        status, answer = door.call("executor/run", body)
        assert status == 200, f"ping answered {status}: {answer}"
        assert {"ok", "type", "result", "duration_ms"} == set(answer), "the executor's answer, and nothing else"
        assert (True, "ping", {"message": "test"}) == (answer["ok"], answer["type"], answer["result"])


def executor_refuses_what_is_not_listed(door: Door) -> None:
    status, answer = door.call("executor/run", {"task": {"type": "shell", "command": "id"}})
    assert (403, False, "not_allowed") == (status, answer["ok"], answer["error"]["code"]), f"{status}: {answer}"
    assert "shell" in answer["error"]["message"], "the message names the type"
    assert "ping" in answer["allowed"], "and the answer lists what is allowed"
    status, answer = door.call("executor/run", {"task": {"type": "ping", "message": 5}})
    assert (400, "invalid_input") == (status, answer["error"]["code"]), (
        f"a parameter of the wrong kind: {status}: {answer}"
    )


MISSING = (
    ("memory/ingest", {"scope": "s", "text": "t", "source": "x"}, "tenant_id"),
    ("memory/ingest", {"tenant_id": "t", "text": "t", "source": "x"}, "scope"),
    ("memory/ingest", {"tenant_id": "t", "scope": "s", "source": "x"}, "text"),
    ("memory/ingest", {"tenant_id": "t", "scope": "s", "text": "", "source": "x"}, "text"),
    ("memory/ingest", {"tenant_id": "t", "scope": "s", "text": "t", "source": None}, "source"),
    ("memory/ingest", [1, 2], "tenant_id"),
    ("memory/search", {"query": "q"}, "tenant_id"),
    ("memory/search", {"tenant_id": "t"}, "query"),
    ("audit/append", {"actor": "a", "action": "b"}, "tenant_id"),
    ("audit/append", {"tenant_id": "t", "action": "b"}, "actor"),
    ("audit/append", {"tenant_id": "t", "actor": "a"}, "action"),
    ("executor/run", {"tenant_id": "t"}, "task"),
    ("executor/run", {"task": {"message": "x"}}, "task.type"),
)


def missing_fields_are_named(door: Door) -> None:
    for path, body, field in MISSING:
        assert (400, {"error": f"missing field: {field}"}) == door.call(path, body), f"{path} with {body}"


WRONG = (
    ("memory/ingest", {"tenant_id": 5, "scope": "s", "text": "t", "source": "x"}, "tenant_id"),
    ("memory/ingest", {"tenant_id": "t", "scope": "s", "text": "a\u0000b", "source": "x"}, "text"),
    ("memory/ingest", {"tenant_id": "t", "scope": "s", "text": "a\ud800b", "source": "x"}, "text"),
    ("memory/ingest", {"tenant_id": "t" * 129, "scope": "s", "text": "t", "source": "x"}, "tenant_id"),
    ("memory/search", {"tenant_id": "t", "query": "q", "limit": 51}, "limit"),
    ("memory/search", {"tenant_id": "t", "query": "q", "limit": "5"}, "limit"),
    ("memory/search", {"tenant_id": "t", "query": "q", "min_score": 2}, "min_score"),
    ("memory/search", {"tenant_id": "t", "query": "q", "scope": {"a": 1}}, "scope"),
    ("audit/append", {"tenant_id": "t", "actor": "a", "action": "b", "details": "text"}, "details"),
    ("audit/append", {"tenant_id": "t", "actor": "a", "action": "b", "details": {"x": "\u0000"}}, "details"),
    ("executor/run", {"task": "ping"}, "task"),
    ("executor/run", {"task": {"type": ["ping"]}}, "task.type"),
)


def wrong_fields_are_named(door: Door) -> None:
    for path, body, field in WRONG:
        assert (400, {"error": f"invalid field: {field}"}) == door.call(path, body), f"{path} with {body}"


def texts_stay_as_they_are(door: Door) -> None:
    """Nothing in a value is read as SQL, as an expression or as a placeholder."""
    who = f"{tenant()}'\"; --"
    body = {
        "tenant_id": who,
        "scope": "$1 ${2} {{ 1 + 1 }} :name",
        "text": "Robert'); DROP TABLE memories;-- $& $2 {{ $json }} \\ %s \u00fc \U0001f642\nnew line",
        "source": "api, with comma",
    }
    assert door.call("memory/ingest", body)[0] == 200
    _, answer = door.call("memory/search", {"tenant_id": who, "query": "DROP TABLE memories"})
    found = answer["results"][0]
    assert {name: body[name] for name in ("scope", "text", "source")} == {
        name: found[name] for name in ("scope", "text", "source")
    }


def a_wrong_key_is_refused(door: Door) -> None:
    body = {"tenant_id": "t1", "scope": "user:123", "text": "Hello", "source": "api"}
    for path in ("memory/ingest", "memory/search", "audit/append", "executor/run"):
        for key in (None, "wrong", door.api_key[:-1], door.api_key.upper()):
            status, answer = door.call(path, body, key=key)
            assert status == door.refusal, (
                f"{path} with {'no' if key is None else 'a wrong'} key answered {status}: {answer}"
            )
        assert door.call(path, body, method="GET", key=None)[0] in {401, 403, 404}, f"GET {path}"


ALL = (
    ingest_stores_a_fact,
    search_ranks_by_likeness,
    search_gives_five_unless_asked_for_another_number,
    search_stays_in_tenant_and_scope,
    search_is_cached_until_the_tenant_stores_more,
    audit_appends_one_after_another,
    executor_runs_a_task,
    executor_refuses_what_is_not_listed,
    missing_fields_are_named,
    wrong_fields_are_named,
    texts_stay_as_they_are,
    a_wrong_key_is_refused,
)
