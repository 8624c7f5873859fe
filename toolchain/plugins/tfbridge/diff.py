"""Diff of a bridged resource: state against plan, path by path.

The bridge compares the two as Pulumi shows them (pulumi-terraform-bridge, `pkg/tfbridge/detailed_diff.go`): an empty
list counts as absent, and a set whose new elements are not literally among the inputs is reported as one change of the
whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolchain.plugins.base import UNKNOWN, Diff, Props
from toolchain.plugins.tfbridge.plan import planned
from toolchain.plugins.tfbridge.sets import fingerprint

if TYPE_CHECKING:
    from toolchain.plugins.tfbridge.schema import Attr, Block

Kinds = dict[str, str]


def diff_of(
    block: Block,
    prior: Props,
    inputs: Props,
    *,
    replace_first: bool,
    ignored: tuple[str, ...] = (),
    unstable: frozenset[str] = frozenset(),
) -> Diff:
    """What the inputs change in the state.

    Args:
        block: The resource's schema.
        prior: The state.
        inputs: Checked inputs in the form in which a state holds them.
        replace_first: Whether a replacement deletes before it creates.
        ignored: Paths that do not count.
        unstable: Properties that are not listed as stable although they replace.
    """
    plan = planned(block, prior, inputs)
    kinds: Kinds = {}
    for key in sorted(block):
        kinds |= _compare(block[key], key, prior.get(key), plan.get(key), inputs.get(key), forced=False)
    kinds = {path: kind for path, kind in kinds.items() if not _is_ignored(path, ignored)}
    tops = [path.split(".")[0].split("[")[0] for path in sorted(kinds)]
    replaces = [top for top, path in zip(tops, sorted(kinds), strict=True) if kinds[path].endswith("_REPLACE")]
    return Diff(
        changes=bool(kinds),
        replaces=replaces,
        diffs=sorted(set(tops)),
        detailed=kinds,
        delete_before_replace=bool(replaces) and replace_first,
        stables=sorted(key for key, attr in block.items() if attr.force_new and key not in {*tops, *unstable}),
        has_detailed=True,
    )


def _is_ignored(path: str, ignored: tuple[str, ...]) -> bool:
    return any(path == i or path.startswith((f"{i}.", f"{i}[")) for i in ignored)


def _compare(attr: Attr, path: str, old: Any, new: Any, inputs: Any, *, forced: bool) -> Kinds:
    """Differences at one property; `forced` says that a collection around it replaces the resource when it changes."""
    old = None if old == [] else old
    new = None if new == [] else new
    if old is None and new is None:
        return {}
    if old is None or new is None or new is UNKNOWN:
        kind = "ADD" if old is None else "DELETE" if new is None else "UPDATE"
        return {path: _kind(kind, forced or _replaces(attr, old if new in (None, UNKNOWN) else new))}
    if attr.scalar:
        return {} if old == new else {path: _kind("UPDATE", forced or attr.force_new)}
    return _compare_collections(attr, path, old, new, inputs)


def _compare_collections(attr: Attr, path: str, old: Any, new: Any, inputs: Any) -> Kinds:
    if attr.kind == "map":
        return _compare_maps(path, old, new, force=attr.force_new)
    if attr.elem is not None and isinstance(old, dict):
        return _compare_objects(attr.elem, path, old, new, inputs)
    if attr.kind == "set":
        return _compare_sets(attr, path, old, new, inputs)
    if attr.elem is None:
        return _compare_plain_lists(path, old, new, force=attr.force_new)
    return _compare_lists(attr, path, old, new, inputs)


def _kind(kind: str, replace: bool) -> str:
    return f"{kind}_REPLACE" if replace else kind


def _replaces(attr: Attr, value: Any) -> bool:
    """Whether the property, or one inside the value, replaces the resource when it changes."""
    if attr.force_new:
        return True
    elements = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    elem = attr.elem or {}
    return any(
        isinstance(e, dict) and any(k in elem and v is not None and _replaces(elem[k], v) for k, v in e.items())
        for e in elements
    )


def _compare_objects(elem: Block, path: str, old: Props, new: Props, inputs: Any) -> Kinds:
    inputs = inputs if isinstance(inputs, dict) else {}
    kinds: Kinds = {}
    for key in sorted(elem):
        kinds |= _compare(elem[key], f"{path}.{key}", old.get(key), new.get(key), inputs.get(key), forced=False)
    return kinds


def _compare_maps(path: str, old: Props, new: Props, *, force: bool) -> Kinds:
    kinds: Kinds = {}
    for key in sorted({*old, *new}):
        at = f"{path}.{key}" if key.replace("-", "_").isidentifier() else f'{path}["{key}"]'
        if key not in new:
            kinds[at] = _kind("DELETE", force)
        elif key not in old:
            kinds[at] = _kind("ADD", force)
        elif new[key] is UNKNOWN or old[key] != new[key]:
            kinds[at] = _kind("UPDATE", force)
    return kinds


def _compare_plain_lists(path: str, old: list[Any], new: list[Any], *, force: bool) -> Kinds:
    """Insertions and removals of a shortest edit; both at one index make an update."""
    removed, added = _edits(old, new)
    kinds: Kinds = {}
    for index in sorted(removed | added):
        kind = "UPDATE" if index in removed and index in added else "DELETE" if index in removed else "ADD"
        kinds[f"{path}[{index}]"] = _kind(kind, force)
    return kinds


def _edits(old: list[Any], new: list[Any]) -> tuple[set[int], set[int]]:
    """Indices that leave the old list and that enter the new one, along a longest common subsequence."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            table[i][j] = table[i + 1][j + 1] + 1 if old[i] == new[j] else max(table[i + 1][j], table[i][j + 1])
    removed, added = set(range(len(old))), set(range(len(new)))
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            removed.discard(i)
            added.discard(j)
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1
    return removed, added


