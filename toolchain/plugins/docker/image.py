"""`docker:index/remoteImage:RemoteImage` and `docker:index/tag:Tag`."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from toolchain.plugins.docker.building import build_image
from toolchain.plugins.docker.daemon import Daemon, DaemonError
from toolchain.plugins.docker.resource import DockerType
from toolchain.plugins.tfbridge.errors import UnfinishedError
from toolchain.plugins.tfbridge.schema import Block, flag, frozen, group, listing, mapping, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

_HUB: Final = "registry-1.docker.io"


_BUILD_PLAIN: Final[Block] = {
    "tags": listing(),
    "remove": flag(default=True),
    "label": mapping(),
    "secrets": listing(frozen({"id": text(required=True), "src": text(), "env": text()})),
    "ulimits": listing(
        frozen({"name": text(required=True), "soft": number(required=True), "hard": number(required=True)})
    ),
    "authConfigs": listing(
        {
            "hostName": text(required=True),
            **{
                name: text()
                for name in (
                    "auth",
                    "email",
                    "identityToken",
                    "password",
                    "registryToken",
                    "serverAddress",
                    "userName",
                )
            },
        }
    ),
}

_BUILD: Final[Block] = {
    **_BUILD_PLAIN,
    **frozen(
        {
            "context": text(required=True),
            "dockerfile": text(default="Dockerfile"),
            **{
                name: text()
                for name in (
                    "buildId",
                    "buildLogFile",
                    "builder",
                    "cgroupParent",
                    "cpuSetCpus",
                    "cpuSetMems",
                    "isolation",
                    "networkMode",
                    "platform",
                    "provenance",
                    "remoteContext",
                    "sbom",
                    "sessionId",
                    "target",
                    "version",
                )
            },
            **{
                name: flag()
                for name in ("forceRemove", "noCache", "pullParent", "squash", "suppressOutput", "useLegacyBuilder")
            },
            **{name: number() for name in ("cpuPeriod", "cpuQuota", "cpuShares", "memory", "memorySwap", "shmSize")},
            **{
                name: listing()
                for name in ("additionalContexts", "cacheFroms", "cacheTos", "extraHosts", "securityOpts")
            },
            "buildArgs": mapping(),
            "labels": mapping(),
        }
    ),
}

REMOTE_IMAGE: Final[Block] = {
    **frozen(
        {
            "name": text(required=True),
            "platform": text(),
            "pullTriggers": group(),
            "triggers": mapping(),
        }
    ),
    "keepLocally": flag(),
    "forceRemove": flag(),
    "build": group(_BUILD, single=True),
    "imageId": text(is_input=False, computed=True),
    "repoDigest": text(is_input=False, computed=True),
}

TAG: Final[Block] = {
    **frozen({"sourceImage": text(required=True), "targetImage": text(required=True), "tagTriggers": group()}),
    "sourceImageId": text(is_input=False, computed=True),
}


def local_image(daemon: Daemon, name: str) -> dict[str, Any] | None:
    """The image of that name, id or digest that the daemon already has."""
    try:
        return daemon.find(f"/images/{quote(name)}/json")
    except DaemonError as refused:
        raise DaemonError(f"unable to inspect image {name}: {refused}", refused.status) from refused


def ensure_image(daemon: Daemon, name: str, platform: str = "") -> dict[str, Any]:
    """The image, pulled only when the daemon has none of that name (D30)."""
    if not name:
        raise DaemonError("empty image name is not allowed")
    image = local_image(daemon, name)
    if image is None:
        try:
            _pull(daemon, name, platform)
        except DaemonError as refused:
            raise DaemonError(f"unable to pull image {name}: error pulling image {name}: {refused}") from refused
        image = local_image(daemon, name)
    if image is None:
        raise DaemonError(f"unable to find or pull image {name}")
    return image


def _pull(daemon: Daemon, name: str, platform: str) -> None:
    repository, tag = split_reference(name)
    params = {"fromImage": repository, "tag": tag, "platform": platform}
    auth = base64.urlsafe_b64encode(json.dumps(credentials(daemon, name)).encode()).decode()
    # Errors inside the stream are not looked at, just as upstream: the image is simply missing afterwards.
    for _ in daemon.stream("POST", "/images/create", params=params, headers={"X-Registry-Auth": auth}):
        pass


def split_reference(name: str) -> tuple[str, str]:
    """Repository, and tag or digest; a digest wins over a tag."""
    plain, _, digest = name.partition("@")
    head, colon, tag = plain.rpartition(":")
    if not colon or "/" in tag:
        head, tag = plain, "latest"
    return head, digest or tag


def registry_of(name: str) -> str:
    """Host of the registry that the image comes from."""
    first, slash, _ = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if is_host else _HUB


def credentials(daemon: Daemon, name: str) -> dict[str, str]:
    """What the provider's `registryAuth` has for the image's registry."""
    return dict(daemon.settings.auth.get(registry_of(name), {}))


class RemoteImage(DockerType):
    """An image of the daemon: pulled, built or just found."""

    schema: ClassVar[Block] = REMOTE_IMAGE
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = (("build", "pullTriggers"),)

    def make(self, plan: Props, news: Props) -> str:
        """Builds or pulls what is not there."""
        name = plan["name"]
        try:
            if plan["build"] is not None:
                build_image(self.daemon(), plan["build"], [name, *(plan["build"].get("tags") or [])])
            image = ensure_image(self.daemon(), name, plan["platform"] or "")
        except DaemonError as refused:
            raise DaemonError(f"Unable to read Docker image into resource: {refused}") from refused
        return str(image["Id"]) + str(name)

    def look(self, id: str, state: Props) -> Props | None:
        """Looks the name up; a tag that moved shows as another image id."""
        name = state["name"] or id
        image = local_image(self.daemon(), name)
        if image is None:
            return None
        digest = repo_digest(name, image.get("RepoDigests") or [])
        return {"id": image["Id"] + name, "imageId": image["Id"], "repoDigest": digest}

    def change(self, id: str, old: Props, plan: Props) -> Props:
        """Finds it again, as nothing about an image changes in place."""
        ensure_image(self.daemon(), plan["name"], plan["platform"] or "")
        return self.look(id, plan) or {}

    def remove(self, id: str, state: Props) -> None:
        """Removes the tag, unless it is to be kept."""
        if state.get("keepLocally") or local_image(self.daemon(), state["name"]) is None:
            return
        params = {"force": 1} if state.get("forceRemove") else {}
        try:
            self.daemon().call("DELETE", f"/images/{quote(state['name'])}", params=params)
        except DaemonError as refused:
            raise DaemonError(f"Unable to remove Docker image: {refused}") from refused


def repo_digest(name: str, digests: list[str]) -> str:
    """The digest reference of an image; among several the one that starts like the name, else the first."""
    if not digests:
        return ""
    untagged = name.partition(":")[0]
    return next((digest for digest in digests if len(digests) == 1 or digest.startswith(untagged)), digests[0])


class Tag(DockerType):
    """Another name of an image; never removed."""

    schema: ClassVar[Block] = TAG

    def make(self, plan: Props, news: Props) -> str:
        """Tags the image."""
        repository, tag = split_reference(plan["targetImage"])
        path = f"/images/{quote(plan['sourceImage'])}/tag"
        try:
            self.daemon().call("POST", path, params={"repo": repository, "tag": tag})
        except DaemonError as refused:
            raise DaemonError(f"failed to create docker tag: {refused}") from refused
        if local_image(self.daemon(), plan["sourceImage"]) is None:
            source = plan["sourceImage"]
            raise UnfinishedError(source, f"failed to ImageInspectWithRaw: No such image: {source}")
        return f"{plan['sourceImage']}.{plan['targetImage']}"

    def look(self, id: str, state: Props) -> Props | None:
        """Nothing is read back but the image's id, and that only when it is made."""
        if isinstance(state.get("sourceImageId"), str):
            return {}
        image = local_image(self.daemon(), state["sourceImage"]) or {}
        return {"sourceImageId": image.get("Id", "")}

    def remove(self, id: str, state: Props) -> None:
        """Leaves both names, as the official plugin does."""
