"""The SSH key that a stack's owner supplied, at Hetzner Cloud: one for all rented hosts, unless it is there already.

A project takes each public key once (`uniqueness_error`; hetznercloud/terraform-provider-hcloud#12).
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

import pulumi

from homeport.model import names

if TYPE_CHECKING:
    from collections.abc import Sequence

_STACK: Final = "homeport.stack"


class HetznerKey:
    """One key for all of them.

    Args:
        stack: The stack's name.
        hosts: Those that are rented, in order; the key is called after the first.
        public: The public half.
        name: What it is called instead; empty: as above.
    """

    def __init__(self, stack: str, hosts: Sequence[str], public: str, name: str = "") -> None:
        self._stack, self._hosts, self._public, self._name = stack, hosts, public, name
        self._id: pulumi.Input[str] | None = None

    def id(self, opts: pulumi.ResourceOptions, provider: pulumi.ProviderResource) -> pulumi.Input[str]:
        """Its id at Hetzner: of one that somebody else put there, or of the stack's own."""
        if self._id is None:
            self._id = self._existing(provider) or self._own(opts)
        return self._id

    def _existing(self, provider: pulumi.ProviderResource) -> str:
        import pulumi_hcloud as hcloud  # noqa: PLC0415  # whoever rents nothing pays nothing

        try:
            rows = hcloud.get_ssh_keys(opts=pulumi.InvokeOptions(provider=provider)).ssh_keys
        except Exception as problem:  # noqa: BLE001  # Pulumi's own class for a failed call is Exception
            pulumi.log.warn(f"Hetzner was not asked which SSH keys it has, so this one is uploaded: {problem}")
            return ""
        ours = _fingerprint(self._public)
        strangers = [row for row in rows if (row.labels or {}).get(_STACK) != self._stack]
        return next((str(row.id) for row in strangers if row.fingerprint == ours), "")

    def _own(self, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        import pulumi_hcloud as hcloud  # noqa: PLC0415

        first, urn = self._hosts[0], f"urn:pulumi:{self._stack}::{pulumi.get_project()}::homeport:host:Server::"
        # It was part of a host before, under whichever host came first.
        former = [pulumi.Alias(name=f"{host}-key", parent=f"{urn}{host}") for host in self._hosts]
        key = hcloud.SshKey(
            "supplied-key",
            name=self._name or names.rented(self._stack, first),
            public_key=self._public,
            labels={_STACK: self._stack, "homeport.host": first},
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=former)),
        )
        made: pulumi.Output[str] = key.id
        return made


def rented_hosts(hosts: Sequence[str]) -> tuple[str, ...]:
    """Rented hosts in the order in which they give the key its name: the main one first, as it stays."""
    return tuple(sorted(hosts, key=lambda host: (host != names.MAIN, host)))


def _fingerprint(public: str) -> str:
    digits = hashlib.md5(base64.b64decode(public.split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
