"""The ledger in a real Redis: what is reserved and settled is never more than the limit, whatever happens together."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import redis

from tests.support.budget_model import NANO, Ledger, Model, Settings, interleaving
from tests.support.campaign import SEED, chance, size
from tests.support.waits import until

pytestmark = pytest.mark.docker
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
LIMITS = Settings(lease=900)


def named(prefix, key):
    return f"{prefix}:{'day' if len(key) == len('2026-11-29') else 'month'}:{key}"


def book(client, prefix, key):
    return Counter({name: int(value) for name, value in client.hgetall(named(prefix, key)).items()})


def filled(rows):
    return {name: str(value) for name, value in rows.items() if str(value) != "0"}


def hashes(prefix, model):
    """What Redis must have of a model, by key: its books, and the calls that are under way."""
    under_way = {
        identity: f"{named(prefix, key)} {scope} {cost}" for identity, (key, scope, cost, _) in model.open.items()
    }
    return {named(prefix, key): filled(rows) for key, rows in model.books.items()} | {f"{prefix}:open": under_way}


def today(client, prefix):
    answer = Ledger(client, prefix).look()
    return Counter(dict(zip(answer[4][::2], map(int, answer[4][1::2]), strict=True)))


def within(books, settings):
    """The invariant, for a day and for each scope of it."""
    for key, rows in books.items():
        if len(key) == len("2026-11-29"):
            limit = (settings.day_limit + settings.eco_reserve) * NANO
            assert 0 <= rows["settled"] + rows["reserved"] <= limit, (key, rows)
        for name, share in (settings.providers | settings.months).items():
            assert 0 <= rows[f"settled/{name}"] + rows[f"reserved/{name}"] <= share * NANO, (key, name, rows)
        assert min(rows.values(), default=0) >= 0, "nothing is ever below zero"


class Loaded:
    """A client whose scripts are named by their digest: their text is sent to Redis once, and not with every call."""

    def __init__(self, client, pipe=None):
        self.pipe, self._digest = pipe or client, client.script_load(Ledger.SCRIPT)

    def eval(self, script, *more):
        assert script == Ledger.SCRIPT
        return self.pipe.evalsha(self._digest, *more)


@pytest.mark.campaign
@pytest.mark.req("M-07")
def test_in_no_order_of_their_steps_do_calls_go_over_a_limit_and_redis_answers_as_the_model_does(client, prefix):
    # One connection sends all steps, so that their order is known and each answer can be compared with the model's.
    choice, together = chance("interleavings of the budget"), 100
    for batch in range(0, size("interleavings of the budget"), together):
        loaded, expected, models = Loaded(client, client.pipeline(transaction=False)), [], []
        for number in range(batch, batch + together):
            own = f"{prefix}:{number}"
            model, now, ledger = Model(LIMITS), NOON, Ledger(loaded, own)
            loaded.pipe.set(f"{own}:known", "before")
            expected.append(True)
            for step in interleaving(choice, LIMITS):
                ledger.now = now
                if step[0] == "pass":
                    now += step[1]
                elif step[0] == "mode":
                    model.mode = step[1]
                    loaded.pipe.set(f"{own}:mode", step[1])
                    expected.append(True)
                elif step[0] == "reserve":
                    ledger.reserve(LIMITS, *step[1:])
                    expected.append(model.reserve(now, *step[1:]))
                else:
                    ledger.settle(*step[1:])
                    expected.append(model.settle(*step[1:]))
                within(model.books, LIMITS)
            models.append((own, model))
        answers = [row[0] if isinstance(row, list) else row for row in loaded.pipe.execute()]
        assert expected == answers, f"batch {batch}: Redis and the model differ"
        expected = {key: rows for own, model in models for key, rows in hashes(own, model).items()}
        pipe = client.pipeline(transaction=False)
        for key in expected:
            pipe.hgetall(key)
        for (key, rows), answer in zip(expected.items(), pipe.execute(), strict=True):
            assert rows == filled(answer), key
        client.delete(*client.scan_iter(f"{prefix}:*", count=10_000))


class Round:
    """One ledger that all callers use at once, around a midnight; it has room for a part of what they ask for.

    Attributes:
        answers: What reservations were answered.
        taken: Scope and cost of what was admitted, by the call's name.
        settled: What the ledger charged for it, and what it cost beyond that.
    """

    CALLERS, STEPS = 16, 25
    BEGIN = datetime(2026, 11, 29, 23, 45, tzinfo=UTC).timestamp()
    SECONDS = 70
    """Of a step: a round takes half an hour, and others reclaim a call whose caller is half a round late."""

    def __init__(self, prefix, kind=Ledger):
        self.prefix, self._kind, self.answers, self.taken, self.settled = prefix, kind, [], {}, {}

    def call(self, caller, loaded):
        """All steps of a caller: it reserves or settles by chance, and what it never settles has lost its caller."""
        choice = random.Random(f"{SEED} {self.prefix.rpartition(':')[2]} {caller}")  # noqa: S311  # which step is next, no key
        ledger, scopes, mine = self._kind(loaded, self.prefix), [*LIMITS.providers, *LIMITS.months, "eco"], []
        for step in range(self.STEPS):
            ledger.now = self.BEGIN + step * self.SECONDS
            if mine and choice.random() < 0.4:
                identity, cost = mine.pop(choice.randrange(len(mine)))
                actual = choice.choice([None, 0, cost // 2, cost, cost * 2])
                charged = ledger.settle(identity, actual)
                if charged:
                    self.settled[identity] = int(charged), max((actual or 0) - cost, 0)
            else:
                identity, scope = f"{caller}-{step}", choice.choice(scopes)
                cost = choice.choice([1, NANO // 20, NANO // 4, NANO // 2])
                answer = ledger.reserve(LIMITS, identity, scope, cost)[0]
                self.answers.append(answer)
                if answer == "ok":
                    self.taken[identity] = scope, cost
                    mine.append((identity, cost))

    def look(self, client):
        """All books as they are at one moment; each reservation in them is a call that is under way."""
        keys = ("2026-11-29", "2026-11-30", "2026-11")
        pipe = client.pipeline(transaction=True)
        for key in (*(named(self.prefix, key) for key in keys), f"{self.prefix}:open"):
            pipe.hgetall(key)
        *rows, under_way = pipe.execute()
        books = {key: Counter({n: int(value) for n, value in row.items()}) for key, row in zip(keys, rows, strict=True)}
        held = Counter()
        for row in under_way.values():
            key, scope, cost = row.split()
            held += Counter({(key, "reserved"): int(cost), (key, f"reserved/{scope}"): int(cost)})
        reserved = {(named(self.prefix, key), n): books[key][n] for key in keys for n in books[key] if "reserved" in n}
        assert held == +Counter(reserved), "what is reserved is what is under way"
        return books

    def watch(self, client, done):
        """How often all was well while the callers were at it."""
        looks = 0
        while not done.is_set():
            within(self.look(client), LIMITS)
            looks += 1
        return looks

    def end(self, client):
        """Nobody calls any more, and all leases are over: the books are the sum of what each caller was told."""
        self._kind(client, self.prefix, self.BEGIN + 86_400).look()
        books = self.look(client)
        within(books, LIMITS)
        expected = Counter(calls=len(self.taken), reclaimed=len(self.taken) - len(self.settled))
        for identity, (scope, cost) in self.taken.items():
            for name, amount in zip(("settled", "excess"), self.settled.get(identity, (cost, 0)), strict=True):
                expected += Counter({name: amount, f"{name}/{scope}": amount})
        total = sum(books.values(), Counter())
        assert expected == total, "nothing is lost, doubled or still reserved"
        assert not client.exists(f"{self.prefix}:open", f"{self.prefix}:leases")


class Crowd:
    """Callers with a connection each, and one that looks on."""

    def __init__(self, server):
        self._clients = [server.client() for _ in range(Round.CALLERS + 1)]
        self._loaded = [Loaded(client) for client in self._clients[1:]]
        self._pool = ThreadPoolExecutor(len(self._clients))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pool.shutdown()
        for client in self._clients:
            client.close()

    def play(self, own, watch):
        """Everybody at once; what the one that looks on answers."""
        done = threading.Event()
        self._clients[0].set(f"{own.prefix}:known", "before")
        watching = self._pool.submit(watch, self._clients[0], done)
        calls = [self._pool.submit(own.call, *row) for row in enumerate(self._loaded)]
        try:
            for call in calls:
                call.result()
        finally:
            done.set()
        return watching.result()


@pytest.mark.campaign
@pytest.mark.req("M-07")
def test_callers_with_connections_of_their_own_go_over_no_limit_at_any_moment(server, client, prefix):
    looks, answers, steps = 0, Counter(), Round.CALLERS * Round.STEPS
    with Crowd(server) as crowd:
        for first in range(0, size("calls at once of the ledger"), steps):
            own = Round(f"{prefix}:{first}")
            looks += crowd.play(own, own.watch)
            own.end(client)
            answers += Counter(own.answers)
            client.delete(*client.scan_iter(f"{own.prefix}:*", count=10_000))
    print(
        f"{first + steps} calls of {Round.CALLERS} connections: {dict(answers)}; {looks} looks at the books meanwhile"
    )
    assert {"ok", "total", "scope"} == set(answers) and looks > 0, "there was too much room, or nobody looked"


class Hasty(Ledger):
    """Looks whether there is room and takes it afterwards, as LiteLLM's own budgets do."""

    BOUNDLESS = replace(
        LIMITS, day_limit=1e6, providers=dict.fromkeys(LIMITS.providers, 1e6), months=dict.fromkeys(LIMITS.months, 1e6)
    )

    def reserve(self, settings, identity, scope, cost):
        answer = super().reserve(settings, f"look-{identity}", scope, cost)
        if answer[0] == "ok":
            self.settle(f"look-{identity}", 0)
            answer = super().reserve(self.BOUNDLESS, identity, scope, cost)
        return answer


