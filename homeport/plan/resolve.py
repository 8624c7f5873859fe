"""The one way from a stack's configuration to what is to be built: settings parsed, laid over the preset, checked.

No Pulumi.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from catalog.presets import registry
from homeport.model import fixes
from homeport.model.authority import DNS_KEYS
from homeport.model.check import problems as blueprint_problems
from homeport.model.errors import BlueprintError, Problem, ProblemsError, SettingsError
from homeport.plan import built, image_lock
from homeport.plan.blueprint import build_blueprint, strangers
from homeport.plan.contradictions import contradictions
from homeport.plan.hosts import plan_hosts
from homeport.plan.placeholders import placeholders
from homeport.plan.written import unwritable
from homeport.settings import defaults
from homeport.settings.friendly import without
from homeport.settings.load import ENDPOINTS, Configuration, load, readable
from homeport.settings.secret_specs import known_secrets
from homeport.settings.secrets import Masked, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from homeport.model.blueprint import Blueprint
    from homeport.model.secret import SecretSpec
    from homeport.plan.hosts import HostPlan
    from homeport.settings.load import Loaded
    from homeport.settings.schema import Settings

PRESET, SETTINGS = "homeport:preset", "homeport:settings"
DECIDING = frozenset(
    (
        *("environment", "exposure", "domain", "hosts", "edge", "ssh", "wireguard", "cloudflare", "networks"),
        *("hostnames", "apps", "guests"),
    )
)
"""Sections on which it depends what else is needed or contradicts itself."""
LOCAL = frozenset(("services", "networks", "hostnames", "options"))
"""Sections whose entries are wrong or right by themselves, in a preset."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a stack is to be.

    Attributes:
        stack: The stack's name.
        settings: Everything that the configuration says in plain, defaults filled in.
        blueprint: The system in this environment, checked.
        hosts: Its hosts, by name.
        endpoints: ``hcloud`` and ``cloudflare`` to another API address than the cloud's own, which a rehearsal has.
        secrets: Every secret that the stack needs, by name.
        supplied: Those that the configuration holds; empty ones among them stand for what an unused section would need.
        generated: Those to make, by name, with their kind.
        derived: Those to make of others, by name, with what they are.
        named: The references of all images as catalog and settings name them, each once: what a lock has digests for.
    """

    stack: str
    settings: Settings
    blueprint: Blueprint
    hosts: Mapping[str, HostPlan]
    endpoints: Mapping[str, str]
    secrets: Mapping[str, SecretSpec]
    supplied: Mapping[str, Masked] = field(repr=False)
    generated: Mapping[str, str]
    derived: Mapping[str, SecretSpec] = field(default_factory=dict)
    named: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether all of its hosts are this machine."""
        return all(host.mode == "local" for host in self.settings.hosts.values())

    @property
    def floating(self) -> tuple[str, ...]:
        """In prod, what goes by a tag that no digest is locked for; a rehearsal's machines have images built here."""
        if self.blueprint.environment != "prod" or self.endpoints:
            return ()
        return tuple(image for image in _references(self.blueprint) if "@" not in image)

    @property
    def images(self) -> tuple[str, ...]:
        """The references of all images that it needs, each once, in order; for one that is built, what it stands on."""
        return tuple(dict.fromkeys((*_references(self.blueprint), *built.runtimes(self.blueprint))))


def resolve(
    configuration: Configuration,
    *,
    today: date | None = None,
    sealed: bool = False,
    pins: Mapping[str, image_lock.Pin] | None = None,
) -> Plan:
    """What a configuration asks for.

    Args:
        configuration: As Pulumi keeps it.
        today: The day by which waivers are judged; the real one unless a test says otherwise.
        sealed: The configuration's secrets are not at hand (a stack's file without its passphrase): whether all are
            there, and none too many, is left to the program.
        pins: The lock of the stack's images.

    Raises:
        SettingsError, BlueprintError: With everything that is wrong.
    """
    try:
        return _resolved(configuration, today, pins or {}, sealed=sealed)
    except ProblemsError as refused:
        named = {problem.path for problem in refused.problems}
        more = [item for item in _besides(configuration, today, refused, sealed=sealed) if item.path not in named]
        raise type(refused)((*refused.problems, *more)) from None


