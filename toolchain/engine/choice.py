"""Which engine is used, and why: Pulumi's own wherever it can be had, ours built from package registries elsewhere."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.engine.build import ensure_engine
from toolchain.engine.errors import EngineError
from toolchain.engine.places import Places, write_atomically

HOST = "pulumi-language-python"
OVERRIDE = "HOMEPORT_ENGINE"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An engine and the reason for it.

    Args:
        official: Whether it is Pulumi's own CLI with its own plugins and language host.
        binary: The `pulumi` binary; it need not be there yet.
        why: The reason, for people.
    """

    official: bool
    binary: Path
    why: str

    @property
    def ready(self) -> bool:
        """Whether the binary is there."""
        return self.binary.is_file()


def choose(places: Places, environ: Mapping[str, str] = os.environ) -> Choice:
    """The engine to use, judged from the disk alone: no network, nothing written.

    Raises:
        EngineError: `HOMEPORT_ENGINE` asks for what is not there.
    """
    asked = environ.get(OVERRIDE, "")
    if asked not in {"", "official", "registries"}:
        raise EngineError(OVERRIDE, f"{asked!r} is no engine; it is official or registries", f"unset {OVERRIDE}")
    if asked == "registries":
        return Choice(official=False, binary=places.engine, why=f"{OVERRIDE}=registries asks for it")
    binary, refusal = _on_path(places, environ)
    if binary is not None:
        return Choice(official=True, binary=binary, why="Pulumi's own CLI is on PATH")
    if places.official.is_file():
        return Choice(official=True, binary=places.official, why="Pulumi's own CLI was downloaded into the cache")
    if asked == "official":
        raise EngineError(OVERRIDE, f"asks for Pulumi's own CLI, but {refusal}", "python -m toolchain.engine ensure")
    return Choice(official=False, binary=places.engine, why=f"{refusal}; {_noted(places)}")


def ensure_choice(places: Places, environ: Mapping[str, str] = os.environ) -> Choice:
    """Like `choose`, but what is missing is fetched or built first.

    Pulumi's download site is asked only when nothing is in place yet, so that an installed world needs no network.

    Raises:
        EngineError: The engine can neither be downloaded nor built.
    """
    asked = environ.get(OVERRIDE, "")
    if asked != "official":
        choice = choose(places, environ)
        if choice.ready:
            return choice
    if asked != "registries":
        from toolchain.engine import download  # noqa: PLC0415 urllib and ssl cost 50 ms that `env` need not pay

        obstacle = download.obstacle(environ)
        if obstacle is None:
            download.install(places, environ)
            return choose(places, environ)
        if asked == "official":
            raise EngineError(OVERRIDE, f"asks for Pulumi's own CLI, but {obstacle}", "put Pulumi on PATH, or unset it")
        write_atomically(places.note, json.dumps({"download": obstacle}) + "\n", 0o644)
    ensure_engine(places)
    return choose(places, environ)


def _on_path(places: Places, environ: Mapping[str, str]) -> tuple[Path | None, str]:
    """Pulumi's own CLI on PATH, or why there is none. What we put there ourselves does not count."""
    cache = str(places.cache)
    foreign = [p for p in environ.get("PATH", "").split(os.pathsep) if p and not p.startswith(cache + os.sep)]
    path = os.pathsep.join(foreign)
    binary = shutil.which("pulumi", path=path)
    if binary is None:
        return None, "there is no pulumi on PATH"
    beside = Path(binary).resolve().with_name(HOST)
    if beside.is_file() or shutil.which(HOST, path=path):
        return Path(binary), ""
    return None, f"{binary} has no {HOST} beside it or on PATH, so it cannot run Python"


def _noted(places: Places) -> str:
    """What the last `ensure` found at Pulumi's download site."""
    try:
        return str(json.loads(places.note.read_text())["download"])
    except (OSError, ValueError, KeyError):
        return "its download site was not asked"
