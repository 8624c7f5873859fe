"""LiteLLM from PyPI with a real PostgreSQL and Redis: keys, models, budgets, a check that costs nothing."""

import hashlib
import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from catalog.budget_guard.service import OPTIONS
from catalog.budget_guard.service import SERVICE as GUARD
from catalog.litellm.service import SERVICE
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.telegram.service import Service as Telegram
from rehearsal.clouds.telegram.store import Store
from tests.rehearsal.vpai_services.conftest import PASSWORDS
from tests.support.budget_model import APP, NANO, read
from tests.support.catalog_containers import LABEL, ensure, healthy, logs, shown
from tests.support.containers import docker
from tests.support.litellm_proxy import FILM
from tests.support.waits import one_day, until

pytestmark = pytest.mark.docker
VALUES = {
    **PASSWORDS,
    "litellm-master-key": "a1" * 32,
    "litellm-openclaw-key": "d4" * 32,
    "litellm-salt-key": "b2" * 32,
    "litellm-ui-password": "Canary1-of-the-web-page",
    "anthropic-api-key": "canary-of-anthropic-1",
    "openai-api-key": "canary-of-openai-1",
    "openrouter-api-key": "canary-of-openrouter-1",
    "google-gemini-api-key": "canary-of-google-1",
    "byteplus-api-key": "canary-of-byteplus-1",
    "brave-search-api-key": "canary-of-brave-1",
    "telegram-monitoring-token": "7000000001:AAcanary-of-the-guard",
    "telegram-monitoring-chat": "-1001000000001",
}
KEY, OPENCLAW = (f"sk-{VALUES[name]}" for name in ("litellm-master-key", "litellm-openclaw-key"))
# LiteLLM keeps it so, and its log may name it.
KNOWN = hashlib.sha256(OPENCLAW.encode()).hexdigest()
BUDGET = {name: option.default for name, option in OPTIONS.items()}
MODELS = ("qwen3-coder", "deepseek-v3", "glm-5")
"""What is served in every mode."""
((VIDEOS, _),) = read(APP / "budget.json").routes.items()
PROVIDER = (Path(__file__).parent / "provider.py").read_text()


class LiteLLM:
    def __init__(self, container, provider):
        self.name, self.provider = container, provider
        self.locate()

    def locate(self):
        self.host = docker("port", self.name, "4000/tcp").splitlines()[0]

    def ask(self, path, body=None, key=KEY, **more):
        """Status and answer of its API."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://{self.host}{path}", data=data, headers=headers | more)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the test's own container
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def chat(self, model, written, key=KEY):
        """A call whose answer is of so many tokens."""
        # The words differ, so that no cache answers.
        words = [{"role": "user", "content": f"{model} writes {written}"}]
        return self.ask("/v1/chat/completions", {"model": model, "messages": words}, key)

    def openclaw(self):
        """What it knows of OpenClaw's key."""
        status, answer = self.ask(f"/key/info?key={KNOWN}")
        return answer["info"] if status == 200 else {}

    def calls(self):
        ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8000/calls').read().decode())"
        return json.loads(docker("exec", self.provider, "python", "-c", ask))


@pytest.fixture(scope="module")
def litellm(place, postgresql, redis, qdrant):
    assert postgresql and redis and qdrant
    ensure(SERVICE.image)
    provider = f"{place.name}-provider"
    reached = [f"--name={provider}", f"--network={place.name}", "--network-alias=provider", f"--label={LABEL}"]
    docker("run", "--detach", *reached, "--entrypoint=python", SERVICE.image, "-c", PROVIDER, "8000")
    own = {
        "OPENAI_API_BASE": "http://provider:8000/v1",
        "OPENROUTER_API_BASE": "http://provider:8000/v1",
        "BRAVE_API_BASE": "http://provider:8000/brave",
        "BYTEPLUS_TASKS": "http://provider:8000/byteplus/tasks",
    }
    texts = {"origin:litellm": "https://llm.example.com", "litellm-user": "admin", **BUDGET}
    try:
        container = place.start(SERVICE, VALUES, texts=texts, env=own, publish=("--publish", "127.0.0.1::4000"))
        yield LiteLLM(healthy(container, SERVICE.health.gate), provider)
    finally:
        # Another test answers on this network in LiteLLM's place.
        docker("rm", "--force", provider, f"{place.name}-{SERVICE.name}", check=False)


