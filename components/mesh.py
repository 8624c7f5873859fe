"""The mesh: users on the control server, the client on every member, and each member's address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command

from components.host_unit import HostFiles, HostFilesArgs
from homeport.model.mesh import HOSTS
from homeport.render import headscale, tailscale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.mesh import Member
    from homeport.model.mesh import Mesh as Declared

_SCRIPT = "sh components/scripts/mesh.sh"
_GUARD = 120


@dataclass(frozen=True, kw_only=True)
class MeshArgs:
    """What the mesh needs.

    Attributes:
        mesh: What is declared.
        hub: Where the control server runs.
        control: Its container's name.
        control_id: Its container's id: another one is a reason to look whether everybody is still in.
        hosts: Member to its host; a member without one is refused.
        images: Member to the id of the image, on its host, that holds the client's programs.
        authority: Certificates (PEM) that members trust instead of their system's; empty where the server's is publicly
            trusted.
        after: Resources that must be there first: the control server's gate, the edge proxy in front of it.
    """

    mesh: Declared
    hub: Host
    control: pulumi.Input[str]
    control_id: pulumi.Input[str]
    hosts: Mapping[str, Host]
    images: Mapping[str, pulumi.Input[str]]
    authority: str = ""
    after: tuple[pulumi.Resource, ...] = ()


class Mesh(pulumi.ComponentResource):
    """Hosts that reach each other as the policy says, and by no other way.

    Attributes:
        addresses: Member to its address in the mesh.
        names: Member to its host name in the mesh.
        ready: Member to what to depend on: the host is in.
    """

    addresses: dict[str, pulumi.Output[str]]
    names: dict[str, str]
    ready: dict[str, pulumi.Resource]

    def __init__(self, name: str, args: MeshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:mesh:Mesh", name, None, opts)
        self._name, self._args = name, args
        self.addresses, self.names, self.ready = {}, {}, {}
        users = command.local.Command(
            f"{name}-users",
            create=f"{_SCRIPT} users",
            stdin="".join(f"{user}\n" for user in headscale.users(args.mesh)),
            environment=self._hub(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.hub.after, *args.after]),
        )
        for member in sorted(args.mesh.members, key=lambda member: member.name):
            enrolled = self._enrolled(member, [users, self._client(member)])
            self.addresses[member.name] = enrolled.stdout.apply(str.strip)
            self.names[member.name] = args.mesh.hostname(member)
            self.ready[member.name] = enrolled
        self.register_outputs({"addresses": self.addresses, "names": self.names})

    def _hub(self) -> dict[str, pulumi.Input[str]]:
        """The environment of whatever speaks with the control server."""
        args = self._args
        hub = {f"HUB_{key}": value for key, value in args.hub.environment.items()}
        return {**hub, "MESH_CONTROL": args.control, "MESH_CONTROL_ID": args.control_id, "MESH_USER": HOSTS}

    def _client(self, member: Member) -> pulumi.Resource:
        args = self._args
        client: pulumi.Resource = HostFiles(
            f"{self._name}-{member.name}-client",
            HostFilesArgs(
                host=args.hosts[member.name],
                files=tailscale.files(args.mesh.port, args.authority),
                values={"mesh-image": args.images[member.name]},
                apply=tailscale.install(),
                # Not its state, which changes by itself: each update would take that for a change by hand.
                also=(tailscale.CLIENT,),
                units=(tailscale.SERVICE,),
                remove=tailscale.remove(),
                guard=_GUARD,
            ),
            pulumi.ResourceOptions(parent=self),
        ).ready
        return client

    def _enrolled(self, member: Member, after: list[pulumi.Resource]) -> command.local.Command:
        tags = ",".join(f"tag:{tag}" for tag in member.tags)
        host = self._args.hosts[member.name]
        return command.local.Command(
            f"{self._name}-{member.name}-enrolled",
            # Run again on every change of it: who is in is left in. No triggers, for a replacement would remove the
            # member first (docs/traps.md, M3).
            create=f"{_SCRIPT} enrol {member.name} {self._args.mesh.url} {tags}",
            delete=f"{_SCRIPT} leave {member.name}",
            # A server that was rented anew is in nobody's mesh.
            environment={**host.environment, **self._hub(), "MESH_GENERATION": host.generation},
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )
