"""The cloudflare plugin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.base import CheckFailed, InvokeFailed, Props, Provider, ProviderError, Secret, plain
from toolchain.plugins.cloudflare.client import Client
from toolchain.plugins.cloudflare.kinds import KINDS
from toolchain.plugins.cloudflare.resource import CloudflareType
from toolchain.plugins.tfbridge.check import unknown_settings

if TYPE_CHECKING:
    from toolchain.plugins.cloudflare.fields import Field

_SECRETS: Final = ("apiKey", "apiToken", "apiUserServiceKey")
_SETTINGS: Final = frozenset({*_SECRETS, "baseUrl", "email", "userAgentOperatorSuffix", "version", "pluginDownloadURL"})
_TOKEN_FORM: Final = re.compile(r"[A-Za-z0-9_-]{40}")
_TOKEN_OF_TUNNEL: Final = "getZeroTrustTunnelCloudflaredToken"  # noqa: S105  (a function's name)


class CloudflareProvider(Provider):
    """Stand-in for pulumi-cloudflare."""

    name = "cloudflare"
    version = "6.23.1"

    def __init__(self) -> None:
        super().__init__()
        self._client = Client()
        for kind in KINDS:
            self.resources[f"cloudflare:index/{kind.token}"] = CloudflareType(kind, self._client)

    def check_config(self, urn: str, olds: Props, news: Props) -> Props:
        """Refuses settings that the provider does not know, and tokens that can be none; marks the secret ones."""
        name, prefix = urn.rsplit("::", 1)[-1], "could not validate provider configuration:"
        failures = unknown_settings(urn, news, _SETTINGS)
        token = plain(news.get("apiToken"))
        if isinstance(token, str) and not _TOKEN_FORM.search(token):
            form = "40 characters long and only contain characters a-z, A-Z, 0-9, hyphens and underscores"
            failures.append(f"{prefix} API tokens must be {form}. Examine values at '{name}.apiToken'.")
        marked = {key: Secret(plain(value)) if key in _SECRETS else value for key, value in news.items()}
        if failures:
            raise CheckFailed([("", reason) for reason in failures], marked)
        return marked

    def configure(self, config: Props) -> None:
        """Takes the settings; the client is made with the first call."""
        self._client.configure(config)

    def invoke(self, token: str, args: Props) -> Props:
        """Answers the one function that is covered: the token of a tunnel."""
        if token != f"cloudflare:index/{_TOKEN_OF_TUNNEL}:{_TOKEN_OF_TUNNEL}":
            raise ProviderError(f"unknown function {token!r} in the cloudflare stand-in", "NOT_FOUND")
        inputs = plain(args)
        wrong = [(key, "Invalid or unknown key") for key in inputs if key not in ("accountId", "tunnelId")]
        wrong += [
            (key, f"Missing required property '{key}'") for key in ("accountId", "tunnelId") if not inputs.get(key)
        ]
        if wrong:
            raise InvokeFailed(wrong)
        path = f"/accounts/{inputs['accountId']}/cfd_tunnel/{inputs['tunnelId']}/token"
        return {**inputs, "token": self._client.call("GET", path)}

    def schema(self) -> Props:
        """Package schema of all types, without descriptions."""
        resources = {f"cloudflare:index/{kind.token}": _schema(dict(kind.fields)) for kind in KINDS}
        return {"name": self.name, "version": self.version, "config": {}, "provider": {}, "resources": resources}

    def close(self) -> None:
        """Closes the connections to the API."""
        self._client.close()


def _schema(fields: dict[str, Field]) -> dict[str, Any]:
    return {
        "properties": {name: _shape(about) for name, about in fields.items()},
        "inputProperties": {name: _shape(about) for name, about in fields.items() if about.settable},
        "requiredInputs": sorted(name for name, about in fields.items() if about.required and name != "accountId"),
    }


def _shape(about: Field) -> dict[str, Any]:
    kinds = {"json": {"type": "string"}, "any": {"$ref": "pulumi.json#/Any"}, "object": {"type": "object"}}
    single = kinds.get(about.kind, {"type": about.kind})
    shape = {"type": "array", "items": single} if about.many else dict(single)
    return {**shape, "secret": True} if about.secret else shape


def provider() -> Provider:
    """A provider to serve."""
    return CloudflareProvider()
