"""The guard as it runs: a real Redis, LiteLLM's own tables in a real PostgreSQL, and the emulated Telegram."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import uuid
from datetime import UTC, datetime

import pytest
import redis

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.telegram.service import Service
from rehearsal.clouds.telegram.store import Store
from tests.support.budget_model import APP, NANO, Ledger, Settings
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.litellm_proxy import environment
from tests.support.waits import until

sys.path.append(str(APP))

from budget_guard import Database, Guard, SourceError, Telegram

pytestmark = pytest.mark.docker
TOKEN, BOT, CHAT = "7000000001:AAcanary", "alerts_bot", "-1001000000001"
SEED = {
    "bots": {TOKEN: {"username": BOT}},
    "chats": {CHAT: {"type": "supergroup", "title": "Alerts", "bots": {BOT: "member"}}},
}
POSTGRES = "postgres:16.14-alpine"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()


class Records:
    """LiteLLM's database in place of one: what it has recorded, or that it does not answer."""

    def __init__(self):
        self.day, self.month, self.away = {}, {}, False

    def recorded(self, _first, _last, *, monthly):
        if self.away:
            raise SourceError("LiteLLM's database")
        return self.month if monthly else self.day


class World:
    """A guard with all that it talks to; another one of the same world is a second instance."""

    def __init__(self, server, client, prefix, folder):
        self.telegram = ApiServer(Service(Store(None, SEED))).start()
        self.client, self.prefix, self.records, self.now = client, prefix, Records(), NOON
        (folder / "token").write_text(f"{TOKEN}\n")
        about = {"prefix": prefix, "redis": server.url, "telegram": self.telegram.url, "chat": CHAT}
        about |= {
            "telegram_token_file": str(folder / "token"),
            "state": str(folder / "state"),
            "interval": 1,
            "patience": 0,
        }
        self.file = folder / "budget.json"
        self.file.write_text(json.dumps(about))
        self.settings = Settings(**about)

    def guard(self, **more):
        return Guard(self.settings, self.client, self.records, Telegram(self.settings), now=self.now, **more)

    def spend(self, dollars, scope="openrouter"):
        """So much more was spent, by LiteLLM's own records."""
        where = self.records.month if scope in self.settings.months else self.records.day
        where[scope] = where.get(scope, 0) + round(dollars * NANO)

    def tomorrow(self):
        self.now += 86_400
        self.records.day = {}

    @property
    def mode(self):
        return self.client.get(f"{self.prefix}:mode")

    @property
    def state(self):
        return json.loads(self.client.get(f"{self.prefix}:state"))

    def told(self):
        rows = self.telegram.RequestHandlerClass.api.controls()["GET", "/messages"]({})["messages"]
        return [row["text"].partition(":")[0] for row in rows]

    def control(self, method, path, body=None):
        return self.telegram.RequestHandlerClass.api.controls()[method, path](body or {})

    def close(self):
        self.telegram.stop()


@pytest.fixture
def world(server, client, prefix, tmp_path):
    made = World(server, client, prefix, tmp_path)
    yield made
    made.close()


class Leaving:
    """A client whose Redis is gone the first time that something is to be remembered."""

    def __init__(self, client):
        self._client, self._left = client, False

    def __getattr__(self, name):
        return getattr(self._client, name)

    def hset(self, *more):
        if self._left:
            return self._client.hset(*more)
        self._left = True
        raise redis.ConnectionError("gone")


@pytest.mark.req("S5-37", "S5-40")
def test_a_redis_that_restarts_once_a_person_was_told_is_no_second_alert_and_no_outage(world):
    world.spend(3.6)
    settings = dataclasses.replace(world.settings, patience=30)
    guard = Guard(settings, Leaving(world.client), world.records, Telegram(settings), now=world.now)
    assert guard.look() and guard.look()
    assert ["WARNING", "WARNING"] == world.told(), "of 70 %, and of what no reservation covered"


