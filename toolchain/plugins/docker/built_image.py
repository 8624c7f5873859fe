"""`docker:index/image:Image`: an image built here and pushed.

The one type of the official plugin that is no bridge (pulumi-docker, `provider/provider.go` and `image.go`). The
official plugin builds with BuildKit unless told otherwise; the stand-in has the classic builder for both.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from toolchain.plugins.base import UNKNOWN, CheckFailed, Diff, Props, ProviderError, ResourceType, Secret
from toolchain.plugins.docker.building import build_image, context_of
from toolchain.plugins.docker.daemon import Daemon, DaemonError
from toolchain.plugins.docker.image import local_image, registry_of, split_reference

if TYPE_CHECKING:
    from collections.abc import Callable

_INPUTS: Final = frozenset({"build", "buildOnPreview", "imageName", "registry", "skipPush"})
_BUILD: Final = frozenset(
    {"addHosts", "args", "builderVersion", "cacheFrom", "context", "dockerfile", "network", "platform", "target"}
)
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


class Image(ResourceType):
    """Built on the machine of the plugin, kept by the daemon, pushed unless `skipPush` is set. Deleting it leaves it.

    Args:
        daemon: Answers the daemon of the configured provider.
    """

    def __init__(self, daemon: Callable[[], Daemon]) -> None:
        self.daemon = daemon

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """The inputs with the platform and a digest of all that goes into the build."""
        build = news.get("build") or {}
        unknown = sorted({*news} - _INPUTS) or sorted(f"build.{key}" for key in {*build} - _BUILD)
        if unknown:
            name = urn.rsplit("::", 1)[-1]
            raise CheckFailed([("", f"Invalid or unknown key. Examine values at '{name}.{key}'.") for key in unknown])
        if build.get("builderVersion") not in (None, UNKNOWN, "BuilderV1", "BuilderBuildKit"):
            raise ProviderError("invalid Docker Builder version")
        if news.get("skipPush") is not True and "/" not in str(news.get("imageName", "")):
            raise ProviderError(
                f'"{news.get("imageName")}": repository name must be canonical.\n'
                "This resource requires all image names to be fully qualified.\n"
                "For example, if you are attempting to push to Dockerhub, prefix your image name with `docker.io`:\n\n"
                "`docker.io/repository/image:tag`"
            )
        machine = platform.machine()
        host = f"linux/{_ARCHITECTURES.get(machine, machine)}"
        return {**news, "build": {"platform": host, **build, "contextDigest": _digest(build)}}

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:
        """Any changed input builds again; credentials alone do not."""
        olds = old_state.get("__inputs") or old_inputs
        kinds = {}
        for key in sorted({*olds, *news}):
            before, after = _without_login(key, olds.get(key)), _without_login(key, news.get(key))
            if before != after:
                kinds[key] = "ADD" if key not in olds else "DELETE" if key not in news else "UPDATE"
        return Diff(changes=bool(kinds), detailed=kinds)

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Builds, tags and pushes."""
        if preview:
            return "", dict(news)
        return str(news["imageName"]), self._build(news)

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props]:
        """Nothing is looked up, as upstream."""
        return id, state, inputs

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Builds again."""
        return {**old_state, **news} if preview else self._build(news)

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Leaves the image where it is, as upstream."""

    def _build(self, news: Props) -> Props:
        name, build = news["imageName"], news["build"]
        folder, dockerfile = _paths(build)
        try:
            build_image(self.daemon(), _classic(build, folder, dockerfile), [name])
            if not news.get("skipPush"):
                _push(self.daemon(), name, news.get("registry") or {})
            image = local_image(self.daemon(), name) or {}
        except DaemonError as refused:
            raise ProviderError(str(refused)) from refused
        state: Props = {
            "dockerfile": str(dockerfile.relative_to(folder)) if dockerfile.is_relative_to(folder) else str(dockerfile),
            "context": build.get("context") or ".",
            "baseImageName": name,
            "registryServer": (news.get("registry") or {}).get("server") or "",
            "imageName": name,
            "platform": build["platform"],
            "repoDigest": image.get("Id", "")
            if news.get("skipPush")
            else next(iter(image.get("RepoDigests") or []), ""),
        }
        return {**state, "__inputs": Secret(news)}


def _paths(build: Props) -> tuple[Path, Path]:
    """Context folder and Dockerfile; the latter is relative to the program, not to the context."""
    folder = Path(build.get("context") or ".").resolve()
    dockerfile = Path(build["dockerfile"]).resolve() if build.get("dockerfile") else folder / "Dockerfile"
    return folder, dockerfile


def _digest(build: Props) -> Any:
    if UNKNOWN in (build.get("context"), build.get("dockerfile")):
        return UNKNOWN
    folder, dockerfile = _paths(build)
    if not dockerfile.is_file():
        kind = "absolute" if Path(build.get("dockerfile") or "").is_absolute() else "relative"
        where = build.get("dockerfile") or dockerfile
        raise ProviderError(f"could not open dockerfile at {kind} path {where}: no such file or directory")
    return hashlib.sha256(context_of(folder, dockerfile, timeless=True)[0]).hexdigest()


def _classic(build: Props, folder: Path, dockerfile: Path) -> Props:
    return {
        "context": str(folder),
        "dockerfile": str(dockerfile),
        "buildArgs": build.get("args"),
        "target": build.get("target"),
        "platform": build.get("platform"),
        "networkMode": build.get("network"),
        "extraHosts": build.get("addHosts"),
        "cacheFroms": (build.get("cacheFrom") or {}).get("images"),
    }


def _push(daemon: Daemon, name: str, registry: Props) -> None:
    login = {"username": registry.get("username") or "", "password": registry.get("password") or ""}
    login["serveraddress"] = registry.get("server") or registry_of(name)
    repository, tag = split_reference(name)
    headers = {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(login).encode()).decode()}
    for message in daemon.stream("POST", f"/images/{quote(repository)}/push", params={"tag": tag}, headers=headers):
        if "error" in message:
            raise DaemonError(str(message["error"]))


def _without_login(key: str, value: Any) -> Any:
    return value.get("server") if key == "registry" and isinstance(value, dict) else value
