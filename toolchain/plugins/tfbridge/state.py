"""State of a bridged resource after the daemon has answered: what was planned, read back and forgotten."""

from __future__ import annotations

from typing import Any

from toolchain.plugins.base import UNKNOWN, Props
from toolchain.plugins.tfbridge.plan import is_blank
from toolchain.plugins.tfbridge.schema import ZERO, Attr, Block
from toolchain.plugins.tfbridge.sets import identity, ordered, zero_filled


def after_create(block: Block, plan: Props, read: Props) -> Props:
    """The plan with every property that was read back put in its place, as after an apply."""
    return {
        key: _applied(attr, plan.get(key), read[key]) if key in read else _stated(attr, plan.get(key))
        for key, attr in block.items()
    }


def rebuilt(block: Block, prior: Props, plan: Props) -> Props:
    """The plan of an update as it is answered: zeros for what the elements of unchanged sets leave out.

    The SDK rebuilds the state before it plans a change (ShimInstanceStateFromValue in helper/schema/resource.go), by
    which these become zeros; a plan of creation has no state before it, and a diff does not show them.
    """
    return plan | {
        key: _in_order(attr, zero_filled(attr, plan[key]))
        for key, attr in block.items()
        if attr.kind == "set" and plan.get(key) and plan[key] == prior.get(key)
    }


def after_update(block: Block, prior: Props, plan: Props) -> Props:
    """The plan of an update that reads nothing back; a removed number, flag or text becomes zero, not null."""
    out = {}
    plan = rebuilt(block, prior, plan)
    for key, attr in block.items():
        value = _stated(attr, plan.get(key))
        if value is None and attr.scalar and prior.get(key) is not None:
            value = ZERO[attr.kind]
        out[key] = value
    return out


def after_read(block: Block, prior: Props, read: Props) -> Props:
    """The state before a refresh with every property that was read back; nulls inside of elements become zeros."""
    out = {}
    for key, attr in block.items():
        before = prior.get(key)
        value = zero_filled(attr, read.get(key, before))
        if value is None and before == "":
            value = ""
        out[key] = _in_order(attr, attr.empty if value is None else value)
    return out


def partial(block: Block, plan: Props) -> Props:
    """What is known of a resource whose creation failed half-way."""
    return {key: _stated(attr, plan.get(key)) for key, attr in block.items()}


def _stated(attr: Attr, value: Any) -> Any:
    """The planned value in a state that was not read back: elements of lists have zeros where sets keep nulls."""
    settled = known(attr, value)
    if attr.kind != "list" or attr.elem is None:
        return settled
    if isinstance(settled, dict):
        return {key: _stated_part(sub, settled.get(key)) for key, sub in attr.elem.items()}
    if settled is None:
        return attr.empty
    return [{key: _stated_part(sub, e.get(key)) for key, sub in attr.elem.items()} for e in settled]


def _stated_part(attr: Attr, value: Any) -> Any:
    return ZERO[attr.kind] if value is None and attr.scalar else zero_filled(attr, value)


def known(attr: Attr, value: Any) -> Any:
    """The value without anything unknown."""
    if value is UNKNOWN:
        # A set that nothing was said about is empty in the end, a list or a number stays null.
        return [] if attr.kind == "set" and not attr.single else attr.empty
    if isinstance(value, dict):
        elem = attr.elem or {}
        return {key: known(elem.get(key, attr), part) for key, part in value.items()}
    if isinstance(value, list):
        elem = attr.elem or {}
        return [
            {key: known(elem.get(key, attr), part) for key, part in element.items()}
            if isinstance(element, dict)
            else element
            for element in value
            if element is not UNKNOWN
        ]
    return value


def _applied(attr: Attr, plan: Any, read: Any) -> Any:
    """One property after an apply: read back, but never against a set or an emptiness that was planned."""
    if plan is UNKNOWN:
        return known(attr, UNKNOWN) if read is None else _in_order(attr, zero_filled(attr, read))
    if not attr.scalar and is_blank(plan) and is_blank(read):
        return plan
    if attr.kind == "set" and (attr.block or plan is not None):
        return known(attr, plan)
    if plan == "" and read is None:
        return ""
    return _applied_elements(attr, plan, read)


