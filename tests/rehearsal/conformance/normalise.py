"""Comparing an answer with its recording: what may differ, and how a difference is carried into later calls.

Ids, times, addresses and random values differ from run to run. A rule names where such a value stands and what it must
look like; the value met there is remembered, and later requests of the recording are sent with it in place of the
recorded one. Everything else must be equal, in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

BOOKKEEPING = frozenset({"__defaults", "__meta", "__pulumi_raw_state_delta", "randomSeed"})
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
# Values this long are no coincidence: they are followed wherever they turn up, also inside other strings.
UNMISTAKABLE = 10

Check = str | Callable[[Any, Any], bool]


@dataclass(frozen=True)
class Rules:
    """What may differ in the answers of one plugin.

    Attributes:
        volatile: Type token (or "*") to path to what the actual value must be: a regular expression for its text, or a
            function of the recorded and the actual value. A path is relative to the properties, its parts joined by
            dots, list indices and free keys as `*`; "id" also stands for the resource's id.
        unordered: Paths of lists whose order says nothing.
        references: Property names whose whole value may be another resource's id.
        errors: Regular expressions for the parts of an error text that differ, each with what stands for it.
    """

    volatile: Mapping[str, Mapping[str, Check]] = field(default_factory=dict)
    unordered: frozenset[str] = frozenset({"diffs", "replaces", "stables"})
    references: str = r"(^|[a-z])(id|Id|ids|Ids)$"
    errors: tuple[tuple[str, str], ...] = ()

    def check(self, token: str, path: str) -> Check | None:
        """What the value at `path` must look like, None when it must be equal."""
        for table in (self.volatile.get(token, {}), self.volatile.get("*", {})):
            for pattern, check in table.items():
                if _matches(pattern, path):
                    return check
        return None

    def error(self, text: str) -> str:
        """The error text without the parts that differ."""
        for pattern, stand_in in self.errors:
            text = re.sub(pattern, stand_in, text)
        return text


def _matches(pattern: str, path: str) -> bool:
    parts, names = path.split("."), pattern.split(".")
    return len(parts) == len(names) and all(w in ("*", p) for p, w in zip(parts, names, strict=True))


def strip(value: Any) -> Any:
    """The value without the bridge's bookkeeping."""
    if isinstance(value, dict):
        return {key: strip(item) for key, item in value.items() if key not in BOOKKEEPING}
    if isinstance(value, list):
        return [strip(item) for item in value]
    return value


def reveal(value: Any) -> Any:
    """The value with its secrets unwrapped, as the engine sends state to a plugin that takes no secrets."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return reveal(value.get("value"))
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


class Memory:
    """What recorded values have become in this run.

    Keeps the pairs of unmistakable values, of ids, and for every resource its recorded and its actual state.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.pairs: dict[str, Any] = {}
        self.ids: dict[Any, Any] = {}
        self.states: dict[tuple[str, str], tuple[str, Any, Any]] = {}

    def learn(self, recorded: Any, actual: Any, *, is_id: bool) -> None:
        """Remembers that `recorded` is `actual` now."""
        if is_id:
            self.ids[recorded] = actual
        if isinstance(recorded, str) and len(recorded) >= UNMISTAKABLE and isinstance(actual, str):
            self.pairs[recorded] = actual

    def remember(self, urn: str, recorded_id: str, actual_id: str, recorded: Any, actual: Any) -> None:
        """Keeps the state of a resource under its recorded id."""
        self.states[urn, recorded_id] = (actual_id, reveal(recorded), reveal(actual))

    def translate(self, value: Any, name: str = "") -> Any:
        """A recorded value as this run would have it."""
        if isinstance(value, dict):
            return {key: self.translate(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.translate(item, name) for item in value]
        if re.search(self.rules.references, name) and not isinstance(value, bool | None) and value in self.ids:
            return self.ids[value]
        if isinstance(value, str):
            for recorded, actual in self.pairs.items():
                value = value.replace(recorded, actual)
        return value

    def state(self, urn: str, recorded_id: str, value: Any) -> Any:
        """Recorded old state or inputs of a resource as this run would have them."""
        if (urn, recorded_id) not in self.states:
            return self.translate(value)
        _, recorded, actual = self.states[urn, recorded_id]
        return self.translate(_follow(value, recorded, actual))


_MISSING = object()


def _follow(value: Any, recorded: Any, actual: Any) -> Any:
    """`value` with every part that equals its counterpart in `recorded` replaced by that of `actual`."""
    if isinstance(value, dict) and isinstance(recorded, dict) and isinstance(actual, dict):
        return {
            key: _follow(item, recorded[key], actual[key]) if key in recorded and key in actual else item
            for key, item in value.items()
        }
    if isinstance(value, list) and isinstance(recorded, list) and isinstance(actual, list):
        if len(value) == len(recorded) == len(actual):
            return [_follow(*items) for items in zip(value, recorded, actual, strict=True)]
        return value
    return actual if value == recorded else value


def differences(token: str, expected: Any, actual: Any, memory: Memory, path: str = "") -> Iterator[str]:
    """Every difference that no rule allows, one sentence each; allowed ones are learnt."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            there = f"{path}.{key}" if path else key
            yield from differences(token, expected.get(key, _MISSING), actual.get(key, _MISSING), memory, there)
        return
    if isinstance(expected, list) and isinstance(actual, list):
        if path in memory.rules.unordered:
            expected, actual = sorted(expected, key=repr), sorted(actual, key=repr)
        if len(expected) == len(actual):
            for index, (recorded, answered) in enumerate(zip(expected, actual, strict=True)):
                yield from differences(token, recorded, answered, memory, f"{path}.{index}")
            return
    yield from _leaf(token, expected, actual, memory, path)


def _leaf(token: str, expected: Any, actual: Any, memory: Memory, path: str) -> Iterator[str]:
    bare = re.sub(r"^(properties|inputs|return)\.", "", re.sub(r"\.value$", "", path))
    check = memory.rules.check(token, bare)
    if check is None or expected is _MISSING or actual is _MISSING:
        if expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
            yield f"{path}: recorded {_show(expected)}, answered {_show(actual)}"
        return
    fits = check(expected, actual) if callable(check) else re.fullmatch(check, _text(actual), re.DOTALL) is not None
    if not fits:
        yield f"{path}: answered {_show(actual)}, which does not look like the recorded {_show(expected)}"
    memory.learn(expected, actual, is_id=bare == "id")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else repr(value)


def _show(value: Any) -> str:
    return "nothing" if value is _MISSING else repr(value)
