"""Builds the engine from Go modules, once per content of `go.mod`, `go.sum` and build line."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from toolchain.engine.errors import EngineError
from toolchain.engine.places import PACKAGE, Places, lock

HEARTBEAT = 20.0
"""Seconds between two signs of life of a build."""


def ensure_engine(places: Places) -> Path:
    """The engine's binary, built if it is not in the cache yet.

    Two processes never build at once, and an interrupted build leaves nothing that looks finished.

    Raises:
        EngineError: Go is missing, or the build failed.
    """
    binary = places.engine
    if binary.is_file():
        return binary
    folder = binary.parent.parent
    with lock(folder.with_name(f"{folder.name}.lock")):
        if not binary.is_file():
            _build_into(places, folder)
    return binary


def _build_into(places: Places, folder: Path) -> None:
    """Builds beside `folder` and renames: the folder is there whole, or not at all."""
    go = shutil.which("go")
    if go is None:
        raise EngineError(
            "toolchain/engine",
            "Pulumi's CLI is neither on PATH nor downloadable, and building its engine needs Go 1.25 or newer, "
            "which is not on PATH",
            "install Go (https://go.dev/dl, or your distribution's golang package) "
            "or Pulumi (https://www.pulumi.com/docs/install), then run: make engine",
        )
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "bin").mkdir(parents=True)
    try:
        argv = [go, *places.build_line[1:], "-o", str(draft / "bin" / "pulumi"), f"{PACKAGE}/cmd/pulumi"]
        _run(argv, places)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _run(argv: list[str], places: Places) -> None:
    """Runs the build with a progress line; raises EngineError with the compiler's last words."""
    began = time.monotonic()
    _say(f"building Pulumi {places.version} from Go modules (once; 1.5 to 3.5 minutes on two cores)")
    with subprocess.Popen(
        argv, cwd=places.module, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as build:
        while True:
            try:
                output, _ = build.communicate(timeout=HEARTBEAT)
                break
            except subprocess.TimeoutExpired:
                _say(f"still compiling, {time.monotonic() - began:.0f} s")
            except BaseException:
                build.terminate()
                raise
    if build.returncode != 0:
        tail = "\n    ".join(output.strip().splitlines()[-8:])
        raise EngineError(
            f"go build in {places.module}",
            f"ended with code {build.returncode}:\n    {tail}",
            "check that GOPROXY reaches a Go module proxy and that `go version` is 1.25 or newer, "
            "then run: make engine",
        )


def _say(line: str) -> None:
    print(f"engine: {line}", file=sys.stderr, flush=True)
