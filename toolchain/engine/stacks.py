"""Makes a stack without leaving a trace in the checkout."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from toolchain.engine import launcher
from toolchain.engine.errors import EngineError

_EXISTS = "already exists"


def init_stack(name: str, folder: Path, environ: Mapping[str, str], scratch: Path) -> bool:
    """Makes the stack `name` of the project in `folder`; False when it was there already.

    `pulumi stack init` writes the new salt into `Pulumi.<name>.yaml`. In a copy of the project that has no stack file
    the salt reaches the state alone, where the engine finds it again (ADR 0002). A stack file that keeps a salt or a
    secrets provider of its own is used as it is: then there is nothing to write.

    Args:
        name: The stack's name.
        folder: A folder with a Pulumi.yaml at or above it.
        environ: The complete environment of the engine.
        scratch: A folder for the copy, which is removed again.

    Raises:
        EngineError: There is no project, or the engine refused.
    """
    project = launcher.project_file(folder.absolute())
    if project is None:
        raise EngineError(str(folder), "has no Pulumi.yaml at or above it", "cd into the checkout")
    settings = project.with_name(f"Pulumi.{name}.yaml")
    if settings.is_file() and launcher.OWN_SECRETS.search(settings.read_bytes()):
        created = _init(name, project.parent, environ)
    else:
        with tempfile.TemporaryDirectory(prefix="init-", dir=scratch) as draft:
            shutil.copy(project, Path(draft) / "Pulumi.yaml")
            created = _init(name, Path(draft), environ)
    return created


def _init(name: str, folder: Path, environ: Mapping[str, str]) -> bool:
    output = _run(["stack", "init", name, "--no-select"], folder, environ, allow=_EXISTS)
    return _EXISTS not in output


def _run(argv: list[str], folder: Path, environ: Mapping[str, str], allow: str | None = None) -> str:
    """Runs the engine and returns what it said; a failure that says `allow` is none."""
    binary = shutil.which("pulumi", path=environ.get("PATH", os.defpath)) or "pulumi"
    done = subprocess.run(
        [binary, *argv, "--non-interactive", "--color=never"],
        cwd=folder,
        env=dict(environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0 and not (allow and allow in done.stdout):
        raise EngineError(f"pulumi {' '.join(argv)}", done.stdout.strip(), "python -m toolchain.engine report")
    return done.stdout
