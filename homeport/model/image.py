"""What an image holds, as far as a service relies on it: facts with their source, to be read again when it changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """Facts about one image.

    Attributes:
        repository: The image's name without its tag, as Docker spells it.
        source: Where the facts were read: the file that the image is built from.
        read: The day on which they were read, as in ``2026-11-28``.
        user: User that its processes run as: a number or a name; ``root`` where it names none.
        entrypoint: Its entry point; empty: none.
        command: The arguments that it starts with where nobody gives others.
        writable: Folders that the software writes to.
        tools: Programs in it that a health check, an entry point or an operator may use; empty: none, not even a shell.
        ports: Ports that the software listens on.
        health: How it tells its health, in a few words; empty: it does not.
    """

    repository: str
    source: str
    read: str
    user: str = "root"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    health: str = ""
