"""All of the budget and its callers killed at any moment while calls are under way: nothing is forgotten or free.

LiteLLM is the real one, with the hook; so is Redis, and the guard runs as its container runs it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import subprocess
import sys
import threading
import uuid
from collections import Counter
from http.client import HTTPException

import pytest

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.telegram.service import Service
from rehearsal.clouds.telegram.store import Store
from tests.support.budget_model import APP, NANO, Ledger
from tests.support.campaign import chance, size
from tests.support.litellm_proxy import Provider, Proxy
from tests.support.waits import one_day, until

pytestmark = pytest.mark.docker
TOKEN, BOT, CHAT = "7000000001:AAcanary", "alerts_bot", "42"
SEED = {"bots": {TOKEN: {"username": BOT}}, "chats": {CHAT: {"type": "private", "bots": {BOT: "member"}}}}
# A call costs about a tenth of a cent: all modes of a day come within two hundred.
LIMIT, RESERVE = 0.10, 0.02
MODES = ("normal", "eco", "blocked")
VICTIMS = ("litellm", "redis", "redis", "redis", "guard", "guard", "guard", "host")
CALLS = (
    {},
    {"stream": True},
    {"model": "qwen3-coder"},
    {"model": "claude", "stream": True},
    {"model": "claude", "path": "/v1/messages"},
)


class World:
    """All of the budget, with calls that never end."""

    def __init__(self, server, folder):
        self.server, self.prefix = server, f"budget-{uuid.uuid4().hex[:8]}"
        self.telegram, self.provider = ApiServer(Service(Store(None, SEED))).start(), Provider()
        (folder / "token").write_text(TOKEN)
        about = {"day_limit": LIMIT, "eco_reserve": RESERVE, "eco_reroute": "qwen3-coder", "prefix": self.prefix}
        # So that what killed processes held is given up while the test runs.
        about["lease"] = 60
        about |= {"providers": {"openrouter": LIMIT, "anthropic": LIMIT}, "telegram": self.telegram.url, "chat": CHAT}
        about |= {"telegram_token_file": str(folder / "token"), "state": str(folder / "state"), "interval": 1}
        self.proxy = Proxy(folder / "litellm", server.url, about, self.provider.url)
        self.guard = None
        self._days, self._told, self._callers, self._stop = 0, 0, [], threading.Event()

    def start(self):
        self.start_guard()
        self.proxy.start()
        until(lambda: self.proxy.chat()[0] == 200, "it is served once the guard has looked")
        self.provider.control("PUT", "/latency", {"seconds": 0.05})

    def busy(self):
        """Calls from now on, until `still`."""
        self._stop.clear()
        self._callers = [threading.Thread(target=self._call, args=(number,)) for number in range(3)]
        for caller in self._callers:
            caller.start()

    def start_guard(self):
        command = [sys.executable, str(APP / "budget_guard.py"), "--settings", str(self.proxy.folder / "budget.json")]
        self.guard = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def _call(self, number):
        choice = random.Random(number)  # noqa: S311  # which call is next, no key
        while not self._stop.is_set():
            with contextlib.suppress(OSError, HTTPException):
                self.proxy.chat(**choice.choice(CALLS))
            self._stop.wait(0.05)

    def call_on(self, number):
        """A caller as a process of its own, which never ends by itself."""
        choice = random.Random(number)  # noqa: S311  # which call is next, no key
        while True:
            with contextlib.suppress(OSError, HTTPException):
                self.proxy.chat(**choice.choice(CALLS))

    def wait(self, choice):
        """Until some calls more have come to the provider, and a moment."""
        wanted = self.provider.bill()["calls"] + choice.randrange(10)
        until(lambda: self.provider.bill()["calls"] >= wanted, "calls are served", 300)
        threading.Event().wait(choice.random() / 5)

    def kill(self, victim):
        """Killed, and started again as Docker would do it; of a host that is all of it."""
        gone = {"litellm", "redis", "guard"} if victim == "host" else {victim}
        if "litellm" in gone:
            self.proxy.kill()
        if "guard" in gone:
            self.guard.kill()
            self.guard.wait()
        if "redis" in gone:
            self.server.kill()
        if "guard" in gone:
            self.start_guard()
        if "litellm" in gone:
            self.proxy.start()

    def books(self):
        """Every day's ledger."""
        with contextlib.closing(self.server.client()) as client:
            return [
                Counter({name: int(value) for name, value in client.hgetall(key).items()})
                for key in sorted(client.scan_iter(f"{self.prefix}:day:*"))
            ]

    def today(self):
        """Today's ledger, empty where nobody has called yet."""
        with contextlib.closing(self.server.client()) as client:
            date = Ledger(client, self.prefix).look()[0]
            return Counter({key: int(value) for key, value in client.hgetall(f"{self.prefix}:day:{date}").items()})

    def total(self, *fields):
        return sum(rows[field] for rows in self.books() for field in fields)

    def billed(self):
        return round(self.provider.bill()["usd"] * NANO)

    def mode(self):
        with contextlib.closing(self.server.client()) as client:
            return client.get(f"{self.prefix}:mode")

    def told(self):
        """How serious, of all that was told today; LOST where something did not answer."""
        rows = self.telegram.RequestHandlerClass.api.controls()["GET", "/messages"]({})["messages"]
        kinds = ["LOST" if "budget guard:" in row["text"] else row["text"].partition(":")[0] for row in rows]
        return kinds[self._told :]

    def midnight(self):
        """What is booked today is booked on a day before, as if the clock had gone on."""
        with contextlib.closing(self.server.client()) as client:
            self._told += len(self.told())
            today, self._days = Ledger(client, self.prefix).look()[0], self._days + 1
            before = f"2026-01-{self._days:02}"
            # Calls that are under way stay on their day, those of an earlier one too.
            move = """
                redis.call('RENAME', KEYS[1], KEYS[2])
                for _, id in ipairs(redis.call('HKEYS', KEYS[3])) do
                  local day, rest = string.match(redis.call('HGET', KEYS[3], id), '^(%S+) (.*)$')
                  if day == KEYS[1] then
                    redis.call('HSET', KEYS[3], id, KEYS[2] .. ' ' .. rest)
                  end
                end
            """
            client.eval(move, 3, f"{self.prefix}:day:{today}", f"{self.prefix}:day:{before}", f"{self.prefix}:open")

    def still(self):
        """No more calls; what killed processes had reserved counts, as after its lease."""
        self._stop.set()
        for caller in self._callers:
            caller.join()
        self._callers = []
        with contextlib.closing(self.server.client()) as client:
            for identity in client.zrange(f"{self.prefix}:leases", 0, -1):
                client.zadd(f"{self.prefix}:leases", {identity: 0})
            Ledger(client, self.prefix).look()

    def close(self):
        self._stop.set()
        for caller in self._callers:
            caller.join()
        self.proxy.close()
        if self.guard:
            self.guard.kill()
            self.guard.wait()
        self.telegram.stop()
        self.provider.close()


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    made = World(server, tmp_path_factory.mktemp("budget"))
    one_day(600)
    try:
        made.start()
        yield made
    finally:
        made.close()


