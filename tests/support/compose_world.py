"""A stack that homeport made, handed over to docker compose on the same volumes, and looked at before and after."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from bench.tools import compose
from tests.support.scratch import docker, inspect
from tests.support.waits import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DIFFERENT = {
    "Id": "another container",
    "Created": "made later",
    "State": "its processes and times; status and health are compared by themselves",
    "ExecIDs": "probes that run at this moment",
    "ResolvConfPath": "holds the id",
    "HostnamePath": "holds the id",
    "HostsPath": "holds the id",
    "LogPath": "holds the id",
    "GraphDriver": "the layer that it writes to is its own",
    "Config.Image": "by id or by name: the id that it runs, Image, is compared",
    "Config.AttachStdout": "whether who made it wanted to listen",
    "Config.AttachStderr": "whether who made it wanted to listen",
    "Config.Labels": "homeport's own on the one, compose's on the other",
    "NetworkSettings": "ids and addresses; the networks' names and the ports are compared by themselves",
    "HostConfig.Binds": "a folder holds its files instead of a volume; mounts and files are compared by themselves",
    "Mounts": "the same; compared without their order and the place of the files",
}
"""Parts of `docker inspect` that may differ, with the reason."""


@dataclass(frozen=True)
class Seen:
    """A container as Docker describes it.

    Attributes:
        same: Everything that must be the same whoever made it, by path in `docker inspect`.
        files: What is below the folder with its own files: path to mode, owner and SHA-256, without salts.
    """

    same: dict[str, Any]
    files: dict[str, tuple[str, str, str]]


def seen(container: str, files_at: str) -> Seen:
    """A container without what may differ, once Docker has its own word of its health.

    The gate of ``up`` asks the services themselves, and is through before Docker's first probe; on a busy machine a
    probe takes longer than it may, and the next one is well again.
    """
    until(lambda: _health(inspect(container)) in {None, "healthy"}, f"{container}: Docker does not find it healthy")
    whole = inspect(container)
    networks, ports = whole["NetworkSettings"]["Networks"], whole["NetworkSettings"]["Ports"]
    mounts = sorted((mount["Destination"], mount["RW"], *_origin(mount, files_at)) for mount in whole["Mounts"])
    # Nothing, empty and zero are one to Docker.
    same = {path: value or None for path, value in flat(whole) if not any(_below(path, known) for known in DIFFERENT)}
    same |= {"state": (whole["State"]["Status"], _health(whole)), "networks": sorted(networks), "ports": ports}
    return Seen({**same, "mounts": mounts}, _files(container, files_at))


def _health(whole: dict[str, Any]) -> str | None:
    return whole["State"].get("Health", {}).get("Status")


def _origin(mount: dict[str, Any], files_at: str) -> tuple[str, ...]:
    if mount["Destination"] == files_at:
        return ("files",)
    return (mount["Type"], mount.get("Name") or mount["Source"], mount.get("Propagation", ""))


def look(namespace: str, folders: dict[str, str]) -> dict[str, Seen]:
    """Every service's container; service to the folder with its own files."""
    return {name: seen(f"{namespace}-{name}", folder) for name, folder in folders.items()}


def differences(before: Seen, after: Seen) -> dict[str, Any]:
    """What is not the same, by path, each as it was and as it is."""
    rows = ((vars(before)[part], vars(after)[part]) for part in ("same", "files"))
    return {
        path: (one.get(path), other.get(path))
        for one, other in rows
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    }


def flat(value: Any, path: str = ""):
    """The leaves of nested dictionaries by path; lists that are sets to Docker sorted."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else key)
    elif path in {"Config.Env", "HostConfig.CapAdd", "HostConfig.Ulimits"} and value:
        yield path, sorted(value, key=str)
    else:
        yield path, value


def _below(path: str, known: str) -> bool:
    return path == known or path.startswith(f"{known}.")


def _digest(content: bytes) -> str:
    """Of a content with a mark in place of each bcrypt hash, whose salt is made of a key that the export has not."""
    return hashlib.sha256(re.sub(rb"\$2b\$10\$[./A-Za-z0-9]{53}", b"a hash", content)).hexdigest()


def _files(container: str, folder: str) -> dict[str, tuple[str, str, str]]:
    done = subprocess.run(["docker", "cp", f"{container}:{folder}/.", "-"], capture_output=True, check=False)
    if done.returncode:
        return {}
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        files = {
            member.name: (
                f"{member.mode:o}",
                f"{member.uid}:{member.gid}",
                _digest(tar.extractfile(member).read()) if member.isfile() else "folder",
            )
            for member in tar
        }
    # Routes that a running proxy takes are in a folder that is named by their content, which a file beside it imports.
    taken = next((name for name in files if re.fullmatch(r"\./[0-9a-f]{12}", name)), ".")
    below = {name: entry for name, entry in files.items() if name == taken or name.startswith(f"{taken}/")}
    return {f".{name.removeprefix(taken)}": entry for name, entry in below.items()}


class Composed:
    """An export in production, in a folder of its own."""

    def __init__(self, folder: Path, exported: Path) -> None:
        self.exported, self.target = exported, folder / "production"
        plugins = folder / "docker/cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(compose())
        self.environ = {**os.environ, "DOCKER_CONFIG": str(folder / "docker")}

    def deploy(self) -> subprocess.CompletedProcess[str]:
        """`deploy.sh`, as its README has it: as root."""
        return self._run(str(self.exported / "deploy.sh"), "--to", str(self.target), cwd=self.exported)

    @contextmanager
    def running(self, namespace: str, services: Iterable[str]) -> Iterator[Composed]:
        """Takes homeport's containers away, and nothing else, and has compose run in their place for a while."""
        docker("rm", "-f", *(f"{namespace}-{name}" for name in services))
        try:
            done = self.deploy()
            assert done.returncode == 0, done.stdout + done.stderr
            yield self
        finally:
            self.down()

    def containers(self) -> dict[str, str]:
        """Service to container, as the compose file names them."""
        text = (self.exported / "docker-compose.yml").read_text()
        return {name: service["container_name"] for name, service in yaml.safe_load(text)["services"].items()}

    def down(self) -> None:
        """`docker compose down`: containers alone, since networks and volumes are external."""
        if self.target.is_dir():
            done = self._run("docker", "compose", "down", cwd=self.target)
            assert done.returncode == 0, done.stderr

    def projects(self) -> set[str]:
        """The compose projects that the containers say they belong to."""
        names = docker("inspect", *self.containers().values())
        return {container["Config"]["Labels"]["com.docker.compose.project"] for container in json.loads(names)}

    def _run(self, *argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, cwd=cwd, env=self.environ, capture_output=True, text=True, timeout=900, check=False)
