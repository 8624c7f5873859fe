"""cloudflared on a host: its configuration, its credentials, its unit, and what puts it there.

Sources: developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel (configuration file, origin
parameters), and the unit that ``cloudflared service install`` writes (cloudflare/cloudflared
cmd/cloudflared/linux_service.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.model.access import METRICS
from homeport.model.host import HostFile
from homeport.model.template import JSON, LINE, YAML, yaml_value
from homeport.render import host_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.model.access import Area, PublicHostname

FOLDER = "/etc/cloudflared"
CONFIG = f"{FOLDER}/config.yml"
PROGRAM = "/usr/local/bin/cloudflared"
UNIT = "cloudflared.service"
_HOME = "/root"
CREDENTIALS = _HOME + "/.cloudflared/{tunnel-id}.json"
_DOTS = r"(?i)(/|\\|%2f|%5c)(\.|%2e){2}(/|\\|%2f|%5c|$)"
"""Steps upwards.

`/webhook/../rest` is below `/webhook/` for a rule and above it for a service that resolves the dots.
"""


def files(doors: tuple[PublicHostname, ...], after: tuple[str, ...] = ()) -> tuple[HostFile, ...]:
    """All files on the host.

    Their templates want ``tunnel-id``, ``tunnel-secret``, ``account``, ``team``, ``image`` and ``aud:KEY`` of each
    area.

    Args:
        doors: What the tunnel leads to.
        after: Units that must be up first.
    """
    return (
        HostFile(path=CREDENTIALS, content=_CREDENTIALS, mode=0o600, template=JSON),
        HostFile(path=CONFIG, content=config(doors), mode=0o600, template=YAML),
        HostFile(path=f"{FOLDER}/image", content="{image}\n", template=LINE),
        HostFile(path=f"/etc/systemd/system/{UNIT}", content=unit(after)),
    )


_CREDENTIALS = '{"AccountTag":"{account}","TunnelID":"{tunnel-id}","TunnelSecret":"{tunnel-secret}"}\n'


def config(doors: tuple[PublicHostname, ...]) -> str:
    """``config.yml``: doors in their order, then 404 for any other name.

    cloudflared checks the assertion of Access itself: where an application is removed in the dashboard, its host name
    is closed, not open.
    """
    lines = [
        "# By homeport: what is changed here by hand is undone by the next update.",
        "tunnel: {tunnel-id}",
        f"credentials-file: {CREDENTIALS}",
        "no-autoupdate: true",
        f"metrics: {METRICS}",
        "ingress:",
    ]
    for door, path, service, area in _rules(doors):
        lines += [*_rule(door.hostname, path, service), *(_origin(door, area) if area else [])]
    return "\n".join([*lines, "  - service: http_status:404", ""])


def _rules(doors: tuple[PublicHostname, ...]) -> Iterator[tuple[PublicHostname, str, str, Area | None]]:
    """In their order: the door, a path, what answers there, and the area where that is the origin."""
    for door in doors:
        areas = door.areas()
        if len(areas) > 1:
            yield door, _DOTS, "http_status:400", None
        for area in areas:
            if area.kind == "closed":
                yield door, area.pattern, "http_status:403", None
            else:
                yield door, area.pattern, door.origin, area


def _rule(hostname: str, pattern: str, service: str) -> list[str]:
    path = [f"    path: {yaml_value(pattern)}"] if pattern else []
    return [f"  - hostname: {yaml_value(hostname)}", *path, f"    service: {yaml_value(service)}"]


def _origin(door: PublicHostname, area: Area) -> list[str]:
    # Another machine may be off, and its packets lost in the VPN: then 502 after five seconds, not a visitor who waits
    # for half a minute. An idle connection to it may be dead without anybody knowing, so it is not kept.
    lines = ["    originRequest:", "      connectTimeout: 5s", *(["      keepAliveTimeout: 5s"] if door.far else [])]
    if area.kind == "bypass":
        return lines
    return [
        *lines,
        "      access:",
        "        required: true",
        '        teamName: "{team}"',
        "        audTag:",
        # In quotes: YAML would read 12e3… as a number.
        f'          - "{{aud:{area.key}}}"',
    ]


def remote(doors: tuple[PublicHostname, ...], team: str, audiences: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same rules as Cloudflare keeps them for a connector that has but a token.

    Args:
        doors: What the tunnel leads to.
        team: Name of the Zero Trust team.
        audiences: Area's key to its audience tag, whatever stands for it.
    """
    rules: list[dict[str, Any]] = []
    for door, path, service, area in _rules(doors):
        rule: dict[str, Any] = {"hostname": door.hostname, **({"path": path} if path else {}), "service": service}
        if area:
            access = {"required": True, "team_name": team, "aud_tags": [audiences[area.key]]}
            rule["origin_request"] = {"connect_timeout": 5, **({} if area.kind == "bypass" else {"access": access})}
        rules.append(rule)
    return [*rules, {"service": "http_status:404"}]


def unit(after: tuple[str, ...] = ()) -> str:
    """The systemd unit. Ready (``Type=notify``) is a tunnel with a connection, so a start that finds no way out fails.

    It runs as root, whose the credentials are, but without a single capability and with the host's files read-only.
    """
    return host_text.filled("cloudflared/cloudflared.service", after=("network-online.target", *after))


def apply() -> str:
    """Shell that brings the program, out of the image named in a file, and starts it anew.

    The image is the host's own, so version, checksum and architecture are the image's. The container is never started:
    cloudflared's image has no shell.
    """
    return host_text.text("cloudflared/apply.sh")


def remove() -> str:
    """Shell that takes it away once its files are gone.

    The tunnel has no connections after it, so it can be deleted (docs/traps.md, C4).
    """
    return host_text.text("cloudflared/remove.sh")
