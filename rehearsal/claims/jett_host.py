"""Claims on what lies on jett's host beside its containers: the compose file, packages, and what containers could not write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal.claims.claim import Claim
from rehearsal.claims.jett_containers import READ_ONLY, SERVICES

if TYPE_CHECKING:
    from rehearsal.claims.view import View

FOLDER = "/opt/jett"
_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)")
_PACKAGE = "wireguard-tools"


def compose(view: View) -> dict[str, Any]:
    """The compose file, the names in the file of secrets beside it, both files' owners and modes, and what really runs."""
    files = [f"{FOLDER}/docker-compose.yml", f"{FOLDER}/.env"]
    return {
        "text": view.run("cat", files[0]),
        "names": view.run("cut", "-d=", "-f1", files[1]).split(),
        "modes": view.run("stat", "-c", "%a %U:%G %n", *files).splitlines(),
        "images": {name: one["Config"]["Labels"]["homeport.image"] for name, one in view.containers().items()},
    }


def described(found: dict[str, Any]) -> dict[str, Any]:
    """What the file describes beside what runs, what it would not find, and the file of secrets: whose it is, and what it names."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(found["text"])["services"]
    return {
        "services": sorted(services),
        "other images": sorted(name for name, one in services.items() if one.get("image") != found["images"].get(name)),
        "unset": sorted(set(_VARIABLE.findall(found["text"])) - set(found["names"])),
        ".env": [line for line in found["modes"] if line.endswith("/.env")],
        "secrets": sorted(found["names"]),
    }


def refused_writes(view: View) -> dict[str, list[str]]:
    """Lines of each container with a read-only root in which a program was refused a write to it."""
    search = "docker logs {} 2>&1 | grep -iE 'EROFS|read-only file ?system' || true"
    return {
        name: view.run("sh", "-c", search.format(one["Id"])).splitlines()[:3]
        for name, one in sorted(view.containers().items())
        if name in READ_ONLY
    }


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="compose-file",
        rows=("S2-05",),
        says="a compose file on the host describes the same services with the same images; its secrets are root's alone, beside it",
        look=compose,
        come_to=described,
        expected=lambda view: {
            "services": sorted(SERVICES),
            "other images": [],
            "unset": [],
            ".env": [f"600 root:root {FOLDER}/.env"],
            "secrets": sorted(name.upper().replace("-", "_") for name in view.secrets),
        },
        spoil=lambda found: {**found, "names": []},
    ),
    Claim(
        name="nothing-written-to-a-root",
        rows=("S2-21",),
        says="no program in a container whose root is read-only was refused a write: what it writes to is a volume or in memory",
        look=refused_writes,
        come_to=lambda found: found,
        expected=lambda _: {name: [] for name in sorted(READ_ONLY)},
        spoil=lambda found: {**found, "n8n": ["Error: EROFS: read-only file system, mkdir '/home/node/.cache'"]},
    ),
    Claim(
        name="wireguard-installed",
        rows=("S2-06",),
        says="WireGuard's tools are installed as a package of the distribution",
        look=lambda view: view.run("dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}", _PACKAGE),
        come_to=str.split,
        expected=lambda _: ["ii", _PACKAGE],
        spoil=lambda found: found.replace("ii", "rc"),
    ),
)
