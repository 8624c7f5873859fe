"""Which tests of a stage that takes hours have run already, so that it goes on where it was stopped.

A laptop sleeps, a terminal is closed, a test fails by a fault of its own. What has run on the same files of the
checkout need not run again; on any other it has proved nothing, and is forgotten. A module of tests that no other file
imports is the business of its own tests alone; pages about the project are that of none.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from homeport.cli.places import ROOT, files

if TYPE_CHECKING:
    from pathlib import Path

_IMPORT: Final = re.compile(rb"^from ([\w.]+\.test_\w+) import ", re.MULTILINE)
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
        path: The file that grows with each test. Its name has a hash of what all tests may depend on.
        earlier: What stood in it when this run began: of no module of tests that is another now.
    """

    path: Path
    earlier: Path

    @classmethod
    def begin(cls, folder: Path, stage: str) -> Record:
        """The record of a stage; those on other files of the checkout are gone."""
        shared, modules = _hashes()
        record = cls(folder / f"{stage}.{shared}.ran", folder / f"{stage}.earlier")
        for old in folder.glob(f"{stage}.*.ran"):
            if old != record.path:
                old.unlink()
        before = folder / f"{stage}.modules"
        then = json.loads(before.read_bytes()) if before.is_file() else {}
        outcomes = {name: outcome for name, outcome in read(record.path).items() if _same(name, then, modules)}
        text = "".join(line(name, outcome) for name, outcome in outcomes.items())
        before.write_text(json.dumps(modules), encoding="utf-8")
        for path in (record.path, record.earlier):
            path.write_text(text, encoding="utf-8")
        return record

    def kept(self) -> list[str]:
        """Tests that passed in an earlier run and did not run again in this one."""
        before, whole = self.earlier.read_bytes(), self.path.read_bytes() if self.path.is_file() else b""
        again = {text.partition(" ")[2] for text in whole[len(before) :].decode().splitlines()}
        return [name for name, outcome in read(self.earlier).items() if outcome == PASSED and name not in again]

    def forget(self) -> None:
        """The next run begins anew."""
        self.path.unlink(missing_ok=True)


def _same(test: str, then: dict[str, str], now: dict[str, str]) -> bool:
    module = test.partition("::")[0]
    return then.get(module) == now.get(module)


def _hashes() -> tuple[str, dict[str, str]]:
    """One of what all tests may depend on, and one of each module of tests, of what git would commit as it is."""
    contents = {name: (ROOT / name).read_bytes() for name in sorted(files()) if not _only_tells(name)}
    imported = {module.decode().replace(".", "/") for text in contents.values() for module in _IMPORT.findall(text)}
    shared, modules = hashlib.sha256(), {}
    for name, content in contents.items():
        digest = hashlib.sha256(content)
        if PurePath(name).match("test_*.py") and name.removesuffix(".py") not in imported:
            modules[name] = digest.hexdigest()[:16]
        else:
            shared.update(f"{name}\0".encode() + digest.digest())
    return shared.hexdigest()[:16], modules


def _only_tells(name: str) -> bool:
    return name == "CHANGELOG.md" or (name.startswith("docs/") and name.endswith(".md"))
