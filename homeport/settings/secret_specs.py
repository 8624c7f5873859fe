"""The secrets of the program's own layers; those of services and presets are declared by them, in ``catalog/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.model.secret import SecretSpec

if TYPE_CHECKING:
    from homeport.model.declarations import Declarations

GENERAL: dict[str, SecretSpec] = {
    spec.name: spec
    for spec in (
        SecretSpec(
            name="hcloud-token",
            purpose="to rent servers from Hetzner Cloud (hosts of mode create)",
            kind="token",
            policy="supplied",
        ),
        SecretSpec(
            name="cloudflare-api-token",
            purpose="to manage DNS, the tunnel and Access at Cloudflare",
            kind="token",
            policy="supplied",
        ),
        SecretSpec(
            name="ssh-private-key",
            purpose="to log in to the hosts over SSH",
            kind="ssh-key",
            policy="supplied",
        ),
        SecretSpec(
            name="google-client-secret",
            purpose="for people's login with Google (access.login google)",
            kind="token",
            policy="supplied",
        ),
    )
}


def known_secrets(declared: Declarations) -> dict[str, SecretSpec]:
    """Every secret that a configuration may hold: those of services and presets, then those of the program's layers."""
    return {**declared.secrets, **GENERAL}


def former_names(declared: Declarations) -> dict[str, str]:
    """Names of ``.env`` files and of earlier versions, to the keys that took their place."""
    variables = {spec.env_name: name for name, spec in known_secrets(declared).items()}
    return {**variables, **declared.renamed}