class Books:
    """The guard's container, the ledger in the server of the stack, and the chat that is told."""

    def __init__(self, place, postgresql, server, telegram):
        self._postgresql, self._days, self._before = postgresql, 0, 0
        self.guard, self._server, self._telegram = f"{place.name}-{GUARD.name}", server, telegram

    def ask(self, *words):
        """What the server answers."""
        return docker("exec", "-e", f"REDISCLI_AUTH={VALUES['redis-password']}", self._server, "redis-cli", *words)

    @property
    def mode(self):
        return self.ask("get", "litellm:budget:mode")

    def state(self):
        return json.loads(self.ask("get", "litellm:budget:state"))

    def spend(self, share):
        """So much of the day is spent, and a millionth of a dollar more: the state was perhaps rounded up by half."""
        now = self.state()
        missing = round((share * now["limit_usd"] - now["spent_usd"]) * NANO) + NANO // 10**6
        self.ask("hincrby", f"litellm:budget:day:{now['date']}", "settled", str(missing))

    def looks(self):
        """How often the guard has looked: it says a state each time."""
        return len(docker("logs", self.guard).splitlines())

    def told(self):
        """How serious, of all that was told today of shares."""
        rows = self._telegram.RequestHandlerClass.api.controls()["GET", "/messages"]({})["messages"]
        return [row["text"].partition(":")[0] for row in rows if " are spent" in row["text"]][self._before :]

    def say(self, share, mode, words):
        """Whether the guard has come so far; else what it has come to."""
        state, told = self.state(), self.told()
        assert (mode, words) == (state["mode"], told) and state["share"] >= share, (state, told)
        return True

    def midnight(self):
        """All that was written of today is of a day before: to Redis and LiteLLM it is as if the clock had gone on.

        A real midnight finds a look with the date that it began with; one that is under way here would tell of the day
        before in the new one's name. So nobody is told until a whole look was of the new day.
        """
        telling = [f"litellm:budget:telling:{key}" for key in ("warning", "critical", "blocked")]
        for key in telling:
            until(lambda key=key: self.ask("set", key, "1", "nx") == "OK", "nobody else tells")
        self._before += len(self.told())
        date, self._days = self.state()["date"], self._days + 1
        before = f"2026-01-0{self._days}"
        self._postgresql.query(
            f"UPDATE \"LiteLLM_DailyUserSpend\" SET date = '{before}' WHERE date = '{date}'",  # noqa: S608  (dates)
            database="litellm",
        )
        self.ask("rename", f"litellm:budget:day:{date}", f"litellm:budget:day:{before}")
        looked = self.looks()
        until(lambda: self.looks() > looked + 1, "a look has begun and ended since")
        self.ask("del", *telling)


@pytest.fixture(scope="module")
def books(place, litellm, postgresql, redis):
    """The guard beside LiteLLM: it looks every second, and tells an emulated Telegram."""
    assert litellm
    token, chat = VALUES["telegram-monitoring-token"], VALUES["telegram-monitoring-chat"]
    seed = {
        "bots": {token: {"username": "alerts_bot"}},
        "chats": {chat: {"type": "supergroup", "title": "Alerts", "bots": {"alerts_bot": "member"}}},
    }
    telegram = ApiServer(Telegram(Store(None, seed)), f"{place.block}.1:0", machines=True).start()
    own = {"BUDGET_TELEGRAM": telegram.url, "BUDGET_INTERVAL": "1", "BUDGET_PATIENCE": "5"}
    try:
        healthy(place.start(GUARD, VALUES, texts=BUDGET, env=own, image=place.build(GUARD)), GUARD.health.gate)
        yield Books(place, postgresql, redis, telegram)
    finally:
        telegram.stop()
        docker("rm", "--force", f"{place.name}-{GUARD.name}", check=False)


@pytest.mark.req("S5-29", "S5-31", "S5-93")
def test_its_models_are_there_for_its_key_and_for_no_other(litellm, postgresql):
    assert [401, 401] == [litellm.ask("/v1/models", key=key)[0] for key in ("", "sk-wrong")], "it asks for a key"
    status, answer = litellm.ask("/v1/models")
    models = {model["id"] for model in answer["data"]}
    assert status == 200 and {"claude-opus", "claude-sonnet", "deepseek", "qwen", "glm"} <= models, "by OpenRouter"
    assert {"qwen3-coder", "deepseek-v3", "glm-5"} <= models, "and the eco models"
    tables = postgresql.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database="litellm")
    assert int(tables) > 40, "its tables are in its own database"


@pytest.mark.req("S5-29")
def test_its_health_check_calls_no_provider(litellm):
    before = litellm.calls()
    for _ in range(3):
        docker("exec", litellm.name, *SERVICE.health.test)
    assert before == litellm.calls(), "nothing is paid for being well"


