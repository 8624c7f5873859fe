"""Images for the machines' own daemons: loaded once, then handed to every machine as hard links.

A machine reaches no registry. A volume, the shelf, holds what a daemon of the machine's kind makes of a set of images;
a new machine's `/var/lib/docker` gets links to the files in their layers, which no daemon ever writes to (overlayfs
copies a file before it changes it), and real copies of everything else. Linking n8n's 70,000 files takes 2 s, loading
them 30 s.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import CONTAINER, IMAGE, docker, inspect
from toolchain.images import store

if TYPE_CHECKING:
    from collections.abc import Sequence

SHELF: Final = "homeport.shelf"
_NAMES: Final = "homeport.shelf.names"
_READY_SECONDS: Final = 60
_DONE: Final = ".complete"
# Only what the daemon keeps of images: its other folders are about itself.
_COPY: Final = """
mkdir -p "$2/overlay2"
cp -a "$1/image" "$2/"
cd "$1/overlay2"
for layer in *; do
  if [ -d "$layer/diff" ]; then
    mkdir -m 710 "$2/overlay2/$layer"
    cp -al "$layer/diff" "$2/overlay2/$layer/"
    find "$layer" -mindepth 1 -maxdepth 1 ! -name diff -exec cp -a {} "$2/overlay2/$layer/" \\;
  else
    cp -a "$layer" "$2/overlay2/"
  fi
done
chmod 710 "$2/overlay2"
"""


class Shelf:
    """One set of images.

    Args:
        images: Their names, as the machine's daemon shall have them; this machine's daemon has them already.
    """

    def __init__(self, images: Sequence[str]) -> None:
        self.images = sorted(set(images))
        self.volume = ""

    def fill(self) -> None:
        """Loads the images once; a set that is there already costs nothing.

        Raises:
            MachineError: One of them is not on this machine's daemon, or can't be loaded.
        """
        if not self.images:
            return
        images = [inspect("image", name) for name in [IMAGE, *self.images]]
        for name, image in zip([IMAGE, *self.images], images, strict=True):
            if image is None:
                raise MachineError(
                    f"image {name} is not on this machine; fix: python -m toolchain.images ensure {name}"
                )
        names = hashlib.sha256(" ".join(self.images).encode()).hexdigest()[:12]
        ids = hashlib.sha256(" ".join(image["Id"] for image in images[1:] if image).encode()).hexdigest()[:12]
        self.volume = f"homeport-shelf-{names}-{ids}"
        with store.lock(self.volume, lambda line: print(f"images for machines: {line}", file=sys.stderr, flush=True)):
            if not self._complete():
                self._load(names)
        self._forget_older(names)

    def _complete(self) -> bool:
        if inspect("volume", self.volume) is None:
            return False
        shown = docker(
            "run", *_quiet(), "--volume", f"{self.volume}:/shelf:ro", "--entrypoint", "ls", IMAGE, "-A", "/shelf"
        )
        return _DONE in shown.split()

    def _load(self, names: str) -> None:
        began, loader = time.monotonic(), f"{self.volume}-loader"
        docker("rm", "--force", loader, refused=("No such",))
        docker("volume", "rm", "--force", self.volume)
        docker("volume", "create", "--label", f"{SHELF}={self.volume}", "--label", f"{_NAMES}={names}", self.volume)
        daemon = ("dockerd", "--iptables=false", "--bridge=none", "--storage-driver=overlay2")
        flags = ("--label", f"{SHELF}={self.volume}", "--network", "none", "--stop-signal", "TERM", *CONTAINER)
        disk = ("--volume", f"{self.volume}:/var/lib/docker")
        try:
            docker("run", "--detach", "--name", loader, *flags, *disk, "--entrypoint", daemon[0], IMAGE, *daemon[1:])
            _await(loader)
            _pipe(["docker", "save", *self.images], ["docker", "exec", "--interactive", loader, "docker", "load"])
            docker("exec", loader, "touch", f"/var/lib/docker/{_DONE}")
            docker("stop", loader)
        finally:
            docker("rm", "--force", loader, refused=("No such",))
        seconds = time.monotonic() - began
        print(f"images for machines: {len(self.images)} loaded in {seconds:.0f} s", file=sys.stderr, flush=True)

    def _forget_older(self, names: str) -> None:
        """Removes what the same names once stood for; machines keep their own links."""
        older = docker("volume", "ls", "--filter", f"label={_NAMES}={names}", "--format", "{{.Name}}").split()
        for volume in older:
            if volume != self.volume:
                docker("volume", "rm", volume, refused=("in use", "No such"))

    def give(self, volume: str) -> None:
        """Puts the images into a machine's empty volume.

        Raises:
            MachineError: The volumes are not in one file system, or the shelf is gone.
        """
        if not self.volume:
            return
        places = []
        for name in (self.volume, volume):
            inspected = inspect("volume", name)
            if inspected is None:
                raise MachineError(f"volume {name} is gone; fix: start the emulated cloud again")
            places.append(PurePosixPath(inspected["Mountpoint"]))
        # Files can't be linked from one mount to another, even of the same file system: one mount holds both.
        above = places[0].parents[1]
        inner = [str("/all" / place.relative_to(above)) for place in places]
        docker("run", *_quiet(), "--volume", f"{above}:/all", "--entrypoint", "sh", IMAGE, "-euc", _COPY, "sh", *inner)


def _quiet() -> tuple[str, ...]:
    return ("--rm", "--network", "none", "--label", f"{SHELF}=helper")


def _await(loader: str) -> None:
    limit = time.monotonic() + _READY_SECONDS
    while not docker(
        "exec",
        loader,
        "docker",
        "version",
        "--format",
        "{{.Server.Version}}",
        refused=("Cannot connect", "is the docker daemon running"),
    ):
        if time.monotonic() > limit:
            raise MachineError(f"the daemon that loads images did not start: {docker('logs', '--tail', '5', loader)}")
        time.sleep(0.2)


def _pipe(source: list[str], sink: list[str]) -> None:
    with subprocess.Popen(source, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as giving:
        taking = subprocess.run(sink, stdin=giving.stdout, capture_output=True, text=True, check=False)
        if giving.stdout is not None:
            giving.stdout.close()
        why = giving.stderr.read().decode(errors="replace") if giving.stderr is not None else ""
    if giving.returncode or taking.returncode:
        raise MachineError(f"images can't be loaded: {why.strip()} {taking.stderr.strip()}".strip())
