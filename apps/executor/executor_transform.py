"""``json_transform``: reshape a JSON value in at most 32 named steps.

There is no expression language, no pattern and no recursion into steps: a step only ever selects, orders or adds a
literal, so the work is bounded by the input's size times the number of steps.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from executor_schema import Param, TaskInputError, checked, short

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STEPS = 32


def transform(value: Any, steps: list[Any]) -> Any:
    """The value after all steps.

    Raises:
        TaskInputError: a step is unknown or malformed, or does not fit the value that reached it; the message counts
            steps from 1.
    """
    plan = [_planned(f"step {number}", step) for number, step in enumerate(steps, start=1)]
    for where, operation, given in plan:
        value = _OPERATIONS[operation][0](where, value, given)
    return value


def _planned(where: str, step: Any) -> tuple[str, str, dict[str, Any]]:
    if not isinstance(step, dict) or not isinstance(step.get("op"), str):
        raise TaskInputError(f"{where}: must be an object with a text field 'op'")
    operation = step["op"]
    if operation not in _OPERATIONS:
        raise TaskInputError(f"{where}: unknown op {short(operation)}; known: {', '.join(_OPERATIONS)}")
    given = {name: item for name, item in step.items() if name != "op"}
    return f"{where} ({operation})", operation, checked(where, given, _OPERATIONS[operation][1])


def _follow(where: str, value: Any, path: list[Any]) -> Any:
    for part in path:
        inside = isinstance(value, dict) and isinstance(part, str) and part in value
        within = isinstance(value, list) and type(part) is int and -len(value) <= part < len(value)
        if not (inside or within):
            raise TaskInputError(f"{where}: nothing at {short(str(part))}")
        value = value[part]
    return value


def _array(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TaskInputError(f"{where}: needs an array")
    return value


def _on_objects(
    where: str, value: Any, given: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Any:
    items = _array(where, value) if given["each"] else [value]
    if not all(isinstance(item, dict) for item in items):
        raise TaskInputError(f"{where}: needs an object, or an array of objects with 'each'")
    changed = [change(item) for item in items]
    return changed if given["each"] else changed[0]


def _pick(where: str, value: Any, given: dict[str, Any]) -> Any:
    keys = [key for key in given["keys"] if isinstance(key, str)]
    return _on_objects(where, value, given, lambda item: {key: item[key] for key in keys if key in item})


def _omit(where: str, value: Any, given: dict[str, Any]) -> Any:
    keys = {key for key in given["keys"] if isinstance(key, str)}
    return _on_objects(where, value, given, lambda item: {key: item[key] for key in item if key not in keys})


def _rename(where: str, value: Any, given: dict[str, Any]) -> Any:
    def change(item: dict[str, Any]) -> dict[str, Any]:
        return {given["to"] if key == given["from"] else key: part for key, part in item.items()}

    return _on_objects(where, value, given, change)


def _set(where: str, value: Any, given: dict[str, Any]) -> Any:
    return _on_objects(where, value, given, lambda item: {**item, given["key"]: given["value"]})


def _map(where: str, value: Any, given: dict[str, Any]) -> Any:
    return [_follow(where, item, given["path"]) for item in _array(where, value)]


def _filter(where: str, value: Any, given: dict[str, Any]) -> Any:
    wanted = _canonical(given["equals"])
    return [item for item in _array(where, value) if _canonical(_follow(where, item, given["path"])) == wanted]


def _sort(where: str, value: Any, given: dict[str, Any]) -> Any:
    pairs = [(_follow(where, item, given["path"]), item) for item in _array(where, value)]
    texts = all(isinstance(key, str) for key, _ in pairs)
    numbers = all(type(key) in {int, float} for key, _ in pairs)
    if not (texts or numbers):
        raise TaskInputError(f"{where}: sorts by texts or by numbers, not by a mixture or anything else")
    return [item for _, item in sorted(pairs, key=lambda pair: pair[0], reverse=given["descending"])]


def _unique(where: str, value: Any, _given: dict[str, Any]) -> Any:
    return list({_canonical(item): item for item in reversed(_array(where, value))}.values())[::-1]


def _flatten(where: str, value: Any, _given: dict[str, Any]) -> Any:
    return [part for item in _array(where, value) for part in (item if isinstance(item, list) else [item])]


def _slice(where: str, value: Any, given: dict[str, Any]) -> Any:
    return _array(where, value)[given["start"] : given["end"]]


def _entries(where: str, value: Any, given: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        raise TaskInputError(f"{where}: needs an object")
    return list(value.values()) if given["of"] == "values" else list(value)


def _length(where: str, value: Any, _given: dict[str, Any]) -> Any:
    if not isinstance(value, (str, list, dict)):
        raise TaskInputError(f"{where}: needs a text, an array or an object")
    return len(value)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


_PATH = {"path": Param(kind=list, longest=32)}
_MAYBE_PATH = {"path": Param(kind=list, required=False, default=[], longest=32)}
_EACH = {"each": Param(kind=bool, required=False, default=False)}
_KEYS = {"keys": Param(kind=list, longest=256), **_EACH}
_TEXT = Param(kind=str, longest=256)
_OPERATIONS: dict[str, tuple[Callable[[str, Any, dict[str, Any]], Any], dict[str, Param]]] = {
    "get": (lambda where, value, given: _follow(where, value, given["path"]), _PATH),
    "pick": (_pick, _KEYS),
    "omit": (_omit, _KEYS),
    "rename": (_rename, {"from": _TEXT, "to": _TEXT, **_EACH}),
    "set": (_set, {"key": _TEXT, "value": Param(kind=object), **_EACH}),
    "map": (_map, _PATH),
    "filter": (_filter, {**_MAYBE_PATH, "equals": Param(kind=object)}),
    "sort": (_sort, {**_MAYBE_PATH, "descending": Param(kind=bool, required=False, default=False)}),
    "unique": (_unique, {}),
    "reverse": (lambda where, value, _given: _array(where, value)[::-1], {}),
    "slice": (_slice, {"start": Param(kind=int, required=False, default=0), "end": Param(kind=int, required=False)}),
    "flatten": (_flatten, {}),
    "entries": (_entries, {"of": Param(kind=str, choices=("keys", "values"))}),
    "length": (_length, {}),
}