@pytest.mark.req("S5-37", "S5-38")
def test_seventy_percent_warns_once_ninety_switches_to_eco_a_hundred_blocks_and_a_new_day_is_normal(world):
    for day in range(2):
        seen = []
        for spent in (3.49, 0.01, 0.5, 0.49, 0.01, 0.4, 0.1, 0.1):
            world.spend(spent)
            for _ in range(2):
                assert world.guard().look()
            seen.append((world.state["share"], world.mode))
        assert [
            (0.698, "normal"),
            (0.7, "normal"),
            (0.8, "normal"),
            (0.898, "normal"),
            (0.9, "eco"),
            (0.98, "eco"),
            (1.0, "blocked"),
            (1.02, "blocked"),
        ] == seen
        # What only the records know no reservation covered, which is told too.
        assert ["WARNING", "WARNING", "CRITICAL", "BLOCKED"] * (day + 1) == world.told(), "each once a day"
        world.tomorrow()
        assert world.guard().look()
        assert ("normal", 0.0) == (world.mode, world.state["share"])


def test_shares_of_providers_and_the_month_are_reported(world):
    world.spend(0.5, "anthropic")
    world.spend(4.6, "byteplus")
    world.guard().look()
    state = world.state
    assert (0.5, 4.6) == (state["providers"]["anthropic"], state["months"]["byteplus"])
    assert ("normal", 0.1) == (world.mode, state["share"]), "a month's budget is no part of the day's"
    world.tomorrow()
    world.guard().look()
    assert 1 == world.told().count("CRITICAL"), "a month is told of once a month"


@pytest.mark.req("S5-40")
def test_without_its_sources_it_alerts_once_and_the_last_mode_stays(world, server):
    world.spend(4.6)
    world.guard().look()
    world.records.away = True
    assert not world.guard().look()
    assert not world.guard().look()
    assert ("eco", "CRITICAL: budget guard") == (world.mode, f"CRITICAL:{_last(world)}")
    count = len(world.told())
    server.stop()
    assert not world.guard().look()
    assert not world.guard().look()
    assert count + 1 == len(world.told()), "of each source once"
    server.start()
    world.client = server.client()
    assert "eco" == world.mode
    world.records.away = False
    assert world.guard().look()
    world.now += 86_400
    world.records.away = True
    world.guard().look()
    assert "eco" == world.mode, "nobody knows of the new day yet"


def _last(world):
    rows = world.control("GET", "/messages")["messages"]
    return rows[-1]["text"].split(":")[1]


def test_what_telegram_did_not_take_is_told_again(world):
    world.spend(3.6)
    world.control("PUT", "/standing", {"chat": CHAT, "bot": BOT, "standing": "kicked"})
    assert not world.guard().look()
    world.control("PUT", "/standing", {"chat": CHAT, "bot": BOT, "standing": "member"})
    world.control("POST", "/faults", {"kind": "status", "status": 429, "retry_after": 1})
    assert world.guard().look(), "it waits as long as it is told to"
    assert ["WARNING", "WARNING"] == world.told()


def test_two_guards_and_restarts_tell_once(world):
    world.spend(4.7)
    for _ in range(5):
        for guard in (world.guard(), world.guard()):
            guard.look()
    assert 1 == world.told().count("CRITICAL")


def test_a_dry_run_changes_and_tells_nothing(world, capsys):
    world.client.delete(f"{world.prefix}:known")
    Ledger(world.client, world.prefix, NOON).charge("openrouter", 4 * NANO)
    assert world.guard(dry=True).look()
    assert "would tell: WARNING" in capsys.readouterr().out
    assert ([], None, None) == (world.told(), world.mode, world.client.get(f"{world.prefix}:known"))


def test_a_ledger_that_redis_lost_comes_back_from_the_records(world):
    world.spend(2.0)
    world.client.delete(*world.client.scan_iter(f"{world.prefix}:*"))
    world.guard().look()
    assert (2.0, True) == (world.state["spent_usd"], bool(world.client.get(f"{world.prefix}:known")))
    assert "scope" == Ledger(world.client, world.prefix, NOON).reserve(Settings(), "a", "openrouter", 2 * NANO)[0]


