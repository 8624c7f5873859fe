"""The `hcloud` plugin, version 1.43.3: settings, connection and resource types."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, Final

from toolchain.plugins import go_duration
from toolchain.plugins.base import CheckFailed, InvokeFailed, Props, Provider, ProviderError, ResourceType, Secret
from toolchain.plugins.hcloud.client import Cloud, CloudError
from toolchain.plugins.hcloud.firewall import Firewall, FirewallAttachment
from toolchain.plugins.hcloud.floating_ip import FloatingIp, FloatingIpAssignment
from toolchain.plugins.hcloud.keys import PlacementGroup, SshKey
from toolchain.plugins.hcloud.network import Network, NetworkRoute, NetworkSubnet
from toolchain.plugins.hcloud.primary_ip import PrimaryIp
from toolchain.plugins.hcloud.rdns import Rdns
from toolchain.plugins.hcloud.server import Server
from toolchain.plugins.hcloud.server_network import ServerNetwork
from toolchain.plugins.hcloud.volume import Volume, VolumeAttachment
from toolchain.plugins.tfbridge.check import unknown_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolchain.plugins.tfbridge.schema import Attr

_SETTINGS: Final = frozenset(
    {"endpoint", "endpointHetzner", "pollFunction", "pollInterval", "token", "version", "pluginDownloadURL"},
)
_TYPES: Final[tuple[Callable[[Callable[[], Cloud]], ResourceType], ...]] = (
    Firewall,
    FirewallAttachment,
    FloatingIp,
    FloatingIpAssignment,
    Network,
    NetworkRoute,
    NetworkSubnet,
    PlacementGroup,
    PrimaryIp,
    Rdns,
    Server,
    ServerNetwork,
    SshKey,
    Volume,
    VolumeAttachment,
)
_SSH_KEYS: Final = "hcloud:index/getSshKeys:getSshKeys"
_TOKEN_LENGTH: Final = 64
_JSON: Final = {"string": "string", "int": "integer", "bool": "boolean", "list": "array", "set": "array"}


class HcloudProvider(Provider):
    """Stands in for pulumi-hcloud: one client per provider, shared by all of its resources."""

    name: ClassVar[str] = "hcloud"
    version: ClassVar[str] = "1.43.3"

    def __init__(self) -> None:
        super().__init__()
        self._cloud: Cloud | None = None
        self.resources = {_token(kind): kind(self.cloud) for kind in _TYPES}

    def cloud(self) -> Cloud:
        """The connection; raises `ProviderError` before Configure."""
        if self._cloud is None:
            raise ProviderError("the hcloud provider is not configured yet", "FAILED_PRECONDITION")
        return self._cloud

    def schema(self) -> Props:
        """Package schema of the covered types, without descriptions."""
        resources = {token: _schema(getattr(kind, "schema")) for token, kind in self.resources.items()}  # noqa: B009
        return {"name": self.name, "version": self.version, "resources": resources, "functions": {_SSH_KEYS: {}}}

    def invoke(self, token: str, args: Props) -> Props:
        """Answers `getSshKeys`, as internal/sshkey/data_source_list.go does upstream; no other function is covered."""
        if token != _SSH_KEYS:
            return super().invoke(token, args)
        if unknown := sorted({*args} - {"id", "withSelector"}):
            raise InvokeFailed([(key, "Invalid or unknown key") for key in unknown])
        query = {"label_selector": args["withSelector"]} if args.get("withSelector") else {}
        try:
            rows = self.cloud().every("/ssh_keys", "ssh_keys", **query)
        except CloudError as refused:
            raise ProviderError(str(refused)) from refused
        names = {
            "fingerprint": "fingerprint",
            "id": "id",
            "labels": "labels",
            "name": "name",
            "publicKey": "public_key",
        }
        keys = [{name: row[field] for name, field in names.items()} for row in rows]
        selector = {"withSelector": args["withSelector"]} if args.get("withSelector") is not None else {}
        return {"id": "-".join(str(row["id"]) for row in rows), "sshKeys": keys, **selector}

    def check_config(self, urn: str, olds: Props, news: Props) -> Props:
        """The settings with the token marked as a secret; one that the plugin does not know is refused."""
        unknown = unknown_settings(urn, news, _SETTINGS)
        if unknown:
            raise CheckFailed([("", reason) for reason in unknown])
        token = news.get("token")
        return {**news, "token": Secret(token)} if isinstance(token, str) else news

    def configure(self, config: Props) -> None:
        """Takes token and endpoint; nothing is asked of the cloud yet."""
        token = config.get("token") or os.environ.get("HCLOUD_TOKEN", "")
        if not token:
            raise ProviderError("Missing Hetzner Cloud API token: set the secret `hcloud:token`")
        if len(token) != _TOKEN_LENGTH:
            raise ProviderError(f"entered token is invalid (must be exactly {_TOKEN_LENGTH} characters long)")
        function = config.get("pollFunction") or "exponential"
        if function not in ("constant", "exponential"):
            raise ProviderError(f"invalid poll function {function!r}: constant or exponential")
        endpoint = config.get("endpoint") or os.environ.get("HCLOUD_ENDPOINT", "")
        interval = config.get("pollInterval") or "500ms"
        try:
            seconds = go_duration.parse(interval) / 1_000_000_000
        except ValueError as bad:
            raise ProviderError(f"invalid poll interval {interval!r}: write it like 500ms or 2s") from bad
        self._cloud = Cloud(token, endpoint, seconds, exponential=function == "exponential")


def _token(kind: Any) -> str:
    name = kind.__name__
    return f"hcloud:index/{name[0].lower()}{name[1:]}:{name}"


def _schema(block: Mapping[str, Attr]) -> Props:
    inputs = {name: _entry(attr) for name, attr in block.items() if attr.is_input}
    required = sorted(name for name, attr in block.items() if attr.required)
    properties = {name: _entry(attr) for name, attr in block.items()}
    return {"properties": properties, "inputProperties": inputs, "requiredInputs": required}


def _entry(attr: Attr) -> Props:
    if attr.kind == "map":
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if attr.kind in ("list", "set"):
        return {"type": "array", "items": {"$ref": "pulumi.json#/Any"}}
    return {"type": _JSON[attr.kind]}


def provider() -> HcloudProvider:
    """A new provider, not configured yet."""
    return HcloudProvider()
