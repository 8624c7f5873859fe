"""A GitHub Actions runner on a host: as a user of its own, in a unit that keeps its jobs in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.render import runner as render

if TYPE_CHECKING:
    from components.host import Host
    from homeport.model.runner import Runner


@dataclass(frozen=True, kw_only=True)
class RunnerArgs:
    """What a runner needs.

    Attributes:
        host: Where it runs.
        runner: Whose jobs it takes.
        token: Registration token: of the repository's page, good for an hour; needed again only where URL, name or
            labels change.
        image: Id of an image on the host that holds the program in ``/home/runner``; unused where the runner names an
            archive.
        after: Resources that must be there first.
    """

    host: Host
    runner: Runner
    token: pulumi.Input[str]
    image: pulumi.Input[str] = ""
    after: tuple[pulumi.Resource, ...] = ()


class ActionsRunner(pulumi.ComponentResource):
    """A runner that is registered once and comes back after a reboot.

    Attributes:
        unit: Its systemd unit.
        ready: To depend on: it is registered and runs.
    """

    unit: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(self, name: str, args: RunnerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:host:ActionsRunner", name, None, opts)
        script = f"{render.folder(args.runner)}/runner.sh"
        service = HostFiles(
            f"{name}-service",
            HostFilesArgs(
                host=args.host,
                files=render.files(args.runner),
                values={"runner-token": pulumi.Output.secret(args.token), "runner-image": args.image},
                apply=f"sh {script} up",
                remove=render.remove(args.runner),
                after=args.after,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.ready = service.ready
        self.unit = pulumi.Output.from_input(args.runner.unit)
        self.register_outputs({"unit": self.unit})
