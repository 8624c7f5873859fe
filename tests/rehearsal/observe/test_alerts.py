"""Every alert of Grafana's files, asked of the real store: what fires it, when, and that it clears.

Time is written, not waited for: a day without a fault, then each fault in its own quarter of an hour.
"""

import itertools
import time
from dataclasses import dataclass, replace

import pytest

from catalog.uptime_kuma.service import SERVICE as KUMA
from tests.support.alerts import STEP, fired, rules, system

pytestmark = pytest.mark.docker
WEB, BASE = replace(KUMA, name="web"), replace(KUMA, name="base")
SYSTEM = system(WEB, BASE)
SCRAPE = 15
SLOT = 30 * 60
"""Seconds of a fault and of the rest behind it, in which its alert clears."""
LATE = 4 * STEP + SCRAPE
"""Seconds that an alert may come after its fault and the time for which it must hold: the processors' are a mean of two
minutes."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, for how many seconds, and which alerts that must fire."""

    name: str
    seconds: int
    fires: tuple[str, ...]


FAULTS = (
    Fault("web away", 600, ("web is not running",)),
    Fault("base unhealthy", 600, ("base is unhealthy",)),
    Fault("base restarts", 600, ("base starts again and again",)),
    Fault("busy", 600, ("A host's processors are busy",)),
    Fault("disk 85", 600, ("A disk fills up",)),
    Fault("disk 95", 600, ("A disk is almost full",)),
    Fault("host away", 600, ("A host does not answer",)),
    Fault("host restarted", 60, ("A host has started anew",)),
    Fault("cadvisor away", 900, ("Nothing is measured of containers",)),
    Fault("loki away", 600, ("Loki does not answer",)),
)
SILENCES = ("telegram refuses", "grafana away")
"""What ends the heartbeat."""
DAY = 24 * 3600


class World:
    """What would be measured at each moment."""

    def __init__(self, start):
        self.start = start
        self.faults_at = start + DAY
        self.end = self.faults_at + SLOT * (len(FAULTS) + len(SILENCES))
        names = [fault.name for fault in FAULTS] + list(SILENCES)
        self._at = {name: self.faults_at + SLOT * number for number, name in enumerate(names)}
        self._seconds = {fault.name: fault.seconds for fault in FAULTS} | dict.fromkeys(SILENCES, 600)

    def begin(self, name):
        return self._at[name]

    def over(self, name):
        return self._at[name] + self._seconds[name]

    def _wrong(self, name, at):
        return self.begin(name) <= at < self.over(name)

    def lines(self, at):
        """All samples of one moment."""
        age, stamp = at - self.start, at * 1000
        yield from self._hosts(at, age)
        if self._wrong("cadvisor away", at):
            yield 'up{job="cadvisor"} 0', stamp
        else:
            yield 'up{job="cadvisor"} 1', stamp
            yield from self._containers(at)
        yield f'up{{job="loki"}} {int(not self._wrong("loki away", at))}', stamp
        yield f'up{{job="grafana"}} {int(not self._wrong("grafana away", at))}', stamp
        if at >= self.begin("telegram refuses"):
            failed = min(at, self.over("telegram refuses")) - self.begin("telegram refuses")
            yield f'grafana_alerting_notifications_failed_total{{integration="telegram"}} {1 + failed // 60}', stamp

    def _containers(self, at):
        for service in SYSTEM.services:
            labels = f'{{container_label_homeport_service="{service.name}"}}'
            if service is WEB and self._wrong("web away", at):
                continue
            began = self.start
            if service is BASE and at >= self.begin("base restarts"):
                began = min(at, self.over("base restarts")) // 30 * 30
            well = not (service is BASE and self._wrong("base unhealthy", at))
            # One of them has no health check, which is no illness.
            health = -1 if service.name == "loki" else int(well)
            yield f"container_last_seen{labels} {at}", at * 1000
            # Its other metrics are of the moment at which they were measured, a little earlier.
            yield f"container_health_state{labels} {health}", (at - 7) * 1000
            yield f"container_start_time_seconds{labels} {began}", (at - 7) * 1000

    def _hosts(self, at, age):
        for instance in ("ai", "workstation"):
            labels, stamp = f'job="node",instance="{instance}"', at * 1000
            if instance == "workstation" and self._wrong("host away", at):
                yield f"up{{{labels}}} 0", stamp
                continue
            yield f"up{{{labels}}} 1", stamp
            # A minute at most, as a machine that works hard at times: no alert.
            busy = max(0, min(at, self.over("busy")) - self.begin("busy")) if instance == "ai" else 0
            for cpu in (0, 1):
                yield f'node_cpu_seconds_total{{{labels},cpu="{cpu}",mode="idle"}} {0.7 * age - 0.7 * busy}', stamp
            used = {"disk 85": 85, "disk 95": 95}
            full = [percent for name, percent in used.items() if self._wrong(name, at) and instance == "ai"] or [60]
            where = f'{{{labels},device="/dev/vda1",fstype="ext4",mountpoint="/"}}'
            yield f"node_filesystem_avail_bytes{where} {100 - full[0]}", stamp
            yield f"node_filesystem_size_bytes{where} 100", stamp
            memory = f'{{{labels},device="tmpfs",fstype="tmpfs",mountpoint="/run"}}'
            yield f"node_filesystem_avail_bytes{memory} 1", stamp
            yield f"node_filesystem_size_bytes{memory} 100", stamp
            restarted = instance == "ai" and at >= self.begin("host restarted")
            yield f"node_boot_time_seconds{{{labels}}} {self.begin('host restarted') if restarted else 0}", stamp


