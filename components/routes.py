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
    from homeport.model.service import Service
    from homeport.render.files import ServiceFiles


@dataclass(frozen=True, kw_only=True)
class RoutesArgs:
    """What the routes need from the other layers.

    Attributes:
        host: Where the proxy runs.
        service: The proxy.
        container: Its container's name.
        volume: The volume that it reads its routes from.
        files: Its files.
        secrets: Values of the secrets that they hold.
        key: Keys the fingerprint of the files.
        ports: Where it listens in the host's network; none: it has a network of its own.
        after: Resources that must be there first: the proxy's gate, and what the routes lead to.
    """

    host: Host
    service: Service
    container: pulumi.Input[str]
    volume: pulumi.Input[str]
    files: ServiceFiles
    secrets: Mapping[str, pulumi.Output[str]]
    key: pulumi.Output[str]
    ports: tuple[int, ...] = ()
    after: tuple[pulumi.Resource, ...]


class Routes(pulumi.ComponentResource):
    """Routes that the proxy has checked, runs with, and starts with from now on."""

    def __init__(self, name: str, args: RoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Routes", name, None, opts)
        secrets = pulumi.Output.all(**{secret: args.secrets[secret] for secret in args.files.secrets})
        rendered = pulumi.Output.all(secrets, args.key).apply(lambda both: routes(args.files, both[0], both[1]))
        command.local.Command(
            f"{name}-taken",
            create=pulumi.Output.format(
                "{0} {1} {2} {3} {4} {5} {6} {7}" + (" {8}" if args.ports else ""),
                ROUTES,
                args.volume,
                pulumi.Output.unsecret(rendered.apply(lambda item: item.mark)),
                args.service.image,
                args.container,
                args.service.files_at,
                str(args.files.owner),
                args.host.stack,
                *([",".join(map(str, args.ports))] if args.ports else ()),
            ),
            # Secret, because its parts are.
            stdin=rendered.apply(lambda item: "\n".join((*item.masks, item.bundle))),
            environment=dict(args.host.environment),
            # A volume made anew is empty.
            triggers=[args.volume],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.register_outputs({})
