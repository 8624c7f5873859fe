"""Makes the project's Python environment where it is missing, then becomes the given command in it.

Standard library only, and nothing of ours: it runs before anything is installed. The environment lives in the cache
folder, named after the hash of `requirements.lock`, so that a changed lock gets a new one and an old checkout keeps its
own. Its scripts hold their own path, so it cannot be made elsewhere and moved: a file `.complete`, written last, says
that it is whole, and where.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
INSTALL = "HOMEPORT_NO_INSTALL"
_NEAR = (
    "localhost",
    ".localhost",
    "127.0.0.1",
    "127.0.0.0/8",
    "::1",
    "docker.invalid",
    "172.16.0.0/12",
    "192.168.0.0/16",
)


def cache() -> Path:
    """The folder that holds everything homeport writes: `$HOMEPORT_CACHE`, or `~/.cache/homeport`."""
    named = os.environ.get("HOMEPORT_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "homeport"


def unusable(folder: Path) -> str:
    """Why a cache folder cannot be used, or nothing when it can.

    A relative one would be another folder for each program that is started elsewhere, a colon ends an entry of PATH,
    and ssh reads the rest in its options whatever the quotes (ssh_config(5)).
    """
    text = str(folder)
    if not folder.is_absolute():
        return f"{text} is no absolute path"
    refused = [mark for mark in (":", '"', "\\", "${", "\n") if mark in text]
    return f"{text} holds {refused[0]!r}, which PATH or ssh cannot be told" if refused else ""


def unproxied(environ: dict[str, str]) -> dict[str, str]:
    """The names that no proxy is asked for, those of the user first: this machine, and Docker's own networks.

    gRPC, by which the engine talks to its plugins on 127.0.0.1, sends even that to the proxy of `http_proxy`
    (grpc/doc/environment_variables.md). Docker's networks: daemon, default-address-pools; ranges in CIDR form are
    understood by Go, gRPC, curl and requests. Both spellings, for some programs read one of them only.
    """
    proxies = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
    if not any(environ.get(name) or environ.get(name.upper()) for name in proxies):
        return {}
    mine = [part for name in ("no_proxy", "NO_PROXY") for part in environ.get(name, "").split(",")]
    names = ",".join(dict.fromkeys(part.strip() for part in (*mine, *_NEAR) if part.strip()))
    return {"no_proxy": names, "NO_PROXY": names}


def environment() -> Path:
    """Where the environment for this lock file and this Python is, or will be."""
    identity = f"2 {sys.version_info[:2]} {os.uname().machine} {sys.base_prefix}".encode()
    return cache() / "venv" / hashlib.sha256(identity + LOCK.read_bytes()).hexdigest()[:16]


def ensure(folder: Path) -> None:
    """Makes a whole environment in `folder`: two runs never make it at once, and an interrupted one is made anew."""
    done = folder / ".complete"
    if _whole(folder, done):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("a") as lock:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _make(folder, done)
            return
        _say("another run is making the Python environment; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make(folder, done)


def _whole(folder: Path, done: Path) -> bool:
    """Whether it was made, and made here: in a copied cache the scripts' first line names a Python that may be gone.

    Two caches may share it by a link: it is the same then, and whoever uses it is not to lose it.
    """
    return done.is_file() and Path(done.read_text()).resolve() == folder.resolve()


def _make(folder: Path, done: Path) -> None:
    if _whole(folder, done):
        return
    began = time.monotonic()
    _say("==> Python environment: installing what requirements.lock names, every file checked by its hash")
    shutil.rmtree(folder, ignore_errors=True)
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode:
        _install_venv()
    # With pip in it, also where uv fills it: the images' recipes fetch wheels by pip.
    _run([sys.executable, "-m", "venv", str(folder)])
    uv = shutil.which("uv")
    if not (uv and _with_uv(uv, folder)):
        flags = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
        _run([f"{folder}/bin/python", "-m", "pip", "install", *flags, "--require-hashes", "-r", str(LOCK)])
    done.write_text(str(folder))
    _say(f"    {time.monotonic() - began:.1f} s, in {folder}")


def _with_uv(uv: str, folder: Path) -> bool:
    """Several times faster than pip, where it is there and works; its failure is no reason to stop."""
    environ = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_NO_CONFIG": "1"}
    argv = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", f"{folder}/bin/python", "-r", str(LOCK)]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, cwd=folder.parent)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        _say(f"    uv could not do it ({last}); trying pip")
    return done.returncode == 0


def _install_venv() -> None:
    """Debian and Ubuntu ship Python without `venv`."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if os.geteuid() or not shutil.which("apt-get") or os.environ.get(INSTALL):
        _end(f"{sys.executable} has no venv module", f"apt-get install {package}")
    _say(f"    installing the Debian package {package} (set {INSTALL}=1 to forbid it)")
    _run(["apt-get", "update", "-qq"])
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package])


