"""The Docker daemon, by its own command line: looking at images, pulling and building them."""

import json
import subprocess
from dataclasses import dataclass

from toolchain.images.errors import ImageError

LABEL = "homeport.image."


@dataclass(frozen=True, kw_only=True)
class Local:
    """An image that the daemon has.

    Attributes:
        id: its content id.
        labels: the labels of ours on it, without their common prefix; none on a pulled image.
    """

    id: str
    labels: dict[str, str]


def _docker(*argv: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["docker", *argv], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ImageError("docker", "this machine has no `docker` command", "apt-get install docker.io") from error


def inspect(image: str) -> Local | None:
    """What the daemon knows of an image, or nothing when it has none of that name.

    Raises:
        ImageError: the daemon doesn't answer.
    """
    done = _docker("image", "inspect", image)
    if done.returncode:
        if "No such image" in done.stderr:
            return None
        raise ImageError("docker", f"the daemon doesn't answer: {done.stderr.strip()}", "docker info")
    inspected = json.loads(done.stdout)[0]
    labels = inspected["Config"].get("Labels") or {}
    ours = {key.removeprefix(LABEL): value for key, value in labels.items() if key.startswith(LABEL)}
    return Local(id=inspected["Id"], labels=ours)


def built() -> list[str]:
    """The names of all images on this daemon that a recipe made."""
    done = _docker("image", "ls", "--filter", f"label={LABEL}kind", "--format", "{{.Repository}}:{{.Tag}}")
    return sorted({name for name in done.stdout.split() if "<none>" not in name})


def pull(image: str) -> str:
    """Pull an image from its registry; empty when it is here now, else why not, in the daemon's words."""
    done = _docker("pull", "--quiet", image)
    return (done.stderr.strip() or "no reason given") if done.returncode else ""


def read_file(image: str, path: str) -> str:
    """The text of a file in an image.

    Raises:
        ImageError: the image or the file isn't there.
    """
    done = _docker("run", "--rm", "--network", "none", "--entrypoint", "cat", image, path)
    if done.returncode:
        raise ImageError(image, f"can't read {path}: {done.stderr.strip()}")
    return done.stdout


def remove_outdated(image_id: str) -> None:
    """Drop the image that a rebuild has just taken the name from; one that a container still uses stays.

    Only ever this one: a build's unfinished layers are nameless too, and carry the labels of the base they stand on.
    """
    _docker("image", "rm", image_id)
