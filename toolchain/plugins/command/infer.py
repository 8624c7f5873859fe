"""Resource types as pulumi-go-provider derives them from Go structs: checking, secrets, differences, previews.

Official behaviour, read in pulumi/pulumi-go-provider (infer/resource.go, apply_secrets.go) and in Pulumi's SDK for Go
(resource/properties_diff.go, plugin.NewDetailedDiffFromObjectDiff). The command plugin 1.2.1 uses version 1.5.0 of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.base import Archive, Asset, CheckFailed, Diff, Props, Secret
from toolchain.plugins.command.paths import changes
from toolchain.plugins.values import UNKNOWN, contains_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a Go struct.

    Attributes:
        go: Its Go type, for error texts: string, float64, int, bool, []string, map[string]string, []interface {},
            a struct name, or AssetOrArchive.
        required: Whether it must be set.
        secret: Whether it is marked secret.
        default: Value when it is left out; None for none.
        replace: Whether the schema says `replaceOnChanges`.
        fields: Its own fields when it is a struct.
    """

    go: str
    required: bool = False
    secret: bool = False
    default: Any = None
    replace: bool = False
    fields: Mapping[str, Field] = field(default_factory=dict)


_SHAPES: Final[dict[str, tuple[type[Any], ...]]] = {
    "string": (str,),
    "float64": (int, float),
    "int": (int,),
    "bool": (bool,),
    "[]string": (list,),
    "[]interface {}": (list,),
    "map[string]string": (dict,),
    "AssetOrArchive": (Asset, Archive),
}
_GO_NAMES: Final = {str: "string", bool: "bool", int: "float64", float: "float64", list: "[]interface {}"}


def check(go: str, fields: Mapping[str, Field], news: Props) -> Props:
    """The inputs with defaults and secret marks; raises `CheckFailed` for what does not fit the struct `go`."""
    failures = list(_misfits(go, fields, news))
    if failures:
        raise CheckFailed(failures, marked(fields, news))
    return marked(fields, with_defaults(fields, news))


def _misfits(go: str, fields: Mapping[str, Field], values: Props) -> Iterator[tuple[str, str]]:
    for name, spec in fields.items():
        value = values.get(name)
        bare = value.value if isinstance(value, Secret) else value
        if bare is None:
            if spec.required:
                yield name, f"Missing required field '{name}' on '{go}'"
        elif bare is not UNKNOWN:
            yield from _misfit(go, name, spec, bare)
    for name in sorted(values.keys() - fields.keys()):
        if not name.startswith("__"):
            yield name, f"Unrecognized field '{name}' on '{go}'"


def _misfit(go: str, name: str, spec: Field, value: Any) -> Iterator[tuple[str, str]]:
    shape: tuple[type[Any], ...] = _SHAPES.get(spec.go, (dict,))
    if not isinstance(value, shape) or (isinstance(value, bool) and spec.go != "bool"):
        got = _GO_NAMES.get(type(value), "map[string]interface {}")
        yield name, f"Field '{name}' on '{go}' must be a '{spec.go}'; got '{got}' instead"
    elif spec.fields:
        for _, reason in _misfits(spec.go, spec.fields, dict(value)):
            # The official text goes on with the whole struct, private key included (pulumi-command#773): never here.
            yield name, f"An error occurred decoding '{go.rsplit('.', 1)[-1]}.{name}': {reason}"
    elif spec.go in ("[]string", "map[string]string"):
        pairs: Iterable[tuple[Any, Any]] = enumerate(value) if isinstance(value, list) else value.items()
        for key, item in pairs:
            bare = item.value if isinstance(item, Secret) else item
            if bare is not UNKNOWN and not isinstance(bare, str):
                got = _GO_NAMES.get(type(bare), "map[string]interface {}")
                yield name, f"Field '{name}[{key}]' on '{go}' must be a 'string'; got '{got}' instead"


def with_defaults(fields: Mapping[str, Field], values: Props) -> Props:
    """The values with defaults where a field is left out; fields set to null count as left out."""
    filled = {name: value for name, value in values.items() if value is not None}
    for name, spec in fields.items():
        if name not in filled and spec.default is not None:
            filled[name] = spec.default
        elif name in filled and spec.fields:
            filled[name] = _inside(filled[name], lambda inner, f=spec.fields: with_defaults(f, inner))
    return filled


def marked(fields: Mapping[str, Field], values: Props) -> Props:
    """The values with secret marks where the struct says so, at every depth."""
    done = dict(values)
    for name, spec in fields.items():
        if name in done and spec.fields:
            done[name] = _inside(done[name], lambda inner, f=spec.fields: marked(f, inner))
        if name in done and spec.secret and not isinstance(done[name], Secret):
            done[name] = Secret(done[name])
    return done


def _inside(value: Any, change: Any) -> Any:
    if isinstance(value, Secret):
        return Secret(_inside(value.value, change))
    return change(value) if isinstance(value, dict) else value


def keep_ignored(news: Props, old_state: Props, ignore_changes: tuple[str, ...]) -> Props:
    """The new inputs with ignored properties as they were."""
    return {**news, **{name: old_state[name] for name in ignore_changes if name in old_state}}


def diff(fields: Mapping[str, Field], old_state: Props, news: Props, *, updatable: bool) -> Diff:
    """The difference between the inputs kept in the state and the new ones.

    A type that cannot be updated is replaced by any change. For the others `replaceOnChanges` is looked up by the whole
    path of a change: a changed element of `triggers` is an update here, and it is the SDK's own option that makes it a
    replacement.
    """
    olds = {name: old_state.get(name) for name in fields}
    detailed = {}
    for path, kind in changes(olds, {name: value for name, value in news.items() if not name.startswith("__")}).items():
        replace = not updatable or (path in fields and fields[path].replace)
        detailed[path] = f"{kind}_REPLACE" if replace else kind
    return Diff(
        bool(detailed),
        replaces=_roots(path for path, kind in detailed.items() if kind.endswith("_REPLACE")),
        diffs=_roots(detailed),
        detailed=detailed,
        has_detailed=True,
    )


def _roots(paths: Any) -> list[str]:
    return list(dict.fromkeys(path.split(".", 1)[0].split("[", 1)[0] for path in paths))


def preview_create(news: Props, outputs: Props) -> Props:
    """Outputs of a create in a preview: the inputs are known, everything else is not."""
    return {**news, **dict.fromkeys(outputs, UNKNOWN)}


def preview_update(fields: Mapping[str, Field], old_state: Props, news: Props, outputs: Props) -> Props:
    """Outputs of an update in a preview: unknown as soon as an input is unknown or differs from the state.

    As officially, an input that is only added does not count.
    """
    touched = any(
        contains_unknown(news.get(name)) or (name in old_state and old_state[name] != news.get(name)) for name in fields
    )
    return {**news, **(dict.fromkeys(outputs, UNKNOWN) if touched else outputs)}
