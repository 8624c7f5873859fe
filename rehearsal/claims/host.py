"""Claims on the host beside its containers: compose file, packages, and what containers could not write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal.claims.claim import Claim

if TYPE_CHECKING:
    from rehearsal.claims.view import View

_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)")
_PACKAGE = "wireguard-tools"


def compose(view: View) -> dict[str, Any]:
    """Both files of the deployment: compose file, names in the secrets file, owners and modes; what is there of it."""
    text, secrets = f"{view.expected.folder}/docker-compose.yml", f"{view.expected.folder}/.env"
    images = {name: container["Config"]["Labels"]["homeport.image"] for name, container in view.containers().items()}
    return {
        "text": view.run("cat", text),
        "names": view.run("cut", "-d=", "-f1", secrets).split(),
        "modes": view.run("stat", "-c", "%a %U:%G %n", text, secrets).splitlines(),
        "images": images,
        "objects": [
            name
            for kind in ("volume", "network")
            for name in view.run("docker", kind, "ls", "--format", "{{.Name}}").splitlines()
        ],
    }


def described(files: dict[str, Any]) -> dict[str, Any]:
    """What the compose file describes and lacks beside what runs, and the secrets file: whose it is, what it names."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(files["text"])["services"]
    return {
        "services": sorted(services),
        "other images": sorted(
            name for name, service in services.items() if service.get("image") != files["images"].get(name)
        ),
        "not there": sorted(
            name
            for service in services.values()
            for name in (*(mount.split(":")[0] for mount in service.get("volumes", ())), *service.get("networks", ()))
            if not name.startswith("/") and name not in files["objects"]
        ),
        "unset": sorted(set(_VARIABLE.findall(files["text"])) - set(files["names"])),
        ".env": [line for line in files["modes"] if line.endswith("/.env")],
        "secrets": sorted(files["names"]),
    }


def refused_writes(view: View) -> dict[str, list[str]]:
    """Lines of each container with a read-only root in which a program was refused a write to it."""
    search = "docker logs {} 2>&1 | grep -iE 'EROFS|read-only file ?system' || true"
    containers = view.containers()
    return {
        name: view.run("sh", "-c", search.format(containers[name]["Id"])).splitlines()[:3]
        for name in view.expected.read_only()
    }


def apparmor(view: View) -> dict[str, Any]:
    """What the kernel says of AppArmor, and each container's profile."""
    said = view.run("sh", "-c", "cat /sys/module/apparmor/parameters/enabled 2>/dev/null || true")
    profiles = {name: container.get("AppArmorProfile", "") for name, container in view.containers().items()}
    return {"kernel": said.strip(), "profiles": profiles}


def confined(seen: dict[str, Any]) -> str:
    """Whom AppArmor does not confine; of a kernel without it nothing is claimed but that."""
    if seen["kernel"] != "Y":
        return "a kernel without AppArmor: not to be seen here"
    free = sorted(name for name, profile in seen["profiles"].items() if profile in {"", "unconfined"})
    return f"not confined: {', '.join(free)}" if free else "all are confined"


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="apparmor",
        rows=("RW-07",),
        says="where the kernel has AppArmor, every container is confined by it",
        observe=apparmor,
        value=confined,
        expected=lambda view: (
            "all are confined" if apparmor(view)["kernel"] == "Y" else "a kernel without AppArmor: not to be seen here"
        ),
        spoil=lambda seen: {"kernel": "Y", "profiles": dict.fromkeys(seen["profiles"], "unconfined")},
    ),
    Claim(
        name="compose-file",
        rows=("S2-05",),
        says="a compose file on the host describes the services, images and volumes there; its secrets are root's",
        observe=compose,
        value=described,
        expected=lambda view: {
            "services": sorted(view.expected.services),
            "other images": [],
            "not there": [],
            "unset": [],
            ".env": [f"600 root:root {view.expected.folder}/.env"],
            "secrets": sorted(name.upper().replace("-", "_") for name in view.secrets),
        },
        spoil=lambda files: {**files, "names": []},
    ),
    Claim(
        name="nothing-written-to-a-root",
        rows=("S2-21",),
        says="no program was refused a write to a read-only root: what it writes to is a volume or in memory",
        observe=refused_writes,
        expected=lambda view: {name: [] for name in view.expected.read_only()},
        spoil=lambda lines: {**lines, min(lines): ["Error: EROFS: read-only file system, mkdir '/home/node/.cache'"]},
    ),
    Claim(
        name="wireguard-installed",
        rows=("S2-06",),
        needs=frozenset({"vpn"}),
        says="WireGuard's tools are installed as a package of the distribution",
        observe=lambda view: view.run("dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}", _PACKAGE),
        value=str.split,
        expected=lambda _: ["ii", _PACKAGE],
        spoil=lambda text: text.replace("ii", "rc"),
    ),
)
