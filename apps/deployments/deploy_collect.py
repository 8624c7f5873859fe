"""Deletes old tags of the registry and frees their space, and no push loses a layer by it.

Distribution marks what manifests name and sweeps the rest (distribution/distribution, registry/storage/
garbagecollect.go): a layer that was pushed before its manifest is swept, and a registry that serves meanwhile goes on
believing in it. So the registry stands still for that: once nobody has pushed for some minutes it is stopped, looked at
again while nobody can push, and started when its space is free.
"""

from __future__ import annotations

import fcntl
import math
import re
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import deploy_registry
from deploy_engine import DeployError
from deploy_rollout import BUSY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deploy_engine import Engine, Record
    from deploy_registry import Registry

_STORE: Final = "/var/lib/registry/docker/registry/v2"
_PAUSE: Final = 10
_PUSHED: Final = 75
"""Exit code of the collection: there was a push after all."""
_FRESH: Final = 'cd "$1" 2>/dev/null || exit 0; find . -type f -mmin "-$2" | head -n 1'
# Revisions before tags, as the registry's own API takes them away: what a kill leaves is a tag without a manifest,
# which the next run sees and takes.
_SWEEP: Final = f"""set -eu
[ -z "$(sh -c '{_FRESH}' sh "$1" "$2")" ] || exit {_PUSHED}
cd "$1" 2>/dev/null || {{ echo 0 0; exit 0; }}
store=$1 config=$3
shift 3
before=$(du -sk . | cut -f 1)
for path in "$@"; do rm -rf "repositories/$path"; done
registry garbage-collect --quiet "$config"
echo "$before $(du -sk "$store" | cut -f 1)"
"""


@contextmanager
def held(file: Path, how: int) -> Iterator[bool]:
    """Holds a lock on a file, which goes with whoever holds it; False: somebody else has it.

    Args:
        file: Any that can be read.
        how: ``fcntl.LOCK_SH``, ``fcntl.LOCK_EX``, with ``fcntl.LOCK_NB`` where it is not waited for.
    """
    with file.open("rb") as handle:
        try:
            fcntl.flock(handle, how)
        except BlockingIOError:
            yield False
        else:
            yield True


HERE: Final = Path(__file__)
"""What a deployment shares, so that no tag goes that it is about to put live, and a collection has alone."""


