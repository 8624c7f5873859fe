"""One task from standard input to one answer line on standard output; the only way to run a task.

    echo '{"type":"ping","message":"test"}' | python executor_api.py

Exit status: 0 done, 2 refused or invalid, 3 out of time, 4 internal. The caller never sees a traceback.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from typing import Any

import run_task
from executor_json import INPUT_LIMIT, MAX_DEPTH, JsonProblemError, dumps, loads
from executor_limits import Limits, run
from executor_schema import TaskInputError

EXIT_OK, EXIT_REFUSED, EXIT_TIMEOUT, EXIT_INTERNAL = 0, 2, 3, 4
LIMITS = Limits()
INPUT_WAIT_S = 10.0
"""Seconds in which the whole input must have arrived."""

_EXITS = {"timeout": EXIT_TIMEOUT, "internal": EXIT_INTERNAL}
_CODES = {"not_allowed", "invalid_json", "invalid_input", "too_large"}


def answer(raw: bytes) -> tuple[dict[str, Any], int]:
    """The answer to a task given as text, and the exit status that goes with it."""
    try:
        task = loads(raw)
    except JsonProblemError as error:
        return failure(error.code, str(error))
    return dispatch(task)


def dispatch(task: Any) -> tuple[dict[str, Any], int]:
    """The answer to a parsed task, and its exit status.

    What is not on the allowlist, or has other parameters than its type takes, is refused here: no process is started.
    """
    try:
        name, given = run_task.check(task)
    except run_task.NotAllowedError as error:
        return failure("not_allowed", str(error))
    except TaskInputError as error:
        return failure("invalid_input", str(error))
    script = run_task.__file__
    line = dumps({"type": name, **given}, limit=run_task.CHECKED_LIMIT)
    outcome = run([sys.executable, "-I", "-S", "-B", script], line, LIMITS)
    if outcome.timed_out:
        return failure(
            "timeout", f"{name} was ended: it took {LIMITS.wall_s:g} s or {LIMITS.cpu_s} s of processor time"
        )
    if outcome.truncated:
        return failure("too_large", f"{name} wrote more than {LIMITS.output} bytes")
    if outcome.status != 0:
        return failure("internal", f"{name} ended with status {outcome.status} and no answer")
    return _reported(name, outcome.stdout, outcome.duration_ms)


def failure(code: str, message: str) -> tuple[dict[str, Any], int]:
    """The answer that says no: always with the list of what is allowed."""
    answer = {"ok": False, "error": {"code": code, "message": message}, "allowed": sorted(run_task.TASKS)}
    return answer, _EXITS.get(code, EXIT_REFUSED)


def _reported(name: str, stdout: bytes, duration_ms: int) -> tuple[dict[str, Any], int]:
    try:
        # A result wraps what came in, so its depth may exceed the input's limit.
        report = loads(stdout, limit=LIMITS.output, depth=2 * MAX_DEPTH)
    except JsonProblemError:
        report = None
    if isinstance(report, dict) and set(report) == {"result"}:
        return {"ok": True, "type": name, "result": report["result"], "duration_ms": duration_ms}, EXIT_OK
    error = report.get("error") if isinstance(report, dict) else None
    if isinstance(error, dict) and error.get("code") in _CODES:
        return failure(error["code"], str(error.get("message")))
    return failure("internal", f"{name} gave no valid answer")


def _read(file: int) -> bytes | None:
    """All input up to one byte past the limit; None when it did not end in time."""
    deadline = time.monotonic() + INPUT_WAIT_S
    data = b""
    while len(data) <= INPUT_LIMIT:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([file], [], [], left)[0]:
            return None
        part = os.read(file, INPUT_LIMIT + 1 - len(data))
        if not part:
            break
        data += part
    return data


def _main() -> int:
    # A request to end is an interrupt and ends the task, too; a shell in the background hands SIGINT on as ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        raw = _read(0)
        late = failure("timeout", f"the input did not end within {INPUT_WAIT_S:g} s")
        reply, status = late if raw is None else answer(raw)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the caller gets an answer, whatever happened
        reply, status = failure("internal", f"the executor failed ({type(error).__name__})")
    try:
        sys.stdout.buffer.write(dumps(reply))
        sys.stdout.buffer.flush()
    except OSError:
        # Nobody reads any more; without this the interpreter would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_INTERNAL
    return status


if __name__ == "__main__":
    sys.exit(_main())
