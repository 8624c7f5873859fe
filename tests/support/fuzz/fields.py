"""Every place of the settings that takes a text, a number, a name or a list, found in the schema itself.

A setting that is added tomorrow is fuzzed tomorrow.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from catalog.presets.registry import declared, preset
from homeport.settings.schema import WAIVERS, with_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Field:
    """A place.

    Attributes:
        path: Where.
        kind: ``text``, ``number``, ``bool``, ``choice``, ``name`` (a key of a mapping) or ``list`` (another entry).
        example: What its own documentation gives; for a name, the name that stands there.
        bounds: Of a number.
        words: Of a choice.
    """

    path: Path
    kind: str
    example: Any
    bounds: tuple[float, float] = (0, 10**6)
    words: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """The setting without the names in it, for counting: ``hosts.*.address``."""
        return ".".join("*" if isinstance(part, int) else part for part in self.path)


def fields(name: str, settings: dict[str, Any]) -> list[Field]:
    """All places of a preset's settings beside the given ones, which say the modes of hosts and the names of peers."""
    schema = with_groups(tuple(declared().groups.items()))
    chosen = preset(name)
    keys = {
        "services": [service.name for service in chosen.services],
        "networks": [network.name for network in chosen.networks],
        "hostnames": [route.name for route in chosen.routes],
        "waivers": sorted(WAIVERS),
        "rotate": [spec.name for service in chosen.services for spec in service.secrets],
    }
    for group in set(declared().groups) - set(chosen.groups):
        keys[group] = []
    found = list(_sections(schema, (), settings, keys))
    for option, rule in chosen.options.items():
        found.append(Field(("options", option), "text", rule.default or rule.example or "http://10.0.0.1:8377/x"))
    return found


def _sections(model: type[BaseModel], path: Path, here: Any, keys: dict[str, list[str]]) -> Iterator[Field]:
    for name, field in model.model_fields.items():
        if path or name not in {"options", "environment", "exposure"}:
            beside = here.get(name) if isinstance(here, dict) else None
            if (name in keys and not keys[name]) or name == "mode":
                continue
            yield from _of(field.annotation, (*path, name), beside, field, keys)


_USABLE = {
    "authority_root": f"-----BEGIN CERTIFICATE-----\n{'MIGQ' + 'qz01' * 48}\n-----END CERTIFICATE-----\n",
    "image": "qzrepo/app:1.4",
    "archive": "https://qzforge.org/qzrunner.tar.gz",
    "sha256": "0a" * 32,
    "public_key": "4rLVJGhmo3GkGkUCn3l0CxOdC4bN2qHq4Fq3T0v0O2k=",
    "next_public_keys": "0O2mTt9m0m2k9cHA4rLVJGhmo3GkGkUCn3l0CxOdC4A=",
    "google_client_id": "qzclient.apps.example",
    "identity_provider": "qzprovider",
}
"""Where the documentation's own example is for a person to fill in."""


def _of(annotation: Any, path: Path, here: Any, field: FieldInfo, keys: dict[str, list[str]]) -> Iterator[Field]:
    example = _example(path, field)
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _of(parts[0], path, here, _with(field, parts[1:]), keys)
    elif origin in (Union, types.UnionType):
        several = [part for part in parts if part is not type(None)]
        for part in several[:1] if len(several) == 1 else [part for part in several if _fits(part, here)]:
            yield from _of(part, path, here, field, keys)
    elif origin is dict:
        yield from _entries(parts[1], path, here, field, keys)
    elif origin is tuple:
        yield Field((*path, len(here) if isinstance(here, list) else 0), "list", _first(example))
        yield from _of(parts[0], (*path, 0), None, _plain(field, _first(example)), keys)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _sections(annotation, path, here, keys)
    elif origin is Literal:
        yield Field(path, "choice", example, words=tuple(map(str, parts)))
    elif annotation is bool:
        yield Field(path, "bool", example)
    elif annotation in (int, float):
        yield Field(path, "number", example, _bounds(field))
    else:
        yield Field(path, "text", str(example) if isinstance(example, date) else example)


def _example(path: Path, field: FieldInfo) -> Any:
    example = field.examples[0] if field.examples else None
    usable = [_USABLE[part] for part in reversed(path) if part in _USABLE]
    return usable[0] if usable and str(example).startswith("<") else example


def _entries(value: Any, path: Path, here: Any, field: FieldInfo, keys: dict[str, list[str]]) -> Iterator[Field]:
    names = list(here) if isinstance(here, dict) and here else keys.get(str(path[-1]), ["fuzzed"])
    for name in names:
        yield Field((*path, name), "name", name)
        beside = here.get(name) if isinstance(here, dict) else None
        yield from _of(value, (*path, name), beside, _plain(field, field.examples[0] if field.examples else None), keys)


def _fits(model: Any, here: Any) -> bool:
    return isinstance(here, dict) and here.get("mode") in get_args(model.model_fields["mode"].annotation)


def _first(example: Any) -> Any:
    return example[0] if isinstance(example, list | tuple) and example else ""


def _plain(field: FieldInfo, example: Any) -> FieldInfo:
    return type(field)(annotation=field.annotation, examples=[example if not isinstance(example, dict) else ""])


def _with(field: FieldInfo, metadata: tuple[Any, ...]) -> FieldInfo:
    other = type(field)(annotation=field.annotation, examples=field.examples)
    inner = [part for item in metadata for part in (item.metadata if hasattr(item, "metadata") else (item,))]
    other.metadata = [*field.metadata, *inner]
    return other


def _bounds(field: FieldInfo) -> tuple[float, float]:
    low, high = 0, 10**6
    for item in field.metadata:
        low, high = getattr(item, "ge", low), getattr(item, "le", high)
    return low, high
