"""What is known of an image: what it says itself where it is on this machine, else what the catalog has read of it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeport.cli import daemon
from homeport.model.errors import ToolError
from homeport.model.image import parts
from homeport.plan.compose.shapes import Known, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECONDS = 30
_LARGEST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image as far as it is known.

    Attributes:
        known: What it says.
        pinned: The reference with its digest, where the image came from a registry; empty: it did not.
        here: Whether it is on this machine.
    """

    known: Known
    pinned: str = ""
    here: bool = False


def find(references: Iterable[str], where: Mapping[str, str]) -> dict[str, Image]:
    """What is known of images, by reference; those of which nothing is are left out.

    Args:
        references: As they are written.
        where: The environment of a docker command that means the daemon of the stack.
    """
    from catalog import registry  # noqa: PLC0415  # imports all of the catalog

    catalog = registry.facts()
    result: dict[str, Image] = {}
    for reference in dict.fromkeys(references):
        if here := _here(reference, where):
            result[reference] = here
        elif facts := catalog.get(parts(reference)[0]):
            known = Known(
                user=facts.user,
                entrypoint=facts.entrypoint,
                command=facts.command,
                ports=facts.ports,
                volumes=(),
            )
            result[reference] = Image(known=known)
    return result


def _here(reference: str, where: Mapping[str, str]) -> Image | None:
    done = _docker(("image", "inspect", reference), where)
    if done is None or done.returncode:
        return None
    try:
        item = json.loads(done.stdout)[0]
    except (ValueError, IndexError):
        return None
    config: dict[str, Any] = item.get("Config") or {}
    repository = parts(reference)[0]
    digests = [text for text in item.get("RepoDigests") or [] if text.partition("@")[0] == repository]
    user = str(config.get("User") or "")
    known = Known(
        user=_numbers(reference, user, where),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        ports=tuple(sorted(_ports(config.get("ExposedPorts") or {}))),
        volumes=tuple(sorted(config.get("Volumes") or {})),
        health=_health(config.get("Healthcheck") or {}),
        variables=tuple(line.partition("=")[0] for line in config.get("Env") or ()),
    )
    return Image(known=known, pinned=digests[0] if digests else "", here=True)


def _docker(words: tuple[str, ...], where: Mapping[str, str]) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return daemon.raw(*words, where=where, timeout=_SECONDS)
    except (ToolError, OSError, subprocess.TimeoutExpired):
        return None


def _ports(exposed: Mapping[str, Any]) -> Iterable[int]:
    for text in exposed:
        number, _, protocol = text.partition("/")
        if protocol in {"", "tcp"} and whole(number):
            yield whole(number)


def _health(check: Mapping[str, Any]) -> tuple[str, ...]:
    test = [str(word) for word in check.get("Test") or ()]
    if test[:1] == ["CMD"]:
        return tuple(test[1:])
    if test[:1] == ["CMD-SHELL"]:
        return ("sh", "-c", " ".join(test[1:]))
    return ()


def _numbers(reference: str, user: str, where: Mapping[str, str]) -> str:
    """uid, or uid:gid, of a user: a name is looked up in the image's own /etc/passwd, and nothing of it is run."""
    name, _, group = user.partition(":")
    if not name or (name.isdigit() and (not group or group.isdigit())):
        return user
    made = _docker(("create", reference, "nothing"), where)
    container = made.stdout.decode().strip() if made and not made.returncode else ""
    if not container:
        return user
    try:
        people = _file(container, "/etc/passwd", where)
        groups = _file(container, "/etc/group", where)
    finally:
        _docker(("rm", "--force", container), where)
    mine = next((row for row in people if row[0] == name or (name.isdigit() and row[2:3] == [name])), [])
    if len(mine) < 4 or not mine[2].isdigit():  # noqa: PLR2004  # name, password, uid, gid (passwd(5))
        return user
    gid = next((row[2] for row in groups if row[0] == group and len(row) > 2), mine[3]) if group else mine[3]  # noqa: PLR2004
    return mine[2] if gid == mine[2] else f"{mine[2]}:{gid}"


def _file(container: str, path: str, where: Mapping[str, str]) -> list[list[str]]:
    """The lines of a file of a container that was never started, cut at their colons."""
    done = _docker(("cp", f"{container}:{path}", "-"), where)
    if done is None or done.returncode:
        return []
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            member = archive.next()
            content = archive.extractfile(member) if member else None
            text = content.read(_LARGEST).decode(errors="replace") if content else ""
    except tarfile.TarError:
        return []
    return [line.split(":") for line in text.splitlines()]