@pytest.mark.req("S5-29")
def test_its_web_page_asks_for_name_and_password(litellm):
    def sign_in(password):
        form = urllib.parse.urlencode({"username": "admin", "password": password}).encode()
        opener = urllib.request.build_opener(Stay)
        try:
            with opener.open(f"http://{litellm.host}/login", data=form, timeout=120) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    assert [401, 303] == [sign_in(word) for word in ("wrong", VALUES["litellm-ui-password"])], "those of the stack"


class Stay(urllib.request.HTTPRedirectHandler):
    """Where it leads after a sign-in is the public name's."""

    def redirect_request(self, *_):
        return None


@pytest.mark.req("FP-17")
def test_before_the_guard_has_said_what_was_spent_nothing_leaves(litellm):
    status, answer = litellm.chat("gpt-4o-mini", 10)
    assert (503, "budget_unavailable") == (status, json.loads(answer)["error"]["type"]), answer
    assert [] == litellm.calls()


@pytest.mark.req("S5-30")
@pytest.mark.usefixtures("books")
def test_a_provider_gets_its_own_key(litellm):
    status, answer = litellm.chat("gpt-4o-mini", 10)
    assert status == 200, answer
    (call,) = [call for call in litellm.calls() if "gpt-4o-mini" in call]
    assert call.endswith(f"Bearer {VALUES['openai-api-key']}"), "from its file, by the name of a variable"
    status, answer = litellm.chat("claude-sonnet", 10)
    assert status == 200, answer
    (call,) = [call for call in litellm.calls() if "claude-sonnet" in call]
    assert call.endswith(f"Bearer {VALUES['openrouter-api-key']}"), "OpenRouter's for what goes there"


@pytest.mark.req("S5-35")
@pytest.mark.usefixtures("books")
def test_the_web_is_searched_by_brave(litellm):
    status, answer = litellm.ask("/v1/search/brave", {"query": "weather"})
    assert status == 200 and "https://example.com/" == answer["results"][0]["url"], answer


@pytest.mark.req("S5-30", "S5-34")
def test_a_client_orders_a_video_with_byteplus_key_and_it_is_once_in_the_month_and_in_no_day(
    litellm, books, postgresql
):
    day = books.state()["spent_usd"]
    order = {"model": FILM, "content": [{"type": "text", "text": "a sunrise"}]}
    assert 401 == litellm.ask(VIDEOS, order, "")[0], "not without a key"
    status, answer = litellm.ask(VIDEOS, order, OPENCLAW)
    assert status == 200, answer
    (call,) = [call for call in litellm.calls() if FILM in call]
    assert call == f"/byteplus/tasks {FILM} Bearer {VALUES['byteplus-api-key']}"
    assert 200 == litellm.ask(f"{VIDEOS}/{answer['id']}", key=OPENCLAW)[0]
    assert f"/byteplus/tasks/{answer['id']}" in litellm.calls(), "it is asked for by its name"
    spent = 'SELECT custom_llm_provider, SUM(spend) FROM "LiteLLM_DailyUserSpend" WHERE spend >= 1 GROUP BY 1'
    until(lambda: postgresql.query(spent, database="litellm") == "byteplus|1.5", "LiteLLM has written it down")
    looked = books.looks()
    until(lambda: books.looks() > looked + 1, "the guard has read that")
    state = books.state()
    # LiteLLM writes a key's sum in a batch of its own.
    until(lambda: litellm.openclaw()["spend"] >= 1.5, "the client's own limit of the day knows of it too")
    assert 1.5 == state["months"]["byteplus"] and state["spent_usd"] < day + 1, "once in the month, and in no day"


@pytest.mark.req("S5-37", "S5-38", "S5-39", "FP-17")
def test_a_day_is_warned_of_once_then_eco_then_blocked_and_the_next_is_new_without_a_restart(litellm, books):
    one_day(600)
    began = docker("inspect", "--format", "{{.State.StartedAt}}", litellm.name)
    for _ in range(2):
        assert "normal" == books.mode
        for share, mode, words in (
            (0.7, "normal", ["WARNING"]),
            (0.9, "eco", ["WARNING", "CRITICAL"]),
            (1.0, "blocked", ["WARNING", "CRITICAL", "BLOCKED"]),
        ):
            books.spend(share)
            # A person is told before the state is written, out of which the next share is reckoned.
            until(
                lambda share=share, mode=mode, words=words: books.say(share, mode, words),
                f"the guard has looked, and each is told once, at {share:.0%}",
            )
            if mode == "normal":
                continue
            kind = f"budget_{mode}"
            refused = until(
                lambda kind=kind: kind in (answer := litellm.chat("claude-opus", 20)[1]) and answer, "the hook knows"
            )
            error = json.loads(refused)["error"]
            assert list(MODELS) == error["eco_models"] and "resets at 00:00 UTC" in error["message"], error
            for model in MODELS:
                assert 200 == litellm.chat(model, 21)[0], f"{model} is always served"
        books.midnight()
        until(lambda: books.mode == "normal", "a new day")
        until(lambda: litellm.chat("claude-sonnet", 22)[0] == 200, "all is served again")
    assert began == docker("inspect", "--format", "{{.State.StartedAt}}", litellm.name), "without a restart"


