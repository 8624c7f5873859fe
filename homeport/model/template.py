"""Texts with ``{name}`` in them: for configuration that mixes fixed text with values that come later.

``str.format`` is not used: it would read attributes and items, and JSON's own braces would have to be doubled.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"\{([a-z][a-z0-9-]*(?::[a-z0-9_.-]+)?(?:\|basic:[a-z0-9_.@-]+)?)\}")


def names(text: str) -> tuple[str, ...]:
    """The names that stand in ``text``, each once, in order of appearance; a filter is not part of a name."""
    return tuple(dict.fromkeys(name.partition("|")[0] for name in _NAME.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with each ``{name}`` replaced by its value; ``{a|basic:bob}`` gives Basic credentials of bob and a.

    Raises:
        KeyError: A name has no value.
    """
    import base64  # noqa: PLC0415  # rarely needed

    def replaced(match: re.Match[str]) -> str:
        name, _, user = match.group(1).partition("|basic:")
        value = values[name]
        return base64.b64encode(f"{user}:{value}".encode()).decode() if user else value

    return _NAME.sub(replaced, text)