@pytest.fixture(scope="module")
def world(store):
    # Up to now: what lies ahead is not taken.
    length = DAY + SLOT * (len(FAULTS) + len(SILENCES))
    made = World((int(time.time()) - length) // 120 * 120)
    every = itertools.chain.from_iterable(made.lines(at) for at in range(made.start, made.end, SCRAPE))
    while batch := list(itertools.islice(every, 50_000)):
        store.write("".join(f"{sample} {stamp}\n" for sample, stamp in batch))
    store.settle()
    return made


RULES = {rule.title: rule for rule in rules(SYSTEM)}
HEARTBEAT = "All is well here"


@pytest.mark.req("S5-54", "O-01")
def test_a_day_without_a_fault_fires_nothing_and_the_heartbeat_all_the_time(store, world):
    # What the first samples say of the time before them is nobody's.
    first = world.start + 900
    noise = {title: fired(store, rule, first, world.faults_at - 60) for title, rule in RULES.items()}
    heartbeat = noise.pop(HEARTBEAT)

    assert {} == {title: times for title, times in noise.items() if times}, "nobody is woken for nothing"
    assert [(first, world.faults_at - 60)] == [(begin, end) for _, begin, end in heartbeat], "without a gap"


@pytest.mark.req("S5-54", "O-01")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_fires_its_alert_in_time_and_no_other_and_it_clears(store, world, fault):
    begin, over = world.begin(fault.name), world.over(fault.name)
    times = {title: fired(store, rule, begin - 60, begin + SLOT - STEP) for title, rule in RULES.items()}
    times.pop(HEARTBEAT)

    assert {*fault.fires} == {title for title, found in times.items() if found}, "that and nothing else"
    for title in fault.fires:
        found = times[title]
        assert 1 == len(found), f"once, for what it is about: {found}"
        _, first, last = found[0]
        assert begin <= first <= begin + RULES[title].hold + LATE, "no later than it is said to"
        assert last <= max(over, first) + 15 * 60, "and it ends after the fault does"


@pytest.mark.req("S5-54", "O-01")
def test_every_alert_has_a_fault_that_fires_it():
    generic = {title.replace("web", "…").replace("base", "…") for fault in FAULTS for title in fault.fires}
    of_services = {"… is not running", "… is unhealthy", "… starts again and again"}
    for service in SYSTEM.services:
        assert {text.replace("…", service.name) for text in of_services} <= RULES.keys(), f"{service.name} has its own"
    others = {title for title in RULES if not any(title.endswith(text[1:]) for text in of_services)}

    assert generic == of_services | others - {HEARTBEAT}, "none is there that nobody has seen at work"


@pytest.mark.parametrize("name", SILENCES)
def test_the_heartbeat_stays_away_while_grafana_or_telegram_does_not_work(store, world, name):
    begin, over = world.begin(name), world.over(name)
    beats = fired(store, RULES[HEARTBEAT], begin - 120, begin + SLOT - STEP)

    assert [] == [beat for beat in beats if beat[1] < over - 60 and beat[2] > begin + LATE], (
        "Uptime Kuma, on another host, misses it and says so by a way of its own"
    )
    assert begin <= beats[0][2] + STEP + LATE and beats[-1][2] >= begin + SLOT - 2 * STEP, "and it comes back by itself"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_one_question_at_one_moment_says_the_same_as_a_range(store, world, fault):
    at = world.begin(fault.name) + min(world.over(fault.name) - world.begin(fault.name), 420) - STEP

    for title in fault.fires:
        expr = RULES[title].expr
        range_says = {labels for labels, times in store.over(expr, at, at, STEP).items() if times}
        assert range_says == {labels for labels, value in store.ask(expr, at).items() if value > 0}, title
