"""`command:local:Command` and `command:local:run`: a process on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, ClassVar

from toolchain.plugins.base import CheckFailed, InvokeFailed, Props
from toolchain.plugins.command import fields, globs, infer, process
from toolchain.plugins.command.resource import LifeCommand, previous_output, trimmed
from toolchain.plugins.values import plain


class LocalCommand(LifeCommand):
    """A command on this machine."""

    struct = "local.CommandInputs"
    fields: ClassVar[dict[str, infer.Field]] = fields.LOCAL_COMMAND

    def execute(self, command: str, values: Props, previous: Props, timeout: float) -> Props:
        """Runs it by the interpreter, in the folder asked for."""
        return execute(command, values, previous, timeout)


def execute(command: str, values: Props, previous: Props, timeout: float) -> Props:
    """Outputs of a local command; raises `ProviderError` when it fails."""
    argv = [*(values.get("interpreter") or ["/bin/sh", "-c"]), command]
    folder = values.get("dir") or str(Path.cwd())
    env = {**os.environ, **values.get("environment", {}), **previous_output(values, previous)}
    try:
        done = process.run(
            argv,
            stdin=values.get("stdin") or "",
            logging=values.get("logging"),
            timeout=timeout,
            cwd=folder,
            env=env,
        )
    except OSError as error:
        raise process.failed(_start_error(error, argv[0], folder), command, "") from error
    if done.code != 0:
        raise process.failed(process.outcome(done.code), command, done.joined)
    outputs: dict[str, Any] = {"stdout": trimmed(done.stdout), "stderr": trimmed(done.stderr)}
    if "assetPaths" in values:
        outputs["assets"] = globs.assets(folder, values["assetPaths"])
    if "archivePaths" in values:
        outputs["archive"] = globs.archive(folder, values["archivePaths"])
    return outputs


def _start_error(error: OSError, program: str, folder: str) -> str:
    reason = (error.strerror or str(error)).lower()
    if not Path(folder).is_dir():
        return f"chdir {folder}: {reason}"
    if "/" not in program and shutil.which(program) is None:
        return f"exec: {process.go_quote(program)}: executable file not found in $PATH"
    return f"fork/exec {program}: {reason}"


def run(args: Props) -> Props:
    """`local.run`: runs at once, also in a preview; its arguments are among its results."""
    try:
        checked = infer.check("local.RunInputs", fields.LOCAL_RUN, args)
    except CheckFailed as refused:
        raise InvokeFailed(refused.failures) from refused
    values = dict(plain(checked))
    return {**checked, **execute(values["command"], values, {}, 0)}
