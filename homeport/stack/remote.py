"""A host that is not this machine: rented or adopted, hardened, in the VPN, with a Docker of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_docker as docker

from components.connection import identity_file, private_key, public_key
from components.docker_engine import DockerEngine, DockerEngineArgs
from components.firewall import Firewall, FirewallArgs
from components.host import Host
from components.host_unit import HostLayer
from components.random_secret import random_secret
from components.server import USER, Server, ServerArgs
from components.ssh import Ssh, SshArgs
from components.ssh_access import SshAccess, SshAccessArgs
from components.wireguard import WireGuard, WireGuardArgs
from homeport.model import names
from homeport.model.firewall import VPN, FirewallRule
from homeport.model.host import Opening
from homeport.render.wireguard import PACKAGES
from homeport.stack.compose import compose_files

if TYPE_CHECKING:
    from components.secrets import Secrets
    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service
    from homeport.settings.schema import CreateHost
    from homeport.stack.base import Base
    from homeport.stack.site import Site

_SSH = 22
_VPN_UNIT = "wg-quick@wg0.service"


class Remote:
    """One such host, layer by layer."""

    def __init__(self, base: Base, name: str, blueprint: Blueprint, secrets: Secrets) -> None:
        self.base, self.name, self.blueprint, self.secrets = base, name, blueprint, secrets
        self.settings, self.given = base.plan.settings, base.plan.settings.hosts[name]
        self.in_vpn = blueprint.vpn is not None and name == blueprint.door_host
        reach = self._reach()
        self.host = Host(
            name=name,
            stack=pulumi.get_stack(),
            namespace=self.settings.namespace,
            environment=reach.environment,
            after=(reach.ready,),
            generation=self.generation,
            deleted_with=self.deleted_with,
        )
        self._layers()
        # Its name decides nothing, its host does: an ambient one would reach the wrong machine (pulumi-docker#1147).
        self.provider = docker.Provider(
            names.host_part(name, "docker"),
            host=reach.environment["DOCKER_HOST"],
            ssh_opts=reach.options.apply(lambda options: [part for one in options for part in ("-o", one)]),
            opts=pulumi.ResourceOptions(depends_on=self.ready),
        )

    @property
    def port(self) -> int:
        """Where sshd listens, or shall."""
        return self.settings.ssh.port or (self.given.port if self.given.mode == "adopt" else _SSH)

    def _ports(self) -> tuple[int, ...]:
        previous = self.settings.ssh.previous
        return (self.port, *([previous] if previous and previous != self.port else []))

    def _reach(self) -> SshAccess:
        identity, authorized = self._identity()
        self.deleted_with: pulumi.Resource | None = None
        self.exports: dict[str, pulumi.Output[str]] = {}
        if self.given.mode == "create":
            server = self._server(self.given, authorized)
            self.address, self.generation, self.user = server.address, server.generation, USER
            pin: pulumi.Input[str] = server.host_key
            self.deleted_with, self.exports["address6"] = server.server, server.address6
        elif self.given.mode == "adopt":
            self.address, self.user = pulumi.Output.from_input(self.given.address), self.given.user
            # Another pinned key is another machine.
            pin, self.generation = self.given.host_key, pulumi.Output.from_input(self.given.host_key)
        else:
            raise ValueError(f"host {self.name} is this machine")
        private = self.blueprint.vpn.address if self.blueprint.vpn and self.settings.ssh.reach == "vpn" else None
        args = SshAccessArgs(
            host=self.name,
            address=private or self.address,
            port=self.port,
            user=self.user,
            pin=pin,
            bootstrap=self.given.mode == "create",
            identity=identity,
            generation=self.generation,
            previous=self._ports()[1:],
        )
        return SshAccess(names.host_part(self.name, "reach"), args, self.base.opts)

    def _identity(self) -> tuple[pulumi.Input[str], pulumi.Output[str]]:
        """Path of the private key that ssh uses, and its public half; for an adopted host without one, the operator's own keys."""
        stack = pulumi.get_stack()
        supplied = self.secrets.values.get("ssh-private-key")
        if supplied is not None:
            return identity_file(supplied, stack, self.name), pulumi.Output.unsecret(supplied.apply(_public_of))
        if self.given.mode == "adopt":
            return "", pulumi.Output.from_input("")
        seed = random_secret(names.host_part(self.name, "ssh-key"), self.base.opts)
        return identity_file(seed.apply(private_key), stack, self.name), pulumi.Output.unsecret(seed.apply(public_key))

    def _server(self, given: CreateHost, authorized: pulumi.Output[str]) -> Server:
        labels = {"homeport.stack": pulumi.get_stack(), "homeport.host": self.name}
        args = ServerArgs(
            name=f"{pulumi.get_stack()}-{self.name}",
            server_type=given.server_type,
            location=given.location,
            image=given.image,
            port=self.port,
            openings=self._openings(),
            authorized=authorized,
            labels=labels,
            protect=self.settings.protect_data,
        )
        return Server(self.name, args, self.base.with_hcloud(self.secrets))

    def _openings(self) -> tuple[Opening, ...]:
        """What strangers may reach; both firewalls are made of it."""
        settings, found = self.settings, []
        if settings.ssh.reach == "public":
            found += [Opening(purpose="SSH", port=port, sources=settings.ssh.sources) for port in self._ports()]
        if self.in_vpn and self.blueprint.vpn:
            found.append(Opening(purpose="WireGuard", port=self.blueprint.vpn.port, protocol="udp"))
        if settings.exposure == "direct":
            found += [
                Opening(purpose=port.name.upper(), port=settings_port, protocol=port.protocol)
                for service in self.services()
                for port in service.ports
                if port.at == "edge" and (settings_port := self.blueprint.edge.ports[port.name])
            ]
        return tuple(found)

    def services(self) -> list[Service]:
        """What runs on it."""
        return [one for one in self.blueprint.services if self.blueprint.homes[one.name] == self.name]

    def _order(self) -> tuple[tuple[str, ...], ...]:
        """Its containers as they end: what needs others before those."""
        here = {one.name: names.physical(self.settings.namespace, one.name) for one in self.services()}
        waves = [tuple(here[one.name] for one in wave if one.name in here) for wave in self.blueprint.waves()]
        return tuple(wave for wave in reversed(waves) if wave)

    def _rules(self) -> tuple[FirewallRule, ...]:
        """What the host's own firewall lets in: the openings, and for members of the VPN their services."""
        blueprint, rules = self.blueprint, []
        edge = {opening.port for opening in self._openings() if opening.purpose in {"HTTP", "HTTPS"}}
        for opening in self._openings():
            published = opening.port in edge
            rules.append(FirewallRule(opening=opening, published=published))
        if blueprint.vpn is None or not self.in_vpn:
            return tuple(rules)
        if self.settings.ssh.reach == "vpn":
            rules += [FirewallRule(opening=Opening(purpose="SSH", port=port), via=VPN) for port in self._ports()]
        for service in self.services():
            for port in blueprint.published(service):
                if port.address == blueprint.vpn.address:
                    opening = Opening(purpose=service.name, port=port.outside, protocol=port.protocol)
                    rules.append(FirewallRule(opening=opening, via=VPN, published=True, address=port.address))
        return tuple(rules)

    def _optional(self) -> list[HostLayer]:
        """The layers that not every host has, a line each, in their order; all come after sshd."""
        return [
            *([HostLayer(packages=PACKAGES, build=self._wireguard)] if self.in_vpn else []),
        ]

    def _engine(self, layers: list[HostLayer]) -> DockerEngine:
        args = DockerEngineArgs(
            host=self.host,
            user=self.user,
            packages=tuple(package for layer in layers for package in layer.packages),
            units=(_VPN_UNIT,) if self.in_vpn else (),
            order=self._order(),
        )
        return DockerEngine(names.host_part(self.name, "engine"), args, self.base.opts)

    def _layers(self) -> None:
        """Packages, the firewall, then sshd (a port that it moves to must be open) before anything is worth attacking, then the VPN, then Docker."""
        host, opts = self.host, self.base.opts
        layers = self._optional()
        engine = self._engine(layers)
        chains = tuple(chain for layer in layers for chain in layer.chains)
        firewall = Firewall(
            names.host_part(self.name, "firewall"),
            FirewallArgs(host=host, rules=self._rules(), chains=chains, after=(engine.packages,)),
            opts,
        )
        ssh = Ssh(
            names.host_part(self.name, "ssh"),
            SshArgs(
                host=host,
                ports=self._ports(),
                users=(self.user,),
                own_key=self.given.mode == "create",
                after=(firewall.ready,),
            ),
            opts,
        )
        self.ready: list[pulumi.Resource] = [engine.ready, ssh.ready]
        self.client_configs: dict[str, pulumi.Output[str]] = {}
        self.ready += [layer.build((ssh.ready,)) for layer in layers]

    def _wireguard(self, after: tuple[pulumi.Resource, ...]) -> pulumi.Resource:
        if self.blueprint.vpn is None:
            raise ValueError(f"host {self.name} has no VPN")
        vpn = WireGuard(
            names.host_part(self.name, "wireguard"),
            WireGuardArgs(
                host=self.host,
                vpn=self.blueprint.vpn,
                endpoint=self.address,
                versions=self.settings.wireguard.versions,
                rotating=self.settings.wireguard.rotating,
                next_public_keys=self.settings.wireguard.next_public_keys,
                after=after,
            ),
            self.base.opts,
        )
        self.client_configs = vpn.client_configs
        return vpn.ready


def remote(base: Base, name: str, blueprint: Blueprint, secrets: Secrets) -> Site:
    """The host, from the machine up to its Docker networks."""
    found = Remote(base, name, blueprint, secrets)
    site = base.on(found.host, found.provider, blueprint)
    site.exports = {
        "address": found.address,
        "ssh": pulumi.Output.concat(found.user, "@", found.address, ":", str(found.port)),
        **found.exports,
    }
    site.client_configs = found.client_configs
    compose_files(found, secrets)
    return site


def _public_of(private: str) -> str:
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415

    key = form.load_ssh_private_key(private.encode(), None)
    return key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