def _resolved(
    configuration: Configuration, today: date | None, pins: Mapping[str, image_lock.Pin], *, sealed: bool
) -> Plan:
    """The plan; what is wrong is raised by the first part that sees it."""
    loaded = _loaded(configuration, today)
    settings, held = loaded.settings, configuration.held
    layers = [*_layers_secrets(settings.model_dump(mode="json"))]
    named = _blueprint(loaded)
    blueprint = image_lock.applied(named, pins)
    needed = [*blueprint.secrets(), *layers]
    needed += sorted({loaded.specs[name].made_of for name in needed if name in loaded.specs} - {"", *needed})
    optional = {"ssh-private-key"} if any(host.mode != "local" for host in settings.hosts.values()) else set()
    unused = {name for name in needed if _of_unused_section(loaded, name)}
    # Of a service that is off: one that the configuration holds may stay, one that was made is kept in the state.
    resting = [name for name in blueprint.resting_secrets if name in loaded.specs]
    if not sealed:
        found = [*_secret_problems(loaded, held, {*needed}, unused, {*optional, *resting})]
        # A rehearsal says by its clouds' addresses that it is one.
        found += () if loaded.endpoints else placeholders(settings.model_dump(mode="json"))
        if found:
            raise SettingsError(tuple(found))
    supplied = {name: loaded.secrets[name] for name in (*needed, *optional) if name in loaded.secrets}
    if problems := tuple(unwritable(blueprint, supplied, loaded.specs)):
        raise SettingsError(problems)
    supplied |= {name: Masked("") for name in needed if name in unused and name not in supplied}
    return Plan(
        stack=configuration.stack,
        settings=settings,
        blueprint=blueprint,
        hosts=plan_hosts(configuration.stack, settings, blueprint),
        endpoints=loaded.endpoints,
        secrets={name: loaded.specs[name] for name in needed if name in loaded.specs},
        supplied=supplied,
        generated={
            name: loaded.specs[name].kind
            for name in (*needed, *resting)
            if name in loaded.specs and name not in {*supplied, *loaded.secrets} and _is_made(loaded, name)
        },
        derived={
            name: loaded.specs[name]
            for name in needed
            if name in loaded.specs and loaded.specs[name].policy == "derived" and name not in supplied
        },
        named=_references(named),
    )


def _loaded(configuration: Configuration, today: date | None) -> Loaded:
    declared = registry.declared(configuration.values.get(PRESET, ""))
    return load(configuration, today, defaults=registry.defaults, declared=declared)


def _blueprint(loaded: Loaded) -> Blueprint:
    blueprint = built.named(build_blueprint(registry.preset(loaded.preset), loaded.settings))
    if loaded.endpoints:
        # A rehearsal: no public authority sees its servers, nor do they see one.
        blueprint = replace(blueprint, edge=replace(blueprint.edge, own_authority=True))
    if problems := (*blueprint_problems(blueprint), *contradictions(loaded.settings, blueprint)):
        raise BlueprintError(problems)
    return blueprint


def _references(blueprint: Blueprint) -> tuple[str, ...]:
    pulled = (service.image for service in blueprint.services if service.build is None)
    references = (*pulled, *blueprint.tools.values())
    return tuple(dict.fromkeys(references))


