"""What is measured: one stack per contestant, the same but for names, subnets and ports.

All from one copy of the checkout.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.model.errors import ToolError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

if TYPE_CHECKING:
    from homeport.model.blueprint import Blueprint

ROOT = Path(__file__).resolve().parent.parent
PRESET = "ai-orchestrator"
CHANGED = "catalog/redis/files/redis.conf"
_HEAVY = ("ai-n8n", "ai-caddy")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One contestant's stack.

    Attributes:
        name: Stack and namespace: the prefix of every name in Docker.
        settings: As they stand below ``homeport:settings``.
        blueprint: What they make of the preset.
    """

    name: str
    settings: dict[str, Any]
    blueprint: Blueprint


def stack(name: str, place: int, *, full: bool) -> Stack:
    """A stack whose subnets are number ``place`` of a range of their own.

    Without ``full`` it has the services that start in seconds.
    """
    settings: dict[str, Any] = {
        "environment": "dev",
        "domain": "localhost",
        "exposure": "local",
        "namespace": name,
        "hosts": {"main": {"mode": "local"}},
        "networks": {"ai-edge": f"10.213.{place}.0/26", "ai-data": f"10.213.{place}.64/26"},
    }
    if full:
        http, https = free_ports(2)
        settings["edge"] = {"http_port": http, "https_port": https}
    else:
        settings["services"] = {service: {"enabled": False} for service in _HEAVY}
    keys = {"homeport:preset": PRESET, "homeport:settings": json.dumps(settings)}
    return Stack(name=name, settings=settings, blueprint=resolve(Configuration(name, keys)).blueprint)


def have_images(wanted: Stack) -> None:
    """Has every image of the stack on the daemon: no figure has a pull or a build in it.

    Raises:
        ToolError: Docker does not answer, or an image can be had from nowhere.
    """
    answer = subprocess.run(["docker", "version"], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ToolError(f"bench: {answer.stderr.strip()}\n  fix: make up  # it installs and starts Docker where it may")
    images = sorted({service.image for service in wanted.blueprint.services})
    if subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", *images], cwd=ROOT, check=False).returncode:
        raise ToolError("bench: an image is missing, for the reason above\n  fix: make images")


def copy_checkout(folder: Path) -> None:
    """Copies the checkout's files as they are now; a config file can be changed there.

    Raises:
        ToolError: This is no Git checkout.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        raise ToolError("bench: this is no Git checkout\n  fix: git clone homeport, and run make bench there")
    shutil.rmtree(folder, ignore_errors=True)
    for path in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)


def change(checkout: Path, number: int) -> None:
    """Changes a config file of ai-redis, and of no other service."""
    path = checkout / CHANGED
    kept = [line for line in path.read_text().splitlines() if not line.startswith("# bench ")]
    path.write_text("\n".join([*kept, f"# bench {number}", ""]))


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on."""
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in opened]
    for listener in opened:
        listener.close()
    return ports
