"""A GitHub Actions runner as a value: whose jobs it takes, under which labels, and where its program comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from homeport.model.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A runner on a host of the stack.

    Attributes:
        name: As GitHub lists it.
        url: The repository or organization whose jobs it takes.
        labels: What workflows ask for in ``runs-on``; ``self-hosted`` is GitHub's own.
        archive: URL of the program's archive (tar.gz): https, or file for one that is on the host already; empty: it
            comes out of an image.
        sha256: The archive's checksum, as upstream publishes it beside the release.
        docker: Why its jobs need the host's Docker, which makes them as mighty as root; empty: they have none.
    """

    name: str
    url: str
    labels: tuple[str, ...] = ("self-hosted",)
    archive: str = ""
    sha256: str = ""
    docker: str = ""

    @property
    def unit(self) -> str:
        """Its systemd unit, as upstream's installer calls it: actions.runner.<owner>-<repository>.<name>.service."""
        scope = "-".join(part for part in urlsplit(self.url).path.split("/") if part)
        return f"actions.runner.{scope}.{self.name}.service"

    def problems(self) -> Iterator[Problem]:
        """Everything that does not hold together, with the edit that fixes it."""
        where = f"runner.{self.name}"
        address = urlsplit(self.url)
        parts = [part for part in address.path.split("/") if part]
        if address.scheme != "https" or not address.hostname or address.username or len(parts) not in {1, 2}:
            yield Problem(
                f"{where}.url", "is no repository or organization", "Write https://github.com/<owner>/<repository>."
            )
        for word in (self.name, *self.labels, *parts):
            if not _WORD.fullmatch(word):
                yield Problem(
                    where,
                    f"{word!r} cannot be part of a runner's name, labels or URL",
                    "Use letters, digits, '.', '_' and '-'.",
                )
        if self.archive and urlsplit(self.archive).scheme not in {"https", "file"}:
            yield Problem(
                f"{where}.archive",
                "would be fetched without TLS",
                "Write an https URL, or file:// for one on the host.",
            )
        if self.archive and not _SHA256.fullmatch(self.sha256):
            yield Problem(f"{where}.sha256", "is no SHA-256: 64 hexadecimal digits", "Copy it from the release's page.")
