"""Who is let in: the token, the name that is called, sessions of their own."""

from __future__ import annotations

import inspect
import json
import statistics
import time

import httpx2
import pytest
from ai_dev_server import guard
from dev_server_world import API_KEY, ENV, HOST_TOKEN, TOKEN, serve

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
PATHS = (
    "/llm/mcp/",
    "/llm/mcp",
    "/api/n8n/workflows",
    "/api/host/health",
    "/health/deep",
    "/docs",
    "/openapi.json",
    "/x",
)


def _message(answer):
    """The JSON-RPC message of an answer, which comes as an event."""
    lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return json.loads(lines[-1].removeprefix("data: "))


def _session(http, path="/llm/mcp/"):
    opened = http.post(path, json=INITIALIZE, headers=ACCEPT)
    assert 200 == opened.status_code, opened.text
    http.post(
        path,
        json={"jsonrpc": "2.0", "method": "notifications/initialized"},
        headers={**ACCEPT, "Mcp-Session-Id": opened.headers["mcp-session-id"]},
    )
    return opened.headers["mcp-session-id"]


@pytest.mark.req("S1-36", "FP-02", "J-05")
def test_twenty_wrong_bearers_get_the_same_401_and_nothing_runs(served, upstreams):
    wrong = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer,{TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Token {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}0"},
        {"Authorization": f"Bearer {TOKEN} "[:-1] + " x"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": f"Bearer {'x' * 50_000}"},
        {"Authorization": f"Bearer {HOST_TOKEN}"},
        {"Authorization": f"Bearer {API_KEY}"},
        {"Authorization": "Bearer null"},
        {"Authorization": "Bearer *"},
        {"Authorization": f"Bearer  {TOKEN[::-1]}"},
        {"Cookie": f"token={TOKEN}"},
        {"X-N8N-API-KEY": TOKEN},
        {"Authorization": b"Bearer \xff\xfe"},
    ]
    with served.http(token=None) as http:
        answers = [
            http.request(method, path, headers=headers, json=INITIALIZE if method == "POST" else None)
            for headers in wrong
            for path in PATHS
            for method in ("GET", "POST")
        ]
        answers.append(http.get("/api/n8n/workflows", params={"token": TOKEN, "access_token": TOKEN}))
        twice = http.get("/api/n8n/workflows", headers=[("Authorization", f"Bearer {TOKEN}")] * 2)

    assert 20 == len(wrong)
    assert {401} == {answer.status_code for answer in [*answers, twice]}
    assert {"Bearer"} == {answer.headers["www-authenticate"] for answer in answers}
    assert 1 == len({answer.content for answer in [*answers, twice]}), "all bodies are equal"
    assert [] == upstreams.calls


@pytest.mark.req("S1-36", "S1-53", "FP-02")
def test_with_the_bearer_a_session_opens_with_and_without_the_slash(served):
    with served.http() as http:
        for path in ("/llm/mcp/", "/llm/mcp"):
            session = _session(http, path)
            listed = http.post(
                path,
                json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
                headers={**ACCEPT, "Mcp-Session-Id": session},
            )
            assert 14 == len(_message(listed)["result"]["tools"])
        lower = httpx2.Client(base_url=served.url, headers={"authorization": f"bearer {TOKEN}"}, trust_env=False)
        with lower:
            assert 200 == lower.get("/openapi.json").status_code, "a scheme's case does not matter (RFC 9110, 11.1)"


@pytest.mark.req("FP-02", "S1-54")
def test_a_session_streams_ends_by_delete_and_is_then_unknown(served):
    with served.http() as http:
        session = {"Mcp-Session-Id": _session(http)}
        with http.stream("GET", "/llm/mcp/", headers={**ACCEPT, **session}) as stream:
            assert (200, True) == (
                stream.status_code,
                stream.headers["content-type"].startswith("text/event-stream"),
            )
        ended = http.delete("/llm/mcp/", headers=session)
        call = {"jsonrpc": "2.0", "id": 3, "method": "ping"}
        after = [
            http.post("/llm/mcp/", json=call, headers={**ACCEPT, **headers}).status_code
            for headers in (session, {"Mcp-Session-Id": "0" * 32}, {"Mcp-Session-Id": "\x7f" * 300})
        ]

    assert 200 == ended.status_code
    assert [404, 404, 404] == after


@pytest.mark.req("J-02", "FP-02")
def test_a_session_is_of_whoever_opened_it():
    other = "c" * 64
    with (
        serve(ENV, tokens={"assistant": TOKEN, "other": other}) as server,
        server.http() as mine,
        server.http(other) as theirs,
        server.http(None) as nobody,
    ):
        session = {**ACCEPT, "Mcp-Session-Id": _session(mine)}
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        seen = [http.post("/llm/mcp/", json=call, headers=session).status_code for http in (theirs, nobody, mine)]
        seen += [http.delete("/llm/mcp/", headers=session).status_code for http in (theirs, nobody, mine)]
        guesses = {
            theirs.get("/llm/mcp/", headers={**ACCEPT, "Mcp-Session-Id": f"{number:032x}"}).status_code
            for number in range(50)
        }

    assert [404, 401, 200, 404, 401, 200] == seen
    assert {404} == guesses


@pytest.mark.req("J-02")
def test_sessions_that_end_or_are_refused_leave_no_task(served):
    sessions = next(route.endpoint.session_manager for route in served.app.routes if route.path == "/llm/mcp")
    with served.http() as http:
        for number in range(20):
            session = _session(http)
            if number % 2:
                http.delete("/llm/mcp/", headers={"Mcp-Session-Id": session})
        refused = http.post("/llm/mcp/", content=b"{", headers=ACCEPT)
    assert 400 == refused.status_code
    end = time.monotonic() + 180
    while len(sessions._server_instances) > 10 and time.monotonic() < end:
        time.sleep(0.01)
    assert 10 == len(sessions._server_instances), "those that were ended are gone; the others end when idle"
    assert sessions.max_sessions == 100 and sessions.session_idle_timeout == 1800


@pytest.mark.req("J-04", "FP-02")
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "10.0.0.2:8080"},
        {"Host": "ai-dev.example.com.evil.example"},
        {"Host": "user@127.0.0.1"},
        {"Host": "127.0.0.1/x"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "https://ai-dev.example.com@evil.example"},
        {"Origin": "file://"},
    ],
    ids=str,
)
def test_a_page_of_another_site_gets_403_whatever_it_knows(served, upstreams, headers):
    with served.http() as http:
        answers = [
            *(http.post(path, json=INITIALIZE, headers={**ACCEPT, **headers}) for path in ("/llm/mcp/", "/llm/mcp")),
            *(http.get(path, headers=headers) for path in ("/health", "/api/n8n/workflows", "/docs", "/health/deep")),
        ]

    assert {403} == {answer.status_code for answer in answers} or {400, 403} >= {a.status_code for a in answers}
    assert [] == upstreams.calls


