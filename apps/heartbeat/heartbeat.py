"""Says every minute that the local machine is there, and empties the queue of what came while it was not.

    python heartbeat.py          for ever
    python heartbeat.py --once   one beat, then the queue until it is empty; exit status 0, or 1 when the beat was not taken

Settings come from the environment; ``heartbeat_settings.py`` lists them. Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import signal
import sys
import time
from typing import Any

from heartbeat_http import CallError, StatusError, UnansweredError, post
from heartbeat_settings import Settings, SettingsError, settings

CLAIM = 10
"""Items asked for at once."""
LEASE = 120.0
"""Seconds after which what is left of a claim is claimed again; the queue gives it to somebody else after 300."""
NOT_NOW = frozenset({429, 502, 503, 504})
"""Answers of a handler that say nothing about the item: it is tried again, and no attempt is counted."""


class Client:
    """Beats and the queue."""

    def __init__(self, given: Settings) -> None:
        self.given = given
        self.stopped = False
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._next_beat = self._rests_until = 0.0
        self._last_word = ""

    def beat(self, status: str = "online") -> int | None:
        """Say that this machine is there.

        Returns:
            How many items wait, or None when nobody took the beat; that is no error, the server will notice.
        """
        self._next_beat = time.monotonic() + self.given.interval
        try:
            answer = post(self.given.heartbeat_url, {"status": status}, self.given.timeout, {})
        except CallError as error:
            self._say(f"the server did not take the heartbeat: {error}")
            return None
        self._say(f"the server takes heartbeats at {self.given.heartbeat_url}")
        queued = answer.get("queued") if isinstance(answer, dict) else None
        return queued if isinstance(queued, int) else 0

    def sync(self) -> int:
        """Hand every item that waits to the handler, in order; ends early when the server or the handler is away.

        Where the handler has named a time, it gets nothing before. The claim is made all the same: what this machine holds
        stays its own, and is no new attempt afterwards.

        Returns:
            How many items were done.
        """
        done = 0
        try:
            while not self.stopped:
                items = self._queue("claim", {"limit": CLAIM, "consumer": self.given.consumer}).get("items") or []
                if time.monotonic() < self._rests_until:
                    break
                ended = self._batch(items)
                done += ended
                if not ended:
                    break
        except CallError as error:
            self._say(f"the queue rests: {error}")
        return done

    def _batch(self, items: list[dict[str, Any]]) -> int:
        """Items of one claim, in order; once one of a source fails, its source waits.

        Raises:
            CallError: The server or the handler is away. What was claimed comes again.
        """
        claimed, done, waiting = time.monotonic(), 0, set()
        for item in items:
            if self.stopped or time.monotonic() - claimed > LEASE:
                break
            if item["source"] in waiting:
                continue
            try:
                post(self.given.handler_url, item, self.given.handler_timeout, {"Idempotency-Key": str(item["id"])})
            except (StatusError, UnansweredError) as error:
                if isinstance(error, StatusError) and error.status in NOT_NOW:
                    self._rests_until = time.monotonic() + error.rest
                    raise
                waiting.add(item["source"])
                status = self._queue("fail", {"id": item["id"], "error": str(error)}).get("status")
                print(f"item {item['id']} failed and is {status}: {error}", flush=True)
            else:
                self._queue("ack", {"id": item["id"]})
                done += 1
            if time.monotonic() >= self._next_beat:
                self.beat()
        return done

    def _queue(self, verb: str, body: object) -> dict[str, Any]:
        answer = post(f"{self.given.queue_url}/{verb}", body, self.given.timeout, {"X-API-Key": self.given.key})
        if not isinstance(answer, dict):
            raise CallError(f"{verb}: the answer is no JSON object")
        return answer

    def once(self) -> bool:
        """One beat, and the queue where somebody wants it; whether the beat was taken."""
        queued = self.beat()
        if queued and self.given.handler_url:
            self.sync()
        return queued is not None

    def run(self) -> None:
        """Beat until told to stop; then say so, so that requests are kept at once."""
        while not self.stopped:
            self.once()
            # Not in one piece: a signal that comes between Python's last look at its signals and the kernel's wait interrupts nothing.
            while not self.stopped and (left := self._next_beat - time.monotonic()) > 0:
                with contextlib.suppress(queue.Empty):
                    self._woken.get(timeout=min(left, 1.0))
        self.beat("offline")

    def stop(self) -> None:
        """End after the item in hand; for a signal's handler too.

        Not a threading.Event: a handler that interrupts its `wait` inside of its lock waits in `set` for that lock, for ever.
        `SimpleQueue.put` is reentrant (https://docs.python.org/3/library/queue.html).
        """
        self.stopped = True
        self._woken.put(None)

    def _say(self, word: str) -> None:
        """A line for the journal, when it is news."""
        if word != self._last_word:
            print(word, flush=True)
        self._last_word = word


def main(argv: list[str] | None = None) -> int:
    """The program; its exit status."""
    parser = argparse.ArgumentParser(
        prog="heartbeat", description="Says that this machine is there, and empties the queue."
    )
    parser.add_argument("--once", action="store_true", help="one beat, then the queue until it is empty")
    once = parser.parse_args(argv).once
    try:
        client = Client(settings(os.environ))
    except SettingsError as error:
        print(f"heartbeat: {error}", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: client.stop())
    if once:
        return 0 if client.once() else 1
    client.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
