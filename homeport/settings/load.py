"""Parses a stack's configuration: all of it, once, before anything is registered; refuses everything wrong at once.

No Pulumi.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import ValidationError

from homeport.model import fixes
from homeport.model.addresses import url
from homeport.model.declarations import Declarations
from homeport.model.errors import Problem, SettingsError
from homeport.settings import friendly, secrets
from homeport.settings.checks import cross_checks
from homeport.settings.defaults import with_defaults
from homeport.settings.schema import PRESETS, Settings, with_groups
from homeport.settings.secret_specs import former_names, known_secrets
from homeport.settings.section import LONGEST_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date

    from homeport.model.secret import SecretSpec

    Defaults = Callable[[str], Mapping[str, Any]]

_Value = TypeVar("_Value", str, int)
_NOTHING = Declarations()
_NAMESPACE = "homeport:"
_MOST_BYTES = 65_536
_DEEPEST = 12
_CERTIFICATES: friendly.Loc = ("certificates", "authority_root")
"""A text of several lines; its own rule says how long it may be (homeport/settings/zone.py)."""
_LONGEST_KEY = 64
# Keys of the providers themselves, as the official plugins spell them.
_ENDPOINTS = {"hcloud": "hcloud:endpoint", "cloudflare": "cloudflare:baseUrl"}
ENDPOINTS = frozenset(_ENDPOINTS.values())
_MAY_BE_NULL = {"acme_email", "cloudflare"}


@dataclass(frozen=True)
class Configuration:
    """A stack's configuration as Pulumi keeps it, nothing of it checked.

    Attributes:
        stack: The stack's name.
        values: Every key that is known, ``homeport:settings`` among them, with its text; other namespaces are left
            alone.
        encrypted: Keys that are stored encrypted, wholly or in part.
        unread: Keys that are there, and whose values nobody can read here: a stack's file without its passphrase.
        lengths: Of these, how many bytes each value has, where its encrypted form shows it.
    """

    stack: str
    values: Mapping[str, str] = field(repr=False)
    encrypted: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    lengths: Mapping[str, int] = field(default_factory=dict)

    @property
    def held(self) -> frozenset[str]:
        """The names of all keys of ours, without the project's name."""
        return frozenset(_ours(dict.fromkeys((*self.values, *self.unread), "")))


@dataclass(frozen=True)
class Loaded:
    """A configuration that holds together.

    Attributes:
        preset: Which system the stack is.
        settings: Everything it says in plain.
        endpoints: ``hcloud`` and ``cloudflare`` to another API address than the cloud's own, which a rehearsal has.
        secrets: The secrets that it holds.
        specs: Every secret that a configuration may hold, by name.
    """

    preset: str
    settings: Settings
    endpoints: Mapping[str, str]
    secrets: Mapping[str, secrets.Masked] = field(repr=False)
    specs: Mapping[str, SecretSpec] = field(repr=False)


def load(
    configuration: Configuration,
    today: date | None = None,
    *,
    defaults: Defaults = lambda _: {},
    declared: Declarations = _NOTHING,
) -> Loaded:
    """The configuration parsed and checked.

    Args:
        configuration: As Pulumi keeps it.
        today: The day by which waivers are judged; the real one unless a test says otherwise.
        defaults: Preset's name to the settings that it has where the user says nothing; nothing for a name that is no
            preset.
        declared: What the catalog declares for the configuration.

    Raises:
        SettingsError: With everything that is wrong.
    """
    values, encrypted = _ours(configuration.values), frozenset(_ours(dict.fromkeys(configuration.encrypted, "")))
    specs = known_secrets(declared, readable(values.get("settings", "")))
    schema = with_groups(tuple(declared.groups.items()))
    supplied = {name: value for name, value in values.items() if name in specs}
    problems = [
        *_preset(values, encrypted, declared.presets or PRESETS),
        *_strangers(configuration.held, specs, former_names(declared), schema),
        *secrets.check(supplied, encrypted, specs),
        *secrets.check_lengths(_ours(configuration.lengths), specs),
    ]
    generated = [name for name, spec in specs.items() if spec.policy == "generated"]
    day = today or datetime.now(UTC).date()
    preset = defaults(values.get("preset", ""))
    settings, wrong = _settings(values.get("settings", ""), configuration.stack, day, preset, generated, schema=schema)
    problems.extend(wrong)
    if "settings" in encrypted:
        fix = "Remove the encrypted part from Pulumi.<stack>.yaml"
        problems.append(Problem(friendly.ROOT, "holds an encrypted value; a secret has a key of its own", fix))
    problems.extend(_endpoints(configuration.values))
    if problems or settings is None:
        raise SettingsError(tuple(problems))
    endpoints = {name: configuration.values[key] for name, key in _ENDPOINTS.items() if key in configuration.values}
    masked = {name: secrets.Masked(value) for name, value in supplied.items()}
    return Loaded(values["preset"], settings, endpoints, masked, specs)


def _endpoints(values: Mapping[str, str]) -> Iterator[Problem]:
    """Where the clouds' tokens are sent to."""
    for key in sorted(ENDPOINTS):
        try:
            url(values.get(key, "https://localhost"))
        except ValueError as error:
            yield Problem(key, str(error), fixes.drop(key))


