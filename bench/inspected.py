"""Whether the contestants did the same work: what Docker says of their containers, side by side."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from homeport.model import names
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from bench.world import Stack

_COUNT = (
    "SELECT (SELECT count(*) FROM public.schema_migrations) || ' migrations, ' || "
    "(SELECT count(*) FROM pg_roles WHERE rolcanlogin) || ' logins'"
)


def containers(stack: Stack) -> dict[str, dict[str, Any]]:
    """What `docker inspect` says of each service's container.

    Raises:
        ToolError: One is missing.
    """
    wanted = {names.physical(stack.name, service.name): service.name for service in stack.blueprint.services}
    found: list[dict[str, Any]] = json.loads(_docker("inspect", "--type", "container", *wanted))
    return {wanted[one["Name"].removeprefix("/")]: one for one in found}


def ids(stack: Stack) -> dict[str, str]:
    """Service to its container's id."""
    return {name: str(one["Id"]) for name, one in containers(stack).items()}


def essence(stack: Stack) -> dict[str, dict[str, Any]]:
    """What must be the same whoever made the containers.

    Image, hardening, limits, health, mounts, networks, database.
    """
    found = {name: _one(stack, said) for name, said in containers(stack).items()}
    for database in stack.blueprint.databases:
        if database.migrations:
            server = names.physical(stack.name, database.server)
            argv = ("exec", server, "psql", "-XAtq", "-U", "postgres", "-d", database.name, "-c", _COUNT)
            found[database.server][f"database {database.name}"] = _docker(*argv).strip()
    return found


def _one(stack: Stack, said: dict[str, Any]) -> dict[str, Any]:
    config, host, https = said["Config"], said["HostConfig"], stack.blueprint.edge.ports["https"]
    plain = ("User", "Cmd", "Entrypoint", "Hostname", "StopSignal", "StopTimeout", "Healthcheck")
    limits = (
        "ReadonlyRootfs",
        "Memory",
        "MemorySwap",
        "NanoCpus",
        "PidsLimit",
        "IpcMode",
        "Init",
        "LogConfig",
        "Tmpfs",
    )
    return {
        "Image": said["Image"],
        **{key: config.get(key) or None for key in plain},
        # Ports of the host are each contestant's own.
        "Env": sorted(re.sub(rf":{https}\b", ":PORT", one) for one in config["Env"]),
        **{key: host.get(key) for key in limits},
        "ShmSize": host["ShmSize"],
        "CapAdd": sorted(name.removeprefix("CAP_") for name in host["CapAdd"] or []),
        "CapDrop": host["CapDrop"],
        "SecurityOpt": host["SecurityOpt"],
        "GroupAdd": host["GroupAdd"] or None,
        "Restart": host["RestartPolicy"]["Name"],
        "Ulimits": sorted((one["Name"], one["Soft"], one["Hard"]) for one in host["Ulimits"] or []),
        "Networks": sorted(name.removeprefix(f"{stack.name}-") for name in said["NetworkSettings"]["Networks"]),
        "Mounts": sorted(
            (one["Destination"], one["RW"]) for one in said["Mounts"] if "initdb" not in one["Destination"]
        ),
        "Health": said["State"].get("Health", {}).get("Status"),
    }


def differences(one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]) -> list[str]:
    """Lines ``service.key: this, that`` for whatever is not the same."""
    lines = []
    for name in sorted(one.keys() | other.keys()):
        left, right = one.get(name, {}), other.get(name, {})
        lines += [
            f"{name}.{key}: {left.get(key)!r}, {right.get(key)!r}"
            for key in sorted(left.keys() | right.keys())
            if left.get(key) != right.get(key)
        ]
    return lines


def sweep(stack: Stack) -> None:
    """Removes, by name, whatever an interrupted run left of this stack."""
    prefix = f"{stack.name}-"
    for listed, remove in (
        (("ps", "-a", "--format", "{{.Names}}"), ("rm", "-f")),
        (("volume", "ls", "--format", "{{.Name}}"), ("volume", "rm")),
        (("network", "ls", "--format", "{{.Name}}"), ("network", "rm")),
    ):
        for name in _docker(*listed).split():
            if name.removeprefix("homeport-carrier-").startswith(prefix):
                _docker(*remove, name)


def _docker(*argv: str) -> str:
    done = subprocess.run(["docker", *argv], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ToolError(f"docker {' '.join(argv[:2])}: {done.stderr.strip()}\n  fix: docker version")
    return done.stdout
