"""Starts Infisical over: `reset-infra` removes its containers and volumes, `reset-data` empties its volumes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra_tools.console import FAILED, OK, ToolError
from infra_tools.docker import Docker

if TYPE_CHECKING:
    from infra_tools.console import Console

CONTAINERS: Final = ("infisical-db", "infisical-redis", "infisical-backend")
"""In the order in which they start."""
_VOLUMES: Final = ("infisical-db-data", "infisical-redis-data")
"""Theirs where no container is left that could tell."""
_WORDS: Final = {"reset-infra": "remove infisical", "reset-data": "empty infisical"}
_LOST: Final = "all projects, environments, secrets, users and machine identities of this Infisical"


@dataclass
class _Found:
    """What is there of Infisical.

    Attributes:
        containers: As Docker describes them, in the order in which they start.
        volumes: Those that they write into; files that they only read are no data.
        stack: The homeport stack that made them, empty for none.
    """

    containers: list[dict[str, Any]] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    stack: str = ""


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(prog="manage-infisical.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=list(_WORDS), help="what to do; it asks before it does it")
    parser.add_argument("--dry-run", action="store_true", help="name what would be lost, change nothing")
    options = parser.parse_args(argv)
    docker = Docker(console)
    found = _look(docker)
    if not found.containers and not found.volumes:
        console.say("nothing of Infisical is on this machine")
        return OK if options.action == "reset-infra" else FAILED
    if options.action == "reset-data" and not found.containers:
        raise ToolError("there are volumes of Infisical, but no container that uses them\nfix: use reset-infra")
    _refuse_shared(docker, found)
    _announce(options.action, found, console)
    if options.dry_run:
        return OK
    if not _confirmed(_WORDS[options.action], console):
        console.warn("not confirmed; nothing was changed")
        return FAILED
    act = _remove if options.action == "reset-infra" else _empty
    act(docker, found, console)
    return OK


def _look(docker: Docker) -> _Found:
    found = _Found()
    for name in CONTAINERS:
        about = docker.inspect("container", name)
        if about is None:
            continue
        found.containers.append(about)
        labels = about["Config"].get("Labels") or {}
        found.stack = found.stack or str(labels.get("homeport.stack", ""))
        mounts = about.get("Mounts") or []
        found.volumes += [mount["Name"] for mount in mounts if mount["Type"] == "volume" and mount["RW"]]
    # After a run that was killed between the two: the containers are gone, the volumes are not.
    found.volumes += [name for name in _VOLUMES if name not in found.volumes and docker.inspect("volume", name)]
    return found


def _refuse_shared(docker: Docker, found: _Found) -> None:
    """Refuses where somebody else uses one of the volumes.

    Raises:
        ToolError: Names them.
    """
    for volume in found.volumes:
        users = docker("ps", "--all", "--filter", f"volume={volume}", "--format", "{{.Names}}").split()
        others = [name for name in users if name not in CONTAINERS]
        if others:
            raise ToolError(
                f"volume {volume} is used by {', '.join(others)} too, which is not Infisical's\n"
                f"fix: docker inspect {others[0]}   # give Infisical a volume of its own first"
            )


def _announce(action: str, found: _Found, console: Console) -> None:
    names = [about["Name"].lstrip("/") for about in found.containers]
    console.say(f"{action} on this machine:")
    verbs = ("removed", "removed") if action == "reset-infra" else ("restarted", "emptied")
    for verb, kind, objects in ((verbs[0], "container", names), (verbs[1], "volume", found.volumes)):
        for name in objects:
            console.say(f"  {kind} {name} is {verb}")
    console.say(f"  lost for ever: {_LOST}")
    console.say("  kept: all other containers, volumes and networks, and INFISICAL_ENCRYPTION_KEY where it is set")
    if found.stack:
        console.warn(
            f"warning: the homeport stack {found.stack} made these, and does not know of this\n"
            f"fix: afterwards: homeport up --stack {found.stack}"
        )


def _confirmed(words: str, console: Console) -> bool:
    console.say(f"Type the words  {words}  to go on:")
    return sys.stdin.readline().strip() == words


def _remove(docker: Docker, found: _Found, console: Console) -> None:
    for about in reversed(found.containers):
        name = about["Name"].lstrip("/")
        docker("container", "rm", "--force", "--volumes", name)
        console.say(f"removed container {name}")
    for volume in found.volumes:
        # Volumes without a name went with their container.
        if docker.inspect("volume", volume) is not None:
            docker("volume", "rm", volume)
        console.say(f"removed volume {volume}")
    again = f"homeport up --stack {found.stack}" if found.stack else "start_services.py"
    console.say(f"bring it back: {again}; then make the administrator's account at /admin/signup")


def _empty(docker: Docker, found: _Found, console: Console) -> None:
    for about in reversed(found.containers):
        docker("container", "stop", about["Name"].lstrip("/"))
    for about in found.containers:
        for mount in about.get("Mounts") or []:
            if mount["Type"] == "volume" and mount["RW"]:
                _empty_one(docker, mount["Name"], about["Image"])
                console.say(f"emptied volume {mount['Name']}")
    for about in found.containers:
        docker("container", "start", about["Name"].lstrip("/"))
        console.say(f"started container {about['Name'].lstrip('/')}")
    if found.stack:
        console.say(f"make its database again: homeport up --stack {found.stack}")
    console.say("then make the administrator's account at /admin/signup")


def _empty_one(docker: Docker, volume: str, image: str) -> None:
    """By the container's own image, which is here for sure; with nothing but that volume, and no network."""
    argv = ["run", "--rm", "--network", "none", "--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE"]
    argv += ["--cap-add", "FOWNER", "--read-only", "--security-opt", "no-new-privileges"]
    argv += ["--mount", f"type=volume,source={volume},target=/emptied", "--entrypoint", "/bin/sh", image]
    docker(*argv, "-c", "find /emptied -mindepth 1 -delete", fix=f"docker volume inspect {volume}")
