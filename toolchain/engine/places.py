"""Where everything of the engine lives: all of it below one cache folder, outside the checkout."""

import contextlib
import fcntl
import hashlib
import os
import pwd
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.engine.errors import EngineError

PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
VERSION_SYMBOL = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_MODULE = Path(__file__).resolve().parent


def _python() -> Path:
    """This interpreter under one name, whether it was called python, python3 or python3.11."""
    plain = Path(sys.prefix, "bin", "python")
    return plain if plain.exists() else Path(sys.executable)


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders of one checkout with one Python environment.

    Args:
        cache: Root of everything that is written (`$HOMEPORT_CACHE`, else `~/.cache/homeport`).
        checkout: Root of the repository; on the path of the language host and of the stand-ins.
        python: Interpreter that runs them and the program.
        module: Folder with `go.mod` and `go.sum` of the engine.
    """

    cache: Path
    checkout: Path = _MODULE.parent.parent
    python: Path = field(default_factory=_python)
    module: Path = _MODULE

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Places":
        """The places that this process's environment names."""
        named = environ.get("HOMEPORT_CACHE")
        home = Path(environ.get("HOME") or Path.home())
        return cls(cache=Path(named).expanduser().absolute() if named else home / ".cache" / "homeport")

    @property
    def key(self) -> str:
        """Twelve hex digits that tell this checkout and interpreter from others that share the cache."""
        return hashlib.sha256(f"{self.checkout}\n{self.python}".encode()).hexdigest()[:12]

    @property
    def version(self) -> str:
        """The engine's version, as `go.mod` requires it, without the `v`."""
        text = (self.module / "go.mod").read_text()
        match = re.search(rf"^(?:require )?\s*{re.escape(PACKAGE)} v(\S+)$", text, re.MULTILINE)
        if match is None:
            raise EngineError(
                str(self.module / "go.mod"), f"does not require {PACKAGE}", "git checkout toolchain/engine/go.mod"
            )
        return match[1]

    @property
    def build_line(self) -> tuple[str, ...]:
        """The command that builds the engine, without its output file.

        Without the linker's flag the Automation API reports "Could not get Pulumi CLI version".
        """
        flags = f"-s -w -X {VERSION_SYMBOL}={self.version}"
        return ("go", "build", "-mod=readonly", "-ldflags", flags)

    @property
    def engine(self) -> Path:
        """The engine built here, under the hash of everything that decides its content."""
        digest = hashlib.sha256(" ".join(self.build_line).encode())
        for name in ("go.mod", "go.sum"):
            digest.update((self.module / name).read_bytes())
        return self.cache / "engine" / digest.hexdigest()[:16] / "bin" / "pulumi"

    @property
    def official(self) -> Path:
        """Pulumi's own CLI, where `ensure` could download it."""
        return self.cache / "official" / f"v{self.version}" / "pulumi" / "pulumi"

    @property
    def shell(self) -> Path:
        """The folder that `env` puts first on PATH: the launcher and our language host."""
        return self.cache / "shell" / self.key / "bin"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME of the engine built here, so that the user's own `~/.pulumi` is never touched."""
        return self.cache / "pulumi-home" / self.key

    @property
    def state(self) -> Path:
        """Folder of the file backend."""
        return self.cache / "state"

    @property
    def passphrase(self) -> Path:
        """File with the passphrase of stacks whose user has set none."""
        return self.cache / "passphrase"

    @property
    def stack_files(self) -> Path:
        """Folder of the launcher's copies of stack files."""
        return self.cache / "stack-files" / self.key

    @property
    def note(self) -> Path:
        """File in which `ensure` leaves why it chose this engine."""
        return self.cache / "engine" / "why.json"


def default_home() -> Path:
    """The engine's own PULUMI_HOME: below the home of the user database, whatever $HOME says (Go's os/user.Current)."""
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        home = str(Path.home())
    return Path(home, ".pulumi")


def private_folder(path: Path) -> Path:
    """Makes `path` (mode 0700 for what is made; parents as the umask says) and returns it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_atomically(path: Path, text: str, mode: int) -> None:
    """Replaces `path` by `text` in one step, with `mode` from its first moment; unchanged files keep their time."""
    if path.is_file() and path.read_text() == text and path.stat().st_mode & 0o777 == mode:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
    draft.replace(path)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on the file `path`; the kernel lets go of it when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
