"""Random JSON-RPC frames at the MCP endpoint: never a status of 500 and above, and every error has its type."""

from __future__ import annotations

import json
import os
import random
import string

import pytest
from dev_server_world import ENV, TOKEN, WORKFLOW
from test_guard import ACCEPT, _session

WHOLE = os.environ.get("HOMEPORT_CAMPAIGN") == "whole"
FRAMES = 10_000 if WHOLE else 400
METHODS = (
    *("initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/read", "prompts/get"),
    *("notifications/initialized", "notifications/cancelled", "completion/complete", "logging/setLevel"),
    *("server/discover", "subscriptions/listen", "tools/cancel", "", "rpc.discover", "__init__", "tools/call\x00"),
)
TOOLS = (
    "n8n_get_workflow",
    "n8n_list_workflows",
    "n8n_create_workflow",
    "host_run_task",
    "host_health",
    "no_such_tool",
)
KEYS = ("workflow_id", "name", "limit", "cursor", "nodes", "connections", "settings", "execution_id", "__class__", "")


def _value(chance, depth=0):
    """Any JSON value, the odd ones more often than by chance."""
    kinds = ["null", "bool", "int", "huge", "float", "text", "odd"] + ([] if depth > 3 else ["list", "object"])
    kind = chance.choice(kinds)
    return {
        "null": lambda: None,
        "bool": lambda: chance.random() < 0.5,
        "int": lambda: chance.randint(-3, 200),
        "huge": lambda: chance.choice([10**40, -(10**40), 2**53, 2**63]),
        "float": lambda: chance.choice([0.5, 1e308, -1e-308, float("nan"), float("inf")]),
        "text": lambda: "".join(chance.choices(string.printable, k=chance.randint(0, 30))),
        "odd": lambda: chance.choice(["\ud800", "\x00", "../..", "a" * 3000, "NaN", "[1]", '{"a":1}', "\u202e", "w1"]),
        "list": lambda: [_value(chance, depth + 1) for _ in range(chance.randint(0, 4))],
        "object": lambda: {chance.choice(KEYS): _value(chance, depth + 1) for _ in range(chance.randint(0, 4))},
    }[kind]()


def _frame(chance):
    """The bytes of one call: nearly right, not right, or no JSON at all."""
    if chance.random() < 0.08:
        return chance.choice(
            [
                b"",
                b"{",
                b"\xff\xfe\x00",
                b"[" * 5000,
                b"{}{}",
                b"[]",
                b"null",
                b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}',
                b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}',
                chance.randbytes(chance.randint(1, 200)),
            ]
        )
    frame = {"jsonrpc": "2.0", "id": chance.choice([1, 2, "a", "x" * 5000]), "method": chance.choice(METHODS)}
    if chance.random() < 0.7:
        frame["params"] = {
            "name": chance.choice(TOOLS),
            "arguments": {chance.choice(KEYS): _value(chance) for _ in range(chance.randint(0, 4))},
        }
    if chance.random() < 0.2:
        frame["params"] = _value(chance)
    for key in ("jsonrpc", "id", "method", "params"):
        if chance.random() < 0.05:
            frame[key] = _value(chance)
        if chance.random() < 0.05:
            frame.pop(key, None)
    batch = [frame, _value(chance)] if chance.random() < 0.05 else frame
    return json.dumps(batch).encode()


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.req("J-02")
def test_no_frame_brings_an_error_of_the_server(served, upstreams, caplog):
    seed = os.environ.get("HOMEPORT_SEED", "1")
    chance = random.Random(f"{seed} frames")  # noqa: S311  # frames, no keys
    seen = {}
    upstreams.workflows["w1"] = {"id": "w1", **WORKFLOW}
    with served.http() as http:
        session = _session(http)
        for number in range(FRAMES):
            headers = {**ACCEPT}
            if chance.random() < 0.8:
                headers["Mcp-Session-Id"] = session
            if chance.random() < 0.1:
                headers["Mcp-Protocol-Version"] = chance.choice(["2025-06-18", "2026-07-28", "1", "x" * 50])
            if chance.random() < 0.03:
                headers["Accept"] = chance.choice(["*/*", "text/html", "application/json"])
            if chance.random() < 0.03:
                headers["Content-Type"] = chance.choice(["text/plain", "application/json; charset=utf-16"])
            frame = _frame(chance)
            with http.stream("POST", "/llm/mcp/", content=frame, headers=headers) as answer:
                assert answer.status_code < 500, (seed, number, frame, answer.status_code)
                if answer.headers.get("content-type", "").startswith("text/event-stream"):
                    text = _first_message(answer)
                else:
                    text = answer.read().decode()
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            message = json.loads(text) if text.startswith("{") else {}
            error = message.get("error")
            assert error is None or isinstance(error["code"], int), (seed, number, frame, text)
            assert answer.status_code in {200, 202} or error or answer.status_code in {400, 406}, (frame, text)
            assert TOKEN not in text
            assert "Traceback" not in text
        alive = http.post(
            "/llm/mcp/",
            json={"jsonrpc": "2.0", "id": 5, "method": "ping"},
            headers={**ACCEPT, "Mcp-Session-Id": session},
        )
    print(f"frames of JSON-RPC: {FRAMES}, seed {seed}, statuses {dict(sorted(seen.items()))}")

    assert 200 == alive.status_code, "the session outlived them all"
    crashes = [record for record in caplog.records if "unexpected exception" in record.msg or "uvicorn" in record.name]
    assert [] == [record for record in crashes if record.levelname == "ERROR"], "no crash behind an answer"
    assert ENV["N8N_API_KEY"] not in caplog.text


def _first_message(answer):
    """The message of a stream, which ends with it or stays open."""
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            return line.removeprefix("data: ")
    return ""
