"""What a finished update looked like, so that the next one can see in a second that there is nothing to do.

Kept per stack on this machine: a digest of everything that the program reads, one of the state, keyed digests of what
was delivered, and how long each service was away. Where anything of it is missing or different, Pulumi is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.cli import places
from homeport.cli.places import ROOT, cache
from homeport.cli.stack import PROJECT
from homeport.model.errors import ToolError
from homeport.plan import image_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from homeport.cli.drift import Digests

PROGRAM = ("__main__.py", "Pulumi.yaml", "requirements.lock", "components", "homeport", "catalog", "apps", "toolchain")
"""What the program and the tool chain are made of."""
_PREFIXES = ("PULUMI_", "HOMEPORT_", "DOCKER_", "AWS_", "HCLOUD_", "CLOUDFLARE_")
_OWN = ("HOMEPORT_STARTED", "HOMEPORT_CALLED_FROM")


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A finished update.

    Attributes:
        inputs: Digest of what the program read.
        state: Path of the state's file.
        digest: Digest of that file.
        docker: The environment of a Docker command that means its daemon.
        delivered: What was laid into volumes, keyed.
        seconds: How long each service was away when it was last replaced.
    """

    inputs: str = ""
    state: str = ""
    digest: str = ""
    docker: dict[str, str] = field(default_factory=dict)
    delivered: Digests = field(default_factory=dict)
    seconds: dict[str, int] = field(default_factory=dict)

    def resources(self) -> list[dict[str, Any]] | None:
        """The state's resources, their secrets still encrypted; None where it is another one by now, or locked."""
        try:
            file = Path(self.state)
            text = file.read_bytes()
            locks = file.parents[2].glob(f"locks/**/{file.stem}/*.json") if self.digest else ()
            if not self.digest or hashlib.sha256(text).hexdigest() != self.digest or any(locks):
                return None
            rows: list[dict[str, Any]] = json.loads(text)["checkpoint"]["latest"]["resources"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return rows


def path(stack: str) -> Path:
    """Where it is kept."""
    return cache() / "settled" / f"{stack}.json"


def read(stack: str) -> Settled:
    """The last finished update; an empty one where there was none, or another version wrote it."""
    try:
        return Settled(**json.loads(path(stack).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Settled()


def write(stack: str, settled: Settled) -> None:
    """Keeps it, for this user alone."""
    target = path(stack)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(settled)), encoding="utf-8")
    draft.replace(target)


def unsettle(stack: str) -> None:
    """The next update asks Pulumi; what was measured is kept."""
    if path(stack).exists():
        write(stack, Settled(seconds=read(stack).seconds))


def inputs(stack: str, root: Path = ROOT) -> str:
    """A digest of everything that decides what an update does, the state and Docker left out.

    Files by size and times: `ctime` changes whenever a file's content does.
    """
    total = hashlib.sha256()
    # Some waivers end on a day.
    total.update(datetime.now(UTC).date().isoformat().encode())
    for file in _files((*PROGRAM, f"Pulumi.{stack}.yaml", image_lock.path(root, stack).name), root):
        about = file.stat()
        total.update(f"{file} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns} {about.st_ino}\n".encode())
    for name, value in sorted(os.environ.items()):
        if name == "PATH" or (name.startswith(_PREFIXES) and name not in _OWN):
            total.update(f"{name}={value}\n".encode())
    return total.hexdigest()


def message(root: Path = ROOT) -> str:
    """What Pulumi notes with an update: the program by its files' content, whether they are committed or not."""
    try:
        # What tools leave beside it differs between two machines that have the same program.
        names = sorted(name for name in places.files(root) if name.partition("/")[0] in PROGRAM)
    except ToolError:
        names = [str(file.relative_to(root)) for file in _files(PROGRAM, root)]
    total = hashlib.sha256()
    for name in names:
        total.update(f"{name} {hashlib.sha256((root / name).read_bytes()).hexdigest()}\n".encode())
    return f"homeport up, program {total.hexdigest()}"


def _files(names: Iterable[str], root: Path) -> Iterator[Path]:
    for name in names:
        start = root / name
        if start.is_file():
            yield start
        for folder, folders, files in os.walk(start):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            yield from (Path(folder) / file for file in sorted(files))


def digester() -> Callable[[bytes], str] | None:
    """A keyed digest, so that what is kept says nothing of a short secret; None where there is no passphrase."""
    named = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    text = os.environ.get("PULUMI_CONFIG_PASSPHRASE")
    if not text:
        try:
            text = (Path(named) if named else cache() / "passphrase").read_text(encoding="utf-8")
        except OSError:
            return None
    key = hashlib.sha256(b"homeport settled " + text.encode()).digest()
    return lambda content: hmac.new(key, content, hashlib.sha256).hexdigest()


def state_file(folder: Path | None, stack: str) -> Path | None:
    """The file of a state that is kept in a folder; None elsewhere."""
    file = folder / "stacks" / PROJECT / f"{stack}.json" if folder else None
    return file if file and file.is_file() else None
