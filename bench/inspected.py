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
    inspected: list[dict[str, Any]] = json.loads(_docker("inspect", "--type", "container", *wanted))
    return {wanted[container["Name"].removeprefix("/")]: container for container in inspected}


def ids(stack: Stack) -> dict[str, str]:
    """Service to its container's id."""
    return {name: str(container["Id"]) for name, container in containers(stack).items()}


def essence(stack: Stack) -> dict[str, dict[str, Any]]:
    """What must be the same whoever made the containers.

    Image, hardening, limits, health, mounts, networks, database.
    """
    essentials = {name: _essentials(stack, container) for name, container in containers(stack).items()}
    for database in stack.blueprint.databases:
        if database.migrations:
            server = names.physical(stack.name, database.server)
            argv = ("exec", server, "psql", "-XAtq", "-U", "postgres", "-d", database.name, "-c", _COUNT)
            essentials[database.server][f"database {database.name}"] = _docker(*argv).strip()
    return essentials


def _essentials(stack: Stack, container: dict[str, Any]) -> dict[str, Any]:
    config, host, https = container["Config"], container["HostConfig"], stack.blueprint.edge.ports["https"]
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
        "Image": container["Image"],
        **{key: config.get(key) or None for key in plain},
        # Ports of the host are each contestant's own.
        "Env": sorted(re.sub(rf":{https}\b", ":PORT", variable) for variable in config["Env"]),
        **{key: host.get(key) for key in limits},
        "ShmSize": host["ShmSize"],
        "CapAdd": sorted(name.removeprefix("CAP_") for name in host["CapAdd"] or []),
        "CapDrop": host["CapDrop"],
        "SecurityOpt": host["SecurityOpt"],
        "GroupAdd": host["GroupAdd"] or None,
        "Restart": host["RestartPolicy"]["Name"],
        "Ulimits": sorted((limit["Name"], limit["Soft"], limit["Hard"]) for limit in host["Ulimits"] or []),
        "Networks": sorted(name.removeprefix(f"{stack.name}-") for name in container["NetworkSettings"]["Networks"]),
        "Mounts": sorted(
            (mount["Destination"], mount["RW"]) for mount in container["Mounts"] if "initdb" not in mount["Destination"]
        ),
        "Health": container["State"].get("Health", {}).get("Status"),
    }


def differences(ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]]) -> list[str]:
    """Lines ``service.key: this, that`` for whatever is not the same."""
    lines = []
    for name in sorted(ours.keys() | theirs.keys()):
        left, right = ours.get(name, {}), theirs.get(name, {})
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
