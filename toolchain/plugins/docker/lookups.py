"""The functions `getNetwork` and `getRemoteImage`: what the daemon already has."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from toolchain.plugins.base import InvokeFailed, ProviderError
from toolchain.plugins.docker.daemon import Daemon, DaemonError
from toolchain.plugins.docker.image import local_image, repo_digest
from toolchain.plugins.docker.network import look_of
from toolchain.plugins.tfbridge.errors import listed

if TYPE_CHECKING:
    from toolchain.plugins.base import Props


def get_network(daemon: Daemon, args: Props) -> Props:
    """A network by name."""
    name = _only_name(args)
    try:
        network = daemon.call("GET", f"/networks/{quote(name)}")
    except DaemonError as refused:
        raise ProviderError(listed(f"Could not find docker network: {refused}")) from refused
    return {
        "id": network["Id"],
        "name": name,
        "internal": network["Internal"],
        **look_of(network),
        "containers": [
            {
                "containerId": container,
                "endpointId": endpoint["EndpointID"],
                "ipv4Address": endpoint["IPv4Address"],
                "ipv6Address": endpoint["IPv6Address"],
                "macAddress": endpoint["MacAddress"],
                "name": endpoint["Name"],
            }
            for container, endpoint in sorted((network.get("Containers") or {}).items())
        ],
    }


def get_remote_image(daemon: Daemon, args: Props) -> Props:
    """An image that the daemon has, by name; nothing is pulled."""
    name = _only_name(args)
    try:
        image = local_image(daemon, name)
    except DaemonError as refused:
        raise ProviderError(listed(refused)) from refused
    if image is None:
        raise ProviderError(listed(f"did not find docker image '{name}'"))
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
