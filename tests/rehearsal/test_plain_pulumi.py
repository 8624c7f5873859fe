"""The documented way without `make`: an environment in the clone, as `pulumi install` makes it, and plain `pulumi`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support.scratch import Scratch

pytestmark = [pytest.mark.world, pytest.mark.long]
INSTALL = (
    # What the pip toolchain of Pulumi's host runs (sdk/python/toolchain/pip.go, InstallDependencies, v3.255.0).
    ("python3", "-m", "venv", "{clone}/.venv"),
    ("{clone}/.venv/bin/python", "-m", "pip", "install", "--quiet", "--upgrade", "pip", "setuptools", "wheel"),
    ("{clone}/.venv/bin/python", "-m", "pip", "install", "--quiet", "-r", "requirements.txt"),
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the checkout with an environment of its own, and a small stack in it."""
    stack = Scratch(tmp_path_factory.mktemp("plain"))
    try:
        for words in INSTALL:
            argv = [word.format(clone=stack.folder) for word in words]
            subprocess.run(argv, cwd=stack.folder, check=True, timeout=600)
        yield stack
    finally:
        stack.remove()


def plain(clone, *argv):
    """A `pulumi` command as a person types it.

    No launcher, no variable of ours but the engine's home, no Python of the cache on PATH.
    """
    printed = subprocess.run(
        [sys.executable, "-m", "toolchain.engine", "env"],
        cwd=clone.folder,
        env=clone.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    exports = dict(line.removeprefix("export ").split("=", 1) for line in printed)
    _launcher, engine, *_ = exports["PATH"].split(os.pathsep)
    rest = [part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(sys.prefix)]
    environ = {key: value for key, value in clone.environment.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    environ |= {key: value for key, value in exports.items() if key == "PULUMI_HOME"}
    return subprocess.run(
        ["pulumi", *argv, "--non-interactive"],
        cwd=clone.folder,
        env=environ | {"PATH": os.pathsep.join([engine, *rest])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_documented_steps_bring_a_stack_up_with_the_clones_own_python(clone):
    installed = plain(clone, "install", "--no-plugins")
    about = plain(clone, "about", "--json")
    selected = plain(clone, "stack", "select", clone.name)
    up = plain(clone, "up", "--yes", "--skip-preview")
    again = plain(clone, "preview", "--expect-no-changes")

    assert 0 == installed.returncode, installed.stdout + installed.stderr
    assert str(clone.folder / ".venv" / "bin" / "python") == json.loads(about.stdout)["runtime"]["executable"], (
        "the environment that Pulumi.yaml names"
    )
    assert (0, 0) == (selected.returncode, up.returncode), up.stdout + up.stderr
    assert 0 == again.returncode, again.stdout + again.stderr
