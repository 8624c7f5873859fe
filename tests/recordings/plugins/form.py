"""The form of the recordings: every step once, every larger value once, short enough to read and to compare in a diff.

`python -m tests.recordings.plugins.form <file>…` rewrites recordings in this form, also one that was just taken: a list
of steps with the calls as the engine logged them.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

# What a replay needs of a step, of a call and of a request, in the order in which it is written.
STEP = ("step", "op", "shell", "http_by_hand", "calls", "http")
CALL = ("method", "request", "response", "errors")
# Name and type of a resource are in its URN; the status address is a port of the recorded run.
LEFT_OUT = ("name", "type", "resourceStatusAddress", "resourceStatusToken")
WIDTH = 120
# Characters from which on a value that occurs again is written once, under a number.
WORTH_SHARING = 60
REFERENCE = re.compile(r"@\d+")


def steps_of(path: Path) -> list[dict[str, Any]]:
    """The steps of a recording with every value in its place; takes the raw form as well."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(document, dict):
        steps: list[dict[str, Any]] = _filled(document["steps"], document["values"])
    else:
        steps = document
    for step in steps:
        for call in step.get("calls", ()):
            request = call["request"]
            if "urn" in request:
                kind, name = request["urn"].split("::", 3)[2:]
                call["request"] = {**request, "type": kind.rsplit("$", 1)[-1], "name": name}
    return steps


def text_of(steps: list[dict[str, Any]]) -> str:
    """The steps in the form of the files here."""
    kept = [_kept_step(step) for step in steps]
    shared = _Shared(kept)
    # The steps first: what they refer to is numbered in their order.
    document = {"steps": [shared.short(step) for step in kept], "values": shared.values}
    return _written(document, 0, 0) + "\n"


def _filled(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, str) and REFERENCE.fullmatch(value):
        return _filled(values[value], values)
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return value


def _kept_step(step: dict[str, Any]) -> dict[str, Any]:
    kept = {key: step[key] for key in STEP if step.get(key)}
    if "calls" in kept:
        kept["calls"] = [_kept_call(call) for call in kept["calls"]]
    return kept


def _kept_call(call: dict[str, Any]) -> dict[str, Any]:
    kept = {key: call[key] for key in CALL if call.get(key)}
    if "urn" in kept["request"]:
        kept["request"] = {key: value for key, value in kept["request"].items() if key not in LEFT_OUT}
    return kept


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class _Shared:
    """The values that occur more than once in some steps, each under a number.

    Attributes:
        values: Number to value, in the order of their first use.
    """

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self.values: dict[str, Any] = {}
        self._numbers: dict[str, str] = {}
        self._count: Counter[str] = Counter()
        self._note(steps)

    def _note(self, value: Any) -> None:
        if not isinstance(value, dict | list):
            return
        written = _plain(value)
        if len(written) >= WORTH_SHARING:
            self._count[written] += 1
            if self._count[written] > 1:
                return
        for item in value.values() if isinstance(value, dict) else value:
            self._note(item)

    def short(self, value: Any) -> Any:
        """The value with a reference in place of each part that occurs more than once."""
        if not isinstance(value, dict | list):
            return value
        written = _plain(value)
        if self._count[written] < 2:
            return self._with_short_parts(value)
        if written not in self._numbers:
            number = self._numbers[written] = f"@{len(self._numbers) + 1}"
            self.values[number] = None
            self.values[number] = self._with_short_parts(value)
        return self._numbers[written]

    def _with_short_parts(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.short(item) for item in value]
        return {key: self.short(item) for key, item in value.items()}


def _written(value: Any, depth: int, taken: int) -> str:
    """JSON on one line where it fits, else a line for each part; `taken` characters stand before it on its line."""
    line = json.dumps(value, ensure_ascii=False)
    if depth + taken + len(line) < WIDTH or not value or not isinstance(value, dict | list):
        return line
    pad, end = " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, list):
        parts = [_written(item, depth + 1, 1) for item in value]
        return "[\n" + ",\n".join(pad + part for part in parts) + end + "]"
    names = [json.dumps(key) + ": " for key in value]
    parts = [name + _written(item, depth + 1, len(name) + 1) for name, item in zip(names, value.values(), strict=True)]
    return "{\n" + ",\n".join(pad + part for part in parts) + end + "}"


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        file.write_text(text_of(steps_of(file)), encoding="utf-8")
