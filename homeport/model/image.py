"""What an image holds, as far as a service relies on it: facts with their source, to be read again when it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLIC_PINS = (
    "2026-11-29, found by searching public source for the tag: what several independent repositories pin it to; "
    "no registry was asked"
)


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
        digests: Tag to the digest of its index, as far as it is known; ``digests_from`` says whence.
        digests_from: Where the digests were read, and when.
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
    digests: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    digests_from: str = ""


def parts(reference: str) -> tuple[str, str, str]:
    """Repository, tag and digest of a reference; empty what it does not name."""
    plain, _, digest = reference.partition("@")
    head, colon, tag = plain.rpartition(":")
    return (head, tag, digest) if colon and "/" not in tag else (plain, "", digest)


def floats(reference: str) -> bool:
    """Whether it names nothing that could be promoted: neither a digest, nor a tag other than ``latest``."""
    _, tag, digest = parts(reference)
    return not digest and tag in {"", "latest"}
