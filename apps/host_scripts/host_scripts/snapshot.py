"""What runs on this host, as text: images, containers, versions. No environment, no command, no secret is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from host_scripts.common import BackupError, Settings, made, run, tail, write

if TYPE_CHECKING:
    from pathlib import Path

_FILES: Final = {
    "docker-images.txt": (("docker", "images", "--digests"),),
    "docker-containers.txt": (
        (
            "docker",
            "ps",
            "--all",
            "--format=table {{.ID}}\t{{.Image}}\t{{.CreatedAt}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
        ),
    ),
    "versions.txt": (
        ("docker", "version"),
        ("uname", "-a"),
        ("cat", "/etc/os-release"),
        ("docker", "network", "ls"),
        ("docker", "volume", "ls"),
    ),
}


def take(settings: Settings, folder: Path | None) -> dict[str, Any]:
    """Writes the files, each whole or not at all.

    Args:
        settings: The settings.
        folder: Where; None: `state` in the folder of the backups.

    Raises:
        BackupError: Docker does not answer.
    """
    folder = made(folder or settings.folder / "state")
    for name, commands in _FILES.items():
        text = b""
        for argv in commands:
            done = run(list(argv), seconds=60)
            if done.returncode:
                raise BackupError(f"{' '.join(argv[:2])}: {tail(done.stderr)}", "systemctl status docker")
            text += done.stdout
        write(folder / name, text)
    return {"folder": str(folder), "files": len(_FILES)}