@pytest.mark.req("S5-33")
@pytest.mark.usefixtures("books")
def test_a_provider_over_its_budget_is_not_used_that_day_after_a_restart_neither(litellm):
    one_day(600)
    # 60,000 tokens of gpt-4o are more than half a dollar.
    assert 200 == litellm.chat("gpt-4o", 60_000)[0], "there is room"
    refused = until(lambda: (answer := litellm.chat("gpt-4o", 11))[0] != 200 and answer, "it is counted")
    assert "budget" in refused[1], refused
    assert 200 == litellm.chat("qwen", 10)[0], "another provider has its own"
    docker("restart", litellm.name)
    healthy(litellm.name, SERVICE.health.gate)
    litellm.locate()
    assert 200 != litellm.chat("gpt-4o", 12)[0], "what was spent is in Redis"


@pytest.mark.req("S5-40")
def test_a_key_of_a_client_has_a_limit_of_its_own_as_a_second_line(litellm):
    status, key = litellm.ask("/key/generate", {})
    assert (200, 5.0, "1d") == (status, key["max_budget"], key["budget_duration"]), "nobody has to think of it"
    assert 400 == litellm.ask("/key/generate", {"max_budget": 6.0})[0], "and nobody has more"


def test_once_it_is_healthy_openclaws_key_has_its_limit_for_a_day_and_calls_models_alone(litellm):
    one_day(120)
    row = litellm.openclaw()
    assert (5.0, "1d", "openclaw") == (row["max_budget"], row["budget_duration"], row["key_alias"])
    midnight = time.strftime("%Y-%m-%dT00:00:00", time.gmtime(time.time() + 86_400))
    assert row["budget_reset_at"].startswith(midnight), "it begins anew at midnight UTC"
    assert 200 == litellm.ask("/v1/models", key=OPENCLAW)[0]
    for path, body in (("/key/generate", {}), ("/key/update", {"key": KNOWN, "max_budget": 1.0}), ("/key/list", None)):
        assert litellm.ask(path, body, key=OPENCLAW)[0] in {401, 403}, f"{path} is for the administrator"


@pytest.mark.usefixtures("books")
def test_openclaws_key_spends_up_to_its_limit_and_is_refused_past_it_where_another_is_served(litellm):
    one_day(600)
    # What it has spent before, as LiteLLM has written it down; 3,000 tokens of an eco model are 0.00285 USD.
    assert 200 == litellm.ask("/key/update", {"key": KNOWN, "spend": 4.999})[0]
    assert 200 == litellm.chat("qwen3-coder", 3000, OPENCLAW)[0], "a thousandth of a dollar is left"
    until(lambda: litellm.openclaw()["spend"] >= 5.0, "what the call has cost is the key's spend")
    calls = litellm.calls()
    status, answer = litellm.chat("qwen3-coder", 31, OPENCLAW)
    assert (422, "budget_exceeded") == (status, json.loads(answer)["error"]["type"]), answer
    assert calls == litellm.calls(), "it never left"
    assert 200 == litellm.chat("qwen3-coder", 32)[0], "the day has room: it is the key's own limit"
    # As the reset at midnight does.
    assert 200 == litellm.ask("/key/update", {"key": KNOWN, "spend": 0})[0]
    until(lambda: litellm.chat("qwen3-coder", 33, OPENCLAW)[0] == 200, "it is served again, without a restart")


@pytest.mark.usefixtures("books")
def test_openclaws_key_is_made_again_where_the_database_has_lost_it(litellm, postgresql):
    postgresql.query('DELETE FROM "LiteLLM_VerificationToken"', database="litellm")
    until(lambda: litellm.openclaw().get("max_budget") == 5.0, "it looks once a minute")
    assert 200 == litellm.chat("qwen3-coder", 34, OPENCLAW)[0]


@pytest.mark.req("S5-29")
def test_it_runs_without_rights_and_shows_no_secret(litellm):
    facts = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}"
    assert "65534:65534 true [ALL] []" == docker("inspect", "--format", facts, litellm.name), "it needs none"
    log = subprocess.run(["docker", "logs", litellm.name], capture_output=True, text=True, check=True)
    seen = shown(litellm.name) + docker("top", litellm.name) + log.stdout + log.stderr
    assert [] == [name for name, word in VALUES.items() if word in seen], logs(litellm.name)[-500:]
