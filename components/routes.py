"""The edge proxy's routes, guards and their secrets: taken by a reload, so that no connection ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command

from components.host import ROUTES
from homeport.render.files import routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from components.workload import Workload
    from homeport.model.service import Service
    from homeport.render.files import ServiceFiles


@dataclass(frozen=True, kw_only=True)
class RoutesArgs:
    """What the routes need from the other layers.

    Attributes:
        host: Where the proxy runs.
        service: The proxy.
        workload: Its container and the volume of its routes.
        files: Its files.
        secrets: Values of the secrets that they hold.
        key: Keys the fingerprint of the files.
        after: Resources that must be there first: what the routes lead to.
    """

    host: Host
    service: Service
    workload: Workload
    files: ServiceFiles
    secrets: Mapping[str, pulumi.Output[str]]
    key: pulumi.Output[str]
    after: tuple[pulumi.Resource, ...]


class Routes(pulumi.ComponentResource):
    """Routes that the proxy has checked, runs with, and starts with from now on."""

    def __init__(self, name: str, args: RoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Routes", name, None, opts)
        volume = args.workload.files_volume
        if volume is None:
            raise ValueError(f"{args.service.name} has no volume for its routes: components/workload.py makes it")
        secrets = pulumi.Output.all(**{secret: args.secrets[secret] for secret in args.files.secrets})
        rendered = pulumi.Output.all(secrets, args.key).apply(lambda both: routes(args.files, both[0], both[1]))
        command.local.Command(
            f"{name}-taken",
            create=pulumi.Output.format(
                "{0} {1} {2} {3} {4} {5} {6} {7}",
                ROUTES,
                volume,
                pulumi.Output.unsecret(rendered.apply(lambda item: item.mark)),
                args.service.image,
                args.workload.container,
                args.service.files_at,
                str(args.files.owner),
                args.host.stack,
            ),
            # Secret, because its parts are.
            stdin=rendered.apply(lambda item: "\n".join((*item.masks, item.bundle))),
            environment=dict(args.host.environment),
            # A volume made anew is empty.
            triggers=[volume],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.workload.ready, *args.after]),
        )
        self.register_outputs({})
