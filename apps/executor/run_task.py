"""The allowlist: every task the executor can do, each with the parameters it takes, and nothing else.

As a program (``python -I -S -B run_task.py``, started by executor_api.py under limits) it reads one checked task from
its input, does it, and writes one JSON line: ``{"result": ...}`` or ``{"error": {"code", "message"}}``.
No import by name, no subprocess, no eval, no pattern matching: a new type is a reviewed line in TASKS.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from typing import TYPE_CHECKING, Any

# -I keeps the script's own folder off the path, together with everything a caller could smuggle in.
sys.path.insert(0, __file__.rpartition("/")[0] or ".")

import executor_embedding
from executor_json import INPUT_LIMIT, OUTPUT_LIMIT, JsonProblemError, dumps, loads
from executor_schema import Param, TaskInputError, checked, short
from executor_transform import MAX_STEPS, transform

if TYPE_CHECKING:
    from collections.abc import Callable

RESULT_LIMIT = OUTPUT_LIMIT - 1024
"""Bytes of a result line: the answer around it has room within OUTPUT_LIMIT."""
CHECKED_LIMIT = 6 * INPUT_LIMIT
"""Bytes of a checked task: 64 KiB written with ASCII escapes can't be longer."""


class NotAllowedError(ValueError):
    """The type is not on the allowlist."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One allowed type: what it takes, and the function that does it."""

    params: dict[str, Param]
    run: Callable[[dict[str, Any]], Any]


def _hash(given: dict[str, Any]) -> Any:
    data = given["text"].encode("utf-8")
    return {
        "algorithm": given["algorithm"],
        "bytes": len(data),
        "digest": hashlib.new(given["algorithm"], data).hexdigest(),
    }


def _text_stats(given: dict[str, Any]) -> Any:
    text = given["text"]
    words = text.split()
    return {
        "bytes": len(text.encode("utf-8")),
        "characters": len(text),
        "digits": sum(char.isdigit() for char in text),
        "letters": sum(char.isalpha() for char in text),
        "lines": len(text.splitlines()),
        "longest_word": max(map(len, words), default=0),
        "unique_words": len({word.casefold() for word in words}),
        "whitespace": sum(char.isspace() for char in text),
        "words": len(words),
    }


def _embed(given: dict[str, Any]) -> Any:
    vector = executor_embedding.embed(given["text"])
    return {"model": executor_embedding.MODEL, "dimensions": len(vector), "embedding": vector}


_ANY_TEXT = Param(kind=str)
_MESSAGE = Param(kind=str, required=False, default="pong", longest=1024)
_ALGORITHM = Param(kind=str, required=False, default="sha256", choices=("sha256", "sha512", "sha3_256", "blake2b"))
_VALUE = Param(kind=object)
TASKS: dict[str, Task] = {
    "echo": Task(params={"value": _VALUE}, run=lambda given: {"value": given["value"]}),
    "embed_local": Task(params={"text": _ANY_TEXT}, run=_embed),
    "hash": Task(params={"text": _ANY_TEXT, "algorithm": _ALGORITHM}, run=_hash),
    "json_transform": Task(
        params={"value": _VALUE, "steps": Param(kind=list, longest=MAX_STEPS)},
        run=lambda given: {"value": transform(given["value"], given["steps"])},
    ),
    "ping": Task(params={"message": _MESSAGE}, run=lambda given: {"message": given["message"]}),
    "text_stats": Task(params={"text": _ANY_TEXT}, run=_text_stats),
}


def check(task: Any) -> tuple[str, dict[str, Any]]:
    """The type and the parameters of a task, defaults filled in.

    Raises:
        NotAllowedError: the type is not on the list.
        TaskInputError: not an object with a text ``type``, or parameters that the type does not take.
    """
    if not isinstance(task, dict):
        raise TaskInputError("the task must be a JSON object")
    name = task.get("type")
    if not isinstance(name, str):
        raise TaskInputError("the task needs a text field 'type'")
    if name not in TASKS:
        raise NotAllowedError(f"type {short(name)} is not allowed")
    given = {key: value for key, value in task.items() if key != "type"}
    return name, checked(name, given, TASKS[name].params)


def main() -> int:
    """Do the one task on standard input; the exit status is 0 whenever a line was written."""
    try:
        name, given = check(loads(sys.stdin.buffer.read(CHECKED_LIMIT + 1), limit=CHECKED_LIMIT))
        line = dumps({"result": TASKS[name].run(given)}, limit=RESULT_LIMIT)
    except JsonProblemError as error:
        line = _error(error.code, str(error))
    except NotAllowedError as error:
        line = _error("not_allowed", str(error))
    except TaskInputError as error:
        line = _error("invalid_input", str(error))
    except MemoryError:
        line = _error("too_large", "the task needs more memory than it may have")
    except RecursionError:
        line = _error("invalid_input", "the value is nested too deeply for this task")
    sys.stdout.buffer.write(line)
    return 0


def _error(code: str, message: str) -> bytes:
    return dumps({"error": {"code": code, "message": message}})


if __name__ == "__main__":
    sys.exit(main())