class Collection:
    """One collection of a registry.

    Args:
        engine: The host's Docker.
        container: The registry's container.
        idle: Minutes for which nobody may have pushed; 0: nobody else can push.
        other: A further lock, of whoever copies the registry's files meanwhile; its file is made.
    """

    def __init__(self, engine: Engine, container: str, idle: int, other: Path | None = None) -> None:
        self._engine, self._container, self._idle = engine, container, idle
        self._other, self._name = other, f"{container}-gc"

    def run(self, registry: Registry, keep: int, patience: int) -> Iterator[str]:
        """What was done, line by line.

        Args:
            registry: Its API.
            keep: How many tags of each repository stay.
            patience: Seconds for which it waits until nobody pushes.

        Raises:
            DeployError: Docker or the registry does not answer, or somebody pushes all the time: nothing is deleted.
        """
        end, done = time.monotonic() + patience, None
        if self.mend():
            yield f"{self._container}: an earlier collection was killed; it runs again"
        while done is None:
            if not self._pushed_lately():
                done = self._once(registry, keep)
            if done is None:
                if time.monotonic() >= end:
                    raise DeployError(
                        f"{self._container}: somebody pushes, deploys or copies it all the time; nothing was deleted\n"
                        "fix: registry-gc.sh at another hour",
                        BUSY,
                    )
                time.sleep(min(_PAUSE, max(end - time.monotonic(), 0)))
        yield from done

    def mend(self) -> bool:
        """Starts the registry where a collection was killed while it stood still; whether that was so."""
        with held(HERE, fcntl.LOCK_EX):
            left = self._engine.container(self._name) is not None
            if left:
                self._end()
            return left

    def _end(self) -> None:
        # The mark goes last: whoever is killed before that is put right by the next run.
        if self._engine.container(self._name):
            self._engine.stop(self._name)
        self._engine.start(self._container)
        self._engine.remove(self._name)

    def _pushed_lately(self) -> bool:
        argv = ["docker", "exec", self._container, "sh", "-c", _FRESH, "sh", _STORE, str(self._idle)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DeployError(
                f"{self._container} does not run: {done.stderr.strip()}\nfix: docker start {self._container}"
            )
        return bool(done.stdout)

    def _once(self, registry: Registry, keep: int) -> list[str] | None:
        """What was done; None: somebody pushes, deploys or copies after all, and nothing was done."""
        begun = time.monotonic()
        listed = {repository: registry.tags(repository) for repository in registry.repositories()}
        if self._other:
            self._other.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._other.touch(mode=0o600)
        with (
            held(HERE, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone,
            held(self._other or Path("/dev/null"), fcntl.LOCK_EX | fcntl.LOCK_NB) as uncopied,
        ):
            if not (alone and uncopied):
                return None
            rows = deploy_registry.old(listed, self._engine, keep)
            # What was pushed since the tags were listed counts as well.
            minutes = self._idle + math.ceil((time.monotonic() - begun) / 60) if self._idle else 0
            sizes = self._swept(deploy_registry.paths(rows), minutes)
        if sizes is None:
            return None
        before, after = (int(kilobytes) * 1024 for kilobytes in sizes.groups())
        lines = [f"deleted {repository}:{tag.name}  {tag.created}" for repository, tag in rows]
        return [*lines, f"{self._container}: {_size(before - after)} freed, {_size(after)} left"]

    def _swept(self, paths: Sequence[str], minutes: int) -> re.Match[str] | None:
        """Kilobytes before and after; None: there was a push after all."""
        seen = self._engine.container(self._container)
        if seen is None:
            raise DeployError(f"no container {self._container} on this host\nfix: REGISTRY_CONTAINER=…")
        self._engine.create(self._name, _body(seen, self._container, paths, minutes), {})
        try:
            self._engine.stop(self._container)
            self._engine.start(self._name)
            code = self._engine.call("POST", f"/containers/{self._name}/wait")["StatusCode"]
            words = self._engine.last_words(self._name)
        finally:
            self._end()
        if code == _PUSHED:
            return None
        sizes = re.search(r"^\s*(\d+) (\d+)$", words, re.MULTILINE)
        if code or sizes is None:
            raise DeployError(
                f"{self._container}: its collection ended with {code}\n{words}fix: docker logs {self._container}"
            )
        if problem := self._engine.healthy(self._container, 120):
            raise DeployError(f"{self._container}: {problem}\nfix: docker logs --tail 50 {self._container}")
        return sizes


def _body(seen: Record, container: str, paths: Sequence[str], minutes: int) -> dict[str, Any]:
    """The container that collects: of the registry's image, user and files, without a network."""
    return {
        "Image": seen["Image"],
        "User": seen["Config"]["User"],
        "Entrypoint": ["sh", "-c", _SWEEP, "sh"],
        "Cmd": [_STORE, str(minutes), _config(seen), *paths],
        "Env": seen["Config"]["Env"],
        "Labels": {"homeport.collects": container},
        # Its shell would let the usual signal pass.
        "StopSignal": "SIGKILL",
        "HostConfig": {
            "VolumesFrom": [container],
            "NetworkMode": "none",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
        },
    }


def _config(seen: Record) -> str:
    """The settings that the registry was started with: what `serve` names, else the image's own."""
    words = [*(seen["Config"]["Entrypoint"] or []), *(seen["Config"]["Cmd"] or [])]
    return next((word for word in words if word.endswith((".yml", ".yaml"))), "/etc/distribution/config.yml")


def _size(count: int) -> str:
    return f"{max(count, 0) / 1e6:.1f} MB"
