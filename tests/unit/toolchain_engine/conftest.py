import os
import stat
import sys
from pathlib import Path

import pytest

from toolchain.engine.places import Places


@pytest.fixture
def places(tmp_path):
    """Places in a cache of this test's own."""
    return Places(cache=tmp_path / "cache", python=Path(sys.prefix, "bin", "python"))


@pytest.fixture
def script(tmp_path):
    """Writes an executable shell script below the test's folder and returns its path."""

    def write(name, body="exit 0"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


@pytest.fixture
def environ(tmp_path):
    """A user who has set nothing."""
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": os.defpath}
