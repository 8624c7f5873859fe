"""A preset as a value: the system before an environment's settings are laid over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.database import Database
    from homeport.model.host_program import HostProgram
    from homeport.model.mesh import MeshSpec
    from homeport.model.network import Network
    from homeport.model.route import Guard, Route
    from homeport.model.secret import SecretSpec
    from homeport.model.service import Service, Volume


@dataclass(frozen=True, kw_only=True)
class Option:
    """Something of a preset that the settings may choose (``settings.options``).

    Attributes:
        default: What it is where the user says nothing.
        purpose: What it is for, with units.
        pattern: A regular expression that the whole text must match.
        shape: The pattern in words, so that "must be <shape>" reads well.
        kind: ``text``, ``url`` (of a service), ``mail`` (a person's address), ``number``, from ``low`` to ``high``, or
            ``folder`` of the checkout, which takes the place of the default in the sources of services' files; the
            pattern is that of a ``text``. What may be empty has an empty default.
        example: A value that is accepted, where the default is none.
        low: The least number.
        high: The greatest number.
        at_most: Another option of the preset, which it may not exceed; both are decimal numbers.
    """

    default: str
    purpose: str
    shape: str
    pattern: str = ""
    kind: Literal["text", "url", "mail", "number", "folder"] = "text"
    example: str = ""
    low: int = 0
    high: int = 0
    at_most: str = ""


@dataclass(frozen=True, kw_only=True)
class OptionGroup:
    """Options that are chosen together or not at all, as a section of the settings; ``{group-option}`` stands for each.

    Attributes:
        purpose: What they choose, as a sentence.
        without: What is there where they are left out, as a sentence; the options' defaults stand for it.
        default: The same in two or three words.
        options: The options by name.
        skipped: What a stack that leaves them out does without, for the status table; empty: nothing worth a line.
    """

    purpose: str
    without: str
    default: str
    options: tuple[tuple[str, Option], ...]
    skipped: str = ""


@dataclass(frozen=True, kw_only=True)
class ExportLayout:
    """How the system looks as plain files (``homeport export``), where the general rules do not say it.

    Attributes:
        required: Secrets that a person sets in ``.env``, in this order; the script that deploys makes the others.
        folders: Service name to the folder with its static files; elsewhere it has the service's name.
        documents: Path in the export to a file of the project for it, which no container reads; a folder stands for all
            that is in it, tests aside.
        sites: True: the proxy's host names are variables of its own, ``<ROUTE>_HOSTNAME``, each a name or a port such
            as ``:8001``; they come from ``.env.global`` and ``.env`` in that order, networks are in ``networks.yml``,
            and published ports in the override of an environment.
    """

    required: tuple[str, ...] = ()
    folders: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    documents: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sites: bool = False


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A folder on the host, a Git repository, that holds the configuration of the system in plain files, secrets aside.

    In it ``docker-compose/<folder>/docker-compose.yml`` starts and stops services by hand, one folder at a time. Pulumi
    stays the owner: what compose made in a container's place goes with the next update, and the container comes back.

    Attributes:
        path: Absolute path; ``{option}`` is filled in.
        owner: The user whom it belongs to; ``{option}`` is filled in.
        remote: URL of the Git repository that it is a clone of, ``{option}`` filled in; empty: of none.
        folders: Service name to its folder below ``docker-compose``, where that is not its own name: services that are
            started together share one.
        documents: Path in it to a file or folder of the project, as in ``ExportLayout.documents``.
    """

    path: str
    owner: str
    remote: str = ""
    folders: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    documents: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def folder(self, service: str) -> str:
        """The folder of a service below ``docker-compose``, which is the name of its compose project as well."""
        return self.folders.get(service, service)


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """Something that is left for a person after the first ``pulumi up``; ``service`` is what it is about, if one is."""

    text: str
    service: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of setting a system up, as its description lists them.

    Attributes:
        text: The step, in the description's words.
        how: What homeport does of it by itself, and what is left for a person; Markdown.
        claims: Claims of a rehearsal that tick it (``rehearsal/claims``).
        smoke: Lines of ``homeport smoke`` that tick it on the real hosts.
        tests: Tests that tick it, as ``path::name``.
    """

    text: str
    how: str
    claims: tuple[str, ...] = ()
    smoke: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Steps that belong together, in their order."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Which services, networks and routes make a system.

    Attributes:
        name: As it is spelled in the configuration.
        purpose: One sentence.
        services: Its services.
        networks: Its networks.
        routes: Its routes.
        databases: Its databases.
        shared_volumes: Volumes that several services mount.
        defaults: Settings that this system has where the user says nothing, as in ``homeport:settings``; below
            ``dev``, ``preprod`` or ``prod`` what it has in that environment alone, which comes before the rest. None
            for a section there: it is left out.
        tools: Programs for the host that are taken out of images, by name; ``cloudflared`` is used with exposure
            tunnel.
        connections: What members of the VPN connect to, by name: a URL with texts and secrets in it, ``{port:SERVICE}``
            for a service's port; shown as secret outputs.
        calls: Service name to the URLs, as templates, that it may call on members of the VPN; the first that is not
            empty counts. And on members of the mesh, all of them: ``http://{mesh:ROLE}:9100``, by a name that the
            mesh alone knows, or ``https://{host:ROUTE}``, a page for members.
        options: What the settings may choose; ``{name}`` in environment values and templates stands for it.
        groups: What they may choose together: a section of the settings for each.
        next_steps: What is left for a person after the first ``pulumi up``.
        secrets: Secrets that it needs besides those of its services.
        renamed: A name in ``.env`` files of the same system, or of an earlier version, to the key that took its place.
        export: How it looks as plain files.
        checkout: The same on a host that is not this machine, as a Git repository; None: the compose file alone.
        guests: Routes to services of other stacks, known beforehand: open where the stack is for this machine alone,
            elsewhere where ``settings.guests`` names them.
        programs: What runs on the host itself, outside of every container.
        mesh: How its hosts reach each other; None: it has no mesh.
        roles: What a host without services may be, with its purpose; the other roles are those of services.
        operator: What the proxy asks of a guest's caller where Cloudflare Access does not stand before it; None: the
            preset has no guests.
        phases: How the system is set up, in the order of its description; empty: the description has none.
    """

    name: str
    purpose: str
    services: tuple[Service, ...]
    networks: tuple[Network, ...]
    routes: tuple[Route, ...] = ()
    databases: tuple[Database, ...] = ()
    shared_volumes: Mapping[str, Volume] = field(default_factory=lambda: MappingProxyType({}))
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    tools: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    connections: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    options: Mapping[str, Option] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, OptionGroup] = field(default_factory=lambda: MappingProxyType({}))
    next_steps: tuple[NextStep, ...] = ()
    secrets: tuple[SecretSpec, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    export: ExportLayout = field(default_factory=ExportLayout)
    checkout: Checkout | None = None
    guests: tuple[Route, ...] = ()
    operator: Guard | None = None
    programs: tuple[HostProgram, ...] = ()
    mesh: MeshSpec | None = None
    roles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    phases: tuple[Phase, ...] = ()
