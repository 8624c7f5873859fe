"""The only file that knows every layer: it makes the providers and hands plain values from one layer to the next."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command
import pulumi_docker as docker
import pulumi_random as random

from components.database import Database, DatabaseArgs
from components.handle import Host, pinned
from components.images import Images, ImagesArgs
from components.networks import Networks, NetworksArgs
from components.proxy import edge_files
from components.secrets import Secrets, SecretsArgs
from components.volumes import SharedVolumes, SharedVolumesArgs
from components.workload import Workload, WorkloadArgs

if TYPE_CHECKING:
    from model.blueprint import Blueprint
    from model.route import Route
    from model.service import Service
    from settings.schema import AdoptHost, CreateHost, LocalHost, Settings

ROOT = Path(__file__).parent
DOCKER_SOCKET = "unix:///var/run/docker.sock"


class Program:
    """One stack's graph, built layer by layer in the order of the constructor."""

    def __init__(
        self,
        blueprint: Blueprint,
        settings: Settings,
        supplied: dict[str, pulumi.Output[str]],
        generated: dict[str, str],
    ) -> None:
        self.blueprint = blueprint
        self.host, self.here = _host(settings)
        self.secrets = Secrets(
            "secrets", SecretsArgs(supplied=supplied, generated=generated, versions=settings.rotate), self.here
        )
        references = {service.name: service.image for service in blueprint.services}
        self.images = Images("images", ImagesArgs(references=references), self.here)
        self.networks = Networks("networks", NetworksArgs(host=self.host, networks=blueprint.networks), self.here)
        self.shared = self._shared()
        self.workloads: dict[str, Workload] = {}
        self.databases: dict[str, list[pulumi.Resource]] = {}
        for wave in blueprint.waves():
            for service in wave:
                self._service(service)
        self._export()

    def _shared(self) -> dict[str, pulumi.Output[str]]:
        if not self.blueprint.shared_volumes:
            return {}
        first = self.blueprint.services[0]
        args = SharedVolumesArgs(
            host=self.host,
            volumes=self.blueprint.shared_volumes,
            image=self.images.ids[first.name],
            reference=first.image,
        )
        return SharedVolumes("volumes", args, self.here).names

    def _service(self, service: Service) -> None:
        blueprint = self.blueprint
        service, files = edge_files(blueprint, service, ROOT)
        wanted = {name for file in service.secret_files for name in file.secrets}
        after = [self.workloads[need].ready for need in service.needs]
        after += [made for need in service.needs for made in self.databases.get(need, [])]
        self.workloads[service.name] = made = Workload(
            service.name,
            WorkloadArgs(
                host=self.host,
                service=service,
                image=self.images.ids[service.name],
                reference=service.image,
                files=files,
                networks=tuple(self.networks.names[name] for name in service.networks),
                shared_volumes=self.shared,
                secrets={name: self.secrets.values[name] for name in wanted},
                key=self.secrets.key,
                published=blueprint.published(service),
                texts=blueprint.texts(),
                protect=blueprint.protect_data,
                after=tuple(after),
            ),
            self.here,
        )
        self._databases(service, made)

    def _databases(self, service: Service, server: Workload) -> None:
        """The databases on a server, once it answers; what needs the server waits for them too."""
        wanted = [database for database in self.blueprint.databases if database.server == service.name]
        for database in wanted:
            names = {role.secret for role in database.roles if role.secret}
            args = DatabaseArgs(
                host=self.host,
                database=database,
                container=server.container,
                container_id=server.container_id,
                passwords={name: self.secrets.values[name] for name in names},
                root=ROOT,
                texts=self.blueprint.texts(),
                after=server.ready,
            )
            # One after the other: two sessions that create roles at once can collide on the catalog's rows.
            earlier = self.databases.setdefault(service.name, [])
            made = Database(f"database-{database.name}", args, pulumi.ResourceOptions.merge(self.here, _after(earlier)))
            earlier.append(made.ready)

    def _export(self) -> None:
        blueprint = self.blueprint
        doors = {route.service: route for route in blueprint.routes}
        access = blueprint.edge.bind if not blueprint.edge.public else "public"
        pulumi.export("preset", blueprint.preset)
        pulumi.export("environment", blueprint.environment)
        services = {
            service.name: {
                "purpose": service.purpose,
                "image": service.image,
                "container": self.workloads[service.name].container,
                "url": blueprint.origin(doors[service.name]) if service.name in doors else "",
                "access": _access(service, doors, access),
            }
            for service in blueprint.services
        }
        pulumi.export("services", services)
        pulumi.export("skipped", list(blueprint.skipped))
        pulumi.export("next_steps", list(blueprint.next_steps))
        wanted = blueprint.secrets()
        pulumi.export("credentials", pulumi.Output.secret({name: self.secrets.values[name] for name in wanted}))


def _access(service: Service, doors: dict[str, Route], access: str) -> str:
    if service.edge:
        return f"the proxy itself, {access}"
    if service.name not in doors:
        return "inside only" if service.networks else "no network"
    asked = dict.fromkeys(guard.kind for guard in doors[service.name].guards if guard.kind != "closed")
    return f"{access}, through the proxy with {' or '.join(asked)}"


def _after(resources: list[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(resources))


def _host(settings: Settings) -> tuple[Host, pulumi.ResourceOptions]:
    """The handle of the stack's host and the providers for everything on it."""
    name, host = next(iter(sorted(settings.hosts.items())))
    address = _docker_address(host)
    options = pinned(host.address, host.port, host.host_key) if host.mode == "adopt" else ()
    providers: list[pulumi.ProviderResource] = [
        docker.Provider("docker", host=address, ssh_opts=[part for one in options for part in ("-o", one)] or None),
        command.Provider("command"),
        random.Provider("random"),
    ]
    handle = Host(
        name=name,
        stack=pulumi.get_stack(),
        namespace=settings.namespace,
        environment={"DOCKER_HOST": address} | ({"HOMEPORT_SSH_OPTS": "\n".join(options)} if options else {}),
    )
    return handle, pulumi.ResourceOptions(providers=providers)


def _docker_address(host: LocalHost | AdoptHost | CreateHost) -> str:
    """Where Docker answers. Named on purpose: an ambient host would send containers to the wrong machine (pulumi-docker#1147)."""
    if host.mode == "adopt":
        return f"ssh://{host.user}@{host.address}:{host.port}"
    return os.environ.get("DOCKER_HOST") or DOCKER_SOCKET
