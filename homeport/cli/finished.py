"""Which tests of a stage that takes hours have run already, so that it goes on where it was stopped.

A laptop sleeps, a terminal is closed. What has run on the same files of the checkout need not run again; on any other
it has proved nothing, and a record of it is not read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.cli.places import ROOT, files

if TYPE_CHECKING:
    from pathlib import Path

PASSED = "passed"
"""What is written of a test that passed; anything else is not."""


def read(path: Path) -> dict[str, str]:
    """How each test ended that `lanes` has noted, by pytest's name of it; the last time if it ran twice."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    # On a full disk the last line may be a part of one.
    whole = [line.rstrip("\n").partition(" ") for line in lines if line.endswith("\n")]
    return {name: outcome for outcome, _, name in whole}


def line(name: str, outcome: str) -> str:
    """What `read` reads."""
    return f"{outcome} {name}\n"


@dataclass(frozen=True)
class Record:
    """The tests of one stage that have run on the checkout as it is.

    Attributes:
        path: The file that grows with each test. Its name has a hash of all files of the checkout.
        earlier: What stood in it when this run began.
    """

    path: Path
    earlier: Path

    @classmethod
    def begin(cls, folder: Path, stage: str) -> Record:
        """The record of a stage; those on other files of the checkout are gone."""
        record = cls(folder / f"{stage}.{_files()}.ran", folder / f"{stage}.earlier")
        for old in folder.glob(f"{stage}.*.ran"):
            if old != record.path:
                old.unlink()
        record.earlier.write_bytes(record.path.read_bytes() if record.path.is_file() else b"")
        return record

    def kept(self) -> list[str]:
        """Tests that passed in an earlier run and did not run again in this one."""
        before, whole = self.earlier.read_bytes(), self.path.read_bytes() if self.path.is_file() else b""
        again = {text.partition(" ")[2] for text in whole[len(before) :].decode().splitlines()}
        return [name for name, outcome in read(self.earlier).items() if outcome == PASSED and name not in again]

    def forget(self) -> None:
        """The next run begins anew."""
        self.path.unlink(missing_ok=True)


def _files() -> str:
    """A hash of what git would commit of the checkout as it is."""
    digest = hashlib.sha256()
    for name in sorted(files()):
        digest.update(f"{name}\0".encode() + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return digest.hexdigest()[:16]
