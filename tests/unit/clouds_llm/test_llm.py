"""The emulated provider: its answers, its streams, its bill, and what it gets wrong on request."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.llm.service import Service

SEED = {
    "keys": ["sk-canary"],
    "prices": {"big": {"input": 10, "output": 30}, "embed": {"input": 1}, "film": {"video": 1.5}},
}
TALK = {"model": "big", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def provider():
    server = ApiServer(Service(SEED)).start()
    yield server
    server.stop()


def call(server, path, body, key="sk-canary", method="POST"):
    link = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)
    try:
        link.request(method, path, json.dumps(body), {"Authorization": f"Bearer {key}"})
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


def bill(server):
    return json.loads(call(server, "/_control/bill", {}, method="GET")[1])


def test_an_answer_is_as_long_as_asked_and_on_the_bill(provider):
    status, content = call(provider, "/v1/chat/completions", {**TALK, "max_tokens": 3})
    usage = json.loads(content)["usage"]
    assert (200, 3) == (status, usage["completion_tokens"])
    assert {"calls": 1, "usd": (usage["prompt_tokens"] * 10 + 90) / 1e6} == {
        key: bill(provider)[key] for key in ("calls", "usd")
    }


def test_a_video_is_ordered_by_who_has_a_key_and_fetched_by_its_name(provider):
    tasks = "/api/v3/contents/generations/tasks"
    order = {"model": "film", "content": [{"type": "text", "text": "a sunrise"}]}
    assert [401, 404, 400] == [
        call(provider, tasks, body, key)[0]
        for body, key in (
            (order, "sk-none"),
            ({**order, "model": "none"}, "sk-canary"),
            ({"model": "film"}, "sk-canary"),
        )
    ]
    status, content = call(provider, tasks, order)
    made = json.loads(call(provider, f"{tasks}/{json.loads(content)['id']}", None, method="GET")[1])
    assert (200, "succeeded", "film") == (status, made["status"], made["model"])
    assert (1, 1.5) == (bill(provider)["calls"], bill(provider)["usd"]), "what is refused is free, and so is a look"
    assert 404 == call(provider, f"{tasks}/cgt-none", None, method="GET")[0]


def test_a_stream_ends_with_its_usage_where_that_was_asked_for(provider):
    for wanted in (True, False):
        about = {**TALK, "stream": True, "stream_options": {"include_usage": wanted}}
        rows = call(provider, "/v1/chat/completions", about)[1].decode().split("\n\n")
        assert wanted == ('"usage"' in rows[-3]), rows[-3]
        assert ["data: [DONE]", ""] == rows[-2:]


def test_anthropics_messages_come_whole_and_as_events(provider):
    about = {**TALK, "max_tokens": 4}
    assert {"input_tokens", "output_tokens"} == set(json.loads(call(provider, "/v1/messages", about)[1])["usage"])
    events = call(provider, "/v1/messages", {**about, "stream": True})[1].decode()
    assert events.startswith("event: message_start\n")
    assert "event: message_stop\n" in events
    assert 400 == call(provider, "/v1/messages", TALK)[0], "max_tokens is required there"


@pytest.mark.parametrize(("usage", "seen"), [("zero", 0), ("negative", -8), ("tenfold", 80)])
def test_a_wrong_usage_changes_what_it_says_and_not_what_it_bills(provider, usage, seen):
    call(provider, "/_control/answer", {"usage": usage}, method="PUT")
    content = json.loads(call(provider, "/v1/chat/completions", TALK)[1])
    assert seen == content["usage"]["completion_tokens"]
    assert bill(provider)["usd"] > 8 * 30 / 1e6


def test_who_has_no_key_or_asks_for_no_model_pays_nothing(provider):
    assert 401 == call(provider, "/v1/chat/completions", TALK, key="sk-other")[0]
    assert 404 == call(provider, "/v1/chat/completions", {**TALK, "model": "other"})[0]
    call(provider, "/_control/faults", {"kind": "status", "status": 429})
    status, content = call(provider, "/v1/chat/completions", TALK)
    assert (429, "rate_limit_error") == (status, json.loads(content)["error"]["type"])
    assert 0 == bill(provider)["calls"]


def test_an_embedding_costs_its_input(provider):
    status, content = call(provider, "/v1/embeddings", {"model": "embed", "input": "x" * 400})
    assert (200, 1.0) == (status, sum(json.loads(content)["data"][0]["embedding"])), "one word"
    assert 0 < bill(provider)["usd"] < 0.001