def with_defaults(stack: str, preset: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, unchecked, with everything filled in that depends on the stack's name, its preset or each other."""
    return defaults.with_defaults(dict(settings), stack, registry.defaults(preset))


def _layers_secrets(settings: Mapping[str, Any]) -> Iterator[str]:
    """The secrets that layers need rather than services, by settings that may be wrong elsewhere."""
    hosts, access, exposure = settings.get("hosts"), settings.get("access"), settings.get("exposure")
    machines = hosts.values() if isinstance(hosts, dict) else ()
    if any(isinstance(host, dict) and host.get("mode") == "create" for host in machines):
        yield "hcloud-token"
    if exposure == "tunnel" or (
        exposure == "direct" and settings.get("cloudflare") is not None and _provider(settings) == "cloudflare"
    ):
        yield "cloudflare-api-token"
    dns = settings.get("dns")
    if isinstance(dns, dict) and dns.get("provider") == "ovh":
        yield from DNS_KEYS
    if settings.get("runner"):
        yield "github-runner-token"
    own = isinstance(access, dict) and access.get("login") == "google" and not access.get("identity_provider")
    if exposure == "tunnel" and own:
        yield "google-client-secret"


def _provider(settings: Mapping[str, Any]) -> Any:
    dns = settings.get("dns")
    return dns.get("provider") if isinstance(dns, dict) else "cloudflare"


def _besides(
    configuration: Configuration, today: date | None, refused: ProblemsError, *, sealed: bool
) -> Iterator[Problem]:
    """What is wrong beside that: nobody is to mend in rounds.

    What is wrong is left out, and the rest looked at again, as far as it does not depend on what was left out.
    """
    written = readable(configuration.values.get(SETTINGS, ""))
    if written is None:
        return
    name = configuration.values.get(PRESET, "")
    known = name in registry.declared().presets
    settings = with_defaults(configuration.stack, name, written) if known else written
    presets = [registry.preset(each) for each in ((name,) if known else registry.declared().presets)]
    yield from strangers(presets, settings)
    if not sealed:
        yield from missing(_layers_secrets(settings), configuration.held, known_secrets(registry.declared(), settings))
        rehearsed = any(key in configuration.values for key in ENDPOINTS)
        yield from () if rehearsed else placeholders(with_defaults(configuration.stack, name, written))
    if known:
        yield from _of_the_rest(configuration, written, today, refused.problems, sealed=sealed)


def _of_the_rest(
    configuration: Configuration,
    settings: dict[str, Any],
    today: date | None,
    problems: tuple[Problem, ...],
    *,
    sealed: bool,
) -> Iterator[Problem]:
    known = known_secrets(registry.declared(), settings)
    unread = {f"homeport:{name}" for name in configuration.held & known.keys()}
    gone, left_out = set[str](), without(settings, [problem.path for problem in problems])
    while True:
        gone |= left_out
        values = {PRESET: configuration.values[PRESET], SETTINGS: json.dumps(settings)}
        values |= {key: configuration.values[key] for key in ENDPOINTS & configuration.values.keys()}
        rest = replace(configuration, values=values, encrypted=frozenset(), unread=frozenset(unread))
        try:
            _loaded(rest, today)
        except SettingsError as refused:
            # All that settings say wrong by themselves was named at first; this is for want of what was left out.
            problems = refused.problems
        else:
            try:
                _resolved(rest, today, {}, sealed=sealed)
            except ProblemsError as refused:
                problems = refused.problems
            else:
                return
            # A secret that the rest does not need may be needed by what was left out.
            yield from (item for item in problems if item.path not in unread and _stands(item, gone))
        if not (left_out := without(settings, [problem.path for problem in problems])):
            return


def _stands(problem: Problem, gone: set[str]) -> bool:
    """Whether something is wrong also beside what was left out, rather than for want of it."""
    top = re.match(r"[A-Za-z0-9_-]*", problem.path.removeprefix(f"{SETTINGS}."))
    # An app that was left out has names in these sections.
    return not gone & DECIDING or (top is not None and top[0] in LOCAL and "apps" not in gone)


def _is_made(loaded: Loaded, name: str) -> bool:
    return loaded.specs[name].policy == "generated"


def _of_unused_section(loaded: Loaded, name: str) -> bool:
    section = loaded.specs[name].section if name in loaded.specs else ""
    return bool(section) and loaded.settings.group(section) is None


def _secret_problems(
    loaded: Loaded, held: frozenset[str], needed: set[str], unused: set[str], optional: set[str]
) -> Iterator[Problem]:
    """What is missing, what is rotated though nobody makes it, and what nothing reads: a secret too many."""
    yield from missing(needed - unused, held, loaded.specs)
    for name in sorted(loaded.settings.rotate):
        if name not in loaded.specs or loaded.specs[name].policy != "generated" or name in held:
            where, what = f"homeport:settings.rotate.{name}", "is no secret that homeport generates in this stack"
            yield Problem(where, what, fixes.drop(where))
    for name in sorted((held & loaded.specs.keys()) - needed - optional):
        yield Problem(f"homeport:{name}", "is not needed by this stack", fixes.drop(f"homeport:{name}"))
