"""A program that runs on a host itself, outside of every container: files, users, systemd units, its health."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from homeport.model import template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.host import Package
    from homeport.model.secret import SecretSpec
    from homeport.model.template import Syntax

ROOT = "root"
_UNITS = "/etc/systemd/system/"


@dataclass(frozen=True, kw_only=True)
class ProgramFile:
    """A file of a program on a host.

    Attributes:
        target: Absolute path on the host, ``{option}`` filled in; with ``*`` in the source, the folder of the files.
        source: Path below the project root, in ``apps/`` or in the folder of the preset; with ``*`` in it, all files
            that it matches.
        text: The content, where there is no source; it alone may name secrets.
        syntax: What reads the content: ``{name}`` in it stands for an option, for a text of the blueprint (``host:…``,
            ``port:…``) or, in ``text``, for a secret. None: the content as it is.
        mode: Permission bits; at most 0o600 where a secret is in it.
        owner: ``user:group``, ``{option}`` filled in.
    """

    target: str
    source: str = ""
    text: str = ""
    syntax: Syntax | None = None
    mode: int = 0o644
    owner: str = "root:root"

    @property
    def names(self) -> tuple[str, ...]:
        """What stands in braces in ``text``."""
        return template.names(self.text) if self.syntax else ()


@dataclass(frozen=True, kw_only=True)
class HostUser:
    """A user that is made where it is missing, and removed again by the stack that made it.

    Attributes:
        name: Its name, ``{option}`` filled in; its group has the same one.
        home: Its home; empty: it has none, and nobody signs in as it.
        groups: Further groups that it is put into, each with its reason.
    """

    name: str
    home: str = ""
    groups: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class HostFolder:
    """A folder that is made before a program starts.

    Attributes:
        path: Absolute path, ``{option}`` filled in.
        owner: ``user:group``.
        mode: Permission bits.
        data: True if losing it loses what users made: it stays where the environment protects data. Else it goes with
            the program, and all that is in it; a folder that was there before is left alone.
    """

    path: str
    owner: str = "root:root"
    mode: int = 0o755
    data: bool = False


@dataclass(frozen=True, kw_only=True)
class ProgramPort:
    """A TCP port that a program listens on.

    Attributes:
        number: The port.
        reachable: The preset's networks whose containers reach it, besides the host's own loopback address. What is on
            other machines does not, unless ``members`` says so.
        members: Whether members of the mesh reach it, as far as the mesh's own rules let them.
    """

    number: int
    reachable: tuple[str, ...] = ()
    members: bool = False


@dataclass(frozen=True, kw_only=True)
class HostCommand:
    """A command that an operator has a host run.

    Attributes:
        path: Absolute path on the host, ``{option}`` filled in; it runs in its folder.
        user: As whom, ``{option}`` filled in.
    """

    path: str
    user: str


@dataclass(frozen=True, kw_only=True)
class HostProgram:
    """A program of a preset that runs on a host itself; left out where that host is this machine.

    It comes about in this order, as root on the host: packages, users, folders, files, ``setup``, then the units. If
    one of them fails, or the program is not healthy in time, the files of the version before come back, are set up and
    started again, and the update fails with the last lines of the journal.

    Attributes:
        name: Its name in tables, and in the logical names of its resources.
        purpose: One sentence for tables.
        files: Its files.
        users: Users that its files, folders and units name.
        folders: Folders that it needs, parents first.
        packages: What it needs of the distribution.
        setup: Shell, one command as a rule: ``{option}`` and texts of the blueprint filled in. It must be safe to run
            again, and to run for the version before.
        teardown: Shell that takes away what ``setup`` has made, when the files are gone already.
        also: Files that ``setup`` makes or changes beside ``files``, by path: they come back, or go, with these.
        units: systemd units among its files, or made by ``setup``, that are enabled and (re)started, in this order.
        health: URL on the host that answers with 200 once the program works; empty: its units are active.
        gate: Seconds that an update waits for that.
        works: Folder, ``{option}`` filled in, where each work that it does at times leaves ``<work>.json``: ``status``
            (``ok`` or ``error``) and ``finished`` of its last run, ``last_good``, in seconds since 1970. ``homeport
            status`` shows them.
        ports: Where it listens.
        needs: Services that must be healthy before it starts; where one of them is off, it is left out.
        secrets: The secrets that it needs and no service declares.
        tools: The preset's tools whose images its hosts have for it; ``{image:<tool>}`` in its texts is the image.
        roles: It runs on every host that has one of these roles, or takes everything; empty: on the main host.
        section: It is there only where the settings have this section, a group of the preset's options; empty: always.
        backup: What ``homeport backup`` and ``homeport restore`` run; None: it keeps nothing.
    """

    name: str
    purpose: str
    files: tuple[ProgramFile, ...]
    users: tuple[HostUser, ...] = ()
    folders: tuple[HostFolder, ...] = ()
    packages: tuple[Package, ...] = ()
    setup: str = ""
    teardown: str = ""
    also: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    health: str = ""
    gate: int = 60
    works: str = ""
    ports: tuple[ProgramPort, ...] = ()
    needs: tuple[str, ...] = ()
    secrets: tuple[SecretSpec, ...] = ()
    tools: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    section: str = ""
    backup: HostCommand | None = None

    @property
    def watched(self) -> tuple[str, ...]:
        """Units that run while it works: its own, and those that ``setup`` makes; a template's come and go."""
        made = (path.rpartition("/")[2] for path in self.also if path.startswith(_UNITS) and "@." not in path)
        return tuple(dict.fromkeys((*self.units, *made)))

    @property
    def names(self) -> tuple[str, ...]:
        """All that its files' texts name, each once: options, texts of the blueprint and secrets."""
        return tuple(dict.fromkeys(name for file in self.files for name in file.names))
