"""The budget in the real LiteLLM: what leaves is reserved before, what comes back is settled, the rest is refused."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.budget_model import NANO, Ledger
from tests.support.campaign import chance, size
from tests.support.litellm_proxy import BUDGET, FILM, TASKS, VIDEO, Provider, Proxy
from tests.support.small_qdrant import Qdrant
from tests.support.waits import until

pytestmark = pytest.mark.docker
# Ten tokens of an answer cost 0.001 USD; the reserve for eco models is small enough to be reached.
SETTINGS = {
    "day_limit": 5.0,
    "providers": {"openrouter": 5.0, "anthropic": 1.0},
    "eco_reserve": 0.05,
    "months": {"byteplus": 5.0},
    "flat": BUDGET.flat,
    "routes": BUDGET.routes,
}


@pytest.fixture(scope="module")
def provider():
    made = Provider()
    yield made
    made.close()


@pytest.fixture(scope="module")
def qdrant():
    made = Qdrant()
    yield made
    made.close()


@pytest.fixture(scope="module")
def proxy(server, provider, qdrant, tmp_path_factory):
    prefix = f"budget-{uuid.uuid4().hex[:8]}"
    about = {**SETTINGS, "prefix": prefix}
    made = Proxy(tmp_path_factory.mktemp("litellm"), server.url, about, provider.url, qdrant.url)
    made.prefix = prefix
    try:
        yield made.start()
    finally:
        made.close()


class Books:
    """The ledger that the proxy uses."""

    def __init__(self, client, prefix):
        self.client, self.prefix, self.changed = client, prefix, False

    def today(self):
        fields = Ledger(self.client, self.prefix).look()[4]
        return Counter(dict(zip(fields[::2], map(int, fields[1::2]), strict=True)))

    def spent(self):
        rows = self.today()
        return rows["settled"] + rows["excess"]

    def settled(self):
        """Once nothing is under way."""
        until(lambda: not self.client.hlen(f"{self.prefix}:open"), "all calls are settled")
        return self.spent()

    def mode(self, word):
        """Set; the hook keeps the one that it knows for five seconds."""
        self.changed = True
        self.client.set(f"{self.prefix}:mode", word)

    def only(self, dollars):
        """Leaves that much of the day's limit."""
        missing = round((SETTINGS["day_limit"] - dollars) * NANO) - self.spent()
        key = f"{self.prefix}:day:{Ledger(self.client, self.prefix).look()[0]}"
        self.client.hincrby(key, "settled", missing)

    def month(self):
        fields = Ledger(self.client, self.prefix).look()[5]
        return Counter(dict(zip(fields[::2], map(int, fields[1::2]), strict=True)))

    def spend(self, scope, dollars):
        """So much was spent by a provider."""
        key = f"{self.prefix}:day:{Ledger(self.client, self.prefix).look()[0]}"
        for field in ("settled", f"settled/{scope}"):
            self.client.hincrby(key, field, round(dollars * NANO))

    def clear(self):
        for key in self.client.scan_iter(f"{self.prefix}:*"):
            self.client.delete(key)
        self.client.set(f"{self.prefix}:known", "before")


@pytest.fixture
def books(server, proxy, provider):
    client = server.client()
    made = Books(client, proxy.prefix)
    made.clear()
    provider.reset()
    yield made
    if made.changed:
        made.clear()
        until(lambda: proxy.chat()[0] == 200, "the hook knows that the mode is normal")
    client.close()


def test_a_call_is_served_and_settled_with_what_the_provider_bills(proxy, provider, books):
    status, body = proxy.chat()
    assert (200, 8) == (status, body["usage"]["completion_tokens"])
    assert round(provider.bill()["usd"] * NANO) == books.settled()


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"model": "claude"},
        {"model": "claude", "stream": True},
        {"model": "claude", "path": "/v1/messages"},
        {"model": "claude", "path": "/v1/messages", "stream": True},
        {"model": "cheap"},
        {"path": "/v1/embeddings", "input": "hello", "messages": None, "max_tokens": None},
    ],
)
def test_streams_messages_aliases_and_embeddings_are_settled_exactly(proxy, provider, books, more):
    status, body = proxy.chat(**more)
    assert 200 == status, body
    billed = round(provider.bill()["usd"] * NANO)
    assert billed > 0
    assert abs(books.settled() - billed) <= NANO // 10**6, "what is settled is what was billed"