def _applied_elements(attr: Attr, plan: Any, read: Any) -> Any:
    if attr.elem is not None and isinstance(plan, dict) and isinstance(read, dict):
        return {key: _applied(sub, plan.get(key), read.get(key)) for key, sub in attr.elem.items()}
    if attr.elem is not None and isinstance(plan, list) and isinstance(read, list) and len(plan) == len(read):
        return [
            {key: _applied(sub, p.get(key), r.get(key)) for key, sub in attr.elem.items()}
            for p, r in zip(plan, read, strict=True)
        ]
    return _in_order(attr, read)


def _in_order(attr: Attr, value: Any) -> Any:
    return ordered(attr, value) if attr.kind == "set" and isinstance(value, list) else value


def refreshed_inputs(block: Block, inputs: Props, state: Props) -> Props:
    """The inputs that a refresh remembers: the old ones with the values of the new state, no new ones."""
    out: Props = {}
    for key, value in inputs.items():
        if key.startswith("__"):
            out[key] = value
        elif key in state:
            out[key] = _refreshed(block.get(key), value, state[key])
    return out


def _refreshed(attr: Attr | None, old: Any, new: Any) -> Any:
    if isinstance(old, list) and isinstance(new, list):
        return [_refreshed(attr, o, n) for o, n in _matched(attr, old, new)]
    if isinstance(old, dict) and isinstance(new, dict):
        elem = (attr.elem if attr is not None else None) or {}
        return {key: _refreshed(elem.get(key), old[key], new[key]) for key in old if key in new}
    return new


def _matched(attr: Attr | None, old: list[Any], new: list[Any]) -> list[tuple[Any, Any]]:
    """Each old element beside the new one that it has become.

    By position, but objects of a set by what they hold, in the order of the old ones: a property that both have counts
    one, the same value in both two more (pulumi/pulumi-terraform-bridge#3384, matchSetElements in
    pkg/tfbridge/schema.go). What has no like any more is left out.
    """
    objects = all(isinstance(element, dict) for element in (*old, *new))
    if attr is None or attr.kind != "set" or not objects:
        return list(zip(old, new, strict=False))
    scores = [
        (sum(3 if was[key] == now[key] else 1 for key in was.keys() & now.keys()), at, to)
        for at, was in enumerate(old)
        for to, now in enumerate(new)
    ]
    pairs: dict[int, int] = {}
    for _, at, to in sorted(scores, key=lambda score: -score[0]):
        if at not in pairs and to not in pairs.values():
            pairs[at] = to
    return [(old[at], new[pairs[at]]) for at in sorted(pairs)]


def imported_inputs(block: Block, state: Props) -> Props:
    """The inputs of a resource that was made elsewhere: all that is not zero and not the default."""
    out: Props = {}
    for key, attr in block.items():
        value = state.get(key)
        if not attr.is_input or value is None:
            continue
        if attr.elem is not None and isinstance(value, dict):
            value = imported_inputs(attr.elem, value)
        elif attr.elem is not None:
            value = [imported_inputs(attr.elem, element) for element in value]
        zero = value == (attr.default if attr.default is not None else ZERO.get(attr.kind)) or is_blank(value)
        if attr.required or not zero:
            out[key] = value
    return out


def unchanged_inputs(block: Block, inputs: Props, before: Props, now: Props) -> Props:
    """As `refreshed_inputs`, but an input whose property has not changed in the state stays as it is."""
    fresh = refreshed_inputs(block, inputs, now)
    return {
        key: inputs[key] if key not in block or _same(block[key], before.get(key), now.get(key)) else value
        for key, value in fresh.items()
    }


def _same(attr: Attr, before: Any, now: Any) -> bool:
    if attr.kind == "set" and isinstance(before, list) and isinstance(now, list):
        return sorted(identity(attr, e) for e in before) == sorted(identity(attr, e) for e in now)
    return bool(before == now)
