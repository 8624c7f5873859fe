"""What a resource is made of: its properties, under Pulumi's names and the API's, and how they are checked and sent.

Source of names, defaults and what replaces: the schema of pulumi-cloudflare 6.23 and the upstream provider's own,
github.com/cloudflare/terraform-provider-cloudflare, internal/services/*/schema.go.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.base import UNKNOWN, Secret, contains_unknown, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolchain.plugins.base import Props

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "integer": (int,),
    "any": (str, bool, int, float, list, dict),
    "json": (str,),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One property.

    Attributes:
        kind: `string`, `boolean`, `number`, `integer`, `any`, `json` (the API's object as JSON text) or `object`.
        api: Name in the API; empty for Pulumi's name in snake case.
        many: Whether it is a list of that kind.
        of: Properties of an `object`.
        required: Whether it must be given.
        default: Value where none is given.
        computed: Whether the API fills it in.
        settable: Whether a program may give it.
        keeps: Whether an update is sure not to change a computed value.
        replaces: Whether a change makes a new resource.
        secret: Whether the value is secret.
        in_path: Whether it is part of the path and never of the body.
        one_of: The values that are taken, letter case aside; empty for all.
        echo: Whether what the API tells counts only where a program gave a value: it fills in a reusable policy whose
            own resource holds the truth.
    """

    kind: str = "string"
    api: str = ""
    many: bool = False
    of: Mapping[str, Field] = field(default_factory=dict)
    required: bool = False
    default: Any = None
    computed: bool = False
    settable: bool = True
    keeps: bool = False
    replaces: bool = False
    secret: bool = False
    in_path: bool = False
    one_of: tuple[str, ...] = ()
    echo: bool = False


Fields = dict[str, Field]


def snake(name: str) -> str:
    """The API's spelling of a name."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def api_name(name: str, about: Field) -> str:
    """What the API calls a property."""
    return about.api or snake(name)


def refusals(fields: Mapping[str, Field], value: Props, where: str) -> Iterator[str]:
    """Why these values are refused, one sentence each; a value that is not known yet is taken.

    Args:
        fields: What may be there.
        value: What is there.
        where: Path so far, for the sentence.
    """
    for name in value:
        if not name.startswith("__") and not (name in fields and fields[name].settable):
            yield f"Invalid or unknown key. Examine values at '{where}.{name}'."
    for name, about in fields.items():
        if not about.settable:
            continue
        bare = plain(value.get(name))
        if bare is None:
            if about.required:
                yield f"Missing required property '{name}'. Examine values at '{where}'."
        elif bare is not UNKNOWN:
            yield from _refused(about, bare, f"{where}.{name}")


def _refused(about: Field, bare: Any, where: str) -> Iterator[str]:
    if about.many:
        if not isinstance(bare, list):
            yield f"Expected a list. Examine values at '{where}'."
            return
        single = Field(about.kind, of=about.of, one_of=about.one_of)
        for number, item in enumerate(bare):
            if item is not UNKNOWN:
                yield from _refused(single, item, f"{where}[{number}]")
    elif about.kind == "object":
        if isinstance(bare, dict):
            yield from refusals(about.of, bare, where)
        else:
            yield f"Expected an object. Examine values at '{where}'."
    elif not isinstance(bare, _TYPES[about.kind]) or (isinstance(bare, bool) and about.kind in ("number", "integer")):
        yield f"Expected {about.kind}, got {type(bare).__name__}. Examine values at '{where}'."
    elif about.one_of and str(bare).lower() not in about.one_of:
        quoted = " ".join(f'"{choice}"' for choice in about.one_of)
        yield f"value must be one of: [{quoted}], got: \"{bare}\". Examine values at '{where}'."


def marked(fields: Mapping[str, Field], value: Props) -> Props:
    """The same values with the secret ones marked."""
    return {name: _mark(fields[name], item) if name in fields else item for name, item in value.items()}


def _mark(about: Field, item: Any) -> Any:
    if item is None or isinstance(item, Secret):
        return item
    if about.secret:
        return Secret(item)
    if about.kind == "object" and isinstance(item, dict):
        return marked(about.of, item)
    if about.kind == "object" and isinstance(item, list):
        return [marked(about.of, row) if isinstance(row, dict) else row for row in item]
    return item


def to_api(fields: Mapping[str, Field], value: Props) -> dict[str, Any]:
    """The body for these values; what is in the path is left out."""
    return {
        api_name(name, about): _outward(about, value[name])
        for name, about in fields.items()
        if not about.in_path and value.get(name) is not None
    }


def _outward(about: Field, item: Any) -> Any:
    if about.kind != "object":
        return item
    return [to_api(about.of, row) for row in item] if about.many else to_api(about.of, item)


def from_api(fields: Mapping[str, Field], body: Mapping[str, Any]) -> Props:
    """The values that an answer of the API holds, nested defaults filled in; None where it holds nothing."""
    values: Props = {}
    for name, about in fields.items():
        item = body.get(api_name(name, about))
        values[name] = about.default if item is None else _inward(about, item)
    return values


def _inward(about: Field, item: Any) -> Any:
    if about.kind == "json":
        return json.dumps(item, separators=(",", ":"))
    if about.kind != "object":
        return item
    rows = [present(from_api(about.of, row)) for row in (item if about.many else [item])]
    return rows if about.many else rows[0]


def present(value: Props) -> Props:
    """The values without those that are None."""
    return {name: item for name, item in value.items() if item is not None}


def agrees(about: Field, old: Any, new: Any) -> bool:
    """Whether a wanted value is what the state holds; nested values that only the API fills in do not count."""
    if contains_unknown(new):
        return False
    if about.kind == "object" and about.many and isinstance(old, list) and isinstance(new, list):
        single = Field("object", of=about.of)
        return len(old) == len(new) and all(agrees(single, a, b) for a, b in zip(old, new, strict=True))
    if about.kind == "object" and not about.many and isinstance(old, dict) and isinstance(new, dict):
        return all(_nested(part, old.get(name), new.get(name)) for name, part in about.of.items())
    return bool(old == new)


def _nested(about: Field, old: Any, new: Any) -> bool:
    planned = about.default if new is None else new
    return (planned is None and about.computed) or agrees(about, old, planned)


def like(about: Field, model: Any, answered: Any) -> Any:
    """What was answered, without the empty values that the API adds where the model has none; secrets stay.

    Upstream does the same by its `normalizations.go`: an empty list and no list are one thing, and so are false and
    none.
    """
    if about.kind == "object" and about.many and isinstance(model, list) and isinstance(answered, list):
        single = Field("object", of=about.of)
        models = model + [None] * max(0, len(answered) - len(model))
        return [like(single, old, new) for old, new in zip(models, answered, strict=False)]
    if about.kind == "object" and not about.many and isinstance(model, dict) and isinstance(answered, dict):
        both = {name: like(part, model.get(name), answered.get(name)) for name, part in about.of.items()}
        return present(both)
    if answered is None and about.secret:
        return model
    if model is None and about.echo:
        return None
    # An object without properties, such as the rule `everyone`, says all by being there.
    marker = about.kind == "object" and not about.of
    if model is None and not about.computed and not marker and answered in ("", [], {}, False, 0):
        return None
    return answered
