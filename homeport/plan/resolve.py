"""The one way from a stack's configuration to what is to be built: settings parsed, laid over the preset, checked.

No Pulumi.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from catalog.presets import registry
from homeport.model.check import problems as blueprint_problems
from homeport.model.errors import BlueprintError, Problem, SettingsError
from homeport.plan import image_lock
from homeport.plan.blueprint import build_blueprint, strangers
from homeport.plan.contradictions import contradictions, placeholders
from homeport.plan.hosts import plan_hosts
from homeport.plan.written import unwritable
from homeport.settings import defaults
from homeport.settings.friendly import is_plain
from homeport.settings.load import Configuration, load, readable
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
        return tuple(image for image in self.images if "@" not in image)

    @property
    def images(self) -> tuple[str, ...]:
        """The references of all images that it needs, each once, in order."""
        return _references(self.blueprint)


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
        SettingsError: Settings or secrets are wrong, or a secret is missing; with everything that is wrong.
        BlueprintError: The settings and the preset together contradict themselves.
    """
    try:
        loaded = load(configuration, today, defaults=registry.defaults, declared=registry.declared())
    except SettingsError as refused:
        raise SettingsError((*refused.problems, *_foreseen(configuration, sealed=sealed))) from None
    settings = loaded.settings
    layers = [*_layers_secrets(settings.model_dump(mode="json"))]
    try:
        named = _blueprint(loaded)
    except BlueprintError as refused:
        absent = () if sealed else tuple(missing(layers, loaded.secrets, loaded.specs))
        raise BlueprintError((*refused.problems, *absent)) from None
    blueprint = image_lock.applied(named, pins or {})
    needed = [*blueprint.secrets(), *layers]
    optional = {"ssh-private-key"} if any(host.mode != "local" for host in settings.hosts.values()) else set()
    unused = {name for name in needed if _of_unused_section(loaded, name)}
    # Of a service that is off: one that the configuration holds may stay, one that was made is kept in the state.
    resting = [name for name in blueprint.resting_secrets if name in loaded.specs]
    if not sealed:
        found = [*_secret_problems(loaded, {*needed}, unused, {*optional, *resting})]
        # A rehearsal says by its clouds' addresses that it is one.
        found += () if loaded.endpoints else placeholders(settings)
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
        named=_references(named),
    )


def _blueprint(loaded: Loaded) -> Blueprint:
    blueprint = build_blueprint(registry.preset(loaded.preset), loaded.settings)
    if loaded.endpoints:
        # A rehearsal: no public authority sees its servers, nor do they see one.
        blueprint = replace(blueprint, edge=replace(blueprint.edge, own_authority=True))
    if problems := (*blueprint_problems(blueprint), *contradictions(loaded.settings, blueprint)):
        raise BlueprintError(problems)
    return blueprint


def _references(blueprint: Blueprint) -> tuple[str, ...]:
    references = (*(service.image for service in blueprint.services), *blueprint.tools.values())
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
    if exposure == "tunnel" or (exposure == "direct" and settings.get("cloudflare") is not None):
        yield "cloudflare-api-token"
    own = isinstance(access, dict) and access.get("login") == "google" and not access.get("identity_provider")
    if exposure == "tunnel" and own:
        yield "google-client-secret"


def _foreseen(configuration: Configuration, *, sealed: bool) -> Iterator[Problem]:
    """What is wrong besides, where the settings alone are refused already: nobody is to mend in rounds."""
    declared, name = registry.declared(), configuration.values.get("homeport:preset", "")
    settings = readable(configuration.values.get("homeport:settings", ""))
    if settings is None or name not in declared.presets:
        return
    settings = with_defaults(configuration.stack, name, settings)
    # Odd names are refused as such already, and are not to be repeated.
    sections = {key: section for key, section in settings.items() if isinstance(section, dict)}
    plain = {key: {part: 1 for part in section if is_plain(part)} for key, section in sections.items()}
    yield from strangers(registry.preset(name), plain)
    if not sealed:
        held = [key.removeprefix("homeport:") for key in configuration.values]
        yield from missing(_layers_secrets(settings), held, known_secrets(declared, settings))


def _is_made(loaded: Loaded, name: str) -> bool:
    return loaded.specs[name].policy == "generated"


def _of_unused_section(loaded: Loaded, name: str) -> bool:
    section = loaded.specs[name].section if name in loaded.specs else ""
    return bool(section) and loaded.settings.group(section) is None


def _secret_problems(loaded: Loaded, needed: set[str], unused: set[str], optional: set[str]) -> Iterator[Problem]:
    """What is missing, what is rotated though nobody makes it, and what nothing reads: a secret too many."""
    yield from missing(needed - unused, loaded.secrets, loaded.specs)
    for name in sorted(loaded.settings.rotate):
        if name not in loaded.specs or loaded.specs[name].policy != "generated" or name in loaded.secrets:
            where, what = f"homeport:settings.rotate.{name}", "is no secret that homeport generates in this stack"
            yield Problem(where, what, f"Run: pulumi config rm --path {where}")
    for name in sorted(loaded.secrets.keys() - needed - optional):
        yield Problem(f"homeport:{name}", "is not needed by this stack", f"Run: pulumi config rm homeport:{name}")
