"""Stores that write a snapshot of themselves: their sets, the way back, and the drill, by the kind of store.

What a restore would put in the place of something is looked at first, and a snapshot is tried in a throw-away container
of the store's own image before it takes any place.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from host_scripts import qdrant, redis, sets
from host_scripts.common import BackupError, Settings, Store, docker, each

if TYPE_CHECKING:
    from pathlib import Path


class Kind(Protocol):
    """What is to be known of a kind of store."""

    def dump(self, store: Store, password: str, draft: sets.Draft) -> dict[str, Any]:
        """Writes a snapshot into a set; what is in it."""

    def held(self, store: Store, password: str) -> int:
        """How many things it holds now."""

    def load(self, store: Store, password: str, folder: Path, manifest: dict[str, Any]) -> None:
        """Puts a snapshot in the place of all that the store holds."""

    def drill(self, store: Store, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        """Loads a snapshot into a throw-away container; what is in it there."""


KINDS: Final[dict[str, Kind]] = {"redis": redis, "qdrant": qdrant}


def backup(settings: Settings) -> dict[str, Any]:
    """A set of each store.

    Raises:
        BackupError: A store could not be dumped; the others are, all the same.
    """
    return each("stores", {store.container: partial(_dumped, settings, store) for store in settings.stores})


def _dumped(settings: Settings, store: Store) -> dict[str, Any]:
    with sets.new(sets_of(settings, store), settings.keep) as draft:
        held = KINDS[store.kind].dump(store, store.password(), draft)
        draft.finish({"container": store.container, "kind": store.kind, **held})
    return {"set": sets.all_in(sets_of(settings, store))[-1].name, **held}


def sets_of(settings: Settings, store: Store) -> Path:
    """Where a store's sets are."""
    return settings.folder / "stores" / store.container


def drill(store: Store, folder: Path) -> dict[str, Any]:
    """Loads a set into a throw-away container of the store's image.

    Raises:
        BackupError: The set is damaged, or the store does not take it.
    """
    return {"age_hours": sets.age_hours(folder), **KINDS[store.kind].drill(store, folder, sets.checked(folder))}


def verify(settings: Settings) -> dict[str, Any]:
    """The drill of the newest set of each store.

    Raises:
        BackupError: A set is missing, damaged, or cannot be loaded; the others are tried all the same.
    """
    return each("stores", {store.container: partial(_newest, settings, store) for store in settings.stores})


def _newest(settings: Settings, store: Store) -> dict[str, Any]:
    return drill(store, sets.chosen(sets_of(settings, store), ""))


def free(store: Store) -> None:
    """Whether a store holds nothing that a restore would take away.

    Raises:
        BackupError: It holds something.
    """
    if held := KINDS[store.kind].held(store, store.password()):
        fix = f"./backup.sh restore stores {store.container} --replace puts the snapshot in its place"
        raise BackupError(f"{store.container} holds {held} keys or points", fix)


def restore(settings: Settings, container: str, name: str, *, replace: bool) -> dict[str, Any]:
    """Brings a set into its store.

    Args:
        settings: The settings.
        container: The store's.
        name: The set's; empty: the newest.
        replace: Whether it takes the place of what the store holds.

    Raises:
        BackupError: The set is damaged, or the store holds something or does not take it: it is as it was.
    """
    store = next((each for each in settings.stores if each.container == container), None)
    if store is None:
        known = ", ".join(each.container for each in settings.stores)
        raise BackupError(f"{container} is none of REDIS_SERVERS and QDRANT_SERVERS: {known}", "name one of them")
    folder = sets.chosen(sets_of(settings, store), name)
    manifest = sets.checked(folder)
    # A restore that was killed may have left it stopped.
    docker("start", container)
    if not replace:
        free(store)
    tried = KINDS[store.kind].drill(store, folder, manifest)
    KINDS[store.kind].load(store, store.password(), folder, manifest)
    return {"set": folder.name, **tried}
