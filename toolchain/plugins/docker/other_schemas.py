"""Properties of networks, volumes, pulled images and tags, version 5.2.0."""

from __future__ import annotations

from typing import Final

from .container_schema import LABEL
from .tfschema import Block, flag, frozen, group, listing, mapping, number, text
from .validators import one_of

IPAM: Final = frozen({"subnet": text(), "ipRange": text(), "gateway": text(), "auxAddress": mapping()})

NETWORK: Final[Block] = {
    **frozen(
        {
            "name": text(required=True),
            "labels": group(LABEL),
            "driver": text(computed=True),
            "options": mapping(computed=True),
            "internal": flag(computed=True),
            "attachable": flag(),
            "ingress": flag(),
            "ipv6": flag(),
            "ipamDriver": text(default="default"),
            "ipamOptions": mapping(),
            "ipamConfigs": group(IPAM, computed=True),
        }
    ),
    "scope": text(is_input=False, computed=True),
}

CLUSTER: Final[Block] = {
    **frozen(
        {
            "scope": text(default="single", check=one_of("single", "multi")),
            "sharing": text(default="none", check=one_of("none", "readonly", "onewriter", "all")),
            "type": text(default="block", check=one_of("mount", "block")),
            "topologyPreferred": text(default=""),
            "topologyRequired": text(default=""),
            "requiredBytes": text(),
            "limitBytes": text(),
            "group": text(default=""),
        }
    ),
    "id": text(is_input=False, computed=True),
    "availability": text(default="active", check=one_of("active", "pause", "drain")),
}

VOLUME: Final[Block] = {
    **frozen(
        {
            "name": text(computed=True),
            "labels": group(LABEL),
            "driver": text(computed=True),
            "driverOpts": mapping(),
        }
    ),
    "mountpoint": text(is_input=False, computed=True),
    "cluster": listing(CLUSTER, one=True),
}

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

BUILD: Final[Block] = {
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
    "build": group(BUILD, one=True),
    "imageId": text(is_input=False, computed=True),
    "repoDigest": text(is_input=False, computed=True),
}

TAG: Final[Block] = {
    **frozen({"sourceImage": text(required=True), "targetImage": text(required=True), "tagTriggers": group()}),
    "sourceImageId": text(is_input=False, computed=True),
}