def run(world, *argv):
    command = [sys.executable, str(APP / "budget_guard.py"), "--settings", str(world.file), *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_program_runs_once_says_its_state_and_never_its_token(world):
    done = run(world, "--once")
    assert (0, "normal") == (done.returncode, json.loads(done.stdout.splitlines()[-1])["mode"]), done.stderr
    world.telegram.stop()
    Ledger(world.client, world.prefix).charge("openrouter", 4 * NANO)
    done = run(world, "--once")
    assert (1, True) == (done.returncode, "not told: Telegram: ConnectionRefusedError" in done.stdout)
    assert "AAcanary" not in done.stdout + done.stderr
    world.telegram = ApiServer(Service(Store(None, SEED))).start()


@pytest.mark.req("M-05")
def test_a_guard_killed_at_any_point_changes_nothing(world):
    Ledger(world.client, world.prefix).charge("openrouter", round(4.6 * NANO))
    command = [sys.executable, str(APP / "budget_guard.py"), "--settings", str(world.file)]
    for number in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as guard:
            if number % 2:
                guard.stdout.readline()
            os.kill(guard.pid, signal.SIGKILL)
    done = run(world, "--once")
    assert (0, "eco", 1) == (done.returncode, world.mode, world.told().count("CRITICAL")), done.stdout
    assert 4.6 == world.state["spent_usd"]


def test_it_is_healthy_while_it_looks(world):
    command = [sys.executable, str(APP / "budget_guard.py"), "--settings", str(world.file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as guard:
        until(lambda: run(world, "--healthy").returncode == 0, "it has looked")
        guard.terminate()


@pytest.fixture(scope="module")
def litellm_tables():
    """A PostgreSQL with the tables that LiteLLM's own migrations make."""
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", POSTGRES], check=True, cwd=ROOT)
    name = f"homeport-test-{uuid.uuid4().hex[:8]}-litellm"
    flags = ("--detach", "--name", name, "--label", "homeport.test=budget", "--publish", "127.0.0.1:0:5432")
    docker("run", *flags, "--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--env", "POSTGRES_DB=litellm", POSTGRES)
    try:
        probe = ("docker", "exec", name, "psql", "-h", "127.0.0.1", "-U", "postgres", "litellm", "-c", "SELECT 1")
        until(lambda: subprocess.run(probe, capture_output=True, check=False).returncode == 0, "PostgreSQL answers")
        extras = next(environment().parent.glob("lib/python*/site-packages/litellm_proxy_extras/migrations"))
        files = sorted(extras.glob("*/migration.sql"))
        sql = "\n".join(file.read_text(encoding="utf-8") for file in files)
        argv = ("docker", "exec", "-i", name, "psql", "-q", "-U", "postgres", "litellm")
        subprocess.run(argv, input=sql, capture_output=True, text=True, check=True)
        port = docker("port", name, "5432/tcp").splitlines()[0].rpartition(":")[2]
        yield name, f"postgresql://postgres@127.0.0.1:{port}/litellm"
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def test_it_reads_what_litellm_records_by_day_provider_and_model_group(litellm_tables):
    name, url = litellm_tables
    rows = [
        ("2026-11-28", "openai", "gpt", 9.0),
        ("2026-11-29", "openai", "gpt", 0.25),
        ("2026-11-29", "openai", "gpt-2", 0.5),
        ("2026-11-29", "gemini", "gemini", 0.125),
        ("2026-11-29", "openrouter", "glm-5", 0.0625),
        ("2026-11-01", "byteplus", "", 1.5),
        ("2026-10-31", "byteplus", "", 7.0),
    ]
    values = ", ".join(
        f"('{number}', '{date}', 'key{number}', '{provider}', '{group}', {spend}, now(), now())"
        for number, (date, provider, group, spend) in enumerate(rows)
    )
    columns = "id, date, api_key, custom_llm_provider, model_group, spend, created_at, updated_at"
    sql = f'INSERT INTO "LiteLLM_DailyUserSpend" ({columns}) VALUES {values}'  # noqa: S608  (the rows above)
    docker("exec", name, "psql", "-U", "postgres", "litellm", "-v", "ON_ERROR_STOP=1", "-c", sql)
    database = Database(Settings(database=url))
    day = database.recorded("2026-11-29", "2026-11-29", monthly=False)
    assert {"openai": 750_000_000, "google": 125_000_000, "eco": 62_500_000} == day
    assert {"byteplus": 1_500_000_000} == database.recorded("2026-11-01", "2026-11-29", monthly=True)
    docker("stop", "--time", "0", name)
    with pytest.raises(SourceError):
        database.recorded("2026-11-29", "2026-11-29", monthly=False)
