"""Claims on secrets: nowhere on the host, in its daemon or in the clouds, but in the files that must have them."""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.probes.box import start
from rehearsal.probes.canary import Canaries, Finding, sampling, unlawful
from rehearsal.probes.inside.needles import SHORTEST

if TYPE_CHECKING:
    from rehearsal.claims.view import View

_FOLDERS = ("/etc", "/root", "/home", "/opt", "/srv", "/tmp", "/run", "/var", "/usr/local", "/dev/shm")  # noqa: S108  # they are searched
_FIRST_BOOT = ("/var/lib/cloud", "/run/cloud-init", "/var/log")
_LEFT_OUT = (
    "/var/lib/docker/overlay2",
    "/var/lib/docker/overlay2/*",
    "/var/lib/docker/image/*",
    "/run/docker/*",
    "/usr/local/bin/*",
    # Of the mirror, the same for everybody.
    "/var/cache/apt/*",
    "/var/lib/apt/lists/*",
)
"""Layers of images, which are searched as what their containers added to them; and programs."""
_PRIVATE, _PUBLIC = "b3BlbnNzaC1rZXktdjEA", "AAAAC3NzaC1lZDI1NTE5AAAA"
"""How every key of the kinds ``ed25519`` and ``ed25519-public`` begins."""
_SEED = 32
_PLANTED, _PLANTED_FILE = "planted", "/var/lib/claims-planted"


def own_part(secret: str) -> str:
    """Of a private key of the kind ``ed25519`` what no other one has: its seed, as it stands in the key's text.

    All such keys begin and end alike (PROTOCOL.key of openssh-portable): the seed follows the length of its string, 64.
    """
    if not secret.startswith(_PRIVATE):
        return secret
    at = base64.b64decode(secret).index(b"\0\0\0\x40") + 4
    return secret[-(-at * 8 // 6) : (at + _SEED) * 8 // 6]


def known(view: View) -> dict[str, str]:
    """All secrets that the stack tells, by name; those too short to be told from chance are left out."""
    # The public half of a key is told with the secrets, and is none.
    values = {name: own_part(value) for name, value in view.secrets.items() if not value.startswith(_PUBLIC)}
    for key in ("PrivateKey", "PresharedKey"):
        if match := re.search(rf"(?m)^\s*{key}\s*=\s*(\S+)", view.peer_config):
            values[f"peer {key}"] = match[1]
    values |= {
        f"service token of {route} {name}": value
        for route, token in view.tokens.items()
        for name, value in token.items()
        if "Secret" in name
    }
    return {name: value for name, value in values.items() if len(value.encode()) >= SHORTEST}


def on_the_host(view: View) -> dict[str, Any]:
    """Searches files, running processes, daemon, journal; a planted secret first, as the positive control."""
    canary = f"CNRY_planted_{secrets.token_hex(16)}"
    canaries = Canaries({**known(view), _PLANTED: canary})
    layers = [container["GraphDriver"]["Data"]["UpperDir"] for container in view.containers().values()]
    start(view.host, "plant", {"path": _PLANTED_FILE, "text": canary}).wait()
    try:
        findings = canaries.files((*_FOLDERS, *layers), view.host, exclude=_LEFT_OUT)
    finally:
        view.run("rm", "-f", _PLANTED_FILE)
    sampler = sampling(view.host)
    findings += canaries.docker((*[part for part in view.host if part != "--interactive"], "docker"))
    journal = view.run("journalctl", "--output=export", "--no-pager", seconds=300)
    findings += canaries.text("journal", "journalctl", journal)
    findings += canaries.processes(sampler)
    planted = any(finding.secret == _PLANTED and finding.where == _PLANTED_FILE for finding in findings)
    return _search(view, canaries, [finding for finding in findings if finding.secret != _PLANTED], planted=planted)


def in_the_clouds(view: View) -> dict[str, Any]:
    """Searches what both clouds tell of the stack's objects, and the server's user data on the host."""
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
    findings: list[Finding] = []
    for cloud, several in paths.items():
        for path in several:
            findings += canaries.records(cloud, path, [view.cloud(cloud, path)])
    findings += canaries.files(_FIRST_BOOT, view.host)
    return _search(view, canaries, findings, planted=True)


def _search(view: View, canaries: Canaries, findings: list[Finding], *, planted: bool) -> dict[str, Any]:
    allowed = view.expected.allowed_files()
    return {"findings": findings, "allowed": allowed, "planted": planted, "unread": canaries.unread}


def leaks(search: dict[str, Any]) -> dict[str, Any]:
    """What breaks the rule, shortly. Environments of processes are the containers' own affair, not command lines."""
    wrong = [
        finding for finding in unlawful(search["findings"], search["allowed"]) if finding.sink != "process environ"
    ]
    lines = {
        f"{each.secret} ({each.how}) in {each.sink} {each.where} {each.mode} {each.owner}".strip() for each in wrong
    }
    return {"leaks": sorted(lines), "planted": search["planted"], "unread": search["unread"]}


def _with_a_leak(search: dict[str, Any]) -> dict[str, Any]:
    leak = Finding(secret=_PLANTED, how="base64", sink="docker inspect container", where="a container")
    return {**search, "findings": [*search["findings"], leak]}


NO_LEAK = {"leaks": [], "planted": True, "unread": []}
CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="secrets-only-where-declared",
        rows=("C-05", "C-08", "C-09", "C-10", "C-11"),
        says="no secret is on the host but in the declared files; none in Docker's answers, logs, command lines",
        observe=on_the_host,
        value=leaks,
        expected=lambda _: NO_LEAK,
        spoil=_with_a_leak,
    ),
    Claim(
        name="no-secret-in-the-clouds",
        rows=("C-07",),
        says="no secret of the stack is in what the clouds keep, in user data, or in the logs of the first boot",
        observe=in_the_clouds,
        value=leaks,
        expected=lambda _: NO_LEAK,
        spoil=_with_a_leak,
    ),
)
