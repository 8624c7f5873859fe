"""The Docker daemon that the machines run on, by its own command line."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Final

from rehearsal.clouds.hetzner.machines import MachineError

IMAGE: Final = "homeport/machine:bookworm"
WORLD: Final = "homeport.rehearsal"
SERVER: Final = "homeport.server"
_SECONDS: Final = 300
_ABSENT: Final = ("No such", "no such", "not found")
# Measured on Docker 20.10 and cgroup v1: systemd, UFW, wireguard-go and a nested dockerd need these, and no more.
_CAPABILITIES: Final = (
    *("SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_PTRACE", "DAC_READ_SEARCH", "SYS_CHROOT", "MKNOD", "SYSLOG"),
    *("AUDIT_CONTROL", "AUDIT_WRITE", "SYS_NICE", "IPC_LOCK", "LINUX_IMMUTABLE", "MAC_ADMIN", "SYS_BOOT"),
)
CONTAINER: Final = (
    *(part for name in _CAPABILITIES for part in ("--cap-add", name)),
    *(part for name in ("seccomp", "apparmor", "systempaths") for part in ("--security-opt", f"{name}=unconfined")),
    *("--device-cgroup-rule", "a *:* rwm", "--device", "/dev/net/tun"),
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--tmpfs", "/run:exec,mode=755", "--tmpfs", "/run/lock", "--stop-timeout", "240"),
)


def docker(*argv: str, stdin: bytes | str = b"", refused: tuple[str, ...] = ()) -> str:
    """What a `docker` command prints, stripped.

    Args:
        argv: The command's words.
        stdin: Its standard input.
        refused: An error whose message holds one of these is none; the answer is then empty.

    Raises:
        MachineError: It failed; the message has the command's first words and what it said.
    """
    raw = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        done = subprocess.run(["docker", *argv], input=raw, capture_output=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as problem:
        raise MachineError("this machine has no `docker` command; fix: apt-get install docker.io") from problem
    except subprocess.TimeoutExpired as problem:
        raise MachineError(f"`docker {argv[0]}` did not end within {_SECONDS} s; fix: docker info") from problem
    error = done.stderr.decode(errors="replace").strip()
    if done.returncode and not any(words in error for words in refused):
        raise MachineError(f"`docker {' '.join(argv[:2])}` failed: {error[-600:]}")
    return "" if done.returncode else done.stdout.decode(errors="replace").strip()


def inspect(kind: str, name: str) -> dict[str, Any] | None:
    """What the daemon knows of a container, volume, network or image; None when there is no such thing."""
    shown = docker(kind, "inspect", name, refused=_ABSENT)
    rows: list[dict[str, Any]] = json.loads(shown) if shown else []
    return rows[0] if rows else None


def labelled(kind: str, world: str) -> list[str]:
    """Names of all containers, volumes or networks of a world."""
    listing = ["ps", "--all"] if kind == "container" else [kind, "ls"]
    name = "{{.Names}}" if kind == "container" else "{{.Name}}"
    return sorted(docker(*listing, "--filter", f"label={WORLD}={world}", "--format", name).split())
