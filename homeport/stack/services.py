"""The services of a stack, each after what it needs, and the databases on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.database import Database, DatabaseArgs
from components.network_connections import NetworkConnections, NetworkConnectionsArgs
from components.routes import Routes, RoutesArgs
from components.workload import AtRest, AtRestArgs, Workload, WorkloadArgs
from homeport.model import names
from homeport.model.container import container_spec
from homeport.render.files import service_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.secrets import Secrets
    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service
    from homeport.stack.hosts import HostResources

ROOT = Path(__file__).parents[2]


class Services:
    """All services.

    Attributes:
        workloads: By the service's name.
        routes: What the proxy leads by; to depend on.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        hosts: Mapping[str, HostResources],
        secrets: Secrets,
        before: Mapping[str, tuple[pulumi.Resource, ...]],
    ) -> None:
        """Registers them in the order in which they can start.

        Args:
            blueprint: The system.
            hosts: By the host's name.
            secrets: All secrets of the stack.
            before: Service's name to what it waits for beside the services that it needs.
        """
        self._blueprint, self._hosts, self._secrets, self._before = blueprint, hosts, secrets, before
        self.workloads: dict[str, Workload] = {}
        self.routes: list[pulumi.Resource] = []
        self._databases: dict[str, list[pulumi.Resource]] = {}
        for wave in blueprint.waves():
            for service in wave:
                self.workloads[service.name] = workload = self._workload(service)
                self._databases[service.name] = self._databases_on(service, workload)
        for service in blueprint.services:
            if service.edge:
                self.routes.append(self._routes(service))
        for service in blueprint.resting:
            host = self._host(service)
            AtRest(service.name, AtRestArgs(host=host.host, service=service, protect=blueprint.protect_data), host.opts)

    def _host(self, service: Service) -> HostResources:
        return self._hosts[self._blueprint.homes[service.name]]

    def _workload(self, service: Service) -> Workload:
        blueprint, host = self._blueprint, self._host(service)
        files = service_files(blueprint, service, ROOT)
        after = [self.workloads[need].ready for need in service.needs]
        after += [database for need in service.needs for database in self._databases[need]]
        after += self._before.get(service.name, ())
        args = WorkloadArgs(
            host=host.host,
            service=service,
            spec=container_spec(blueprint, service),
            image=host.images[service.name],
            reference=service.image,
            files=files,
            networks={names.physical(blueprint.namespace, name): host.networks[name] for name in service.networks},
            shared_volumes=host.shared_volumes,
            secrets={name: self._secrets.values[name] for name in files.secrets},
            key=self._secrets.key,
            protect=blueprint.protect_data,
            after=tuple(after),
        )
        return Workload(service.name, args, host.opts)

    def _routes(self, proxy: Service) -> Routes:
        """What the proxy leads to is there, and healthy, before a name leads to it."""
        blueprint, host, workload = self._blueprint, self._host(proxy), self.workloads[proxy.name]
        if workload.files_volume is None:
            raise ValueError(f"{proxy.name} has no volume for its routes: homeport/model/container.py mounts it")
        files = service_files(blueprint, proxy, ROOT)
        connected = self._connections(proxy) if proxy.later_networks else ()
        behind = sorted({route.service for route in blueprint.seen_by(proxy).routes} & self.workloads.keys())
        args = RoutesArgs(
            host=host.host,
            service=proxy,
            container=workload.container,
            volume=workload.files_volume,
            files=files,
            secrets={name: self._secrets.values[name] for name in files.secrets},
            key=self._secrets.key,
            ports=tuple(sorted(blueprint.edge.ports.values())) if proxy.host_network else (),
            after=(workload.ready, *connected, *(self.workloads[name].ready for name in behind)),
        )
        return Routes(f"{proxy.name}-routes", args, host.opts)

    def _connections(self, service: Service) -> tuple[pulumi.Resource, ...]:
        host, workload = self._host(service), self.workloads[service.name]
        args = NetworkConnectionsArgs(
            host=host.host,
            container=workload.container_id,
            networks={name: (host.networks[name], host.network_ids[name]) for name in service.later_networks},
            after=(workload.ready,),
        )
        return NetworkConnections(f"{service.name}-on", args, host.opts).ready

    def _databases_on(self, server: Service, workload: Workload) -> list[pulumi.Resource]:
        """The databases on a server, once it answers; what needs the server waits for them too."""
        host = self._host(server)
        ready: list[pulumi.Resource] = []
        for database in (database for database in self._blueprint.databases if database.server == server.name):
            passwords = {role.secret for role in database.roles if role.secret}
            args = DatabaseArgs(
                host=host.host,
                database=database,
                container=workload.container,
                container_id=workload.container_id,
                passwords={name: self._secrets.values[name] for name in passwords},
                root=ROOT,
                texts=self._blueprint.texts(),
                after=workload.ready,
            )
            # One after the other: two sessions that create roles at once can collide on the catalog's rows.
            opts = pulumi.ResourceOptions.merge(host.opts, pulumi.ResourceOptions(depends_on=list(ready)))
            ready.append(Database(f"database-{database.name}", args, opts).ready)
        return ready
