"""A GitHub Actions runner on a host: its unit, and the script that installs, registers and removes it.

The token is read from a file that only root reads, handed to upstream's ``config.sh`` in the environment of that one
short run (``ACTIONS_RUNNER_INPUT_TOKEN``, which it takes out of its own environment at once: actions/runner,
CommandSettings.cs), and is no argument.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homeport.model.host import HostFile
from homeport.model.template import LINE
from homeport.render import host_text

if TYPE_CHECKING:
    from homeport.model.runner import Runner

USER = "homeport-runner"
STATE = "/var/lib/homeport-runner"
_PROGRAM = Path(__file__).parents[2] / "apps" / "github_runner"
"""Its scripts set a runner up by hand just so."""
_AGAIN = "pulumi config set --secret homeport:github-runner-token"


def folder(runner: Runner) -> str:
    """Where the runner's settings and its token are on the host."""
    return f"/etc/homeport/runner/{runner.name}"


def files(runner: Runner) -> tuple[HostFile, ...]:
    """All files on the host; they want ``runner-token`` and ``runner-image`` (anything, where an archive is named)."""
    return (
        HostFile(path=f"{folder(runner)}/token", content="{runner-token}\n", mode=0o600, template=LINE),
        HostFile(path=f"{folder(runner)}/image", content="{runner-image}\n", template=LINE),
        HostFile(path=f"{folder(runner)}/runner.sh", content=script(runner), mode=0o755),
        HostFile(path=f"/etc/systemd/system/{runner.unit}", content=unit(runner)),
    )


def unit(runner: Runner) -> str:
    """The systemd unit.

    Jobs are other people's programs: they see no home, no other process, and may write in the runner's folder only.

    Left out of the hardening of our own services: MemoryDenyWriteExecute (.NET and Node compile at run time),
    ProcSubset (.NET reads /proc/meminfo), PrivateUsers (it would hide the docker group).
    """
    reason = (
        f"# Jobs reach the host's Docker: {LINE(runner.docker)}\nSupplementaryGroups=docker" if runner.docker else ""
    )
    groups = host_text.Code(reason) if reason else None
    home = f"{STATE}/{runner.name}"
    return host_text.filled(str(_PROGRAM / "runner.service"), home=home, user=USER, name=runner.name, groups=groups)


def remove(runner: Runner) -> str:
    """Shell that takes it away, when its files are gone already.

    It is taken off GitHub's list if the last token is younger than an hour.
    """
    return f"set -- remove\n{script(runner)}"


def script(runner: Runner) -> str:
    """The script on the host: ``runner.sh up`` and ``runner.sh remove``, both safe to run again."""
    return host_text.script(
        str(_PROGRAM / "runner.sh"),
        name=runner.name,
        url=runner.url,
        labels=",".join(runner.labels),
        archive=runner.archive,
        sha256=runner.sha256,
        unit=runner.unit,
        user=USER,
        etc=folder(runner),
        state=STATE,
        again=_AGAIN,
    )