@pytest.mark.campaign
@pytest.mark.req("M-01", "S5-32")
def test_of_200_parallel_calls_with_budget_for_some_exactly_these_are_admitted_and_nothing_is_over(
    proxy, provider, books
):
    with under_way(proxy.chat, books, provider):
        one = books.today()["reserved"]
    name = "rounds of calls at once through LiteLLM"
    choice = chance(name)
    # 50 always, and then any number: the books begin anew for each.
    for room in (50, *(choice.randrange(1, 150) for _ in range(size(name) - 1))):
        books.clear()
        provider.reset()
        books.only((room + 0.5) * one / NANO)
        before = books.spent()
        # None is answered before all others are refused.
        provider.open.clear()
        with ThreadPoolExecutor(200) as pool:
            calls = [pool.submit(proxy.chat) for _ in range(200)]
            try:
                until(lambda calls=calls, room=room: _done(calls) >= 200 - room, f"all but {room} are refused")
            finally:
                provider.open.set()
            answers = [call.result() for call in calls]
        seen = Counter(status for status, _ in answers)
        billed = provider.bill()
        assert {200: room, 429: 200 - room} == seen, [body for status, body in answers if status not in (200, 429)][:3]
        assert room == billed["calls"]
        assert books.settled() - before == round(billed["usd"] * NANO)
        assert books.spent() <= SETTINGS["day_limit"] * NANO, "0 cents over"


def _done(calls):
    return sum(call.done() for call in calls)


@contextlib.contextmanager
def under_way(call, books, provider):
    """A call that is reserved and that the provider has not answered yet; in the end it is answered and settled."""
    provider.open.clear()
    caller = threading.Thread(target=call)
    caller.start()
    try:
        until(lambda: books.client.hlen(f"{books.prefix}:open"), "it is reserved")
        yield
    finally:
        provider.open.set()
    caller.join()
    books.settled()


@pytest.mark.req("S5-38", "S5-39")
def test_in_eco_and_blocked_only_eco_models_are_served_and_the_refusal_says_why_and_until_when(proxy, provider, books):
    for mode in ("eco", "blocked"):
        books.mode(mode)
        until(lambda: _kind(proxy) == f"budget_{mode}", f"the hook knows of mode {mode}")  # noqa: B023
        calls = provider.bill()["calls"]
        status, body = proxy.chat()
        assert (429, f"budget_{mode}") == (status, body["error"]["type"])
        assert "resets at 00:00 UTC" in body["error"]["message"]
        assert f"mode {mode}" in body["error"]["message"]
        assert ["qwen3-coder", "deepseek-v3", "glm-5"] == body["error"]["eco_models"]
        assert 200 == proxy.chat("qwen3-coder")[0]
        assert calls + 1 == provider.bill()["calls"], "what is refused never left"
    books.mode("normal")
    until(lambda: proxy.chat()[0] == 200, "a new day's mode needs no restart")


def _kind(proxy):
    return proxy.chat()[1].get("error", {}).get("type")


def test_in_blocked_eco_models_have_their_reserve_and_no_more(proxy, provider, books):
    books.mode("blocked")
    books.only(0.0)
    # Each costs two fifths of what is reserved for it.
    provider.control("PUT", "/answer", {"tokens": 400})
    while proxy.chat("qwen3-coder", max_tokens=1000)[0] == 200:
        pass
    status, body = proxy.chat("qwen3-coder", max_tokens=1000)
    assert (429, "budget_blocked") == (status, body["error"]["type"])
    assert 5.0 * NANO < books.settled() <= 5.05 * NANO
    assert provider.bill()["usd"] <= 0.05


@pytest.mark.req("M-04")
@pytest.mark.parametrize("model", ["unpriced", "below zero", "no number", "unknown"])
def test_a_model_without_a_price_is_refused(proxy, provider, books, model):
    status, body = proxy.chat(model)
    assert (400, "budget_unpriced") == (status, body["error"]["type"])
    assert (0, 0) == (provider.bill()["calls"], books.spent())


@pytest.mark.req("M-04")
@pytest.mark.parametrize("usage", ["zero", "negative", "none"])
def test_a_usage_that_cannot_be_is_charged_with_the_worst_case(proxy, provider, books, usage):
    provider.control("PUT", "/answer", {"usage": usage})
    proxy.chat()
    assert books.settled() >= round(provider.bill()["usd"] * NANO) > 0


@pytest.mark.req("M-04")
def test_a_usage_above_the_worst_case_is_kept_as_excess(proxy, provider, books):
    provider.control("PUT", "/answer", {"usage": "tenfold"})
    proxy.chat()
    books.settled()
    assert books.today()["excess"] > 0


@pytest.mark.req("M-04")
@pytest.mark.parametrize("model", ["big", "claude"])
def test_a_stream_that_breaks_off_is_charged_with_its_worst_case(proxy, provider, books, model):
    provider.control("POST", "/faults", {"kind": "truncated"})
    proxy.chat(model, stream=True)
    assert books.settled() >= round(provider.bill()["usd"] * NANO) > 0
    assert 0 == books.today()["excess"]


