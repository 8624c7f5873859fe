"""The container's main process: does what lies in ``/exchange/requests`` and puts the answers into ``/exchange/results``.

    python worker.py [FOLDER]

A request ``<id>.json`` holds ``{"id": "<id>", "task": {...}}``; its answer is the executor's answer with ``id`` and
``exit_code`` added. SIGTERM lets the current task end (at most 31 s), then the exit status is 0.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import executor_api
from executor_folders import SpoolError
from executor_json import JsonProblemError, dumps, loads
from executor_log import ChainedLog
from executor_spool import Request, Spool

IDLE_S = 0.1
"""Seconds between two looks at an empty folder; four times the length of a look when that takes longer."""
FAILURE_S = 1.0
"""Seconds until the next look when the folder could not be written."""
SETTLED_S = 2.0
"""Seconds since its last change after which a request that is no JSON is answered as such, and not taken for half-written."""
TRIES = 3
"""How often a request may take the worker with it before it is answered without being tried."""
HOUSEKEEPING_S = 60.0


class Worker:
    """The loop, and what it does with one request."""

    def __init__(self, spool: Spool, log: ChainedLog) -> None:
        self._spool = spool
        self._log = log
        self._stopping = False
        self._ignored = 0
        self._next_housekeeping = 0.0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def run(self) -> None:
        """Work until told to stop.

        Raises:
            SpoolError: the exchange folder was taken away.
        """
        self._log.write("ready", pid=os.getpid(), limits=dataclasses.asdict(executor_api.LIMITS))
        while not self._stopping:
            started = time.monotonic()
            self._spool.still_there()
            self._spool.touch_alive()
            self._keep_house(started)
            identities, self._ignored = self._spool.waiting()
            looked_s = time.monotonic() - started
            if wait_s := self._work_off(identities):
                time.sleep(max(wait_s, 4 * looked_s))
        self._log.write("stopped")

    def _stop(self, _number: int, _frame: Any) -> None:
        self._stopping = True

    def _work_off(self, identities: list[str]) -> float:
        """Seconds to wait before the next look: 0 when something was done."""
        wait_s = IDLE_S
        failures: list[str] = []
        for identity in identities:
            if self._stopping:
                break
            try:
                if self._one(identity):
                    wait_s = 0.0
            except OSError as error:
                # A full or failing disk: the request stays and is tried again, this is not its fault.
                self._spool.forget(identity)
                failures.append(f"{identity}: {error.strerror}")
            self._spool.touch_alive()
        if failures:
            self._log.write("delayed", requests=len(failures), first=failures[0])
        return FAILURE_S if failures else wait_s

    def _one(self, identity: str) -> bool:
        if self._spool.is_done(identity):
            self._spool.drop(identity)
            self._log.write("replay", id=identity)
            return False
        request = self._spool.read(identity)
        if request is None:
            return False
        task, refusal = _understood(identity, request)
        if refusal is None and task is None:
            return False
        tries = self._spool.begin(identity)
        digest = hashlib.sha256(request.raw or b"").hexdigest()
        self._log.write("start", id=identity, request_sha256=digest, tries=tries)
        reply, status = refusal or _done(task, tries)
        self._spool.finish(identity, dumps({"id": identity, "exit_code": status, **reply}))
        outcome = "done" if reply["ok"] else reply["error"]["code"]
        self._log.write("end", id=identity, outcome=outcome, exit_code=status, duration_ms=reply.get("duration_ms"))
        return True

    def _keep_house(self, now: float) -> None:
        if os.getpid() == 1:
            # The first process inherits what others leave behind, here the children of an interrupted `docker exec`.
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
        if now < self._next_housekeeping:
            return
        self._next_housekeeping = now + HOUSEKEEPING_S
        recovered, expired = self._spool.recover(), self._spool.expire()
        if recovered or expired or self._ignored:
            self._log.write("housekeeping", recovered=recovered, expired=expired, ignored=self._ignored)


def _understood(identity: str, request: Request) -> tuple[Any, tuple[dict[str, Any], int] | None]:
    """The task, or the refusal; neither while the file may still be being written."""
    settled = not -1.0 <= request.age_s < SETTLED_S
    if request.raw is None:
        refusal = executor_api.failure(
            "invalid_input", "the request file may not be read; write it readable for the group"
        )
        return None, refusal if settled else None
    try:
        envelope = loads(request.raw)
    except JsonProblemError as error:
        known = settled or error.code == "too_large"
        return None, executor_api.failure(error.code, str(error)) if known else None
    if not isinstance(envelope, dict) or set(envelope) != {"id", "task"}:
        return None, executor_api.failure("invalid_input", "a request is an object with exactly 'id' and 'task'")
    if envelope["id"] != identity:
        return None, executor_api.failure("invalid_input", "the request's 'id' is not the name of its file")
    if not isinstance(envelope["task"], dict):
        return None, executor_api.failure("invalid_input", "the task must be a JSON object")
    return envelope["task"], None


def _done(task: Any, tries: int) -> tuple[dict[str, Any], int]:
    if tries > TRIES:
        return executor_api.failure("internal", f"parked: the worker ended {TRIES} times while it did this request")
    try:
        return executor_api.dispatch(task)
    except Exception as error:  # noqa: BLE001  # one request must never end the worker
        return executor_api.failure("internal", f"the executor failed ({type(error).__name__})")


def main(arguments: list[str]) -> int:
    """Work on the folder named first, ``/exchange`` by default; 0 after SIGTERM, 1 when the folder is unfit."""
    os.umask(0o007)
    try:
        Worker(Spool(Path(arguments[0] if arguments else "/exchange")), ChainedLog()).run()
    except SpoolError as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
