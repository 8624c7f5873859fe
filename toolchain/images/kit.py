"""What a recipe works with while its image is built: folders, a log, progress lines, commands."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolchain.images import store
from toolchain.images.errors import ImageError

_SHOWN_LINES = 25


class Kit:
    """The workbench of one build.

    Attributes:
        image: the image's full name.
        files: the recipe's own folder in the repository.
        root: the tree that becomes the image's file system, empty at first.
        work: scratch space, removed after the build.
        log: where every command's output goes.
        capabilities: file capabilities by path below the root, as the kernel's extended attribute has them.
    """

    def __init__(self, image: str, files: Path) -> None:
        self.image = image
        self.files = files
        slug = store.slug(image)
        self.log = store.folder("logs") / f"{slug}.log"
        self._started = time.monotonic()
        self._remove_leftovers(slug)
        self.work = store.folder("work", f"{slug}.{os.getpid()}")
        self.root = self.work / "root"
        self.root.mkdir()
        self.log.write_text("", encoding="utf-8")
        self.capabilities: dict[str, str] = {}

    def phase(self, text: str) -> None:
        """Show one progress line: seconds since this image's build began, image, what happens now."""
        line = f"[{time.monotonic() - self._started:6.1f} s] {self.image}: {text}"
        print(line, flush=True)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"# {line}\n")

    def run(self, argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        """Run a command at low priority, its output into the log.

        Args:
            argv: the command.
            cwd: where it runs; the scratch folder when not given.
            env: variables on top of this process's own.

        Raises:
            ImageError: it failed; the log's last lines are in the message.
        """
        command = ["nice", "-n", "5", *(str(part) for part in argv)]
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(command[3:])}\n".encode())
            log.flush()
            done = subprocess.run(
                command,
                cwd=cwd or self.work,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise self.failure(f"`{Path(str(argv[0])).name}` ended with status {done.returncode}")

    def output(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> str:
        """What a command prints, stripped.

        Raises:
            ImageError: it failed.
        """
        command = [str(part) for part in argv]
        done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False)
        if done.returncode:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
            raise self.failure(f"`{command[0]}` ended with status {done.returncode}")
        return done.stdout.strip()

    def failure(self, what: str) -> ImageError:
        """The error for a failed build, with the log's last lines."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:]
        tail = "\n".join(f"  | {line}" for line in lines)
        return ImageError(self.image, f"the build failed: {what}. The last lines of {self.log}:\n{tail}")

    def need(self, program: str, fix: str) -> str:
        """The path of a program that this machine must have.

        Raises:
            ImageError: it isn't there; `fix` is the command that brings it.
        """
        path = shutil.which(program)
        if path is None:
            raise ImageError(self.image, f"this machine has no `{program}`, which building the image needs", fix)
        return path

    def close(self) -> None:
        """Remove the scratch folder."""
        shutil.rmtree(self.work, ignore_errors=True)

    @staticmethod
    def _remove_leftovers(slug: str) -> None:
        """Remove what killed builds of this image left; the caller holds the image's lock."""
        for left in store.folder("work").glob(f"{slug}.*"):
            shutil.rmtree(left, ignore_errors=True)
