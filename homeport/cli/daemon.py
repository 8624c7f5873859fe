"""The Docker daemon: used where it answers, installed and started where we may; and our objects on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from homeport.cli.phases import say
from homeport.cli.places import ROOT, cache
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Mapping[str, str] = MappingProxyType({})
"""The environment of a Docker command that means this machine's own daemon."""
_FORBID = "HOMEPORT_NO_INSTALL"
_PATIENCE = 60.0
"""Seconds that a daemon may take from its start to its first answer."""
_DECIDED = 60.0
"""Seconds that a health check may take to its first verdict before a container that nobody knows is removed."""
_API = "API version"
"""What both sides say of a version of the API that the other does not have (docker 20.10 to 29)."""
_STRANGERS = "the docker command and the daemon do not understand each other"
_UPDATE = (
    "update the older of the two: docker version shows both (from 29 on each asks the other for API 1.44, Docker 25)"
)
_JOIN = "be a member of its group: sudo usermod -aG docker $USER, then sign in anew (or: newgrp docker)"
_ROOT_PLACES = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def ensure(where: Mapping[str, str] = HERE) -> None:
    """Makes sure that a Docker daemon answers.

    On this machine, as root and unless `HOMEPORT_NO_INSTALL` is set, what is missing is installed (Debian, Ubuntu) and
    started.

    Raises:
        ToolError: There is none, and here is what to do about it.
    """
    problem = obstacle(where)
    if not problem:
        return
    if where or os.geteuid() or os.environ.get(_FORBID) or problem.startswith(_STRANGERS):
        raise ToolError(f"docker: {problem}\n  fix: {_advice(where, problem)}")
    if not (_program("dockerd") and _program("docker")):
        _install()
    if obstacle():
        _start()


def require(where: Mapping[str, str] = HERE) -> None:
    """Refuses a preview that could only fail: the docker provider asks its daemon before it compares anything.

    Source: pulumi-docker, provider.go, Configure. Nothing is installed or started for a look.

    Raises:
        ToolError: No daemon answers.
    """
    if problem := obstacle(where):
        what = "a preview of a stack on this machine asks its Docker what is there"
        raise ToolError(f"docker: {what}, and {problem}\n  fix: {_advice(where, problem)}")


def obstacle(where: Mapping[str, str] = HERE) -> str:
    """Why no daemon answers, or nothing when one does."""
    if not shutil.which("docker"):
        return "this machine has no `docker` command"
    done = run("version", "--format", "{{.Server.Version}}", where=where, check=False)
    if done.returncode == 0:
        return ""
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"{_STRANGERS} ({reason})" if _API in reason else f"no daemon answers ({reason})"


def _advice(where: Mapping[str, str], problem: str) -> str:
    known = ((_STRANGERS, _UPDATE), ("permission denied", _JOIN))
    if reason := next((fix for words, fix in known if words in problem.lower()), ""):
        return reason
    if sys.platform == "darwin":
        return "start Docker Desktop (or: colima start, orb start), then run the command again"
    if where:
        return f"check that `docker -H {where.get('DOCKER_HOST', '')} version` works"
    if os.environ.get(_FORBID):
        return f"install and start Docker Engine, or unset {_FORBID}"
    if shutil.which("dockerd", path=os.pathsep.join([os.environ.get("PATH", ""), *_ROOT_PLACES])):
        return "start it (sudo systemctl start docker), and be a member of the group docker"
    return (
        "install Docker Engine (Debian and Ubuntu: sudo apt-get install docker.io, on Debian 13 docker-cli as well), "
        "then run the command again"
    )


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_ROOT_PLACES]))


def _install() -> None:
    # As on any host: what is missing is looked for by its command, and apt's locks are waited for.
    from homeport.render import packages  # noqa: PLC0415  # only who installs pays for it

    if not shutil.which("apt-get"):
        raise ToolError("docker: this machine has no Docker Engine\n  fix: install it, then run the command again")
    say(f"    installing Docker from the distribution's packages (set {_FORBID}=1 to forbid it)")
    done = subprocess.run(["sh"], input=packages.install(packages.ENGINE), capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n    ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise ToolError(
            f"docker: apt-get failed:\n    {tail}\n  fix: install Docker by hand, then run the command again"
        )


def _start() -> None:
    """Starts the daemon: through systemd where that runs, else in the background with its log in the cache."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "start", "docker"], stdin=subprocess.DEVNULL, check=False)
        log = Path("journalctl -u docker")
    else:
        log = cache() / "dockerd.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        say(f"    starting dockerd in the background; its log is {log}")
        with log.open("ab") as file:
            ours = ("PYTHON", "VIRTUAL_ENV", "HOMEPORT")
            subprocess.Popen(
                [_program("dockerd") or "dockerd"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                cwd="/",
                env={name: value for name, value in os.environ.items() if not name.startswith(ours)},
            )
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if not obstacle():
            return
        time.sleep(0.3)
    raise ToolError(f"docker: the daemon does not answer {_PATIENCE:.0f} s after its start\n  fix: see {log}")


def run(*argv: str, where: Mapping[str, str] = HERE, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a Docker command.

    Raises:
        ToolError: It failed, and `check` is true.
    """
    done = raw(*argv, where=where)
    answer = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )
    if check and answer.returncode:
        raise ToolError(f"docker {' '.join(argv[:2])}: {answer.stderr.strip()}\n  fix: docker version")
    return answer