def _run(argv: list[str]) -> None:
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        argv,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n    ".join(done.stdout.strip().splitlines()[-8:])
        _end(
            f"`{' '.join(argv[:4])} …` ended with code {done.returncode}:\n    {tail}",
            "check that PyPI, or the index that pip is set to, can be reached; then run the command again",
        )


def _end(what: str, fix: str) -> NoReturn:
    sys.exit(f"homeport: {what}\n  fix: {fix}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def caches() -> dict[str, str]:
    """Where package managers keep what they fetch: in our folder, unless the user has said otherwise."""
    place = cache()
    folders = {
        "UV_CACHE_DIR": str(place / "uv"),
        "PIP_CACHE_DIR": str(place / "pip"),
        "GOPATH": str(place / "go"),
        "GOCACHE": str(place / "go-build"),
        # Go makes its module cache read-only, so that `rm -r` of a user other than root fails.
        "GOFLAGS": "-modcacherw",
    }
    return {name: value for name, value in folders.items() if name not in os.environ}


def variables(folder: Path) -> dict[str, str]:
    """What the command finds in its environment: this Python first, and no tool's cache in the checkout."""
    place = cache()
    return {
        # One folder for all programs, wherever they are started.
        "HOMEPORT_CACHE": str(place),
        "PATH": f"{folder}/bin{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(folder),
        "PYTHONPYCACHEPREFIX": str(place / "pycache"),
        "RUFF_CACHE_DIR": str(place / "ruff"),
        "MYPY_CACHE_DIR": str(place / "mypy"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(place / "hypothesis"),
        "HOMEPORT_STARTED": os.environ.get("HOMEPORT_STARTED") or f"{time.time():.3f}",
        # The command runs in the checkout; a path that a person types is seen from where they are.
        "HOMEPORT_CALLED_FROM": str(Path.cwd()),
    }


def main() -> None:
    """Makes the environment and becomes the command."""
    os.environ.update(caches())
    os.environ["HOMEPORT_STARTED"] = os.environ.get("HOMEPORT_STARTED") or f"{time.time():.3f}"
    if reason := unusable(cache()):
        _end(f"HOMEPORT_CACHE: {reason}", "HOMEPORT_CACHE=$HOME/.cache/homeport, or unset it, which means the same")
    os.environ.update(unproxied(dict(os.environ)))
    folder = environment()
    try:
        ensure(folder)
    except KeyboardInterrupt:
        sys.exit("homeport: interrupted; the next run makes the Python environment anew")
    except OSError as error:
        _end(
            f"cannot make the Python environment: {error}",
            f"make {cache()} writable, or name another folder in HOMEPORT_CACHE",
        )
    command = sys.argv[1:] or ["python", "--version"]
    # Compiled Python goes to our own cache, also where the machine forbids it beside the sources: without it every
    # command costs seconds more.
    foreign = {"PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    environ = {name: value for name, value in os.environ.items() if name not in foreign}
    environ |= variables(folder)
    os.chdir(ROOT)
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606  # make's own command, as argv
    except OSError as error:
        _end(f"cannot run {command[0]} ({error.strerror})", "make help")


if __name__ == "__main__":
    main()
