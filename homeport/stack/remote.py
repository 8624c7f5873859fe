"""A host that is not this machine: how it is provisioned and reached, and its layers from packages to Docker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pulumi

from components.connection import identity_file, private_key, public_key
from components.docker_engine import DockerEngine, DockerEngineArgs
from components.fail2ban import Fail2ban, Fail2banArgs
from components.firewall import Firewall, FirewallArgs
from components.host import Host
from components.host_unit import HostLayer
from components.random_secret import random_secret
from components.runner import ActionsRunner, RunnerArgs
from components.server import USER, Server, ServerArgs
from components.ssh import Ssh, SshArgs
from components.ssh_access import SshAccess, SshAccessArgs
from components.wireguard import WireGuard, WireGuardArgs
from homeport.model import names
from homeport.render import fail2ban
from homeport.render.wireguard import PACKAGES
from homeport.stack.machines import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.vpn import Vpn
    from homeport.plan.hosts import HostPlan
    from homeport.settings.hosts import AdoptHost, CreateHost
    from homeport.stack.providers import Providers

_VPN_UNIT = "wg-quick@wg0.service"


@dataclass(frozen=True, kw_only=True)
class _Identity:
    """Who the program is to a host.

    Attributes:
        file: Path of the private key, as ssh reads it; empty: the operator's agent and own keys.
        public: Its public half.
    """

    file: pulumi.Input[str]
    public: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class _Provisioned:
    """A machine that exists, and how it is known.

    Attributes:
        address: Its public address.
        user: The program's user on it.
        pin: Its public SSH key.
        generation: Changes when the host is another machine.
        server: A rented server, which takes everything on it along when it is deleted.
        exports: What else is to be shown of it.
    """

    address: pulumi.Output[str]
    user: str
    pin: pulumi.Input[str]
    generation: pulumi.Output[str]
    server: pulumi.Resource | None = None
    exports: dict[str, pulumi.Output[str]]


def remote_machine(host: HostPlan, providers: Providers, secrets: Mapping[str, pulumi.Output[str]]) -> Machine:
    """A rented or adopted host, hardened, in the VPN where it ends there, with a Docker of its own."""
    opts = providers.opts
    identity = _identity(host, secrets.get("ssh-private-key"), opts)
    if host.machine.mode == "create":
        cloud, provider = providers.hcloud(secrets["hcloud-token"])
        key = providers.supplied_key.id(cloud, provider) if providers.supplied_key else None
        provisioned = _create(host, host.machine, identity.public, key, cloud)
    elif host.machine.mode == "adopt":
        provisioned = _adopt(host.machine)
    else:
        raise ValueError(f"host {host.name} is this machine")
    access = _ssh_access(host, provisioned, identity, opts)
    handle = Host(
        name=host.name,
        stack=host.stack,
        namespace=host.namespace,
        environment=access.environment,
        after=(access.ready,),
        generation=provisioned.generation,
        deleted_with=provisioned.server,
        # A rented server is the program's own, all of it.
        take_over=host.machine.take_over if host.machine.mode == "adopt" else ("*",),
    )
    layers = _Layers(host, handle, provisioned, opts)
    if host.runner:
        args = RunnerArgs(host=handle, runner=host.runner, token=secrets["github-runner-token"], after=layers.ready)
        ActionsRunner(names.host_part(host.name, "runner"), args, opts)
    port = str(host.ssh_ports[0])
    return Machine(
        host=handle,
        opts=providers.docker(host.name, access.environment["DOCKER_HOST"], access.options, layers.ready),
        ready=layers.ready,
        exports={
            "address": provisioned.address,
            "ssh": pulumi.Output.concat(provisioned.user, "@", provisioned.address, ":", port),
            **provisioned.exports,
        },
        client_configs=layers.client_configs,
    )


def _identity(host: HostPlan, supplied: pulumi.Output[str] | None, opts: pulumi.ResourceOptions) -> _Identity:
    if supplied is not None:
        public = pulumi.Output.unsecret(supplied.apply(public_of))
        return _Identity(file=identity_file(supplied, host.stack, host.name), public=public)
    if host.machine.mode == "adopt":
        return _Identity(file="", public=pulumi.Output.from_input(""))
    seed = random_secret(names.host_part(host.name, "ssh-key"), opts)
    public = pulumi.Output.unsecret(seed.apply(public_key))
    return _Identity(file=identity_file(seed.apply(private_key), host.stack, host.name), public=public)


def public_of(private: str) -> str:
    """The public half of a supplied SSH key, as sshd reads it."""
    # Only who brings a key pays for it.
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415

    key = form.load_ssh_private_key(private.encode(), None)
    return key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


def _create(
    host: HostPlan,
    machine: CreateHost,
    authorized: pulumi.Output[str],
    key: pulumi.Input[str] | None,
    opts: pulumi.ResourceOptions,
) -> _Provisioned:
    args = ServerArgs(
        name=names.rented(host.stack, host.name),
        server_type=machine.server_type,
        location=machine.location,
        image=machine.image,
        port=host.ssh_ports[0],
        openings=host.openings,
        authorized=authorized,
        key=key,
        labels={"homeport.stack": host.stack, "homeport.host": host.name},
        protect=host.protect,
    )
    server = Server(host.name, args, opts)
    return _Provisioned(
        address=server.address,
        user=USER,
        pin=server.host_key,
        generation=server.generation,
        server=server.server,
        exports={"address6": server.address6},
    )


def _adopt(machine: AdoptHost) -> _Provisioned:
    return _Provisioned(
        address=pulumi.Output.from_input(machine.address),
        user=machine.user,
        pin=machine.host_key,
        # Another pinned key is another machine.
        generation=pulumi.Output.from_input(machine.host_key),
        exports={},
    )


def _ssh_access(
    host: HostPlan, provisioned: _Provisioned, identity: _Identity, opts: pulumi.ResourceOptions
) -> SshAccess:
    port, *previous = host.ssh_ports
    args = SshAccessArgs(
        host=host.name,
        address=host.ssh_address or provisioned.address,
        port=port,
        user=provisioned.user,
        pin=provisioned.pin,
        bootstrap=provisioned.server is not None,
        identity=identity.file,
        generation=provisioned.generation,
        previous=tuple(previous),
        through=host.ssh_through,
    )
    return SshAccess(names.host_part(host.name, "reach"), args, opts)


class _Layers:
    """What is on a host below its containers.

    Packages come first; then the firewall, then sshd (a port that it moves to must be open), then the layers that not
    every host has. Docker's settings come after the packages alone, beside all these; no container does: the host's
    Docker provider waits for all.

    Attributes:
        ready: To depend on: all of it.
        client_configs: Members' configurations, where the VPN ends on it.
    """

    def __init__(self, plan: HostPlan, host: Host, provisioned: _Provisioned, opts: pulumi.ResourceOptions) -> None:
        self._plan, self._host, self._address, self._opts = plan, host, provisioned.address, opts
        self.client_configs: dict[str, pulumi.Output[str]] = {}
        optional = self._optional()
        docker = DockerEngine(
            names.host_part(plan.name, "engine"),
            DockerEngineArgs(
                host=host,
                user=provisioned.user,
                packages=(
                    *(package for layer in optional for package in layer.packages),
                    *dict.fromkeys(package for program in plan.programs for package in program.packages),
                ),
                units=(_VPN_UNIT,) if plan.vpn else (),
                order=plan.stop_order,
                kernel=plan.kernel,
            ),
            opts,
        )
        firewall = Firewall(
            names.host_part(plan.name, "firewall"),
            FirewallArgs(
                host=host,
                rules=plan.rules,
                ways=plan.ways,
                chains=tuple(chain for layer in optional for chain in layer.chains),
                after=(docker.packages,),
            ),
            opts,
        )
        sshd = Ssh(
            names.host_part(plan.name, "ssh"),
            SshArgs(
                host=host,
                ports=plan.ssh_ports,
                users=(provisioned.user,),
                own_key=provisioned.server is not None,
                forward=(provisioned.user, plan.forward) if plan.forward else None,
                after=(firewall.ready,),
            ),
            opts,
        )
        self.ready = (docker.ready, sshd.ready, *(layer.build((sshd.ready,)) for layer in optional))

    def _optional(self) -> list[HostLayer]:
        """The layers that not every host has, a line each, in their order; all come after sshd."""
        vpn = self._plan.vpn
        return [
            *([HostLayer(packages=PACKAGES, build=partial(self._wireguard, vpn))] if vpn else []),
            *(
                [HostLayer(packages=fail2ban.PACKAGES, chains=fail2ban.CHAINS, build=self._fail2ban)]
                if self._plan.fail2ban
                else []
            ),
        ]

    def _fail2ban(self, after: tuple[pulumi.Resource, ...]) -> pulumi.Resource:
        trusted = (self._plan.vpn.subnet,) if self._plan.vpn else ()
        args = Fail2banArgs(host=self._host, ports=self._plan.ssh_ports, trusted=trusted, after=after)
        return Fail2ban(names.host_part(self._plan.name, "fail2ban"), args, self._opts).ready

    def _wireguard(self, vpn: Vpn, after: tuple[pulumi.Resource, ...]) -> pulumi.Resource:
        settings = self._plan.wireguard
        args = WireGuardArgs(
            host=self._host,
            vpn=vpn,
            endpoint=self._address,
            versions=settings.versions,
            rotating=settings.rotating,
            next_public_keys=settings.next_public_keys,
            after=after,
        )
        layer = WireGuard(names.host_part(self._plan.name, "wireguard"), args, self._opts)
        self.client_configs.update(layer.client_configs)
        return layer.ready