def raw(
    *argv: str, where: Mapping[str, str] = HERE, timeout: float | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Runs a Docker command whose output is no text; how it ended is the caller's to look at.

    Raises:
        ToolError: This machine has no such command.
    """
    # Over SSH with the host's pinned key, as the program's own scripts do it; docker takes no options for ssh.
    wrapped = ["sh", "-c", '. components/scripts/docker_over_ssh.sh; docker "$@"', "components/scripts/docker"]
    command = wrapped if "HOMEPORT_SSH_OPTS" in where else ["docker"]
    try:
        return subprocess.run(
            [*command, *argv],
            cwd=ROOT,
            env={**os.environ, **where},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise ToolError(
            "docker: this machine has no `docker` command\n"
            "  fix: apt-get install docker-cli (Debian 13), or docker.io (Debian 12, Ubuntu)"
        ) from None


@dataclass(frozen=True, kw_only=True)
class DockerObject:
    """A Docker object that carries our label.

    Attributes:
        kind: container, network or volume.
        id: Its full id; a volume's name.
        name: Its name.
        labels: Our labels without their common prefix.
        inspected: All that `docker inspect` says.
    """

    kind: str
    id: str
    name: str
    labels: dict[str, str]
    inspected: dict[str, Any]


def objects(stack: str, where: Mapping[str, str] = HERE) -> list[DockerObject]:
    """Everything on the daemon that carries a stack's label: containers first, so that removal in this order works."""
    listed = {
        "container": ("ps", "--all", "--quiet", "--no-trunc"),
        "network": ("network", "ls", "--quiet", "--no-trunc"),
        "volume": ("volume", "ls", "--quiet"),
    }
    items = []
    for kind, argv in listed.items():
        ids = run(*argv, "--filter", f"label=homeport.stack={stack}", where=where).stdout.split()
        items += [_object(kind, item) for item in inspect(kind, ids, where)]
    return items


def carriers(volumes: set[str], where: Mapping[str, str] = HERE) -> list[DockerObject]:
    """Never started containers that copied files into one of these volumes and were left by a killed run."""
    argv = ("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=homeport.carrier=true")
    ids = run(*argv, where=where).stdout.split()
    items = [_object("container", item) for item in inspect("container", ids, where)]
    return [item for item in items if volumes & {mount.get("Name") for mount in item.inspected.get("Mounts", [])}]


def inspect(kind: str, ids: list[str], where: Mapping[str, str] = HERE) -> list[dict[str, Any]]:
    """What Docker says of those of the given objects that are still there.

    Raises:
        ToolError: It says nothing, for it does not answer.
    """
    if not ids:
        return []
    done = run("inspect", "--type", kind, *ids, where=where, check=False)
    if done.returncode and (complaint := _complaint(done.stderr)):
        raise ToolError(f"Docker does not answer: {complaint}\n  fix: {_advice(where, complaint)}")
    items: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return items


def _complaint(text: str) -> str:
    """The last line of what Docker says, objects that are not there left out."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "o such " not in line and "not found" not in line), "")


def _object(kind: str, inspected: dict[str, Any]) -> DockerObject:
    labels = inspected.get("Labels") or inspected.get("Config", {}).get("Labels") or {}
    return DockerObject(
        kind=kind,
        id=inspected["Name"] if kind == "volume" else inspected["Id"],
        name=inspected["Name"].removeprefix("/"),
        labels={key.removeprefix("homeport."): value for key, value in labels.items() if key.startswith("homeport.")},
        inspected=inspected,
    )


def settle(item: DockerObject, where: Mapping[str, str] = HERE) -> None:
    """Waits until a container's health check has decided, at most for a minute.

    A database that is removed while it makes its cluster leaves half of it in its volume, and the next server takes
    that for the whole: docker-library/postgres looks for the file PG_VERSION alone.
    """
    until = time.monotonic() + _DECIDED
    while item.kind == "container" and time.monotonic() < until:
        state = [container["State"] for container in inspect("container", [item.id], where)]
        if not any(seen["Running"] and seen.get("Health", {}).get("Status") == "starting" for seen in state):
            return
        time.sleep(0.5)


def remove(item: DockerObject, where: Mapping[str, str] = HERE) -> None:
    """Removes an object; that it is gone already is fine."""
    argv = {"container": ("rm", "--force", "--volumes"), "network": ("network", "rm"), "volume": ("volume", "rm")}[
        item.kind
    ]
    done = run(*argv, item.id, where=where, check=False)
    if done.returncode and "o such" not in done.stderr and "not found" not in done.stderr:
        raise ToolError(
            f"{item.kind} {item.name}: cannot be removed: {done.stderr.strip()}\n"
            f"  fix: docker {item.kind} inspect {item.name}"
        )
