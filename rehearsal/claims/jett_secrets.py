"""Claims on secrets: nowhere on the host, in its daemon or in the clouds, but in the files that must have them."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.probes.box import start
from rehearsal.probes.canary import Allowed, Canaries, Finding, sampling, unlawful
from rehearsal.probes.inside.needles import SHORTEST

if TYPE_CHECKING:
    from rehearsal.claims.view import View

FOLDERS = ("/etc", "/root", "/home", "/opt", "/srv", "/tmp", "/run", "/var", "/usr/local", "/dev/shm")  # noqa: S108 - places to search
_PLANTED = "planted"
LEFT_OUT = (
    "/var/lib/docker/overlay2",
    "/var/lib/docker/overlay2/*",
    "/var/lib/docker/image/*",
    "/run/docker/*",
    "/usr/local/bin/*",
)
"""Layers of images, which are searched as what their containers added to them; and programs."""
_HOME = "/root"
ALLOWED = (
    Allowed(path="/etc/wireguard/*", owner="root:root", because="the VPN's own keys"),
    Allowed(path=f"{_HOME}/.cloudflared/*.json", owner="root:root", because="the tunnel's credentials"),
    Allowed(path="/opt/jett/*", owner="root:root", because="the environment file beside the compose file (S2-05)"),
    Allowed(path="/var/lib/docker/volumes/*/_data/*", owner="*", because="what services keep, and their secret files"),
    Allowed(path="/etc/homeport/*", owner="*", because="secret files of services"),
)


def known(view: View) -> dict[str, str]:
    """All secrets that the stack tells, by name; those too short to be told from chance are left out."""
    found = dict(view.secrets)
    for key in ("PrivateKey", "PresharedKey"):
        if match := re.search(rf"(?m)^\s*{key}\s*=\s*(\S+)", view.peer_config):
            found[f"peer {key}"] = match[1]
    found |= {f"service token {name}": value for name, value in view.token.items() if "Secret" in name}
    return {name: value for name, value in found.items() if len(value.encode()) >= SHORTEST}


def on_the_host(view: View) -> dict[str, Any]:
    """Searches files, running processes, daemon, journal; a planted secret first, as the positive control."""
    canary = f"CNRY_planted_{secrets.token_hex(16)}"
    canaries = Canaries({**known(view), _PLANTED: canary})
    planted = "/var/lib/claims-planted"
    uppers = [one["GraphDriver"]["Data"]["UpperDir"] for one in view.containers().values()]
    _plant(view, planted, canary)
    try:
        findings = canaries.files((*FOLDERS, *uppers), view.host, exclude=LEFT_OUT)
    finally:
        view.run("rm", "-f", planted)
    sampler = sampling(view.host)
    findings += canaries.docker((*[part for part in view.host if part != "--interactive"], "docker"))
    findings += canaries.text(
        "journal", "journalctl", view.run("journalctl", "--output=export", "--no-pager", seconds=300)
    )
    findings += canaries.processes(sampler)
    kept = [one for one in findings if one.secret != _PLANTED]
    found = any(one.where == planted for one in findings if one not in kept)
    return {"findings": kept, "planted": found, "looked": canaries.looked_at, "unread": canaries.unread}


def in_the_clouds(view: View) -> dict[str, Any]:
    """Searches what both clouds tell of the stack's objects: names, labels, records; and the server's user data on the host."""
    canaries = Canaries(known(view))
    account, zone = view.ids["account_id"], view.ids["zone_id"]
    paths = {
        "hcloud": ("/servers", "/ssh_keys", "/firewalls", "/primary_ips"),
        "cloudflare": (
            f"/zones/{zone}/dns_records",
            f"/accounts/{account}/cfd_tunnel",
            f"/accounts/{account}/access/apps",
        ),
    }
    findings = []
    for cloud, several in paths.items():
        for path in several:
            findings += canaries.records(cloud, path, [view.cloud(cloud, path)])
    findings += canaries.files(["/var/lib/cloud", "/run/cloud-init", "/var/log"], view.host)
    return {"findings": findings, "planted": True, "looked": canaries.looked_at, "unread": canaries.unread}


def told(found: dict[str, Any]) -> dict[str, Any]:
    """What breaks the rule, shortly; environments of processes are the containers' own affair, their command lines are not."""
    bad = [one for one in unlawful(found["findings"], ALLOWED) if one.sink != "process environ"]
    return {"found": sorted({f"{one.secret} ({one.how}) in {one.sink} {one.where} {one.mode} {one.owner}".strip() for one in bad}), "planted": found["planted"], "unread": found["unread"]}  # fmt: skip


def _plant(view: View, path: str, text: str) -> None:
    running = start(view.host, "plant", {"path": path, "text": text})
    running.wait()


def _leak(found: dict[str, Any]) -> dict[str, Any]:
    leak = Finding(secret="n8n-encryption-key", how="base64", sink="docker inspect container", where=json.dumps("n8n"))  # noqa: S106 - its name
    return {**found, "findings": [*found["findings"], leak]}


_NOTHING = {"found": [], "planted": True, "unread": []}
CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="secrets-only-where-declared",
        rows=("C-05", "C-08", "C-09", "C-10", "C-11"),
        says="no secret of the stack is on the host but in the declared files, none in Docker's answers, logs, command lines",
        look=on_the_host,
        come_to=told,
        expected=lambda _: _NOTHING,
        spoil=_leak,
    ),
    Claim(
        name="no-secret-in-the-clouds",
        rows=("C-07",),
        says="no secret of the stack is in what the clouds keep, in user data, or in the logs of the first boot",
        look=in_the_clouds,
        come_to=told,
        expected=lambda _: _NOTHING,
        spoil=_leak,
    ),
)
