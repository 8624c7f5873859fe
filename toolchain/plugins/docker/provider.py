"""The `docker` plugin, version 5.2.0: settings, connection and resource types."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from toolchain.plugins.base import UNKNOWN, CheckFailed, Props, Provider, ProviderError, contains_unknown
from toolchain.plugins.docker.built_image import Image
from toolchain.plugins.docker.container import Container
from toolchain.plugins.docker.daemon import Daemon, DaemonError, Settings
from toolchain.plugins.docker.image import RemoteImage, Tag
from toolchain.plugins.docker.lookups import FUNCTIONS
from toolchain.plugins.docker.network import Network
from toolchain.plugins.docker.volume import Volume
from toolchain.plugins.tfbridge.check import unknown_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTINGS: Final = frozenset(
    {
        "caMaterial",
        "certMaterial",
        "certPath",
        "context",
        "disableDockerDaemonCheck",
        "host",
        "keyMaterial",
        "registryAuth",
        "sshOpts",
        "version",
        "pluginDownloadURL",
    }
)
_EMPTY: Final = {"sshOpts": [], "registryAuth": [], "disableDockerDaemonCheck": False}
"""The settings that are no text, each with what an empty text stands for."""
# Docker Desktop's sockets, tried when no address is given and the usual one is silent.
_USER_SOCKETS: Final = (".docker/run/docker.sock", ".docker/desktop/docker.sock")


class DockerProvider(Provider):
    """Stands in for pulumi-docker: one daemon per provider, its client shared by all of its resources."""

    name: ClassVar[str] = "docker"
    version: ClassVar[str] = "5.2.0"

    def __init__(self) -> None:
        super().__init__()
        self._daemon: Daemon | None = None
        self.resources = {
            "docker:index/container:Container": Container(self.daemon),
            "docker:index/network:Network": Network(self.daemon),
            "docker:index/volume:Volume": Volume(self.daemon),
            "docker:index/remoteImage:RemoteImage": RemoteImage(self.daemon),
            "docker:index/tag:Tag": Tag(self.daemon),
            "docker:index/image:Image": Image(self.daemon),
        }

    def daemon(self) -> Daemon:
        """The daemon of the configured address; raises `ProviderError` before Configure."""
        if self._daemon is None:
            raise ProviderError("the docker provider is not configured yet", "FAILED_PRECONDITION")
        return self._daemon

    def check_config(self, urn: str, olds: Props, news: Props) -> Props:
        """The settings, with the address from DOCKER_HOST where none is given (D6); an unknown one is refused."""
        unknown = unknown_settings(urn, news, _SETTINGS)
        if unknown:
            raise CheckFailed([("", reason) for reason in unknown])
        ambient = os.environ.get("DOCKER_HOST")
        named = {**news, "host": ambient} if ambient and news.get("host") is None else news
        return {key: _encoded(key, value) for key, value in named.items()}

    def configure(self, config: Props) -> None:
        """Connects, unless the address is ssh:// (D5): an unreachable daemon fails even a preview."""
        settings = settings_of(config)
        daemon = Daemon(settings)
        if not settings.host.startswith("ssh://"):
            daemon = _answering(settings, daemon)
        self._daemon = daemon

    def invoke(self, token: str, args: Props) -> Props:
        """Answers `getNetwork` and `getRemoteImage`; the others are an error."""
        function = FUNCTIONS.get(token)
        return super().invoke(token, args) if function is None else function(self.daemon(), args)


def _encoded(key: str, value: Any) -> Any:
    """A setting that is no text, as the bridge keeps it: JSON as Go writes it, whatever the program's SDK wrote.

    Source: pulumi/pulumi-terraform-bridge, pkg/tfbridge/config_encoding.go.
    """
    if key not in _EMPTY or value is None or value is UNKNOWN or contains_unknown(value):
        return value
    try:
        decoded = _EMPTY[key] if value == "" else _decoded(value)
    except ValueError as problem:
        raise ProviderError(f"could not marshal config state: {key}: {problem}") from problem
    text = json.dumps(decoded, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _answering(settings: Settings, daemon: Daemon) -> Daemon:
    candidates = [daemon]
    if not settings.host:
        home = Path.home()
        candidates += [Daemon(Settings(host=f"unix://{home / socket}")) for socket in _USER_SOCKETS]
    for candidate in candidates:
        try:
            candidate.ping()
        except DaemonError:
            continue
        return candidate
    raise ProviderError(
        "docker native provider returned an unexpected error from Configure: failed to connect to any docker daemon"
    )


def settings_of(config: Mapping[str, Any]) -> Settings:
    """The connection that provider settings ask for; lists may come as JSON text, as the engine sends them."""
    options = _decoded(config.get("sshOpts")) or []
    logins = _decoded(config.get("registryAuth")) or []
    if config.get("context"):
        raise ProviderError("the docker stand-in knows no docker contexts: give the address as `host`")
    return Settings(
        host=config.get("host") or os.environ.get("DOCKER_HOST", ""),
        ssh_opts=tuple(options),
        ca=config.get("caMaterial") or os.environ.get("DOCKER_CA_MATERIAL", ""),
        cert=config.get("certMaterial") or os.environ.get("DOCKER_CERT_MATERIAL", ""),
        key=config.get("keyMaterial") or os.environ.get("DOCKER_KEY_MATERIAL", ""),
        cert_path=config.get("certPath") or os.environ.get("DOCKER_CERT_PATH", ""),
        check=_decoded(config.get("disableDockerDaemonCheck")) is not True,
        auth={_hostname(login["address"]): _login(login) for login in logins},
    )


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


def _hostname(address: str) -> str:
    return address.removeprefix("https://").removeprefix("http://").split("/")[0]


def _login(login: Mapping[str, Any]) -> dict[str, str]:
    return {
        "username": login.get("username") or "",
        "password": login.get("password") or "",
        "serveraddress": login["address"],
    }


def provider() -> DockerProvider:
    """A new provider, not configured yet."""
    return DockerProvider()
