"""The secrets of the program's own layers; those of services and presets are declared by them, in ``catalog/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.model.secret import SecretSpec
from homeport.settings.apps import SUPPLIED, api_key, database_password, login_password, secret_name
from homeport.settings.section import section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.declarations import Declarations
    from homeport.model.secret import Kind

GENERAL: dict[str, SecretSpec] = {
    spec.name: spec
    for spec in (
        SecretSpec(
            name="hcloud-token",
            purpose="to rent servers from Hetzner Cloud (hosts of mode create)",
            kind="token",
            policy="supplied",
            # hetznercloud/cli, internal/cmd/context/create.go: "Entered token is invalid (must be exactly 64 ...)".
            length=64,
        ),
        SecretSpec(
            name="cloudflare-api-token",
            purpose="to manage DNS, the tunnel and Access at Cloudflare",
            kind="token",
            policy="supplied",
        ),
        *(
            SecretSpec(
                name=name, purpose=f"to set records of the zone at OVH: its {word}", kind="token", policy="supplied"
            )
            for name, word in (
                ("ovh-application-key", "application key"),
                ("ovh-application-secret", "application secret"),
                ("ovh-consumer-key", "consumer key"),
            )
        ),
        SecretSpec(
            name="ssh-private-key",
            purpose="to log in to the hosts over SSH",
            kind="ssh-key",
            policy="supplied",
        ),
        SecretSpec(
            name="github-runner-token",
            purpose="to register the runner: of the repository's page, Settings, Actions, Runners; good for an hour",
            kind="token",
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

KEYS = frozenset({"preset", "settings"})
"""Config keys of the program's own that hold no secret."""


def known_secrets(declared: Declarations, settings: Any = None) -> dict[str, SecretSpec]:
    """Every secret that a configuration may hold: those of apps, of services and presets, of the program's layers.

    Args:
        declared: What the catalog declares.
        settings: The stack's settings in plain, which may be wrong: the apps in them.
    """
    apps = {spec.name: spec for _, _, spec in app_secrets(settings) if spec.name not in KEYS}
    return {**apps, **declared.secrets, **GENERAL}


def former_names(declared: Declarations) -> dict[str, str]:
    """Names of ``.env`` files and of earlier versions, to the keys that took their place.

    Several presets may have a variable of one name: it means what the first of them, the stack's own, says.
    """
    variables = {spec.env_name: name for name, spec in reversed(known_secrets(declared).items())}
    return {**variables, **declared.renamed}


def app_secrets(data: Any) -> Iterator[tuple[str, str, SecretSpec]]:
    """Every secret that the apps of a stack's plain settings declare: the app, where in its block, and the secret."""
    for app, block in section(data, "apps").items():
        if isinstance(app, str) and isinstance(block, dict):
            for where, spec in _of_app(app, block):
                yield app, where, spec


def _of_app(app: str, block: dict[str, Any]) -> Iterator[tuple[str, SecretSpec]]:
    route = block.get("route")
    access = route.get("access", "login") if isinstance(route, dict) else ""
    if access == "login":
        purpose = f"for people's login to {app}, where the proxy asks for it"
        yield "route", SecretSpec(name=login_password(app), kind="account-password", purpose=purpose)
    if access == "api-key":
        purpose = f"for programs that call {app}, where the proxy asks for it"
        yield "route", SecretSpec(name=api_key(app), purpose=purpose)
    if block.get("database"):
        yield "database", SecretSpec(name=database_password(app), purpose=f"for {app}'s role in PostgreSQL")
    for name, secret in section(block, "secrets").items():
        wanted = secret if isinstance(secret, dict) else {}
        if wanted.get("template"):
            continue
        kind, own = _kind(wanted.get("kind")), wanted.get("shared_as")
        supplied = wanted.get("supplied")
        spec = SecretSpec(
            name=secret_name(app, str(name), own if isinstance(own, str) else None),
            purpose=f"by {app}, as {name}",
            kind=kind,
            policy="supplied" if supplied or (supplied is None and kind in SUPPLIED) else "generated",
            encrypts=wanted.get("encrypts") is True,
        )
        yield f"secrets.{name}" + (".shared_as" if own else ""), spec


def _kind(text: Any) -> Kind:
    kinds: dict[str, Kind] = {
        "account-password": "account-password",
        "hex64": "hex64",
        "token": "token",
        "text": "text",
    }
    return kinds.get(str(text), "password")
