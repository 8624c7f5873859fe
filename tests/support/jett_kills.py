"""Somebody who sends requests without a pause and repeats each until it is taken, while others are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import Self

from tests.support.scratch import docker, inspect
from tests.support.waits import until

SOURCES = 4


class Sender:
    """Numbered requests, one source after the other, each repeated under its key until n8n says 200 or 202."""

    def __init__(self, jett, pause: float) -> None:
        self.jett = jett
        self.pause = pause
        self.taken: list[tuple[str, int]] = []
        self.tries = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._end.is_set():
            source = f"source-{number % SOURCES}"
            self._send(source, number)
            number += 1
            time.sleep(self.pause)

    def _send(self, source: str, number: int) -> None:
        body = {"source": source, "payload": {"number": number}, "dedupe_key": f"key-{number}"}
        for _ in range(1000):
            self.tries += 1
            status, _ = self.jett.call("/webhook/request", body, seconds=15)
            if status in (200, 202):
                self.taken.append((source, number))
                return
            time.sleep(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def stop(self) -> list[tuple[str, int]]:
        """All that was taken; the request that is under way is ended first."""
        self._end.set()
        self._thread.join(300)
        assert not self._thread.is_alive(), "n8n takes requests again"
        return self.taken


def stored(jett, count: int) -> list[tuple[str, int]]:
    """Requests that came while nobody was there, numbered from a million on."""
    jett.sql(
        "SELECT count(*) FROM generate_series(1000000, 999999 + :count) AS n,"
        " queue_accept('source-' || n % :sources, 'key-' || n, jsonb_build_object('number', n))",
        count=count,
        sources=SOURCES,
    )
    return [(f"source-{number % SOURCES}", number) for number in range(1000000, 1000000 + count)]


def kill_database_process(jett) -> None:
    """SIGKILL for one of PostgreSQL's processes.

    The server ends all sessions and recovers from its log, as after a power cut.
    """
    pids = docker("top", jett.container("postgres"), "-eo", "pid,args").splitlines()[1:]
    backends = [int(line.split()[0]) for line in pids if "postgres: " in line and "(" in line]
    for pid in backends[:1]:
        os.kill(pid, signal.SIGKILL)


def kill_container(jett, service: str) -> None:
    """SIGKILL for a container's first process from outside, so that Docker sees a crash and restarts it."""
    os.kill(inspect(jett.container(service))["State"]["Pid"], signal.SIGKILL)


def drain(jett, handler) -> None:
    """Waits while the queue gets shorter.

    An item that n8n was handing over when it died rests for its lease of 60 s, and its source with it.
    """
    ready = ["docker", "exec", jett.container("postgres"), "pg_isready", "-q", "-U", "jett"]
    # After the last kill the server may still read its log.
    until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL accepts connections again", 300)
    calls, since = handler.calls, time.monotonic()
    while jett.sql("SELECT queue_length()") != "0":
        if handler.calls != calls:
            calls, since = handler.calls, time.monotonic()
        assert time.monotonic() - since < 100, jett.sql(
            "SELECT * FROM offline_queue WHERE status IN ('pending', 'claimed')"
        )
        time.sleep(0.2)


def judge(taken: list[tuple[str, int]], effects: list[dict]) -> dict[str, object]:
    """What the handler did, held against what was taken: lost, doubled, strange, out of order."""
    done = [(item["source"], item["payload"]["number"]) for item in effects]
    order = {
        source: [number for one, number in done if one == source] for source in sorted({source for source, _ in taken})
    }
    return {
        "lost": sorted(set(taken) - set(done)),
        "doubled": len(done) - len(set(done)),
        "strange": sorted(set(done) - set(taken)),
        "out of order": [source for source, numbers in order.items() if numbers != sorted(numbers)],
    }