def _ours(values: Mapping[str, _Value]) -> dict[str, _Value]:
    """The project's own keys, without its namespace."""
    return {key.removeprefix(_NAMESPACE): text for key, text in values.items() if key.startswith(_NAMESPACE)}


def _preset(values: Mapping[str, str], encrypted: frozenset[str], known: tuple[str, ...]) -> Iterator[Problem]:
    value = values.get("preset", "")
    if value in PRESETS and "preset" not in encrypted:
        return
    near = (value in known and [value]) or get_close_matches(value[:64], known, n=1) or known[:1]
    what = (
        "is missing"
        if not value
        else "is stored as a secret, and is none"
        if value in PRESETS
        else "is not a known preset"
    )
    yield Problem(
        "homeport:preset",
        f"{what}; the valid names are {', '.join(known)}",
        fixes.run(f"{fixes.PULUMI} config set homeport:preset {near[0]} --plaintext"),
    )


def _strangers(
    held: Iterable[str], specs: Mapping[str, SecretSpec], renamed: Mapping[str, str], schema: type[Settings]
) -> Iterator[Problem]:
    known = ("preset", "settings", *specs)
    for name in sorted(set(held) - set(known)):
        sayable = name.isascii() and name.isprintable() and len(name) <= _LONGEST_KEY
        path = f"{_NAMESPACE}{name if sayable else json.dumps(name[:_LONGEST_KEY])}"
        remove = fixes.drop(path) if sayable else "Remove that line from Pulumi.<stack>.yaml"
        if new := renamed.get(name):
            command = specs[new].command if new in specs else fixes.put_command(f"{_NAMESPACE}{new}")
            yield Problem(path, f"is now called homeport:{new}", f"{remove}; {command}")
        elif name in schema.model_fields:
            yield Problem(
                path,
                f"belongs to homeport:settings.{name}",
                f"{remove}; {fixes.put_command(f'{friendly.ROOT}.{name}')}",
            )
        else:
            near = get_close_matches(name[:_LONGEST_KEY].lower().replace("_", "-"), known, n=1)
            hint = f"did you mean homeport:{near[0]}?" if near else "every setting is below homeport:settings"
            yield Problem(path, f"is no known key; {hint}", remove)


def _settings(
    text: str, stack: str, today: date, preset: Mapping[str, Any], generated: list[str], *, schema: type[Settings]
) -> tuple[Settings | None, list[Problem]]:
    try:
        values = _parse(text)
    except ValueError as error:
        fix = "Write it as docs/settings.md says, in Pulumi.<stack>.yaml"
        return None, [Problem(friendly.ROOT, str(error), fix)]
    optional = _MAY_BE_NULL | (set(schema.model_fields) - set(Settings.model_fields))
    wrong = dict(_slips(values, (), optional))
    data = with_defaults(values, stack, preset)
    usual = str(with_defaults({key: values[key] for key in values if key != "exposure"}, stack, preset)["exposure"])
    settings = None
    try:
        settings = schema.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            loc, problem = friendly.problem(details, schema, data, usual)
            wrong.setdefault(loc, problem)
    for loc, problem in cross_checks(data, stack, today, generated):
        wrong.setdefault(loc, problem)
    return settings, list(wrong.values())


def _parse(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    if len(text) > _MOST_BYTES:
        raise ValueError(f"is larger than {_MOST_BYTES} characters")
    try:
        data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (json.JSONDecodeError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data
    raise ValueError("must be a mapping of keys to values")


def readable(text: str) -> dict[str, Any] | None:
    """Settings as they are written, unchecked; None where nobody can read them."""
    try:
        return _parse(text)
    except ValueError:
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("has the same key twice")
    return dict(pairs)


def _no_constant(_: str) -> NoReturn:
    raise ValueError("holds a number that is none (NaN or infinite)")


def _plain(text: str, loc: friendly.Loc) -> bool:
    """Whether a text has no control character; those of an app's program, and certificates, may have lines."""
    lines = loc[0] == "apps" or loc == _CERTIFICATES
    return (text.translate({9: 32, 10: 32}) if lines else text).isprintable()


def _slips(data: Any, loc: friendly.Loc, optional: set[str]) -> Iterator[tuple[friendly.Loc, Problem]]:
    if len(loc) > _DEEPEST:
        yield loc, Problem(friendly.path_of(loc[:3]), "is nested too deeply", friendly.remove_command(loc[:3]))
    elif data is None and not (len(loc) == 1 and loc[0] in optional):
        yield (
            loc,
            Problem(friendly.path_of(loc), "is null: give it a value, or leave it out", friendly.remove_command(loc)),
        )
    elif isinstance(data, str) and (not _plain(data, loc) or (len(data) > LONGEST_TEXT and loc != _CERTIFICATES)):
        what = f"holds a control character, or is longer than {LONGEST_TEXT} characters"
        yield loc, Problem(friendly.path_of(loc), what, friendly.remove_command(loc))
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _slips(value, (*loc, key), optional)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _slips(value, (*loc, index), optional)
