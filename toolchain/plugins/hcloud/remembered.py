"""Which inputs a refresh remembers: the old ones, but for what has really changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolchain.plugins.docker.sets import identity
from toolchain.plugins.docker.settled import imported_inputs, refreshed_inputs

if TYPE_CHECKING:
    from toolchain.plugins.base import Props, Value
    from toolchain.plugins.docker.tfschema import Attr, Block


def inputs_after(block: Block, inputs: Props, before: Props, now: Props) -> Props:
    """The inputs of a resource that was read again, or of one that is imported when there were none."""
    if not inputs:
        return imported_inputs(block, now)
    fresh = refreshed_inputs(block, inputs, now)
    return {
        key: inputs[key] if key not in block or _same(block[key], before.get(key), now.get(key)) else value
        for key, value in fresh.items()
    }


def _same(attr: Attr, before: Value, now: Value) -> bool:
    if attr.kind == "set" and isinstance(before, list) and isinstance(now, list):
        return sorted(identity(attr, element) for element in before) == sorted(
            identity(attr, element) for element in now
        )
    return bool(before == now)