class Watch:
    """What must hold after each kill, of the day and since the last one."""

    def __init__(self, world):
        self.world, self.settled, self.tightest, self.modes = world, 0, 0, Counter()

    def look(self, why):
        world = self.world
        # A call is in the books before it is billed, so this order is safe while calls are under way.
        billed = world.billed()
        assert billed <= world.total("settled", "reserved"), f"{why}: a bill is in no book"
        settled = world.total("settled")
        assert self.settled <= settled, f"{why}: what was settled is forgotten"
        self.settled = settled
        for rows in world.books():
            assert min(rows.values(), default=0) >= 0, f"{why}: {rows}"
            assert 0 == rows["excess"], f"{why}: no bill is above its worst case"
            assert rows["settled"] + rows["reserved"] <= round((LIMIT + RESERVE) * NANO), f"{why}: {rows}"
        told = Counter(world.told())
        assert not told - Counter(("WARNING", "CRITICAL", "BLOCKED")), f"{why}: told twice, or what is not so: {told}"
        if world.today()["settled"] >= 0.9 * LIMIT * NANO:
            until(lambda: world.mode() != "normal", f"{why}: eco begins")
        tight = MODES.index(world.mode())
        assert self.tightest <= tight, f"{why}: a mode is lost"
        self.tightest = tight
        self.modes[MODES[tight]] += 1
        if MODES[tight] == "blocked" and world.today()["settled"] > LIMIT * NANO:
            until(lambda: set(world.told()) >= {"CRITICAL", "BLOCKED"}, f"{why}: it is told")
            self.midnight()

    def midnight(self):
        self.world.midnight()
        until(lambda: self.world.mode() == "normal", "a new day begins")
        self.tightest = 0

    def end(self):
        """Nobody calls any more."""
        self.look("at the end")
        assert self.world.billed() <= self.world.total("settled"), "all that was billed is settled"
        assert 0 == self.world.total("reserved")
        self.midnight()
        until(lambda: self.world.proxy.chat()[0] == 200, "it serves on")
        print(f"{dict(self.modes)}, {len(self.world.books())} days, {self.world.provider.bill()}")


@pytest.mark.campaign
@pytest.mark.req("M-05", "S5-38", "S5-40")
def test_whoever_is_killed_at_whatever_moment_nothing_is_forgotten_or_told_twice_and_no_day_is_over(world):
    choice, watch, victims = chance("kills of the budget"), Watch(world), Counter()
    world.busy()
    for number in range(size("kills of the budget")):
        victim = choice.choice(VICTIMS)
        world.wait(choice)
        world.kill(victim)
        victims[victim] += 1
        watch.look(f"kill {number}, of {victim}")
        if number % 20 == 19:
            print(f"{number + 1} kills: {watch.modes}", flush=True)
    world.still()
    watch.end()
    print(f"killed: {dict(victims)}")


@pytest.mark.campaign
@pytest.mark.req("M-03")
def test_callers_that_are_killed_at_whatever_moment_have_no_call_for_free(world):
    choice, watch, fork = chance("kills of a caller"), Watch(world), multiprocessing.get_context("fork")
    for number in range(size("kills of a caller")):
        caller = fork.Process(target=world.call_on, args=(number,))
        caller.start()
        world.wait(choice)
        caller.kill()
        caller.join()
        watch.look(f"kill {number}, of a caller")
    world.still()
    watch.end()


@pytest.mark.req("S5-39")
def test_in_eco_a_call_is_served_by_the_eco_model_where_that_is_set(world):
    Watch(world).midnight()
    with contextlib.closing(world.server.client()) as client:
        today = Ledger(client, world.prefix).look()[0]
        client.hincrby(f"{world.prefix}:day:{today}", "settled", round(0.92 * LIMIT * NANO))
    until(lambda: world.mode() == "eco", "the guard has looked")
    until(lambda: _served(world) == {"coder"}, "the hook knows")


def _served(world):
    world.provider.reset()
    assert 200 == world.proxy.chat()[0]
    return set(world.provider.bill()["models"])
