"""The cache folder of the images: where its parts are, and the locks that keep two runs apart."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """The product's cache folder: `$HOMEPORT_CACHE`, or `~/.cache/homeport`."""
    chosen = os.environ.get("HOMEPORT_CACHE")
    return (Path(chosen) if chosen else Path.home() / ".cache" / "homeport").absolute()


def folder(*parts: str) -> Path:
    """A folder below `images/` of the cache, made when it is missing."""
    path = cache_root().joinpath("images", *parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def slug(image: str) -> str:
    """An image's name as a file name: `redis:7.4.11-alpine` becomes `redis_7-alpine`."""
    return image.replace("/", "_").replace(":", "_")


@contextmanager
def lock(name: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the machine-wide lock `name`; who comes second waits and is told for whom.

    The kernel frees the lock when its holder dies, so a killed run never blocks the next one.

    Args:
        name: what is locked, a file name.
        say: is given one line when there is somebody to wait for.
    """
    path = folder("locks") / f"{name}.lock"
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {path.read_text(encoding='utf-8').strip() or 'another run'}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.truncate(0)
        handle.write(f"process {os.getpid()}, which has held {name} since {time.strftime('%H:%M:%S')}\n")
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)
