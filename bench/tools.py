"""The two that homeport is measured beside, made once per content and kept in the cache folder.

docker compose v2 is built from its Go module, Ansible with its community.docker collection is installed from PyPI with
hashes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
_COMPOSE = "github.com/docker/compose/v2"


def cache() -> Path:
    """The folder that holds everything homeport writes: `$HOMEPORT_CACHE`, or `~/.cache/homeport`."""
    named = os.environ.get("HOMEPORT_CACHE")
    return Path(named).expanduser().absolute() if named else Path.home() / ".cache" / "homeport"


def compose_version() -> str:
    """The version of docker compose that `compose/go.mod` requires."""
    requirement = re.search(
        rf"^(?:require )?\s*{re.escape(_COMPOSE)} v(\S+)$", (HERE / "compose/go.mod").read_text(), re.MULTILINE
    )
    if requirement is None:
        raise ToolError(f"bench/compose/go.mod: does not require {_COMPOSE}\n  fix: git checkout bench/compose/go.mod")
    return requirement[1]


def compose() -> Path:
    """The `docker-compose` binary, built where it is not in the cache yet (about 2 minutes on two idle cores, 60 MB).

    Raises:
        ToolError: Go is missing, or the build failed.
    """
    flags = f"-s -w -X {_COMPOSE}/internal.Version={compose_version()}"
    line = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", flags]
    files = [HERE / "compose/go.mod", HERE / "compose/go.sum"]
    with _made("compose", files, " ".join(line)) as folder:
        if folder.is_dir():
            return folder / "docker-compose"
        go = shutil.which("go")
        if go is None:
            raise ToolError("bench: docker compose is built by Go, which is not on PATH\n  fix: install Go 1.24.9+")
        _say(f"building docker compose {compose_version()} from its Go module (once)")
        draft = _draft(folder)
        folders = {"GOCACHE": cache() / "go/build", "GOMODCACHE": cache() / "go/mod"}
        environ = os.environ | {name: str(path) for name, path in folders.items()} | {"CGO_ENABLED": "0"}
        _run([go, *line, "-o", str(draft / "docker-compose"), f"{_COMPOSE}/cmd"], environ, HERE / "compose")
        draft.rename(folder)
    return folder / "docker-compose"


def ansible() -> Path:
    """The `bin` folder of an environment that holds what `requirements.lock` names (330 MB).

    Raises:
        ToolError: The installation failed.
    """
    lock = HERE / "requirements.lock"
    system = f"{sys.version_info[:2]} {os.uname().machine} {sys.base_prefix}"
    with _made("ansible", [lock], system) as folder:
        # Scripts hold their own path, so the environment cannot be made elsewhere and renamed: the mark comes last.
        if not (folder / ".complete").is_file():
            _say("installing Ansible and its collections from PyPI (once)")
            shutil.rmtree(folder, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(folder)], dict(os.environ), HERE)
            argv = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*argv, "--require-hashes", "-r", str(lock)], dict(os.environ), HERE)
            (folder / ".complete").touch()
    return folder / "bin"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Two benchmarks at once would measure each other.

    Raises:
        ToolError: Another one runs.
    """
    path = cache() / "bench" / "running.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ToolError("bench: another benchmark runs on this machine\n  fix: wait for its end") from None
        yield


@contextlib.contextmanager
def _made(name: str, files: list[Path], system: str) -> Iterator[Path]:
    """The folder named after what decides its content, locked: two runs never make it at once."""
    digest = hashlib.sha256(system.encode())
    for file in files:
        digest.update(file.read_bytes())
    folder = cache() / "bench" / f"{name}-{digest.hexdigest()[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _draft(folder: Path) -> Path:
    draft = folder.with_name(f".{folder.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    return draft


def _run(argv: list[str], environ: dict[str, str], cwd: Path) -> None:
    done = subprocess.run(
        argv, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n    ".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise ToolError(f"{' '.join(argv[:2])}: ended with code {done.returncode}:\n    {tail}\n  fix: make bench")


def _say(line: str) -> None:
    print(f"==> {line}", file=sys.stderr, flush=True)
