"""Every derived name is made here, and read back here.

The last part of a component's own resources is a literal of the component: logical names are identity.
"""

from __future__ import annotations

import re

MAIN = "main"
"""The host whose parts have no host in their names: that is how stacks began, and names are identity."""
MARK = "mark"
"""Logical name of the random id that all of a stack's objects at Cloudflare end in."""
COMPOSED = "homeport.compose"
"""Label of what compose made in the place of a container of the stack's; its value is the stack's name."""
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST_LABEL = 63


def host_part(host: str, part: str) -> str:
    """The logical name of a host's part: its Docker provider is ``docker`` on ``main``, else ``<host>-docker``."""
    return part if host == MAIN else f"{host}-{part}"


def part_host(name: str, part: str) -> str:
    """The host that a part's logical name belongs to; empty where it is no name of such a part."""
    if name == part:
        return MAIN
    host = name.removesuffix(f"-{part}")
    return host if host != name else ""


def server(host: str) -> str:
    """The logical name of the rented server of a host."""
    return f"{host}-server"


def server_host(name: str) -> str:
    """The host that a rented server's logical name belongs to."""
    return name.removesuffix("-server")


def rented(stack: str, host: str) -> str:
    """What a rented host is called at its cloud, and what belongs to it: server, firewall, address, key."""
    return f"{stack}-{host}"


def rented_ipv6(stack: str, host: str) -> str:
    """What the IPv6 address of a rented host is called at its cloud."""
    return f"{rented(stack, host)}-ipv6"


def tunnel(preset: str, host: str) -> str:
    """First part of a tunnel's name; the stack's mark is the last."""
    return f"{preset}-{host}"


def server_name_problem(name: str) -> str:
    """Why Hetzner would refuse a server's name, in words; nothing where it takes it.

    Source: docs.hetzner.cloud, POST /servers, ``name``: a host name as RFC 1123 has it; a label's value, which the
    stack's name is too, begins and ends with a letter or a digit and has at most 63 characters.
    """
    if len(name) > _LONGEST_LABEL:
        return f"its server would be called by more than {_LONGEST_LABEL} characters, which is no host name"
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        return "its server would have a name that is no host name: letters, digits and '-' alone (RFC 1123)"
    return ""


def logical(urn: str) -> str:
    """The logical name in a resource's URN."""
    return urn.rpartition("::")[2]


def provider(reference: str) -> str:
    """The URN in a reference to a provider, as a state has it: ``<urn>::<id>``."""
    return reference.rpartition("::")[0]


def physical(namespace: str, name: str) -> str:
    """The name in Docker: as the preset says, or behind a namespace when several stacks share a host."""
    return f"{namespace}-{name}" if namespace else name


def template(container: str) -> str:
    """The container, never started, that a deployed service's is a copy of: its name in Docker."""
    return f"{container}-template"


def volume(namespace: str, service: str, name: str, known_as: str = "") -> str:
    """The name in Docker of a service's own volume: the given one, where users know it by one."""
    return physical(namespace, known_as or f"{service}-{name}")


def shared_volume(namespace: str, name: str) -> str:
    """The name in Docker of a volume that several services mount."""
    return physical(namespace, f"shared-{name}")


def data_folder(root: str, namespace: str, service: str, name: str) -> str:
    """The folder of a service's volume below that of all data: the service's name, where the volume is its only one."""
    return f"{root}/{physical(namespace, service if name in {'data', service} else f'{service}-{name}')}"


def shared_data_folder(root: str, namespace: str, name: str) -> str:
    """The same of a volume that several services mount."""
    return f"{root}/{physical(namespace, name)}"


def hostname(route: str, domain: str) -> str:
    """A route's host name, unless the settings give another: ``n8n`` on ``example.com`` is ``n8n.example.com``."""
    return f"{route}.{domain}"


def duration(seconds: int) -> str:
    """Seconds as Go writes a duration: 90 is ``1m30s``.

    The docker provider compares durations as text and reads them back in Go's form, so that "90s" is an update for ever
    (recorded: tests/recordings/plugins; kreuzwerker/terraform-provider-docker reads ``Interval.String()``).
    """
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
