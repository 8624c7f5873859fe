"""Plan of a bridged resource: what its state will be, with UNKNOWN for what only the daemon can tell.

Written after what the recordings show; the reasons behind the oddities are in Terraform's plugin SDK v2,
`helper/schema` (functions diffString, diffList, diffSet, diffMap and normalizeNullValues).
"""

from __future__ import annotations

from typing import Any

from toolchain.plugins.base import UNKNOWN, Props, contains_unknown
from toolchain.plugins.tfbridge.schema import ZERO, Attr, Block
from toolchain.plugins.tfbridge.sets import identity, ordered, same


def is_blank(value: Any) -> bool:
    """Whether there is nothing: null, an empty list or an empty map."""
    return value is None or value in ([], {})


def planned(block: Block, prior: Props | None, config: Props) -> Props:
    """The state after the change.

    Args:
        block: The resource's schema.
        prior: State before; None for a resource that does not exist yet.
        config: Checked inputs.
    """
    if prior is None:
        return {key: _created(attr, config.get(key)) for key, attr in block.items()}
    return {key: _changed(attr, prior.get(key), config.get(key)) for key, attr in block.items()}


def _created(attr: Attr, value: Any) -> Any:
    """One property of a resource, or of an element of a list, that does not exist yet."""
    if value is None:
        value = attr.default
    if value is UNKNOWN or (attr.computed and (value is None or value == "" or (attr.elem and value == []))):
        return UNKNOWN
    if attr.kind == "map":
        return value or (UNKNOWN if attr.computed else None)
    if attr.kind == "set" and attr.elem is None and value == []:
        return UNKNOWN if attr.computed else None
    if is_blank(value) and attr.elem is not None and not attr.single:
        return []
    return _shaped(attr, value)


def _shaped(attr: Attr, value: Any) -> Any:
    """A given value in the form that a state holds it."""
    if value is None or value is UNKNOWN or attr.scalar or attr.kind == "map":
        return value
    if attr.kind == "set":
        if attr.elem is None:
            return ordered(attr, value)
        elements = [value] if attr.single else value
        filled = [element_of_set(attr.elem, e) if isinstance(e, dict) else e for e in elements]
        return filled[0] if attr.single else ordered(attr, filled)
    if attr.elem is None:
        return list(value)
    if attr.single:
        return {key: _created(sub, value.get(key)) for key, sub in attr.elem.items()}
    return [{key: _created(sub, e.get(key)) for key, sub in attr.elem.items()} for e in value]


def element_of_set(elem: Block, element: Props) -> Props:
    """An element of a set of objects as a plan shows it: missing text is empty, missing numbers and flags are null."""
    out: Props = {}
    for key, attr in elem.items():
        value = element.get(key)
        if value is None:
            value = attr.default
        if value is None:
            value = "" if attr.kind == "string" else [] if attr.kind == "set" else None
        elif attr.elem is not None and attr.single and value is not UNKNOWN:
            value = element_of_set(attr.elem, value)
        elif attr.kind == "set" and value is not UNKNOWN:
            value = _shaped(attr, value)
        out[key] = value if attr.kind != "map" or value is UNKNOWN else value or None
    if all(attr.kind == "set" and out[key] == [] for key, attr in elem.items()):
        # A block with nothing in it at all, such as `capabilities: {}`.
        return dict.fromkeys(elem)
    return out


def _changed(attr: Attr, prior: Any, value: Any) -> Any:
    """One property of a resource that exists."""
    if value is None:
        value = attr.default
    if value is UNKNOWN:
        return UNKNOWN
    if attr.scalar:
        return _changed_scalar(attr, prior, value)
    if is_blank(value) or (attr.single and attr.kind == "set" and all(map(is_blank, value.values()))):
        return _changed_to_nothing(attr, prior, value)
    if attr.kind == "map":
        return prior if prior == value else value
    if attr.kind == "set":
        return prior if same(attr, prior, value) else _changed_set(attr, prior, value)
    return _changed_list(attr, prior, value)


def _changed_scalar(attr: Attr, prior: Any, value: Any) -> Any:
    if value is None:
        if attr.computed or attr.blank_is_any or prior is None or prior == ZERO[attr.kind]:
            return prior
        return None
    if value == "" and prior is not None and (attr.computed or attr.blank_is_any):
        return prior
    return value


def _changed_set(attr: Attr, prior: Any, value: Any) -> Any:
    """The new set; of an element that stays, what the inputs leave out becomes null where the state has a value."""
    planned_set = _shaped(attr, value)
    if attr.elem is None or attr.single or is_blank(prior):
        return planned_set
    before = {identity(attr, element): element for element in prior}
    inputs = {identity(attr, element): element for element in value if isinstance(element, dict)}
    out = []
    for element in planned_set:
        key = identity(attr, element)
        stays = key in before and not is_blank(inputs.get(key)) and not contains_unknown(element)
        out.append(_staying(attr.elem, before[key], inputs[key], element) if stays else element)
    return ordered(attr, out)


def _staying(elem: Block, before: Props, inputs: Props, element: Props) -> Props:
    out = dict(element)
    for key, attr in elem.items():
        if attr.kind == "map":
            out[key] = element[key] or before.get(key)
        elif attr.scalar and inputs.get(key) is None and attr.default is None and before.get(key) is not None:
            out[key] = None
    return out


def _changed_to_nothing(attr: Attr, prior: Any, value: Any) -> Any:
    if attr.computed and (value is None or attr.block or (attr.kind == "map" and prior is None)):
        # A computed list that never had a value is still to come; one that was read as empty has come.
        return UNKNOWN if prior is None and not attr.block else prior
    if prior is None:
        return value if attr.kind == "list" and not attr.block else None
    if is_blank(prior) or (attr.single and value is not None):
        return prior
    if attr.kind == "map":
        return {}
    return None if attr.single else []


def _changed_list(attr: Attr, prior: Any, value: Any) -> Any:
    if attr.elem is None:
        return list(value)
    if attr.single:
        before = prior or {}
        return {key: _changed(sub, before.get(key), value.get(key)) for key, sub in attr.elem.items()}
    before_list = prior or []
    if _only_reordered(before_list, value):
        return before_list
    out = []
    for index, element in enumerate(value):
        before = before_list[index] if index < len(before_list) else None
        out.append({key: _changed(sub, (before or {}).get(key), element.get(key)) for key, sub in attr.elem.items()})
    return out


def _only_reordered(before: list[Props], after: list[Any]) -> bool:
    """Whether published ports are the same ones in another order, a difference that the provider suppresses."""
    if len(before) != len(after) or contains_unknown(after) or "internal" not in (before[0] if before else {}):
        return False
    for old in before:
        match = next((new for new in after if _same_port(old, new)), None)
        if match is None:
            return False
    return True


def _same_port(old: Props, new: Props) -> bool:
    keys = ("internal", "protocol") if new.get("external") is None else ("internal", "protocol", "external")
    same_address = old.get("ip") == (new.get("ip") or "0.0.0.0")  # noqa: S104  # compared, not bound
    return same_address and all(old.get(key) == new.get(key) for key in keys)
