"""What a person types, as the tests type it."""

from __future__ import annotations

import os
import subprocess

from tests.support.checkout import ROOT


def make(target: str, *arguments: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
    """`make target` with nobody at the terminal; both streams in `stdout`."""
    return subprocess.run(
        ["make", "--silent", "--no-print-directory", target, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        # MAKEFLAGS of the `make test` that may have started us would reach this one; its clock is not ours either.
        env={
            key: value
            for key, value in os.environ.items()
            if key not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "HOMEPORT_STARTED"}
        },
    )
