"""The memory's containers on their own: what the catalog's files do, without the engine, on a network and volumes made for one test run.

The containers get what the deployer gives them (``catalog/files/README.md``): files in a read-only volume, secrets as files, a read-only root,
no capability. Everything made here carries the label ``homeport.test`` with the run's id and is removed by it.
"""

from __future__ import annotations

import io
import json
import secrets
import subprocess
import tarfile
import time
from pathlib import Path

from render.migrations import script

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "catalog" / "files"
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--init")
POSTGRES = "pgvector/pgvector:pg16"
REDIS = "redis:7-alpine"
N8N = "n8nio/n8n:2.38.7"
PYTHON = "python:3.11-slim-bookworm"
ACL = (
    "user default off resetkeys resetchannels -@all\n"
    "user health on nopass resetkeys resetchannels -@all +ping\n"
    "user n8n on >{ai-redis-password} resetkeys ~ai:* resetchannels -@all +ping +hello +auth +select +quit "
    "+client|setname +type +get +set +expire +del +ttl\n"
)


def docker(*args: str, stdin: bytes | None = None, check: bool = True, timeout: float = 300) -> str:
    """The output of a docker command; a failure shows what Docker said."""
    done = subprocess.run(("docker", *args), input=stdin, capture_output=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise AssertionError(f"docker {' '.join(args[:4])}: {done.stderr.decode()[-3000:]}")
    return done.stdout.decode()


def has_image(name: str) -> bool:
    return bool(docker("image", "ls", "-q", name).strip())


def migration_files() -> dict[str, str]:
    return {path.name: path.read_text() for path in (FILES / "ai-postgres" / "migrations").glob("*.sql")}


class World:
    """Containers, a network and volumes under one prefix."""

    def __init__(self) -> None:
        self.run = secrets.token_hex(3)
        self.label = f"homeport.test=hpwf-{self.run}"
        self.network = self.name("net")
        self.passwords = {
            name: secrets.token_urlsafe(24)
            for name in ("superuser_password", "db_password", "memory_password", "redis_password", "owner_password")
        }
        self.api_key = secrets.token_hex(32)
        self.encryption_key = secrets.token_hex(32)
        docker("network", "create", "--internal", "--label", self.label, self.network)

    def name(self, part: str) -> str:
        return f"hpwf-{self.run}-{part}"

    def volume(self, part: str) -> str:
        docker("volume", "create", "--label", self.label, self.name(part))
        return self.name(part)

    def container(self, part: str, image: str, uid: int, files: dict[str, str], *args: str, at: str = "/etc/homeport", command: tuple[str, ...] = ()) -> str:
        """A hardened container with its files in a read-only volume; not started."""
        config = self.volume(f"{part}-config")
        carrier = docker("create", "--label", self.label, "-v", f"{config}:/v", image, "true").strip()
        docker("cp", "-", f"{carrier}:/v", stdin=_tar(files, uid))
        docker("rm", "-v", carrier)
        docker(
            "create", "--name", self.name(part), "--label", self.label, *HARDENED, "--user", f"{uid}:{uid}", "-v", f"{config}:{at}:ro", *args, image, *command,
        )  # fmt: skip
        return self.name(part)

    def folder(self, part: str, uid: int, gid: int, mode: int, below: tuple[str, ...] = ()) -> str:
        """A data volume whose root has an owner and a mode."""
        volume = self.volume(part)
        # Unpacked one level above the mount: the mount's own root does not take owner and mode from a tar's "./".
        carrier = docker("create", "--label", self.label, "-v", f"{volume}:/carrier/v", POSTGRES, "true").strip()
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as tar:
            for path in ("v", *(f"v/{one}" for one in below)):
                info = tarfile.TarInfo(path)
                info.type, info.uid, info.gid, info.mode = tarfile.DIRTYPE, uid, gid, mode
                tar.addfile(info)
        docker("cp", "-", f"{carrier}:/carrier", stdin=target.getvalue())
        docker("rm", "-v", carrier)
        return volume

    def postgres(self) -> str:
        files = {name: (FILES / "ai-postgres" / name).read_text() for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")}
        name = self.container(
            "postgres", POSTGRES, 999, {**files, "superuser_password": self.passwords["superuser_password"]},
            "--network", self.network, "--network-alias", "ai-postgres", "--shm-size", "128m", "--memory", "512m",
            "-v", f"{self.folder('pgdata', 999, 999, 0o700)}:/var/lib/postgresql/data",
            "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=32m,mode=1777",
            "--tmpfs", "/var/run/postgresql:rw,noexec,nosuid,nodev,size=1m,uid=999,gid=999,mode=2775",
            "-e", "POSTGRES_PASSWORD_FILE=/etc/homeport/superuser_password", "-e", "PGDATA=/var/lib/postgresql/data/pgdata",
            "-e", "POSTGRES_INITDB_ARGS=--data-checksums --auth-local=peer --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8",
            command=("postgres", "-c", "config_file=/etc/homeport/postgresql.conf"),
        )  # fmt: skip
        docker("start", name)
        self.until(name, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "ai_user", "-d", "ai_memory", seconds=90)
        return name

    def until(self, name: str, *command: str, seconds: float) -> None:
        """Waits for a command to succeed in a container that keeps running."""
        end = time.monotonic() + seconds
        while subprocess.run(("docker", "exec", name, *command), capture_output=True, check=False).returncode:
            state = docker("inspect", "-f", "{{.State.Running}} {{.RestartCount}}", name).strip()
            if time.monotonic() > end or not state.startswith("true"):
                logs = subprocess.run(("docker", "logs", "--tail", "40", name), capture_output=True, check=False)
                raise AssertionError(f"{name} ({state}) not ready: {(logs.stdout + logs.stderr).decode()}")
            time.sleep(0.5)

    def sql(self, text: str, *, user: str = "postgres", database: str = "ai_memory", check: bool = True) -> str:
        """What psql says to a script, as any role, over the socket."""
        return docker(
            "exec", "-i", self.name("postgres"), "psql", "-XAtq", "-U", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-f", "-",
            stdin=text.encode(), check=check,
        ).strip()  # fmt: skip

    def refusal(self, text: str, *, user: str = "postgres", database: str = "ai_memory") -> str:
        """The error that a script meets; an assertion fails if it meets none."""
        command = ("docker", "exec", "-i", self.name("postgres"), "psql", "-XAtq", "-U", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-f", "-")
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        assert done.returncode == 3, f"expected a refusal, psql ended with {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}"
        return done.stderr.decode()

    def databases(self) -> None:
        """Roles and databases as the deployer makes them."""
        self.sql(
            "SET log_statement = 'none';"
            f"CREATE ROLE n8n LOGIN PASSWORD '{self.passwords['db_password']}';"
            f"CREATE ROLE ai_user LOGIN PASSWORD '{self.passwords['memory_password']}';"
            "CREATE ROLE ai_owner NOLOGIN;",
            database="postgres",
        )
        for name, owner in (("n8n", "n8n"), ("ai_memory", "ai_owner")):
            self.sql(f"CREATE DATABASE {name} OWNER {owner}", database="postgres")
            self.sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;", database=name)
        self.sql("GRANT CONNECT ON DATABASE ai_memory TO ai_user", database="postgres")
        self.sql("CREATE EXTENSION vector")

    def migrate(self, *, dimensions: int = 384, url: str = "", files: dict[str, str] | None = None) -> str:
        variables = (("embedding_url", url), ("embedding_model", "test-model" if url else ""), ("embedding_dimensions", str(dimensions)))
        return script("ai_owner", migration_files() if files is None else files, variables)

    def redis(self) -> str:
        files = {"redis.conf": (FILES / "ai-redis" / "redis.conf").read_text(), "users.acl": ACL.replace("{ai-redis-password}", self.passwords["redis_password"])}
        name = self.container(
            "redis", REDIS, 999, files, "--network", self.network, "--network-alias", "ai-redis", "--memory", "192m",
            "-v", f"{self.folder('redisdata', 999, 999, 0o700)}:/data", "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=8m,mode=1777",
            command=("redis-server", "/etc/homeport/redis.conf"),
        )  # fmt: skip
        docker("start", name)
        self.until(name, "sh", "-c", "redis-cli --user health --pass health --no-auth-warning ping | grep -qx PONG", seconds=30)
        return name

    def executor(self, exchange: str) -> str:
        files = {path.name: path.read_text() for path in (ROOT / "apps" / "executor").glob("*.py")}
        name = self.container(
            "executor", PYTHON, 10001, files, "--network", "none", "--group-add", "10002", "-v", f"{exchange}:/exchange", "--memory", "256m",
            "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777", "--entrypoint", "python", at="/workspace", command=("-B", "/workspace/worker.py"),
        )  # fmt: skip
        docker("start", name)
        self.until(name, "python", "-I", "-S", "-B", "/workspace/healthcheck.py", seconds=30)
        return name

    def n8n(self, exchange: str, env: dict[str, str]) -> str:
        source = FILES / "ai-n8n"
        files = {name: (source / name).read_text() for name in ("start.sh", "provision.cjs", "redis-fail-fast.cjs", "health.cjs")}
        files |= {f"workflows/{path.name}": path.read_text() for path in (source / "workflows").glob("*.json")}
        secret = {name: self.passwords[name] for name in ("db_password", "memory_password", "redis_password", "owner_password")}
        secret |= {"encryption_key": self.encryption_key, "webhook_api_key": self.api_key, "embedding_key": "test-embedding-key"}
        flags = [flag for key, value in env.items() for flag in ("-e", f"{key}={value}")]
        return self.container(
            "n8n", N8N, 1000, {**files, **secret}, "--network", self.network, "--group-add", "10002", "--memory", "1280m", "--entrypoint", "/bin/sh",
            "-v", f"{self.folder('n8ndata', 1000, 1000, 0o700)}:/home/node/.n8n", "-v", f"{exchange}:/exchange",
            "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=64m,mode=1777",
            "--tmpfs", "/home/node/.cache:rw,noexec,nosuid,nodev,size=128m,uid=1000,gid=1000,mode=0700",
            *flags, command=("/etc/homeport/start.sh",),
        )  # fmt: skip

    def close(self) -> None:
        """Removes all that this run made, by its label."""
        for listing, removal in ((("ps", "-aq"), ("rm", "-fv")), (("network", "ls", "-q"), ("network", "rm")), (("volume", "ls", "-q"), ("volume", "rm"))):
            found = docker(*listing, "--filter", f"label={self.label}").split()
            if found:
                docker(*removal, *found)


def _tar(files: dict[str, str], uid: int) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for folder in sorted({path.split("/")[0] for path in files if "/" in path}):
            info = tarfile.TarInfo(folder)
            info.type, info.uid, info.gid, info.mode = tarfile.DIRTYPE, uid, uid, 0o550
            tar.addfile(info)
        for path, text in sorted(files.items()):
            info = tarfile.TarInfo(path)
            data = text.encode()
            plain = path.rpartition(".")[2] in {"sh", "cjs", "json", "conf", "py"}
            info.size, info.uid, info.gid, info.mode = len(data), uid, uid, 0o444 if plain else 0o400
            tar.addfile(info, io.BytesIO(data))
    return target.getvalue()


def json_of(text: str) -> object:
    return json.loads(text)