def test_the_same_callers_overspend_a_ledger_that_looks_first_and_takes_afterwards(server, client, prefix):
    with Crowd(server) as crowd:
        for number in range(50):
            own = Round(f"{prefix}:{number}", Hasty)
            crowd.play(own, lambda *_: None)
            try:
                within(own.look(client), LIMITS)
            except AssertionError:
                return
    raise AssertionError("the callers do not come between each other's steps: their campaign proves nothing")


def taken(server, prefix, cost, times, answers):
    client = server.client()
    ledger = Ledger(client, prefix)
    for _ in range(times):
        identity = uuid.uuid4().hex
        answers.append((ledger.reserve(Settings(providers={"openai": 5.0}), identity, "openai", cost)[0], identity))
    client.close()


@pytest.mark.req("M-01")
def test_of_200_calls_at_once_with_budget_for_50_exactly_50_are_admitted(server, client, prefix):
    answers = []
    threads = [threading.Thread(target=taken, args=(server, prefix, NANO // 10, 10, answers)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {"ok": 50, "total": 150} == Counter(reason for reason, _ in answers)
    rows = today(client, prefix)
    assert (5 * NANO, 0) == (rows["reserved"], rows["settled"]), "0 cents over"
    for reason, identity in answers:
        if reason == "ok":
            Ledger(client, prefix).settle(identity, NANO // 20)
    assert (0, 5 * NANO // 2) == (today(client, prefix)["reserved"], today(client, prefix)["settled"])


@pytest.mark.req("M-02")
def test_the_first_calls_of_a_day_race_a_hundred_times_and_none_gets_by(server, client, prefix):
    for number in range(100):
        own, answers = f"{prefix}:{number}", []
        client.set(f"{own}:known", "before")
        threads = [threading.Thread(target=taken, args=(server, own, 4 * NANO, 1, answers)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {"ok": 1, "total": 3} == Counter(reason for reason, _ in answers), number


def _caller(url, prefix, started):
    client = redis.Redis.from_url(url, decode_responses=True, client_name=prefix)
    ledger = Ledger(client, prefix, NOON)
    ledger.reserve(LIMITS, "first", "openrouter", NANO // 100)
    started.set()
    for number in range(10**6):
        ledger.reserve(LIMITS, f"call-{number}", "openrouter", NANO // 1000)
        ledger.settle(f"call-{number}", NANO // 2000)


@pytest.mark.campaign
@pytest.mark.req("M-03")
def test_what_a_killed_caller_had_reserved_is_reclaimed_never_negative_and_never_free(server, client, prefix):
    choice, fork = chance("kills of a call"), multiprocessing.get_context("fork")
    for number in range(size("kills of a call")):
        own, started = f"{prefix}:{number}", fork.Event()
        client.set(f"{own}:known", "before")
        caller = fork.Process(target=_caller, args=(server.url, own, started))
        caller.start()
        assert started.wait(300)
        threading.Event().wait(choice.random() / 50)
        os.kill(caller.pid, signal.SIGKILL)
        caller.join()
        # What it had sent is still carried out; after that its connection is gone.
        until(lambda own=own: own not in {each["name"] for each in client.client_list()}, "the dead caller has left")
        before = book(client, own, "2026-11-29")
        held = {name: int(row.split()[2]) for name, row in client.hgetall(f"{own}:open").items()}
        assert sum(held.values()) == before["reserved"] > 0, "the first is never settled"
        later = Ledger(client, own, NOON + LIMITS.lease)
        assert len(held) == int(later.look()[3]), "all leases are over"
        after = book(client, own, "2026-11-29")
        assert (0, before["settled"] + before["reserved"]) == (after["reserved"], after["settled"]), "it counts whole"
        assert "" == later.settle("first", 0), "who comes too late changes nothing"
        assert after == book(client, own, "2026-11-29")
        assert not client.hgetall(f"{own}:open") and not client.zcard(f"{own}:leases")


@pytest.mark.req("M-05")
@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("2026-11-29T23:59:59", "2026-11-30T00:00:00", "a day ends"),
        ("2026-12-31T23:59:59", "2027-01-01T00:00:00", "a year ends"),
        ("2028-02-28T23:59:59", "2028-02-29T00:00:00", "a leap day begins"),
        ("2028-02-29T23:59:59", "2028-03-01T00:00:00", "a leap day ends"),
        ("2016-12-31T23:59:59", "2017-01-01T00:00:00", "a leap second was in between: Unix time has none"),
    ],
)
def test_the_budget_is_new_at_midnight_in_utc_and_an_open_call_stays_on_its_day(client, prefix, before, after, why):
    late, early = (datetime.fromisoformat(f"{text}+00:00").timestamp() for text in (before, after))
    ledger = Ledger(client, prefix, late)
    assert "ok" == ledger.reserve(LIMITS, "a", "openrouter", 3 * NANO)[0]
    assert "scope" == ledger.reserve(LIMITS, "b", "openrouter", NANO)[0]
    ledger.now = early
    assert "ok" == ledger.reserve(LIMITS, "b", "openrouter", 3 * NANO)[0], why
    ledger.settle("a", NANO)
    assert (NANO, 0) == tuple(book(client, prefix, before[:10])[name] for name in ("settled", "reserved"))
    assert (0, 3 * NANO) == tuple(book(client, prefix, after[:10])[name] for name in ("settled", "reserved"))


@pytest.mark.req("M-05")
def test_hours_that_a_zone_repeats_or_skips_are_of_one_utc_day(client, prefix):
    # Europe's clocks went back on 2026-10-25 at 01:00 UTC, New York's forward on 2026-03-08 at 07:00 UTC.
    for text in ("2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-03-08T06:59:59", "2026-03-08T07:00:01"):
        moment = datetime.fromisoformat(f"{text}+00:00").timestamp()
        Ledger(client, prefix, moment).reserve(LIMITS, text, "openrouter", NANO)
    books = [book(client, prefix, day) for day in ("2026-10-25", "2026-03-08")]
    assert [2 * NANO] * 2 == [rows["reserved"] + rows["settled"] for rows in books]


def test_all_dates_of_four_centuries_are_those_of_the_calendar(client, prefix):
    pipe = client.pipeline(transaction=False)
    days = [number * 86_400.0 for number in range(0, 146_097, 97)]
    for moment in days:
        Ledger(pipe, prefix, moment).look()
    expected = [datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d") for moment in days]
    assert expected == [answer[0] for answer in pipe.execute()]


@pytest.mark.req("M-04")
@pytest.mark.parametrize("cost", ["nan", "-1", "0", "1.5", "inf", "", "1e9"])
def test_an_amount_that_is_none_is_refused_by_the_ledger_itself(client, prefix, cost):
    ledger = Ledger(client, prefix)
    with pytest.raises(redis.ResponseError, match="whole number"):
        ledger.reserve(LIMITS, "a", "openrouter", cost)
    ledger.reserve(LIMITS, "b", "openrouter", 5)
    if cost not in ("", "0"):
        with pytest.raises(redis.ResponseError, match="whole number"):
            ledger.settle("b", cost)
    assert 5 == today(client, prefix)["reserved"]


def test_a_bill_above_the_worst_case_is_kept_apart_and_leaves_less(client, prefix):
    ledger = Ledger(client, prefix)
    ledger.reserve(LIMITS, "a", "openrouter", NANO)
    assert str(NANO) == ledger.settle("a", 3 * NANO)
    rows = today(client, prefix)
    assert (NANO, 2 * NANO) == (rows["settled"], rows["excess"])
    assert "scope" == ledger.reserve(LIMITS, "b", "openrouter", NANO)[0], "3.25 are OpenRouter's"


@pytest.mark.req("S5-33")
def test_a_provider_over_its_share_is_refused_while_others_go_on(client, prefix):
    ledger = Ledger(client, prefix)
    for name, share in LIMITS.providers.items():
        assert "ok" == ledger.reserve(LIMITS, name, name, round(share * NANO))[0]
        assert "scope" == ledger.reserve(LIMITS, f"{name} more", name, 1)[0]
    assert round(4.75 * NANO) == today(client, prefix)["reserved"], "0.25 of 5.00 are nobody's: the eco models'"
    assert "scope" == ledger.reserve(LIMITS, "x", "stranger", 1)[0], "a provider without a share is not used"
    assert "ok" == ledger.reserve(LIMITS, "eco", "eco", NANO // 2)[0], "eco models are on no provider's budget"
    assert "total" == ledger.reserve(LIMITS, "eco more", "eco", 1)[0]


@pytest.mark.req("S5-34")
def test_a_month_has_its_own_budget_beside_the_day_and_its_mode(client, prefix):
    ledger = Ledger(client, prefix, NOON)
    client.set(f"{prefix}:mode", "blocked")
    assert "ok" == ledger.reserve(LIMITS, "a", "byteplus", 5 * NANO)[0]
    assert "scope" == ledger.reserve(LIMITS, "b", "byteplus", 1)[0]
    assert 0 == book(client, prefix, "2026-11-29")["reserved"]
    ledger.now = NOON + 86_400
    assert "scope" == ledger.reserve(LIMITS, "b", "byteplus", 1)[0], "another day is no other month"
    ledger.now = NOON + 2 * 86_400
    assert "ok" == ledger.reserve(LIMITS, "b", "byteplus", 1)[0], "1 December"


@pytest.mark.req("S5-39")
@pytest.mark.parametrize(
    ("mode", "others", "eco"),
    [("normal", "ok", "ok"), ("eco", "eco", "ok"), ("blocked", "blocked", "ok"), ("wild", "blocked", "ok")],
)
def test_modes_refuse_all_but_eco_models(client, prefix, mode, others, eco):
    client.set(f"{prefix}:mode", mode)
    ledger = Ledger(client, prefix)
    assert others == ledger.reserve(LIMITS, "a", "openrouter", NANO)[0]
    assert eco == ledger.reserve(LIMITS, "b", "eco", NANO)[0]
    rest = round(5.25 * NANO) - today(client, prefix)["reserved"]
    assert "total" == ledger.reserve(LIMITS, "c", "eco", rest + 1)[0], "never more than the limit and the reserve"
    assert "ok" == ledger.reserve(LIMITS, "d", "eco", rest)[0]


def test_a_redis_that_lost_what_was_spent_admits_nothing_until_the_guard_has_brought_it_back(client, prefix):
    ledger = Ledger(client, prefix)
    client.delete(f"{prefix}:known")
    assert "unknown" == ledger.reserve(LIMITS, "a", "openrouter", 1)[0]
    assert str(3 * NANO) == ledger.floor("day", {"openrouter": 3 * NANO})
    assert "scope" == ledger.reserve(LIMITS, "a", "openrouter", NANO)[0]
    assert "ok" == ledger.reserve(LIMITS, "a", "openrouter", NANO // 4)[0]
    assert "0" == ledger.floor("day", {"openrouter": 3 * NANO}), "it is brought back once"


@pytest.mark.req("M-05")
def test_two_instances_share_one_budget_also_when_redis_is_killed_between(server, client, prefix):
    Ledger(client, prefix).reserve(LIMITS, "a", "openrouter", 2 * NANO)
    server.kill()
    other = server.client()
    assert "scope" == Ledger(other, prefix).reserve(LIMITS, "b", "openrouter", 2 * NANO)[0]
    assert "ok" == Ledger(other, prefix).reserve(LIMITS, "b", "openrouter", NANO)[0]
    assert str(2 * NANO) == Ledger(other, prefix).settle("a", None)
    other.close()
