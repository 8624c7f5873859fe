"""What all of these programs share: settings, errors, the lock, other programs, and the line that says how it went."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

FAILED: Final = 1
USAGE: Final = 2
N8N: Final = 2
"""n8n cannot be asked, or its answer is none."""
GIT: Final = 3
"""Git failed, or the repository's disk did."""
LOCKED: Final = 4
"""Another run of the same work is under way."""
_STILL: Final = "still"
_TAIL: Final = 2000
# Images make their first cluster with many scripts: Supabase's PostgreSQL with about a hundred.
_ANSWER_SECONDS: Final = 600
_FUNCTION: Final = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class BackupError(Exception):
    """What went wrong, and how it is mended.

    Args:
        what: Where and what, one line.
        fix: What helps, a command where there is one.
        code: What the program ends with.
        partly: What was done all the same, for the line of the result.
    """

    def __init__(self, what: str, fix: str, code: int = FAILED, partly: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{what}\nfix: {fix}")
        self.code = code
        self.partly = dict(partly or {})


def each(kind: str, works: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What comes of each, by its name, below the kind: one that fails keeps none behind it from its turn.

    Raises:
        BackupError: Some failed: all of their lines; what came of the others stands in `partly`.
    """
    done: dict[str, Any] = {}
    failed: list[BackupError] = []
    for name, work in works.items():
        try:
            done[name] = work()
        except BackupError as error:
            failed.append(error)
            if error.partly:
                done[name] = error.partly
    if failed:
        what, _, fix = "\n".join(map(str, failed)).rpartition("\nfix: ")
        raise BackupError(what, fix, failed[0].code, {kind: done, "failed": len(failed)})
    return {kind: done}


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server in a container.

    Attributes:
        container: The container.
        user: A superuser, whom the server lets in without a password.
        host: Address inside the container; empty: its socket.
        checks: Database and function: what must answer with nothing before a loaded database takes its place.
        session: The name that this program's sessions bear at the server.
    """

    container: str
    user: str
    host: str = ""
    checks: tuple[tuple[str, str], ...] = ()
    session: str = "homeport"


@dataclass(frozen=True)
class Copy:
    """A part of a container's volumes that is kept as it is.

    Attributes:
        container: The container.
        root: A folder in it, which exists.
        parts: Folders or files below it, in the order in which they are read; what refers to others comes before them.
            A single empty one: all of it.
        paused: Whether the container stands still while it is copied, and is stopped while the copy is laid back: a
            database in files is of one moment then.
    """

    container: str
    root: str
    parts: tuple[str, ...]
    paused: bool = False


@dataclass(frozen=True)
class Store:
    """A store that writes a snapshot of itself when it is asked to.

    Attributes:
        kind: What it is: `redis` or `qdrant`.
        container: The container.
        at: Of Redis, the snapshot's file in the container; of Qdrant, the port of its API.
        key: A file in the container that holds its password or key; empty: it asks for none.
    """

    kind: str
    container: str
    at: str
    key: str = ""

    def password(self) -> str:
        """What the file holds: the store's own, so that one that was changed is known at once.

        Raises:
            BackupError: It cannot be read.
        """
        return docker("exec", self.container, "cat", self.key) if self.key else ""


@dataclass(frozen=True)
class Offsite:
    """The copy elsewhere: a repository of restic in a bucket.

    Attributes:
        endpoint: URL of the S3 server.
        region: Its region.
        bucket: The bucket of the repository.
        buckets: Further buckets that are made where they are missing.
        name: Whose backup it is: the folder in the bucket, and the host in restic's list.
        image: restic's image.
        network: Docker's network that restic reaches the server by.
        daily: Of how many days the last snapshot is kept.
        weekly: Of how many weeks.
        monthly: Of how many months.
        files: Container to folder: volumes that are copied as they are.
        clients: Containers that stand still while what they use is restored.
        telegram: URL of Telegram's API; empty: nobody is told of a failure.
    """

    endpoint: str
    region: str
    bucket: str
    buckets: tuple[str, ...]
    name: str
    image: str
    network: str
    daily: int
    weekly: int
    monthly: int
    files: tuple[tuple[str, str], ...]
    clients: tuple[str, ...]
    telegram: str


@dataclass(frozen=True)
class Settings:
    """What the file backup.env beside the programs says, or the environment in its place.

    Attributes:
        checkout: The Git repository.
        repository: URL that it is pushed to; empty: it is not.
        token_file: A file with the token of an https remote; empty, or an empty file: there is none.
        user: Whose token it is.
        n8n: n8n's container; empty: there is none.
        folder: Where sets, locks and results are.
        servers: PostgreSQL servers.
        keep: Sets of each server that are kept.
        copies: Volumes.
        keep_copies: Sets of each of them that are kept.
        stores: Stores that write snapshots.
        offsite: The copy elsewhere; None: there is none.
        secrets: Folder of the files `s3`, `repository-password`, `heartbeat-url`, `telegram-token`, `telegram-chat`.
        n8n_seconds: That one command of n8n may take.
        git_seconds: That one command of Git may take.
    """

    checkout: Path
    repository: str
    token_file: str
    user: str
    n8n: str
    folder: Path
    servers: tuple[Server, ...]
    keep: int
    copies: tuple[Copy, ...]
    keep_copies: int
    stores: tuple[Store, ...]
    offsite: Offsite | None
    secrets: Path
    n8n_seconds: int
    git_seconds: int


def settings(scripts: Path) -> Settings:
    """The settings.

    Args:
        scripts: The folder of the programs, in the checkout.

    Raises:
        BackupError: A value is none.
    """
    file = scripts / "backup.env"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    values = {name.strip(): value.strip() for name, value in values.items()} | dict(os.environ)

    def number(name: str, default: int) -> int:
        text = values.get(name, "") or str(default)
        if not text.isdecimal() or not int(text):
            raise BackupError(f"{name}: {text!r} is no number from 1 on", f"correct it in {file}", USAGE)
        return int(text)

    return Settings(
        checkout=Path(values.get("REPO_DIR") or scripts.parent),
        repository=values.get("REPOSITORY", ""),
        token_file=values.get("GIT_TOKEN_FILE", ""),
        user=values.get("GIT_USER") or "git",
        n8n=next(iter(_there(values.get("N8N_CONTAINER", "n8n"))), ""),
        folder=Path(values.get("BACKUP_DIR") or "/var/lib/homeport-backup"),
        servers=tuple(
            _server(word, _checks(values.get("PG_CHECKS", ""), file), file)
            for word in _there(values.get("PG_SERVERS", ""))
        ),
        keep=number("PG_KEEP", 14),
        copies=tuple(_copy(word, file) for word in _there(values.get("COPIES", ""))),
        keep_copies=number("COPIES_KEEP", 3),
        stores=(
            *(_store("redis", word, file) for word in _there(values.get("REDIS_SERVERS", ""))),
            *(_store("qdrant", word, file) for word in _there(values.get("QDRANT_SERVERS", ""))),
        ),
        offsite=_offsite(values, number, file) if values.get("S3_ENDPOINT") else None,
        secrets=Path(values.get("SECRETS") or "/etc/homeport-backup"),
        n8n_seconds=number("N8N_TIMEOUT", 240),
        git_seconds=number("GIT_TIMEOUT", 60),
    )


def _there(words: str) -> list[str]:
    """The words, without those that begin with ? and whose container this host does not have."""
    if "?" not in words:
        return words.split()
    done = run(["docker", "ps", "--all", "--format={{.Names}}"], seconds=60)
    known = done.stdout.decode().split()
    # Where Docker does not answer, all of them are asked for, and each says so.
    absent = [word for word in words.split() if word[0] == "?" and word.lstrip("?!").partition("=")[0] not in known]
    return [word.removeprefix("?") for word in words.split() if done.returncode or word not in absent]


def _offsite(values: Mapping[str, str], number: Callable[[str, int], int], file: Path) -> Offsite:
    for name in ("S3_BUCKET", "OFFSITE_NAME", "RESTIC_IMAGE"):
        if not values.get(name):
            raise BackupError(f"{name} is not set, and S3_ENDPOINT is", f"set it in {file}", USAGE)
    # Of several hosts with the same settings, each is named after what is on it.
    names = [word.partition("=")[2] or word for word in _there(values["OFFSITE_NAME"])]
    if not names:
        raise BackupError("OFFSITE_NAME: none of its containers is here", "bin/homeport up, and then again")
    return Offsite(
        endpoint=values["S3_ENDPOINT"].rstrip("/"),
        region=values.get("S3_REGION") or "us-east-1",
        bucket=values["S3_BUCKET"],
        buckets=tuple(values.get("S3_BUCKETS", "").split()),
        name=names[0],
        image=values["RESTIC_IMAGE"],
        network=values.get("RESTIC_NETWORK") or "host",
        daily=number("KEEP_DAILY", 7),
        weekly=number("KEEP_WEEKLY", 4),
        monthly=number("KEEP_MONTHLY", 12),
        files=tuple(_pair("FILES", word, file) for word in _there(values.get("FILES", ""))),
        clients=tuple(_there(values.get("CLIENTS", ""))),
        telegram=values.get("TELEGRAM_URL", "").rstrip("/"),
    )


def _store(kind: str, word: str, file: Path) -> Store:
    container, rest = _pair(f"{kind.upper()}_SERVERS", word, file)
    at, _, key = rest.partition("@")
    return Store(kind, container, at, key)


def _pair(name: str, word: str, file: Path) -> tuple[str, str]:
    container, _, rest = word.partition("=")
    if not (_NAME.fullmatch(container) and rest):
        raise BackupError(f"{name}: {word!r} is no container=value", f"correct it in {file}", USAGE)
    return container, rest.rstrip("/")


def _checks(words: str, file: Path) -> tuple[tuple[str, str], ...]:
    pairs = tuple(_pair("PG_CHECKS", word, file) for word in words.split())
    if wrong := [function for _, function in pairs if not _FUNCTION.fullmatch(function)]:
        raise BackupError(f"PG_CHECKS: {wrong[0]!r} is no name of a function", f"correct it in {file}", USAGE)
    return pairs


def _server(word: str, checks: tuple[tuple[str, str], ...], file: Path) -> Server:
    container, _, rest = word.partition("=")
    user, _, host = rest.partition("@")
    if not (_NAME.fullmatch(container) and user):
        raise BackupError(f"PG_SERVERS: {word!r} is no container=user[@address]", f"correct it in {file}", USAGE)
    return Server(container, user, host, checks)


def _copy(word: str, file: Path) -> Copy:
    container, _, rest = word.removeprefix("!").partition("=")
    root, listed, parts = rest.partition(":")
    names = tuple(parts.split(","))
    if not (_NAME.fullmatch(container) and root.startswith("/") and ("" not in names or not listed)):
        what = f"COPIES: {word!r} is no container=/folder, nor container=/folder:part,part"
        raise BackupError(what, f"correct it in {file}", USAGE)
    return Copy(container, root.rstrip("/"), names, word.startswith("!"))


@contextlib.contextmanager
def lock(folder: Path, name: str, patience: float = 0.0) -> Iterator[None]:
    """Keeps a second run away; whoever is killed lets it go.

    Args:
        folder: Where locks are.
        name: Of what there is one at a time.
        patience: Seconds for which another run is waited for.

    Raises:
        BackupError: Another run has it.
    """
    made(folder / "locks")
    with (folder / "locks" / name).open("w", encoding="utf-8") as file:
        what, end = f"{name}: another run is under way", time.monotonic() + patience
        waits = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise BackupError(what, "wait until it has ended, and try again", LOCKED) from None
            if not waits:
                print(f"{what}, and is waited for", file=sys.stderr, flush=True)
            waits = True
            time.sleep(1)
        yield


def made(folder: Path) -> Path:
    """A folder for its owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """A file that is there whole, on disk, or as it was before."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def run(
    argv: list[str], *, seconds: float | None = None, text: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Runs a program to its end; it fails like any other where there is no such program, or its time is over."""
    try:
        return subprocess.run(argv, input=text, capture_output=True, check=False, timeout=seconds, env=env)
    except FileNotFoundError:
        return subprocess.CompletedProcess(argv, 127, b"", f"there is no program {argv[0]}".encode())
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, b"", f"no end after {seconds:.0f} s".encode())


def docker(*words: str, check: bool = True, text: bytes = b"") -> str:
    """What a command of Docker's client prints.

    Raises:
        BackupError: It failed.
    """
    done = run(["docker", *words], text=text)
    if done.returncode and check:
        raise BackupError(f"docker {words[0]}: {tail(done.stderr)}", "docker ps --all")
    return done.stdout.decode(errors="replace").strip()


def image_of(container: str) -> str:
    """The image that a container was made of.

    Raises:
        BackupError: There is no such container.
    """
    return docker("inspect", "--type=container", "--format={{.Image}}", container)


@contextlib.contextmanager
def throw_away(container: str, *flags: str, command: Sequence[str] = ()) -> Iterator[str]:
    """A container of the same image as another, with an own name and own data, to try a set in; removed afterwards.

    Args:
        container: The other one.
        flags: Further ones of ``docker create``.
        command: What runs in it; empty: the image's own.

    Yields:
        Its name. It is not started yet.

    Raises:
        BackupError: Docker does not make it.
    """
    name = f"homeport-drill-{container}"
    image = image_of(container)
    # What a run has left that was killed.
    docker("rm", "--force", "--volumes", name, check=False)
    try:
        docker(
            *("create", "--name", name, "--label=homeport.drill=true", "--security-opt=no-new-privileges"),
            *("--memory=1g", *flags, image, *command),
        )
        yield name
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


@contextlib.contextmanager
def still(folder: Path, containers: Iterable[str], stop: str, go: str) -> Iterator[None]:
    """Those of the containers that run stand still meanwhile.

    Each is noted in a file first, by which the next run knows what one that was killed has left so.

    Args:
        folder: Of the backups.
        containers: Their names.
        stop: Docker's command for it.
        go: The one that undoes it.

    Raises:
        BackupError: Docker refuses.
    """
    running = docker("ps", "--filter=status=running", "--format={{.Names}}").split()
    names = [name for name in containers if name in running]
    notes = made(folder / _STILL / go)
    for name in names:
        write(notes / name, b"")
    try:
        if names:
            docker(stop, *names)
        yield
    finally:
        if names:
            docker(go, *reversed(names))
        for name in names:
            (notes / name).unlink()


def go_on(folder: Path, go: str) -> None:
    """Lets containers go on that a killed run has left standing still; whoever calls holds the lock of such runs."""
    for note in (folder / _STILL / go).glob("*"):
        # One that is gone need not go on. Where Docker does not answer, the note is all that knows of it.
        if run(["docker", go, note.name], seconds=60).returncode == 0 or _needs_nothing(note.name):
            note.unlink()


def _needs_nothing(container: str) -> bool:
    """Whether Docker says that there is no such container, or that it goes already; silence is no answer."""
    state = "{{.State.Running}}{{.State.Paused}}"
    seen = run(["docker", "inspect", "--type=container", f"--format={state}", container], seconds=60)
    return seen.stdout.strip() == b"truefalse" or b"no such container" in seen.stderr.lower()


def wait(container: str, answers: Callable[[], bool], fix: str) -> None:
    """Waits until the server in a container answers.

    Args:
        container: The container.
        answers: Whether it does; asked again and again.
        fix: What helps where it does not.

    Raises:
        BackupError: It has stopped, or does not answer for ten minutes.
    """
    started = time.monotonic()
    while not answers():
        seconds = round(time.monotonic() - started)
        running = docker("inspect", "--type=container", "--format={{.State.Running}}", container)
        if running == "false" or seconds > _ANSWER_SECONDS:
            logs = run(["docker", "logs", "--tail=5", container], seconds=10)
            raise BackupError(f"{container}: no answer after {seconds} s: {tail(logs.stdout + logs.stderr)}", fix)
        time.sleep(0.2)


def secret(settings: Settings, name: str) -> str:
    """What a file of the folder of secrets holds; empty: it holds nothing, or is not there.

    Raises:
        BackupError: It cannot be read, or others may read it.
    """
    path = settings.secrets / name
    try:
        with path.open("rb") as file:
            mode, value = os.fstat(file.fileno()).st_mode, file.read(65536).decode().strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}", f"ls -l {path}") from error
    if mode & 0o077:
        raise BackupError(f"{path} can be read by others", f"chmod 400 {path}")
    return value


def tail(output: bytes) -> str:
    """The last line that speaks of an error, or the last; without control characters, which a terminal would obey."""
    lines = [line.strip() for line in output[-_TAIL:].decode(errors="replace").splitlines() if line.strip()]
    last = ([line for line in lines if "error" in line.lower()] or lines or ["it said nothing"])[-1]
    return "".join(letter if letter.isprintable() else "?" for letter in last)[:500]


def stream(argv: list[str]) -> Stream:
    """A program whose output is read while it runs."""
    return Stream(argv)


class Stream:
    """A program's output as a file, and what became of the program.

    Use it in a `with`: whatever happens, the program has ended after it.
    """

    def __init__(self, argv: list[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the program
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors)
        assert self._process.stdout is not None  # noqa: S101  # it was asked for
        self.output = self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self.output.close()
        self._errors.close()

    def ended(self) -> tuple[int, bytes]:
        """Its exit code and its errors, once its output has been read."""
        code = self._process.wait()
        self._errors.seek(0)
        return code, self._errors.read()


def finish(folder: Path, name: str, result: Mapping[str, Any], started: float) -> None:
    """The result as a file, which keeps when it went well last, and as one line of JSON on standard output.

    The file first: whoever reads the line may have lost the connection.
    """
    document = {**result, "duration_s": round(time.monotonic() - started, 1)}
    file = folder / "results" / f"{name}.json"
    now = int(time.time())
    good = now if document["status"] == "ok" else last_good(folder, name)
    try:
        made(file.parent)
        since = min(now, outcome(folder, name).get("since", now))
        times = {"finished": now, "last_good": good, "since": since}
        write(file, json.dumps({**document, **times}).encode() + b"\n")
    except OSError as error:
        print(f"{file}: {error.strerror}", file=sys.stderr)
    print(json.dumps(document), flush=True)


def outcome(folder: Path, name: str) -> dict[str, Any]:
    """What a work's last run has left; empty: there was none."""
    try:
        document = json.loads((folder / "results" / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def first_run(folder: Path) -> int | None:
    """When the first of all works ran here, in seconds since 1970; None: none ever did."""
    names = [file.stem for file in (folder / "results").glob("*.json")]
    return min((since for name in names if isinstance(since := outcome(folder, name).get("since"), int)), default=None)


def last_good(folder: Path, name: str) -> int | None:
    """When a work went well last, in seconds since 1970."""
    last = outcome(folder, name).get("last_good")
    return last if isinstance(last, int) else None
