"""The providers of a stack, each made only where it is used: a cloud's SDK costs seconds (design.md, decision 15)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command
import pulumi_docker as docker
import pulumi_random as random

from components.host import Host
from homeport.model import names
from homeport.stack.site import Site

if TYPE_CHECKING:
    from components.secrets import Secrets
    from homeport.model.blueprint import Blueprint
    from homeport.plan.resolve import Plan

DOCKER_SOCKET = "unix:///var/run/docker.sock"


class Base:
    """What all hosts share.

    Attributes:
        opts: The providers that need no host.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._shared: list[pulumi.ProviderResource] = [command.Provider("command"), random.Provider("random")]
        self._hcloud: pulumi.ProviderResource | None = None
        self.opts = pulumi.ResourceOptions(providers=list(self._shared))

    def site(self, name: str, blueprint: Blueprint, secrets: Secrets) -> Site:
        """One host of the settings, from the machine up to its Docker networks."""
        settings = self.plan.settings
        if settings.hosts[name].mode != "local":
            from homeport.stack.remote import remote  # noqa: PLC0415  # a stack on this machine pays for no cloud

            return remote(self, name, blueprint, secrets)
        # Named on purpose: an ambient host would send containers to the wrong machine (pulumi-docker#1147).
        address = os.environ.get("DOCKER_HOST") or DOCKER_SOCKET
        host = Host(
            name=name,
            stack=pulumi.get_stack(),
            namespace=settings.namespace,
            environment={"DOCKER_HOST": address},
        )
        return self.on(host, docker.Provider(names.host_part(name, "docker"), host=address), blueprint)

    def with_hcloud(self, secrets: Secrets) -> pulumi.ResourceOptions:
        """The providers that need no host, and Hetzner Cloud's, in a rehearsal for the emulated one."""
        import pulumi_hcloud as hcloud  # noqa: PLC0415  # half a second that only a rented server costs

        if self._hcloud is None:
            self._hcloud = hcloud.Provider(
                "hcloud",
                token=secrets.values["hcloud-token"],
                endpoint=self.plan.endpoints.get("hcloud"),
                poll_interval="1s",
            )
        return pulumi.ResourceOptions(providers=[self._hcloud, *self._shared])

    def cloudflare(self, secrets: Secrets) -> pulumi.ProviderResource:
        """The provider for Cloudflare, in a rehearsal for the emulated one."""
        from components.cloud import cloudflare  # noqa: PLC0415

        made: pulumi.ProviderResource = cloudflare.Provider(
            "cloudflare",
            api_token=secrets.values["cloudflare-api-token"],
            base_url=self.plan.endpoints.get("cloudflare"),
        )
        return made

    def on(self, host: Host, provider: pulumi.ProviderResource, blueprint: Blueprint) -> Site:
        """The host with its own Docker provider."""
        return Site(host, pulumi.ResourceOptions(providers=[provider, *self._shared]), blueprint)
