"""Files on a host, with owner and mode, and the command that applies them.

sshd's configuration, firewall rules, systemd units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command

from components.host import HOST
from homeport.render import host_text
from homeport.render.bundle import Entry, bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from components.host import Host
    from homeport.model.host import HostFile, Package

ON_HOST = Path(__file__).parent / "scripts" / "unit.sh"


@dataclass(frozen=True, kw_only=True)
class HostFilesArgs:
    """What a unit of files needs.

    Attributes:
        host: Where they belong.
        files: The files.
        values: What stands for ``{name}`` in those that are templates. One that is secret makes all that travels
            secret. None of them is shown.
        apply: Shell that brings the files about, as root on the host, whenever they or it changed; it must be safe to
            run again. If it fails, the old files come back, it is run again for them, and the update fails with its
            last lines.
        also: Paths that ``apply`` changes beside the files. As with these, what is there and is somebody else's stops
            the change, unless the host's settings say that it may be taken over.
        units: systemd units that the change puts others in the place of, or stops: those that ran before run again when
            the files are gone.
        remove: Shell that is run after the files are gone; also, with ``HOMEPORT_UNDO`` set, when a first change is
            undone.
        guard: Seconds after which the host undoes the change, unless a new connection confirms it; 0: no such timer.
            For whatever could cut this program off.
        after: Resources that must be there first.
        texts: What stands for further names, and may be shown.
        environment: More than the host's own environment has for the script: ``HOMEPORT_SSH_PORT_NEXT``.
    """

    host: Host
    files: tuple[HostFile, ...]
    values: Mapping[str, pulumi.Input[str]]
    apply: str = ":"
    also: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    remove: str = ":"
    guard: int = 0
    after: tuple[pulumi.Resource, ...] = ()
    environment: Mapping[str, pulumi.Input[str]] | None = None
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class HostLayer:
    """A layer that not every host has, and what other layers have to know of it before it is there.

    Attributes:
        build: Makes it; is handed what must be there first, and gives what to depend on.
        packages: What it needs of the distribution.
        chains: Chains of iptables that it fills by itself: the firewall neither reports the jumps to them nor takes
            them away.
    """

    build: Callable[[tuple[pulumi.Resource, ...]], pulumi.Resource]
    packages: tuple[Package, ...] = ()
    chains: tuple[str, ...] = ()


class HostFiles(pulumi.ComponentResource):
    """A unit of files on a host.

    Attributes:
        ready: The resource to depend on: it exists once the files are there and applied.
    """

    ready: pulumi.Resource

    def __init__(self, name: str, args: HostFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:host:Files", name, None, opts)
        text = pulumi.Output.all(**args.values).apply(lambda values: packed(args, values or {}))
        self.ready = command.local.Command(
            f"{name}-files",
            create=f"{HOST} apply {name} {args.guard}",
            # What is removed needs no bundle but its own end; without secrets, for the state keeps it.
            delete=f"{HOST} remove {name} 0",
            stdin=text,
            # A new server is empty. No trigger: it would replace, and the delete of the former would take away what the
            # new one has just laid (docs/traps.md, M3).
            environment={
                **args.host.environment,
                **(args.environment or {}),
                "HOMEPORT_GENERATION": args.host.generation,
            },
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*args.host.after, *args.after], deleted_with=args.host.deleted_with
            ),
        )
        self.register_outputs({})


def packed(args: HostFilesArgs, values: Mapping[str, str]) -> str:
    """The bundle for ``unit.sh``: the files by number, what to do with them, and what must not be shown."""
    lines, entries, paths = [], [], {*args.also}
    for number, file in enumerate((file.filled({**args.texts, **values}) for file in args.files), 1):
        paths.add(file.path)
        lines.append(f"{file.mode:o} {file.owner} {number} {file.path}\n")
        entries.append(_entry(f"files/{number}", file.content))
    masks = "".join(f"{line}\n" for value in values.values() for line in value.splitlines())
    texts = {
        "list": "".join(lines),
        "also": _lines(args.also),
        "services": _lines(args.units),
        # Of the host's whole list what this unit lays: another word in it is no change of this unit.
        "take-over": _lines(path for path in args.host.take_over if path in paths or path == "*"),
        "apply": args.apply,
        "remove": args.remove,
        "masks": masks,
    }
    entries += [_entry(path, text) for path, text in texts.items()]
    return bundle((*entries, _entry("unit.sh", host_text.whole(ON_HOST))))


def _lines(words: Iterable[str]) -> str:
    return "".join(f"{word}\n" for word in words)


def _entry(path: str, text: str) -> Entry:
    return Entry(path=path, mode=0o600, uid=0, gid=0, content=text.encode())