@pytest.mark.req("J-04")
@pytest.mark.parametrize(
    "host", ["ai-dev.example.com", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "ai-dev-server:8080"]
)
def test_under_its_own_names_it_answers(served, host):
    with served.http() as http:
        answers = [
            http.get("/health", headers={"Host": host, "Origin": f"http://{host}"}),
            http.post("/llm/mcp/", json=INITIALIZE, headers={**ACCEPT, "Host": host}),
        ]

    assert [200, 200] == [answer.status_code for answer in answers]


@pytest.mark.req("J-01")
def test_pages_are_behind_the_bearer_and_no_other_site_is_allowed(served):
    preflight = {"Origin": served.url, "Access-Control-Request-Method": "POST"}
    with served.http(None) as nobody, served.http() as http:
        closed = [nobody.get(path).status_code for path in ("/docs", "/openapi.json", "/redoc")]
        answers = [
            http.options("/llm/mcp/", headers=preflight),
            nobody.options("/api/n8n/workflows", headers=preflight),
            http.get("/api/n8n/workflows", headers={"Origin": served.url}),
            http.get("/docs"),
            http.get("/redoc"),
        ]

    assert [401, 401, 401] == closed
    assert [200, 404] == [answer.status_code for answer in answers[3:]]
    assert [] == [name for answer in answers for name in answer.headers if name.startswith("access-control-")]
    assert [] == [
        answer for answer in answers if "server" in answer.headers and "uvicorn" not in answer.headers["server"]
    ]


@pytest.mark.req("J-01", "S1-53")
def test_on_a_machine_of_ones_own_the_pages_can_be_open():
    with serve({**ENV, "DOCS": "open"}) as server, server.http(None) as http:
        assert [200, 200, 401] == [
            http.get(path).status_code for path in ("/docs", "/openapi.json", "/api/n8n/workflows")
        ]


@pytest.mark.req("FP-02")
def test_the_time_of_a_refusal_says_nothing_of_the_token(served):
    """No proof of constant time, which the comparison has by itself: what would be seen is an early end."""

    def took(token):
        began = time.perf_counter()
        http.get("/health/deep", headers={"Authorization": f"Bearer {token}"})
        return time.perf_counter() - began

    first, last = "0" + TOKEN[1:], TOKEN[:-1] + "0"
    with served.http(None) as http:
        times = [(took(first), took(last)) for _ in range(50)]
    assert all(all(pair) for pair in times) and statistics.median(pair[0] for pair in times) > 0
    assert "hmac.compare_digest" in inspect.getsource(guard.Bearer), "and both are digests of one length"
    assert "==" not in inspect.getsource(guard.Bearer._client).replace("== 1", "").replace('== "bearer"', "")
