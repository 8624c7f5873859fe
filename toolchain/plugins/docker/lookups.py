"""The functions `getNetwork` and `getRemoteImage`: what the daemon already has."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from toolchain.plugins.base import InvokeFailed

from .daemon import Daemon, DaemonError, failed
from .image import local_image, repo_digest
from .network import ipam_from

if TYPE_CHECKING:
    from toolchain.plugins.base import Props


def get_network(daemon: Daemon, args: Props) -> Props:
    """A network by name."""
    name = _only_name(args)
    try:
        found = daemon.call("GET", f"/networks/{quote(name)}")
    except DaemonError as refused:
        raise failed(f"Could not find docker network: {refused}") from refused
    return {
        "id": found["Id"],
        "name": name,
        "driver": found["Driver"],
        "internal": found["Internal"],
        "scope": found["Scope"],
        "options": found["Options"] or {},
        "ipamConfigs": [ipam_from(config) for config in found["IPAM"]["Config"] or []],
        "containers": [
            {
                "containerId": container,
                "endpointId": endpoint["EndpointID"],
                "ipv4Address": endpoint["IPv4Address"],
                "ipv6Address": endpoint["IPv6Address"],
                "macAddress": endpoint["MacAddress"],
                "name": endpoint["Name"],
            }
            for container, endpoint in sorted((found.get("Containers") or {}).items())
        ],
    }


def get_remote_image(daemon: Daemon, args: Props) -> Props:
    """An image that the daemon has, by name; nothing is pulled."""
    name = _only_name(args)
    try:
        image = local_image(daemon, name)
    except DaemonError as refused:
        raise failed(str(refused)) from refused
    if image is None:
        raise failed(f"did not find docker image '{name}'")
    return {"id": image["Id"], "name": name, "repoDigest": repo_digest(name, image.get("RepoDigests") or [])}


FUNCTIONS = {
    "docker:index/getNetwork:getNetwork": get_network,
    "docker:index/getRemoteImage:getRemoteImage": get_remote_image,
}


def _only_name(args: Props) -> str:
    unknown = sorted({*args} - {"name"})
    if unknown:
        raise InvokeFailed([(key, "Invalid or unknown key") for key in unknown])
    if not args.get("name"):
        raise InvokeFailed([("name", 'Missing required argument. The argument "name" is required')])
    return str(args["name"])
