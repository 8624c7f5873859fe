"""A compose file as a tree whose leaves know where they stand, so that the user's own line is answered for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from homeport.plan.compose.variables import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

Scalar: TypeAlias = str | int | float | bool | None
Node: TypeAlias = "dict[str, Node] | list[Node] | Leaf"


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaf:
    """A scalar, or a collection with nothing in it.

    Attributes:
        path: Where it stands, as in ``services.web.ports[0]``; of another file with that file's name before it.
        value: What stands there, variables filled in; an empty collection is None.
    """

    path: str
    value: Scalar | Text

    @property
    def text(self) -> Text:
        """As text, as compose takes a scalar where it wants a text."""
        if isinstance(self.value, Text):
            return self.value
        if self.value is None:
            return Text.plain("")
        if isinstance(self.value, bool):
            return Text.plain("true" if self.value else "false")
        return Text.plain(str(self.value))

    @property
    def true(self) -> bool:
        """Whether it says yes, as YAML or as the text that a variable gave."""
        return self.text.value.lower() in {"true", "yes", "on", "1"}


def leaves(node: Node | None) -> Iterator[Leaf]:
    """All leaves below a node, in the file's order."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, dict):
        for below in node.values():
            yield from leaves(below)
    elif node is not None:
        for below in node:
            yield from leaves(below)


def items(node: Node | None) -> dict[str, Node]:
    """A mapping; what is none has nothing in it."""
    return node if isinstance(node, dict) else {}


def listed(node: Node | None) -> list[Node]:
    """A list; a single scalar is a list of one, as compose reads many keys."""
    if isinstance(node, list):
        return node
    return [node] if isinstance(node, Leaf) and node.value is not None else []


def said(node: Node | None) -> str:
    """What a leaf says, as text; nothing where there is none."""
    return node.text.value if isinstance(node, Leaf) else ""


def named_files(node: Node | None) -> Iterator[tuple[str, Node]]:
    """The files that ``env_file`` names, each with its entry: a path, or a mapping with one."""
    for entry in [node] if isinstance(node, dict) else listed(node):
        yield said(items(entry).get("path")) if isinstance(entry, dict) else said(entry), entry


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A variable, label or the like, however the file spells it.

    Attributes:
        name: Before the ``=`` or the colon.
        value: After it; None where the file gives none, so that the shell of whoever starts it would.
        leaf: Where it stands.
    """

    name: str
    value: Text | None
    leaf: Leaf


def pairs(node: Node | None) -> Iterator[Pair]:
    """A mapping of names to scalars, or the list of ``NAME=value`` that compose takes as well."""
    if isinstance(node, dict):
        for name, below in node.items():
            if isinstance(below, Leaf):
                yield Pair(name=name, value=None if below.value is None else below.text, leaf=below)
        return
    for below in listed(node):
        if isinstance(below, Leaf):
            name, value = below.text.cut("=")
            yield Pair(name=name, value=value, leaf=below)
