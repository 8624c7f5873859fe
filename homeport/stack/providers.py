"""The providers of a stack, each made only where it is used: a cloud's SDK costs seconds to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command
import pulumi_docker as docker
import pulumi_random as random

from homeport.model import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.stack.hetzner_key import HetznerKey


class Providers:
    """What resources are made by.

    Attributes:
        opts: The providers that need no host and no cloud.
        supplied_key: The SSH key that the stack's owner supplied, for all rented hosts; None: each gets one of its own.
    """

    def __init__(self, endpoints: Mapping[str, str], supplied_key: HetznerKey | None = None) -> None:
        """Makes the providers that every stack has.

        Args:
            endpoints: ``hcloud`` and ``cloudflare`` to another API address than the cloud's own, which a rehearsal has.
            supplied_key: See above.
        """
        self.supplied_key = supplied_key
        self._endpoints = endpoints
        self._everywhere: list[pulumi.ProviderResource] = [command.Provider("command"), random.Provider("random")]
        self._hcloud: pulumi.ProviderResource | None = None
        self.opts = pulumi.ResourceOptions(providers=list(self._everywhere))

    def docker(
        self,
        host: str,
        address: pulumi.Input[str],
        ssh_options: pulumi.Output[list[str]] | None = None,
        after: tuple[pulumi.Resource, ...] = (),
        certificates: str = "",
    ) -> pulumi.ResourceOptions:
        """A host's own Docker, and the providers of ``opts``.

        ``certificates`` is a folder of ca.pem, cert.pem and key.pem, where the daemon asks for TLS.

        Its address is named in any case: an ambient one would send containers to the wrong machine
        (pulumi-docker#1147).
        """
        flags = (
            ssh_options.apply(lambda options: [part for option in options for part in ("-o", option)])
            if ssh_options
            else None
        )
        provider = docker.Provider(
            names.host_part(host, "docker"),
            host=address,
            ssh_opts=flags,
            cert_path=certificates or None,
            opts=pulumi.ResourceOptions(depends_on=list(after)),
        )
        return pulumi.ResourceOptions(providers=[provider, *self._everywhere])

    def hcloud(self, token: pulumi.Output[str]) -> tuple[pulumi.ResourceOptions, pulumi.ProviderResource]:
        """Hetzner Cloud, one provider for all hosts, beside the providers of ``opts``; and that one alone."""
        import pulumi_hcloud as hcloud  # noqa: PLC0415  # half a second that only a rented server costs

        if self._hcloud is None:
            endpoint = self._endpoints.get("hcloud")
            self._hcloud = hcloud.Provider("hcloud", token=token, endpoint=endpoint, poll_interval="1s")
        return pulumi.ResourceOptions(providers=[self._hcloud, *self._everywhere]), self._hcloud

    def cloudflare(self, token: pulumi.Output[str]) -> pulumi.ProviderResource:
        """Cloudflare."""
        from components.cloud import cloudflare  # noqa: PLC0415  # Cloudflare's SDK is the largest of all

        provider: pulumi.ProviderResource = cloudflare.Provider(
            "cloudflare", api_token=token, base_url=self._endpoints.get("cloudflare")
        )
        return provider
