"""A stack's file as YAML, read no more kindly than the engine reads it.

PyYAML by itself takes the last of two equal keys, lets aliases stand for more than any memory holds, and ends on some
words in Python's own errors: an impossible day, a number of thousands of digits.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import yaml

_MOST = 1_048_576
"""Characters that a file may have, also with what stands for each of its aliases in its place."""
_WORDS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "merge"))
_SAYABLE = re.compile(r"[\w.:-]{1,64}")


class Unusable(yaml.MarkedYAMLError):
    """It is YAML, and still nothing that settings could be read of; ``problem`` says why."""


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Looked at before ``<<`` brings in keys that a mapping may well have itself."""
        node = super().compose_mapping_node(anchor)
        known = set[tuple[str, str]]()
        for key, _ in node.value:
            if key.tag not in _WORDS:
                raise Unusable(problem="a key is no word", problem_mark=key.start_mark)
            if (key.tag, key.value) in known:
                name = key.value if _SAYABLE.fullmatch(key.value) else "a key"
                raise Unusable(problem=f"{name} stands there twice", problem_mark=key.start_mark)
            known.add((key.tag, key.value))
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise Unusable(problem="this is no value", problem_mark=node.start_mark) from None


def parsed(text: str) -> Any:
    """What a text of YAML says.

    Raises:
        yaml.YAMLError: It is none, or Unusable.
    """
    if len(text) > _MOST:
        raise Unusable(problem=f"it is larger than {_MOST} characters")
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MOST:
            raise Unusable(problem=f"its aliases stand for more than {_MOST} characters")
        return loader.construct_document(node)
    except RecursionError:
        raise Unusable(problem="it is nested too deeply") from None
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Characters of a node without its aliases; 0 is noted while its inside is counted."""
    if isinstance(node, yaml.ScalarNode):
        return 1 + len(node.value)
    if id(node) not in known:
        known[id(node)] = 0
        parts = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    elif not known[id(node)]:
        raise Unusable(problem="it holds itself, by an alias", problem_mark=node.start_mark)
    return known[id(node)]
