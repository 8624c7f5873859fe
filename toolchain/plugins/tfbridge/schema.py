"""What one property of a bridged resource is: type, default, what it replaces, who computes it.

The official plugin is a bridge over a Terraform provider; its answers follow from the provider's schema. `Attr` holds
the facts of that schema that the answers depend on (source: kreuzwerker/terraform-provider-docker,
`internal/provider`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Takes a value, answers what is wrong with it in the provider's own words, or None.
Validator = Callable[[Any], str | None]

ZERO: Final[Mapping[str, Any]] = {"string": "", "int": 0, "bool": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attr:
    """One property.

    Attributes:
        kind: string, int, bool, list, set or map.
        elem: Schema of the elements of a list or set: a Block for nested objects, None for strings.
        required: Whether leaving it out is an error.
        computed: Whether the provider fills it in when the user does not.
        force_new: Whether a change replaces the resource.
        default: Value that the schema fills in.
        single: Whether the list or set holds at most one element and is shown as that element.
        is_input: False for properties that are outputs only.
        check: Further condition on the value.
        blank_is_any: Whether an empty value means "as it is" (the provider suppresses that difference).
    """

    kind: str = "string"
    elem: Mapping[str, Attr] | None = None
    required: bool = False
    computed: bool = False
    force_new: bool = False
    default: Any = None
    single: bool = False
    is_input: bool = True
    check: Validator | None = None
    blank_is_any: bool = False

    @property
    def scalar(self) -> bool:
        """Whether the value is a string, a number or a truth value."""
        return self.kind in ZERO

    @property
    def block(self) -> bool:
        """Whether Terraform writes it as a nested block; such a value is empty, never null."""
        return self.elem is not None and self.is_input

    @property
    def empty(self) -> Any:
        """The value that stands for "nothing there" in a state."""
        return [] if self.block and not self.single else None


Block = Mapping[str, Attr]


def text(**facts: Any) -> Attr:
    """A string."""
    return Attr(kind="string", **facts)


def number(**facts: Any) -> Attr:
    """A whole number."""
    return Attr(kind="int", **facts)


def flag(**facts: Any) -> Attr:
    """A truth value."""
    return Attr(kind="bool", **facts)


def listing(elem: Block | None = None, **facts: Any) -> Attr:
    """A list of strings, or of objects."""
    return Attr(kind="list", elem=elem, **facts)


def group(elem: Block | None = None, **facts: Any) -> Attr:
    """A set of strings, or of objects; order means nothing."""
    return Attr(kind="set", elem=elem, **facts)


def mapping(**facts: Any) -> Attr:
    """A map of strings."""
    return Attr(kind="map", **facts)


def frozen(attrs: Block) -> Block:
    """The same properties, each replacing its resource when it changes."""
    return {name: Attr(**{**{f: getattr(a, f) for f in a.__slots__}, "force_new": True}) for name, a in attrs.items()}
