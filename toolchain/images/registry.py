"""Whether an image has a registry at all, told from a refused pull: the daemon's own, with its proxies and mirrors."""

import re

_HUB = frozenset({"registry-1.docker.io", "index.docker.io", "docker.io"})
_LOOKUP = re.compile(r"\blookup (?P<name>[^\s:]+)(?: on \S+)?: ")


def registry_of(image: str) -> str:
    """The registry part of an image's name; empty for the daemon's default registry."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


def nameless(image: str, refusal: str) -> bool:
    """Whether a pull was refused because no name server knows the registry's name.

    Docker hands on the words of Go's resolver: "lookup registry-1.docker.io on 192.0.2.53:53: no such host" (net,
    DNSError). Where a proxy is asked it is the proxy's name that is looked up, and that is a mistake of somebody's.
    """
    registry = registry_of(image).partition(":")[0]
    names = {registry} if registry else _HUB
    if "proxyconnect" in refusal:
        return False
    return any(found["name"].rstrip(".") in names for found in _LOOKUP.finditer(refusal))
