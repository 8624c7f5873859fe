"""The only file that knows every layer: it makes the providers and hands plain values from one layer to the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.database import Database, DatabaseArgs
from components.proxy import edge_files
from components.secrets import Secrets, SecretsArgs
from components.workload import Workload, WorkloadArgs
from homeport.model import template
from homeport.stack.base import Base

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service
    from homeport.plan.resolve import Plan
    from homeport.stack.site import Site

ROOT = Path(__file__).parents[2]


class Program:
    """One stack's graph, built layer by layer in the order of the constructor."""

    def __init__(
        self,
        plan: Plan,
    ) -> None:
        self.blueprint, settings = plan.blueprint, plan.settings
        blueprint = self.blueprint
        self.base = Base(plan)
        supplied = {name: pulumi.Output.secret(value.reveal()) for name, value in plan.supplied.items()}
        args = SecretsArgs(supplied=supplied, generated=plan.generated, versions=settings.rotate)
        self.secrets = Secrets("secrets", args, self.base.opts)
        self.sites = {name: self.base.site(name, blueprint, self.secrets) for name in sorted(settings.hosts)}
        self.names = self._names()
        self.workloads: dict[str, Workload] = {}
        self.databases: dict[str, list[pulumi.Resource]] = {}
        for wave in blueprint.waves():
            for service in wave:
                self._service(service)
        self.doors = self._doors()
        self._export()

    def _doors(self) -> Mapping[str, pulumi.Input[object]]:
        if self.blueprint.exposure != "tunnel":
            return {}
        from homeport.stack.doors import Doors  # noqa: PLC0415  # Cloudflare's SDK is the largest of all

        site = self.sites[self.blueprint.door_host]
        return Doors(self.blueprint, self.base.plan, site, self.secrets, self.base.cloudflare(self.secrets)).outputs

    def _names(self) -> tuple[pulumi.Resource, ...]:
        """The records of doors that a proxy of ours opens, where Cloudflare keeps the zone."""
        edges = [one for one in self.blueprint.services if one.edge]
        if self.blueprint.exposure != "direct" or not edges or self.base.plan.settings.cloudflare is None:
            return ()
        from homeport.stack.doors import names  # noqa: PLC0415  # Cloudflare's SDK is the largest of all

        return names(self.blueprint, self.base.plan, self._site(edges[0].name), self.base.cloudflare(self.secrets))

    def _site(self, service: str) -> Site:
        return self.sites[self.blueprint.homes[service]]

    def _service(self, service: Service) -> None:
        blueprint, site = self.blueprint, self._site(service.name)
        service, files = edge_files(blueprint, service, ROOT)
        wanted = {name for file in service.secret_files for name in file.secrets}
        after = [self.workloads[need].ready for need in service.needs]
        after += [made for need in service.needs for made in self.databases.get(need, [])]
        after += self.names if service.edge else ()
        self.workloads[service.name] = made = Workload(
            service.name,
            WorkloadArgs(
                host=site.host,
                service=service,
                image=site.images[service.name],
                reference=service.image,
                files=files,
                networks=tuple(site.networks[name] for name in service.networks),
                shared_volumes=site.shared,
                secrets={name: self.secrets.values[name] for name in wanted},
                key=self.secrets.key,
                published=blueprint.published(service),
                texts=blueprint.texts(),
                protect=blueprint.protect_data,
                after=tuple(after),
            ),
            site.opts,
        )
        self._databases(service, made)

    def _databases(self, service: Service, server: Workload) -> None:
        """The databases on a server, once it answers; what needs the server waits for them too."""
        wanted = [database for database in self.blueprint.databases if database.server == service.name]
        site = self._site(service.name)
        for database in wanted:
            names = {role.secret for role in database.roles if role.secret}
            args = DatabaseArgs(
                host=site.host,
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
            made = Database(f"database-{database.name}", args, pulumi.ResourceOptions.merge(site.opts, _after(earlier)))
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
                "access": _access(blueprint, service, access),
            }
            for service in blueprint.services
        }
        pulumi.export("services", services)
        sign_ins = {service.name: list(blueprint.sign_ins(service)) for service in blueprint.services}
        pulumi.export("sign_in", {name: asked for name, asked in sign_ins.items() if asked})
        pulumi.export("skipped", list(blueprint.skipped))
        pulumi.export("next_steps", list(blueprint.next_steps))
        hosts = {name: site.exports for name, site in self.sites.items() if site.exports}
        if hosts:
            pulumi.export("hosts", hosts)
        for site in self.sites.values():
            if site.client_configs:
                pulumi.export("client_configs", pulumi.Output.secret(site.client_configs))
        for name, value in self.doors.items():
            pulumi.export(name, value)
        wanted = blueprint.secrets()
        texts = {**blueprint.texts(), **{name: self.secrets.values[name] for name in wanted}}
        if blueprint.connections:
            filled = pulumi.Output.all(**texts).apply(
                lambda values: {name: template.fill(text, values) for name, text in blueprint.connections.items()}
            )
            pulumi.export("connections", pulumi.Output.secret(filled))
        pulumi.export("credentials", pulumi.Output.secret({name: self.secrets.values[name] for name in wanted}))


def _access(blueprint: Blueprint, service: Service, access: str) -> str:
    doors = {route.service: route for route in blueprint.routes}
    if service.edge:
        return f"the proxy itself, {access}"
    private = "VPN only" if blueprint.vpn else "this machine only"
    ports = [f"{private}, {port.address}:{port.outside}" for port in blueprint.published(service)]
    if service.name not in doors or (ports and blueprint.exposure != "tunnel"):
        return ", ".join(ports) or ("inside only" if service.networks else "no network")
    asked = " or ".join(dict.fromkeys(guard.kind for guard in doors[service.name].guards if guard.kind != "closed"))
    if ports:
        return f"{', '.join(ports)}; tunnel with {asked}"
    return f"{access}, through the proxy with {asked}"


def _after(resources: list[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(resources))