def _compare_lists(attr: Attr, path: str, old: list[Any], new: list[Any], inputs: Any) -> Kinds:
    inputs = inputs if isinstance(inputs, list) else []
    kinds: Kinds = {}
    for index in range(max(len(old), len(new))):
        at = f"{path}[{index}]"
        before, after = (items[index] if index < len(items) else None for items in (old, new))
        if isinstance(before, dict) and isinstance(after, dict):
            kinds |= _compare_objects(
                attr.elem or {}, at, before, after, inputs[index] if index < len(inputs) else None
            )
        else:
            kinds |= _compare(attr, at, before, after, None, forced=attr.force_new)
    return kinds


def _compare_sets(attr: Attr, path: str, old: list[Any], new: list[Any], inputs: Any) -> Kinds:
    before, after = ([fingerprint(attr, e) for e in items] for items in (old, new))
    removed = [i for i, e in enumerate(before) if e not in after]
    added = [i for i, e in enumerate(after) if e not in before]
    if not removed and not added:
        return {}
    matched = _matched_to_inputs(attr, added, new, inputs if isinstance(inputs, list) else [])
    if matched is None:
        return {path: _kind("UPDATE", attr.force_new)}
    kinds: Kinds = {}
    for index in sorted({*removed, *matched}):
        was = old[index] if index in removed else None
        will = new[matched[index]] if index in matched else None
        at = f"{path}[{index}]"
        if isinstance(was, dict) and isinstance(will, dict):
            kinds |= _compare_objects(attr.elem or {}, at, was, will, None)
        elif was is None or will is None:
            kinds[at] = _kind("ADD" if was is None else "DELETE", attr.force_new)
        else:
            kinds[at] = _kind("UPDATE", attr.force_new)
    return kinds


def _matched_to_inputs(attr: Attr, added: list[int], new: list[Any], inputs: list[Any]) -> dict[int, int] | None:
    """Index among the inputs to index in the plan for each new element; None when one has no literal counterpart."""
    if len(inputs) < len(new):
        return None
    matched: dict[int, int] = {}
    for index in added:
        at = next((i for i, e in enumerate(inputs) if i not in matched and _could_be(attr, e, new[index])), None)
        if at is None:
            return None
        matched[at] = index
    return matched


def _could_be(attr: Attr, input_element: Any, element: Any) -> bool:
    """Whether the planned element can stem from that input: equal, apart from nulls for empty collections."""
    if attr.elem is None or not isinstance(input_element, dict) or not isinstance(element, dict):
        return bool(input_element == element)
    for key, sub in attr.elem.items():
        asked, planned = input_element.get(key), element.get(key)
        if asked is None and (sub.computed or (not sub.scalar and planned in (None, [], {}))):
            continue
        if asked != planned:
            return False
    return True
