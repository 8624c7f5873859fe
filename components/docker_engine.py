"""What a host needs before anything runs on it: packages, kernel settings, Docker."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.model.template import SHELL
from homeport.render import daemon_json, host_text, packages, shutdown, sysctl, systemd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.host import Package


@dataclass(frozen=True, kw_only=True)
class DockerEngineArgs:
    """How a host is to be made ready.

    Attributes:
        host: Where.
        user: The program's own user there; it may talk to Docker afterwards.
        packages: What the host's optional layers need beside what every host has.
        units: systemd units whose addresses containers listen on; Docker waits for them at boot.
        order: Names of the containers in the order in which they end when the machine goes down; each wave needs only
            those after it.
        kernel: Settings of the kernel that containers want, by name.
        after: Resources that must be there first.
    """

    host: Host
    user: str
    packages: tuple[Package, ...] = ()
    units: tuple[str, ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    kernel: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    after: tuple[pulumi.Resource, ...] = ()


class DockerEngine(pulumi.ComponentResource):
    """Docker on a host, made or adopted. What is there already is left as it is.

    Attributes:
        packages: To depend on: every program is there.
        ready: To depend on: Docker runs with its settings.
    """

    packages: pulumi.Resource
    ready: pulumi.Resource

    def __init__(self, name: str, args: DockerEngineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:engine:Engine", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        installed = HostFiles(
            f"{name}-packages",
            HostFilesArgs(
                host=args.host,
                files=packages.files(),
                values={},
                apply=packages.apply(args.packages),
                # What others may use by now stays.
                remove="true",
                guard=0,
                after=args.after,
            ),
            child,
        )
        self.packages = installed.ready
        settings = HostFiles(
            f"{name}-settings",
            HostFilesArgs(
                host=args.host,
                files=(
                    *sysctl.files(args.kernel),
                    *daemon_json.files(),
                    systemd.docker_after(args.units),
                    *shutdown.files(args.order, args.units),
                ),
                values={},
                apply=_apply(args.user),
                also=(daemon_json.PATH,),
                units=(daemon_json.UNIT,),
                # Without the last line's end, as hosts have it: any other text would restart Docker's unit for nothing.
                remove=host_text.text("docker/remove.sh").rstrip(),
                guard=0,
                after=(installed.ready,),
            ),
            child,
        )
        self.ready = settings.ready
        self.register_outputs({})


def _apply(user: str) -> str:
    """Shell: kernel first, then Docker; then the user, who has to sign in anew to be of its group."""
    name = SHELL(user)
    member = "" if user == "root" else f"id -nG {name} | grep -qw docker || usermod -aG docker {name}"
    return host_text.filled("docker/apply.sh", member=host_text.Code(member))
