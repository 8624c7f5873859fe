"""Every derived name is made here. Logical names are not: they are identity, and literals in their component."""

from __future__ import annotations


def physical(namespace: str, name: str) -> str:
    """The name in Docker: as the preset says, or behind a namespace when several stacks share a host."""
    return f"{namespace}-{name}" if namespace else name


def volume(namespace: str, service: str, name: str, given: str = "") -> str:
    """The name in Docker of a service's own volume: the given one, where users know it by one."""
    return physical(namespace, given or f"{service}-{name}")


def hostname(route: str, domain: str) -> str:
    """A route's host name, unless the settings give another: ``n8n`` on ``example.com`` is ``n8n.example.com``."""
    return f"{route}.{domain}"


def duration(seconds: int) -> str:
    """Seconds as Go writes a duration: 90 is ``1m30s``.

    The docker provider compares durations as text and reads them back in Go's form, so that "90s" is an update for ever
    (measured, provider-facts; kreuzwerker/terraform-provider-docker reads ``Interval.String()``).
    """
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
