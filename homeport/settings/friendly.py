"""From pydantic's errors to problems a user can fix: the path as typed, what it must be, the command.

No value is ever repeated: a secret may have been pasted into the wrong key.
"""

from __future__ import annotations

import json
import re
import types
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from homeport.model import fixes
from homeport.model.errors import Problem
from homeport.model.placeholders import stands_in
from homeport.settings.choices import choice
from homeport.settings.hosts import MODES
from homeport.settings.schema import Settings
from homeport.settings.section import section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    Loc = tuple[str | int, ...]

ROOT = "homeport:settings"
NAME_SHAPE = "a name of at most 40 lower-case letters, digits, '-' and '_', beginning with a letter"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECRET_LOOKING = re.compile(
    r"passw|pwd|secret|token|credential|(api|private|encryption|access|auth|jwt|signing)_?-?key", re.IGNORECASE
)
_TAGS = {"union_tag_invalid", "union_tag_not_found"}


def path_of(loc: Loc) -> str:
    """The path as ``pulumi config set --path`` takes it; odd keys are quoted, escaped and cut."""
    text = ROOT
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _PLAIN_KEY.fullmatch(part) else f"[{json.dumps(part[:64])}]"
    return text


_PART = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]|\[(\"(?:[^\"\\]|\\.)*\")\]")


def without(settings: dict[str, Any], paths: Iterable[str]) -> set[str]:
    """Takes out of settings what stands at these paths, or the nearest above; the sections that were touched.

    A key that is unknown and nearly a section's name touches that section. A list goes as a whole: the numbers of what
    stays in it would be others.
    """
    touched: set[str] = set()
    for path in paths:
        parts: list[str] = [
            key or (json.loads(text) if text else "") for key, _, text in _PART.findall(path.removeprefix(ROOT))
        ]
        spot, holder, last = settings, settings, ""
        for part in parts if path.startswith(f"{ROOT}.") else ():
            if not isinstance(spot, dict) or part not in spot:
                break
            holder, last, spot = spot, part, spot[part]
        if last:
            del holder[last]
            touched.add(next(iter(get_close_matches(parts[0], Settings.model_fields, n=1)), parts[0]))
    return touched


def is_plain(key: str) -> bool:
    """Whether a key can stand in a message and a command as it is."""
    return _PLAIN_KEY.fullmatch(key) is not None


def set_command(path: str, value: Any) -> str:
    """The command that sets a path to a value."""
    return fixes.put(path, value)


def _sayable(loc: Loc) -> bool:
    return all(isinstance(part, int) or _PLAIN_KEY.fullmatch(part) for part in loc)


def remove_command(loc: Loc) -> str:
    """The command that removes a path, or the edit where no command line could name it."""
    if _sayable(loc):
        return fixes.drop(path_of(loc))
    return "Remove that line from Pulumi.<stack>.yaml"


def problem(error: ErrorDetails, schema: type[Settings], data: dict[str, Any], usual: str) -> tuple[Loc, Problem]:
    """One of pydantic's errors as a problem, and where it is.

    Args:
        error: As pydantic has it.
        schema: What was asked for.
        data: The settings with what is filled in, for a suggestion that holds beside the others.
        usual: What the exposure is where nobody says it.
    """
    loc, field, known = locate(error["loc"], schema)
    kind, strict = error["type"], data.get("environment") != "dev"
    if kind in _TAGS:
        loc = (*loc, "mode")
        mode = choice(loc, MODES, data, usual)
        return loc, Problem(path_of(loc), f"must be one of {', '.join(MODES)}", set_command(path_of(loc), mode))
    if loc and loc[-1] == "[key]":
        return loc[:-1], Problem(
            path_of(loc[:-1]), f"its name must be {_says(field, 'names') or NAME_SHAPE}", remove_command(loc[:-1])
        )
    if kind == "extra_forbidden":
        return loc, _unknown(loc, known)
    if kind == "literal_error" and field is not None and _sayable(loc):
        word = choice(loc, get_args(field.annotation), data, usual)
        fix = set_command(path_of(loc), word) if word else remove_command(loc)
        return loc, Problem(path_of(loc), f"must be {_shape(field, kind)}", fix)
    if kind == "missing":
        return loc, _missing(loc, field, strict=strict)
    what = str(error["ctx"]["error"]) if kind == "value_error" else f"must be {_shape(field, kind)}"
    return loc, Problem(path_of(loc), what, _replace(loc, field, kind, strict=strict))


def _shape(field: FieldInfo | None, kind: str) -> str:
    if kind.startswith(("model_", "dict_")):
        return "a mapping of keys to values"
    if kind == "too_long":
        return "shorter: it has too many entries"
    if kind == "too_short":
        return "given at least one entry"
    return str(_says(field, "shape")) or "a value of another type"


def asked_for(loc: Loc, data: Mapping[str, Any]) -> str:
    """In words what a setting may be, for whoever is asked for it."""
    tagged = list(loc)
    if loc[0] == "hosts" and len(loc) > 2:  # noqa: PLR2004  # hosts, a name, and what is asked for
        tagged.insert(2, str(section(data, "hosts", str(loc[1])).get("mode")))
    _, field, _ = locate(tagged, Settings)
    shape = str(_says(field, "shape")) or "what docs/settings.md says"
    return f"one of {shape}" if isinstance(loc[-1], int) else shape


def _says(field: FieldInfo | None, what: str) -> Any:
    extra = field.json_schema_extra if field is not None else None
    return extra.get(what, "") if isinstance(extra, dict) else ""


def _replace(loc: Loc, field: FieldInfo | None, kind: str, *, strict: bool) -> str:
    """The commands that put a right value where a wrong one is.

    Over a text the engine writes a text, whatever the new value and ``--type`` say (tried on 3.255.0: "8443" in quotes
    stayed one), so a number, a truth value or a list is set only after the text is gone.
    """
    if kind.startswith(("model_", "dict_")):
        # The example is one of an entry; without the mapping each has its default.
        return remove_command(loc)
    if str(_says(field, "says")).startswith("by "):
        # The catalog or the preset says it, each service its own: an example would be some other one's.
        return remove_command(loc)
    fix = _fix(loc, field, strict=strict)
    example = field.examples[0] if field is not None and field.examples else ""
    whole = isinstance(example, list) and not isinstance(loc[-1], int)
    if (isinstance(example, int | float) or whole) and fix.startswith("Run: "):
        return f"{remove_command(loc)}; {fix.removeprefix('Run: ')}"
    return fix


def _fix(loc: Loc, field: FieldInfo | None, *, strict: bool) -> str:
    example = field.examples[0] if field is not None and field.examples else None
    if isinstance(example, list) and example:
        loc, example = (loc if isinstance(loc[-1], int) else (*loc, 0)), example[0]
    if example is None or isinstance(example, dict | list) or not _sayable(loc):
        return f"Put it right as docs/settings.md says, or take it out. {remove_command(loc)}"
    # Outside of dev documentation's own would be refused next, or lock somebody out.
    unknown = str(example).count("<") > 1 or (strict and stands_in(str(example)))
    return set_command(path_of(loc), f"<{_says(field, 'shape')}>" if unknown else example)


def _missing(loc: Loc, field: FieldInfo | None, *, strict: bool) -> Problem:
    meaning = (field.description or "") if field is not None else ""
    return Problem(path_of(loc), f"is required and missing. {meaning}".rstrip(), _fix(loc, field, strict=strict))


def _unknown(loc: Loc, known: tuple[str, ...]) -> Problem:
    name = str(loc[-1])
    if _SECRET_LOOKING.search(name):
        what = "looks like a secret, and settings are stored and shown in plain"
        return Problem(path_of(loc), what, remove_command(loc))
    if loc[0] == "hosts" and (modes := _modes_with(name)):
        return Problem(path_of(loc), f"belongs to a host of mode {' or '.join(modes)}", remove_command(loc))
    near = get_close_matches(name[:64].lower(), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return Problem(path_of(loc), f"is no known setting; {hint}", remove_command(loc))


def _modes_with(name: str) -> tuple[str, ...]:
    hosts = _models(Settings.model_fields["hosts"].annotation)
    return tuple(mode for mode in MODES for host in hosts if _mode(host) == mode and name in host.model_fields)


def _mode(host: type[BaseModel]) -> str:
    return str(get_args(host.model_fields["mode"].annotation)[0])


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Every section named anywhere in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _is_mapping(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated or get_origin(annotation) in (Union, types.UnionType):
        return any(_is_mapping(part) for part in get_args(annotation))
    return get_origin(annotation) is dict


def locate(location: Iterable[str | int], schema: type[Settings]) -> tuple[Loc, FieldInfo | None, tuple[str, ...]]:
    """The path without pydantic's union tags, the field there, and the names known beside it."""
    model: type[BaseModel] | None = schema
    field: FieldInfo | None = None
    known: tuple[str, ...] = tuple(schema.model_fields)
    entry = False
    loc: list[str | int] = []
    choices: list[type[BaseModel]] = []
    for part in location:
        if len(choices) > 1 and (chosen := [choice for choice in choices if _mode(choice) == part]):
            model, choices = chosen[0], []
            known = tuple(model.model_fields)
            continue
        loc.append(part)
        if entry or model is None:
            entry = False
            continue
        known = tuple(model.model_fields)
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field is not None else None
        entry = _is_mapping(annotation)
        choices = _models(annotation)
        model = choices[0] if len(choices) == 1 else None
    return tuple(loc), field, known
