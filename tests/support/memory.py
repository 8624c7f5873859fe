"""The memory's containers on their own.

The catalog's services with their files, without the engine, made for one test run.

Each container gets what its service declares: files in a read-only volume, secrets as files, a read-only root, no
capability. Everything made here carries the label ``homeport.test`` with the run's id and is removed by it.
"""

from __future__ import annotations

import secrets
import subprocess
import time
from typing import TYPE_CHECKING

from catalog.presets.ai_orchestrator.preset import PRESET
from catalog.presets.ai_orchestrator.services import EXECUTOR, N8N, POSTGRES, REDIS
from homeport.model.template import TEXT, fill
from homeport.render import sql
from homeport.render.migrations import script
from tests.support import subnets
from tests.support.checkout import ROOT
from tests.support.memory_files import files_tar, folders_tar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.service import Service, Volume

HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--init")
SERVICES = (POSTGRES, REDIS, EXECUTOR, N8N)
TEXTS = {
    "origin:n8n": "https://n8n.example.com",
    "host:n8n": "n8n.example.com",
    "domain": "example.com",
    "environment": "test",
    "owner-email": "owner@example.com",
}


def docker(*args: str, stdin: bytes | None = None, timeout: float = 300) -> str:
    """The output of a docker command; a failure shows what Docker said."""
    done = subprocess.run(("docker", *args), input=stdin, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        raise AssertionError(f"docker {' '.join(args[:4])}: {done.stderr.decode()[-3000:]}")
    return done.stdout.decode()


def missing_images(*services: Service) -> list[str]:
    """The images that this machine does not have; the rehearsal builds them."""
    return [service.image for service in services if not docker("image", "ls", "-q", service.image).strip()]


def migration_files() -> dict[str, str]:
    folder = next(database.migrations for database in PRESET.databases if database.name == "ai_memory")
    return {path.name: path.read_text() for path in (ROOT / folder).glob("*.sql")}


class Containers:
    """Containers of the catalog's services, a network and volumes under one prefix.

    Attributes:
        server: The name of the service that is PostgreSQL.
        carrier: An image that is here, for containers that only carry files into volumes.
        secrets: Secret's name to its value.
        texts: What stands for names in variables.
        volumes: Shared volumes by name.
        shared: Name of a shared volume to its name in Docker.
    """

    server = "ai-postgres"
    carrier = POSTGRES.image

    def __init__(self, values: Mapping[str, str], texts: Mapping[str, str], volumes: Mapping[str, Volume]) -> None:
        self.run = secrets.token_hex(3)
        self.label = f"homeport.test=hpwf-{self.run}"
        self.secrets, self.texts, self.volumes = dict(values), texts, volumes
        self.shared: dict[str, str] = {}
        subnets.network(self.name("net"), "--internal", "--label", self.label)

    def name(self, part: str) -> str:
        return f"hpwf-{self.run}-{part}"

    def start(self, service: Service, *, seconds: float = 300) -> None:
        """Makes a service's container, starts it, and waits until its own health check passes."""
        self.create(service)
        docker("start", self.name(service.name))
        self.until_healthy(service, seconds=seconds)

    def create(self, service: Service) -> None:
        config = self._volume(f"{service.name}-config", files_tar(service, self.secrets))
        flags = [
            "--user",
            f"{service.uid}:{service.uid}",
            "-v",
            f"{config}:{service.files_at}:ro",
            "--memory",
            f"{service.limits.memory}m",
        ]
        flags += [flag for name in service.capabilities for flag in ("--cap-add", name)]
        flags += [flag for group in service.groups for flag in ("--group-add", str(group))]
        flags += [flag for path, options in service.tmpfs.items() for flag in ("--tmpfs", f"{path}:{options}")]
        flags += [
            flag for key, value in service.env.items() for flag in ("-e", f"{key}={fill(value, self.texts, TEXT)}")
        ]
        flags += (
            ["--network", self.name("net"), "--network-alias", service.name]
            if service.networks
            else ["--network", "none"]
        )
        flags += ["--shm-size", f"{service.dev_shm}m"] if service.dev_shm else []
        flags += ["--entrypoint", service.entrypoint[0]] if service.entrypoint else []
        for part, volume in service.volumes.items():
            flags += ["-v", f"{self._data(service, part, volume.shared)}:{volume.path}"]
        docker(
            "create",
            "--name",
            self.name(service.name),
            "--label",
            self.label,
            *HARDENED,
            *flags,
            service.image,
            *service.entrypoint[1:],
            *service.command,
        )

    def _data(self, service: Service, part: str, shared: str | None) -> str:
        if shared and shared in self.shared:
            return self.shared[shared]
        volume = self.volumes[shared] if shared else service.volumes[part]
        owner = volume.owner or (service.uid, service.uid)
        volume_name = self._volume(shared or f"{service.name}-{part}", folders_tar(owner, volume.mode, volume.folders))
        if shared:
            self.shared[shared] = volume_name
        return volume_name

    def _volume(self, part: str, tar: bytes) -> str:
        """A volume with what a tar holds below ``v``, the volume's root with owner and mode included."""
        volume = self.name(part)
        docker("volume", "create", "--label", self.label, volume)
        carrier = docker("create", "--label", self.label, "-v", f"{volume}:/carrier/v", self.carrier, "true").strip()
        docker("cp", "-", f"{carrier}:/carrier", stdin=tar)
        docker("rm", "-v", carrier)
        return volume

    def until_healthy(self, service: Service, *, seconds: float = 90) -> None:
        """Waits for the service's own health check to pass in a container that keeps running."""
        assert service.health, f"{service.name} has no health check"
        name, end = self.name(service.name), time.monotonic() + seconds
        while subprocess.run(
            ("docker", "exec", name, *service.health.test), capture_output=True, check=False
        ).returncode:
            running = docker("inspect", "-f", "{{.State.Running}}", name).strip()
            if time.monotonic() > end or running != "true":
                raise AssertionError(
                    f"{name} (running: {running}) is not healthy after {seconds} s: {self.logs(service, 40)}"
                )
            time.sleep(0.5)

    def logs(self, service: Service, tail: int = 1000) -> str:
        done = subprocess.run(
            ("docker", "logs", "--tail", str(tail), self.name(service.name)), capture_output=True, check=False
        )
        return (done.stdout + done.stderr).decode()

    def address(self, service: Service) -> str:
        return docker(
            "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.name(service.name)
        ).strip()

    def psql(
        self, text: str, *, user: str = "postgres", database: str = "ai_memory"
    ) -> subprocess.CompletedProcess[bytes]:
        """A script over the container's own socket, as any role."""
        command = (
            "docker",
            "exec",
            "-i",
            self.name(self.server),
            "psql",
            "-XAtq",
            "-U",
            user,
            "-d",
            database,
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            "-",
        )
        return subprocess.run(command, input=text.encode(), capture_output=True, check=False)

    def sql(self, text: str, *, user: str = "postgres", database: str = "ai_memory") -> str:
        """What a script answers; an assertion fails where it fails."""
        done = self.psql(text, user=user, database=database)
        assert done.returncode == 0, f"psql as {user}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def refusal(self, text: str, *, user: str = "postgres", database: str = "ai_memory") -> str:
        """The error that a script meets; an assertion fails if it meets none."""
        done = self.psql(text, user=user, database=database)
        assert done.returncode == 3, (
            f"expected a refusal, psql ended with {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}"
        )
        return done.stderr.decode()

    def close(self) -> None:
        """Removes all that this run made, by its label."""
        for listing, removal in (
            (("ps", "-aq"), ("rm", "-fv")),
            (("network", "ls", "-q"), ("network", "rm")),
            (("volume", "ls", "-q"), ("volume", "rm")),
        ):
            found = docker(*listing, "--filter", f"label={self.label}").split()
            if found:
                docker(*removal, *found)


class MemoryServices(Containers):
    """The memory's."""

    def __init__(self) -> None:
        named = {name for service in SERVICES for file in service.secret_files for name in file.secrets}
        named |= {role.secret for database in PRESET.databases for role in database.roles if role.secret}
        super().__init__({name: secrets.token_hex(32) for name in named}, TEXTS, PRESET.shared_volumes)
        self.api_key = self.secrets["n8n-webhook-api-key"]

    def databases(self) -> None:
        """Roles, databases, extensions and migrations, by the SQL that the deployer uses."""
        for database in PRESET.databases:
            self.sql(sql.roles(database, self.secrets), database="postgres")
            self.sql(sql.database(database), database="postgres")
            self.sql(sql.extensions(database), database=database.name)
        self.sql(self.migrations())

    def migrations(self, *, dimensions: int = 384, url: str = "", files: dict[str, str] | None = None) -> str:
        variables = (
            ("embedding_url", url),
            ("embedding_model", "test-model" if url else ""),
            ("embedding_dimensions", str(dimensions)),
        )
        return script("ai_owner", migration_files() if files is None else files, variables)
