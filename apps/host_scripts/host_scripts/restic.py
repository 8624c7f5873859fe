"""restic in a container: one repository of this host, in a bucket, encrypted before anything leaves the host.

The password and the bucket's keys are files of the container, in no argument and no environment. There is no cache, so
what is asked is the repository as it is.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from host_scripts.common import BackupError, Offsite, Settings, Stream, docker, run, secret, tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NO_REPOSITORY: Final = 10
"""restic's exit code (restic's manual, "Scripting")."""
_READS: Final = ("--cap-add=DAC_READ_SEARCH",)
# What comes back has its owners and modes.
_WRITES: Final = ("--cap-add=DAC_OVERRIDE", "--cap-add=CHOWN", "--cap-add=FOWNER", "--cap-add=SETFCAP")


class Restic:
    """The repository.

    Args:
        settings: The settings.
        offsite: Where it is.
        work: Whose runs these are; whoever holds a lock ends what killed ones of the same work have left.
    """

    def __init__(self, settings: Settings, offsite: Offsite, work: str) -> None:
        self._settings, self._offsite = settings, offsite
        # Locks are of a folder, and so is what a killed run has left: another stack on this machine has its own.
        self._labels = (f"homeport.backup={settings.folder.resolve()}", f"homeport.work={work}")
        self.location = f"{offsite.endpoint}/{offsite.bucket}/{offsite.name}"
        self._host = f"homeport-backup-{offsite.name}"
        for name, what in (("repository-password", "password"), ("s3", "keys")):
            if not secret(settings, name):
                path = settings.secrets / name
                raise BackupError(f"{path} holds no {what}", "bin/homeport up lays it")

    def argv(self, *words: str, mounts: Iterable[tuple[str, str]] = (), writes: bool = False) -> list[str]:
        """The command of one run.

        Args:
            words: restic's own.
            mounts: Folders and files of this host, and where restic sees them.
            writes: Whether it may write into them.
        """
        offsite, folder = self._offsite, self._settings.secrets
        binds = [(f"{folder}/repository-password", "/run/restic/password"), (f"{folder}/s3", "/run/restic/s3")]
        read_only = "" if writes else ",readonly"
        return [
            *("docker", "run", "--rm", "--interactive", "--name", f"{self._host}-{uuid.uuid4().hex[:8]}"),
            *(f"--label={label}" for label in self._labels),
            *("--hostname", self._host, f"--network={offsite.network}"),
            *("--user=0:0", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", *_READS, *(_WRITES if writes else ())),
            *("--security-opt=no-new-privileges", "--log-driver=none"),
            *(f"--mount=type=bind,src={source},dst={target},readonly" for source, target in binds),
            *(f"--mount=type=bind,src={source},dst={target}{read_only}" for source, target in mounts),
            *("--env=RESTIC_PASSWORD_FILE=/run/restic/password", "--env=AWS_SHARED_CREDENTIALS_FILE=/run/restic/s3"),
            *(f"--env=RESTIC_REPOSITORY=s3:{self.location}", f"--env=AWS_DEFAULT_REGION={offsite.region}"),
            *("--entrypoint=restic", offsite.image, "--no-cache", "--retry-lock=10m"),
            # Path style, as every S3 server understands it.
            *("-o", "s3.bucket-lookup=path", *words),
        ]

    def call(
        self, *words: str, text: bytes = b"", mounts: Sequence[tuple[str, str]] = (), writes: bool = False
    ) -> bytes:
        """What a run prints.

        Raises:
            BackupError: It failed.
        """
        done = run(self.argv(*words, mounts=mounts, writes=writes), text=text)
        if done.returncode:
            raise self._error(words[0], done.stderr + done.stdout[-2000:], done.returncode)
        return done.stdout

    def stream(self, *words: str) -> Stream:
        """A run whose output is read while it runs."""
        return Stream(self.argv(*words))

    def failed(self, word: str, program: Stream) -> None:
        """Whether a run that was read to its end went well.

        Raises:
            BackupError: It did not.
        """
        code, errors = program.ended()
        if code:
            raise self._error(word, errors, code)

    def alone(self) -> None:
        """Ends what killed runs of this work have left; whoever calls holds its lock."""
        left = docker("ps", "--all", "--quiet", *(f"--filter=label={label}" for label in self._labels)).split()
        if left:
            docker("rm", "--force", *left, check=False)

    def ready(self, *, known: bool) -> None:
        """Makes the repository where there is none, and frees it of what killed runs of this host have left.

        Args:
            known: Whether there was one before: then a new one would hide that it is gone.

        Raises:
            BackupError: It cannot be opened, or was there and is not.
        """
        self.alone()
        # Opens it and waits for no lock: whatever else asks first waits in vain for one that a lost host has left.
        done = run(self.argv("list", "locks", "--no-lock"))
        if done.returncode == NO_REPOSITORY and not known:
            self.call("init")
            return
        if done.returncode:
            raise self._error("list", done.stderr, done.returncode)
        # Another's lock, a person's or Zerobyte's, is waited for; restic itself takes ours for one of a live program.
        locks = done.stdout.decode().split()
        if locks and all(self._ours(lock) for lock in locks):
            self.call("unlock", "--remove-all")

    def _ours(self, lock: str) -> bool:
        done = run(self.argv("cat", "lock", lock, "--no-lock"))
        try:
            return bool(json.loads(done.stdout)["hostname"] == self._host)
        except (ValueError, KeyError, TypeError):
            return False

    def snapshots(self, *tags: str) -> list[list[dict[str, Any]]]:
        """For each tag the snapshots with it, oldest first."""
        rows = json.loads(self.call("snapshots", "--json", "--no-lock") or b"[]") or []
        rows.sort(key=lambda row: str(row["time"]))
        return [[row for row in rows if tag in row.get("tags", ())] for tag in tags]

    def _error(self, word: str, errors: bytes, code: int) -> BackupError:
        what = f"{self.location}: restic {word} ended with {code}: {tail(errors)}"
        if code == NO_REPOSITORY:
            what = f"{self.location}: there is no repository"
        return BackupError(what, "./backup.sh verify says what is whole; docs/backup.md, A copy elsewhere")
