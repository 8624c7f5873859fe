"""Programs of a host itself: the users and folders of all of them, and each with its files, units and health."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.render import host_programs as render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.host_program import HostProgram as Program

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class HostProgramsArgs:
    """What the programs of a host need together.

    Attributes:
        host: Where they run.
        programs: All of them.
        texts: What their paths, owners and files name: options, and texts of the blueprint.
        keep: Whether data, and the users that own it, stay when the stack goes.
        after: Resources that must be there first: Docker, for its group.
    """

    host: Host
    programs: tuple[Program, ...]
    texts: Mapping[str, str]
    keep: bool
    after: tuple[pulumi.Resource, ...] = ()


class HostPrograms(pulumi.ComponentResource):
    """The users and folders of a host's programs.

    Attributes:
        ready: To depend on: they are there.
    """

    ready: pulumi.Resource

    def __init__(self, name: str, args: HostProgramsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:host:Programs", name, None, opts)
        unit = f"{name}-ground"
        ground = HostFilesArgs(
            host=args.host,
            files=(),
            values={},
            apply=render.ground(args.programs, args.texts, unit),
            remove=render.ground_removed(args.programs, args.texts, unit, keep=args.keep),
            after=args.after,
        )
        self.ready = HostFiles(unit, ground, pulumi.ResourceOptions(parent=self)).ready
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class HostProgramArgs:
    """What one program needs.

    Attributes:
        host: Where it runs.
        program: The program.
        texts: What its paths, owners and files name: options, and texts of the blueprint.
        secrets: Name to value of the secrets that stand in its files.
        after: Resources that must be there first: users and folders, the services that it needs.
    """

    host: Host
    program: Program
    texts: Mapping[str, str]
    secrets: Mapping[str, pulumi.Input[str]]
    after: tuple[pulumi.Resource, ...] = ()


class HostProgram(pulumi.ComponentResource):
    """A program of a host. A version that does not become healthy is taken back, and the update fails.

    Attributes:
        ready: To depend on: it is healthy.
    """

    ready: pulumi.Resource

    def __init__(self, name: str, args: HostProgramArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:host:Program", name, None, opts)
        unit = HostFilesArgs(
            host=args.host,
            files=render.files(args.program, args.texts, ROOT),
            values={key: pulumi.Output.secret(value) for key, value in args.secrets.items()},
            texts=args.texts,
            apply=render.apply(args.program, args.texts),
            also=render.also(args.program, args.texts),
            # What the set-up makes as well: stopped by hand, it is started by the next update.
            units=args.program.watched,
            remove=render.remove(args.program, args.texts),
            after=args.after,
        )
        self.ready = HostFiles(name, unit, pulumi.ResourceOptions(parent=self)).ready
        self.register_outputs({})