@pytest.mark.req("M-04")
def test_what_the_provider_refuses_is_free_and_each_attempt_of_a_fallback_has_its_own_reservation(
    proxy, provider, books
):
    provider.control("POST", "/faults", {"kind": "status", "status": 429})
    assert 200 == proxy.chat()[0], "the other group serves it"
    assert round(provider.bill()["usd"] * NANO) == books.settled()
    assert 2 == books.today()["calls"]


@pytest.mark.req("M-04")
def test_an_attempt_that_was_lost_counts_whole_and_its_fallback_too(proxy, provider, books):
    provider.control("POST", "/faults", {"kind": "lost"})
    assert 200 == proxy.chat()[0]
    billed = round(provider.bill()["usd"] * NANO)
    assert (2, True) == (provider.bill()["calls"], books.settled() >= billed)


@pytest.mark.req("M-06")
@pytest.mark.parametrize(
    "more",
    [
        {"user": "qwen3-coder"},
        {"metadata": {"model_group": "qwen3-coder", "model_info": {"id": "x"}, "budget_mode": "normal"}},
        {"model_info": {"id": "x", "budget_scope": "byteplus"}},
        {"litellm_metadata": {"model_group": "qwen3-coder"}},
        {"litellm_call_id": "the same"},
        {"budget_call": "mine"},
    ],
)
def test_nobody_gets_by_the_mode_or_the_price_by_what_a_request_says_of_itself(proxy, provider, books, more):
    for _ in range(2):
        proxy.chat(**more)
    assert books.settled() >= round(provider.bill()["usd"] * NANO), "two calls of one identity are two calls"
    books.only(0.0)
    calls = provider.bill()["calls"]
    assert 200 != proxy.chat(**more)[0]
    assert calls == provider.bill()["calls"]


@pytest.mark.req("M-06")
@pytest.mark.parametrize(
    "more",
    [
        {"extra_body": {"max_tokens": 10**6}},
        {"extra_body": {"models": ["costly"]}},
        {"models": ["costly"]},
        {"n": 10**6},
        {"max_tokens": 10**9},
        {"web_search_options": {}, "plugins": [{"id": "web"}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"model": "big,fallback", "max_tokens": 10**6},
        {"max_completion_tokens": 10**6},
    ],
)
def test_a_request_cannot_make_itself_dearer_than_what_is_reserved(proxy, provider, books, more):
    books.only(0.01)
    status, body = proxy.chat(**more)
    # Several models at once are answered with a list, here of refusals.
    assert status in (400, 429) or {"budget_blocked"} == {row["type"] for row in body}, body
    assert 0 == provider.bill()["calls"]


@pytest.mark.req("M-06")
def test_thirty_nested_calls_of_tools_end_when_the_budget_does(proxy, provider, books):
    books.only(0.02)
    messages, served = [{"role": "user", "content": "look it up"}], 0
    for number in range(30):
        status, body = proxy.chat(messages=messages)
        if status != 200:
            break
        served += 1
        tool = {"id": f"t{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages += [{"role": "assistant", "content": None, "tool_calls": [tool]}]
        messages += [
            {"role": "tool", "tool_call_id": f"t{number}", "content": body["choices"][0]["message"]["content"]}
        ]
    assert (True, 429) == (0 < served < 30, status)
    assert provider.bill()["usd"] <= 0.02
    books.settled()
    assert books.spent() <= SETTINGS["day_limit"] * NANO


@pytest.mark.req("S5-33")
def test_a_provider_over_its_share_is_not_used_that_day_and_others_are(proxy, provider, books):
    assert 200 == proxy.chat("claude")[0]
    books.settled()
    books.spend("anthropic", SETTINGS["providers"]["anthropic"])
    calls = provider.bill()["calls"]
    status, body = proxy.chat("claude")
    assert (429, "budget_provider") == (status, body["error"]["type"])
    assert "anthropic" in body["error"]["message"] and "resets at 00:00 UTC" in body["error"]["message"]
    assert calls == provider.bill()["calls"]
    assert 200 == proxy.chat()[0]


@pytest.mark.req("S5-30", "S5-34")
def test_a_month_of_video_is_outside_of_the_day_and_ends_by_itself(proxy, provider, books):
    books.only(0.0)
    before, room = books.spent(), int(SETTINGS["months"]["byteplus"] / VIDEO)
    assert [200] * room + [429] == [proxy.video()[0] for _ in range(room + 1)], "with BytePlus's key, at a fixed price"
    status, body = proxy.video()
    assert (429, "budget_provider") == (status, body["error"]["type"])
    assert "resets on the 1st at 00:00 UTC" in body["error"]["message"]
    books.settled()
    month = books.month()
    assert round(room * VIDEO * NANO) == month["settled/byteplus"], "the price, no more and no less"
    assert (0, 0) == (month["reserved"], month["excess"])
    assert {FILM: room * VIDEO} == provider.bill()["models"], "what is refused never left"
    assert before == books.spent(), "the day has none of it"


@pytest.mark.req("S5-34")
def test_a_video_is_reserved_before_it_is_ordered_and_fetched_free_of_charge(proxy, provider, books):
    with under_way(proxy.video, books, provider):
        assert round(VIDEO * NANO) == books.month()["reserved/byteplus"]
        assert 0 == provider.bill()["calls"], "and has not been answered"
    status, ordered = proxy.video()
    books.settled()
    month = books.month()
    for _ in range(5):
        status, video = proxy.call("GET", f"/byteplus{TASKS}/{ordered['id']}")
        assert (200, "succeeded") == (status, video["status"]), video
    assert (month, 2) == (books.month(), provider.bill()["calls"]), "a look costs nothing"


@pytest.mark.req("M-04", "M-06")
@pytest.mark.parametrize(
    "order",
    [
        {"model": "dear"},
        {"model": f"{FILM} "},
        {"model": None},
        {"model": "big"},
        {"custom_body": {"model": "dear", "content": [{"type": "text", "text": "x"}]}},
        {"path": "/"},
        {"path": "/cgt-1"},
        {"path": "/../tasks", "model": "dear"},
    ],
)
def test_what_has_no_price_is_not_passed_through(proxy, provider, books, order):
    status, body = proxy.video(**order)
    assert status in (400, 404, 405), body
    assert (0, 0) == (provider.bill()["calls"], books.month()["reserved"] + books.month()["settled"])


@pytest.mark.req("M-04")
def test_a_video_that_byteplus_refuses_is_free_and_one_whose_answer_is_lost_counts(proxy, provider, books):
    assert 400 == proxy.video(content=[])[0]
    provider.control("POST", "/faults", {"kind": "status", "status": 429})
    assert 429 == proxy.video()[0]
    until(lambda: not books.client.hlen(f"{books.prefix}:open"), "both are settled")
    assert 0 == books.month()["settled"]
    for fault in ({"kind": "lost"}, {"kind": "status", "status": 500}):
        provider.control("POST", "/faults", fault)
        assert proxy.video()[0] >= 500
    books.settled()
    assert round(2 * VIDEO * NANO) == books.month()["settled/byteplus"] >= round(provider.bill()["usd"] * NANO)


@pytest.mark.req("S5-36")
def test_the_same_words_are_answered_from_redis_similar_ones_from_qdrant_and_neither_is_paid_again(
    proxy, provider, books, qdrant
):
    def ask(text, **more):
        """What is paid until then, of both models."""
        status, body = proxy.chat(text=text, cache={"use-cache": True}, **more)
        assert 200 == status, body
        models = provider.bill()["models"]
        return models.get("big", 0.0), models.get("small", 0.0)

    first = ask("what is a mesh?")
    assert min(first) > 0, "the answer is paid, and an embedding"
    until(lambda: qdrant.points and list(books.client.scan_iter(f"{books.prefix}:cache:*")), "both keep it")
    books.settled()
    kept = ask("what is a mesh?")
    assert kept == ask("what is a mesh?"), "word for word costs nothing, not even an embedding"
    similar = ask("a mesh is what?")
    assert first[0] == similar[0], "Qdrant answers what is alike"
    assert similar[1] > kept[1], "which is found by an embedding"
    other = ask("who was Ada Lovelace?")
    assert other[0] > similar[0], "another question is another answer"
    limited = ask("what is a mesh?", max_tokens=9)
    assert limited[0] > other[0], "another limit too"
    assert {"semantic_cache"} == qdrant.collections
    assert abs(books.settled() - round(provider.bill()["usd"] * NANO)) <= NANO // 10**6, "all of it is in the ledger"


@pytest.mark.req("M-05", "S5-40")
def test_litellm_and_redis_killed_at_any_point_change_nothing(proxy, provider, books, server):
    proxy.chat()
    spent = books.settled()
    provider.open.clear()
    under_way = threading.Thread(target=lambda: _quietly(proxy))
    under_way.start()
    try:
        until(lambda: books.client.hlen(f"{books.prefix}:open"), "it is reserved")
        held = books.today()["reserved"]
        proxy.kill()
        under_way.join()
    finally:
        provider.open.set()
    server.kill()
    assert (spent, held) == (books.spent(), books.today()["reserved"]), "the ledger is on disk"
    proxy.start()
    assert 200 == proxy.chat()[0]
    rows = books.today()
    assert rows["settled"] + rows["reserved"] >= spent + held
    server.stop()
    try:
        status, body = proxy.chat()
    finally:
        server.start()
    assert (503, "budget_unavailable") == (status, body["error"]["type"]), "nobody can reserve: nothing leaves"
    assert "mode normal" in body["error"]["message"], "the last mode stays"


def _quietly(proxy):
    with contextlib.suppress(OSError):
        proxy.chat()
