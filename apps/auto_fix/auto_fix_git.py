"""A clean clone: read, changed by a patch that is not believed, and pushed. No file of it is run here."""

from __future__ import annotations

import base64
import io
import os
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 600
_FILE_MODES = {"000000", "100644", "100755"}
"""No links, which lead out of the clone, and no other repositories (git-update-index(1))."""
_DECLINED = ("[remote rejected]", "[rejected]", "Remote branch ", "returned error: 403", "returned error: 404")
"""Words of Git's client: a rule or push protection declines, a branch or the repository is gone, a right is missing."""
_CLOSED = (".git", ".github", ".gitmodules", ".gitattributes")
"""Names at the root, in small letters, that an agent does not change: what is in them has rights of its own."""
_WHO = {
    f"GIT_{part}_{key}": value
    for part in ("AUTHOR", "COMMITTER")
    for key, value in {"NAME": "auto-fix", "EMAIL": "auto-fix@users.noreply.github.com"}.items()
}


class GitError(Exception):
    """Git could not reach the repository, or not do it: the same may go well later."""


class PatchError(Exception):
    """A patch that does not fit, or does what no patch may."""


class DeclinedError(Exception):
    """GitHub answers, and will not do it however often it is asked."""


class Clone:
    """The newest commit of a branch, in a folder of its own.

    Args:
        folder: The folder, which is emptied.
        url: Of the repository.
        token: Who asks; it is in git's environment, in no argument and in no file.
    """

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self._folder, self._url = folder, url
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        settings = {
            f"http.{url}.extraHeader": f"Authorization: Basic {basic}",
            "http.followRedirects": "false",
            "core.hooksPath": os.devnull,
            "core.fsmonitor": "false",
            "core.symlinks": "false",
            "core.protectNTFS": "true",
            "core.protectHFS": "true",
            "credential.helper": "",
            "commit.gpgSign": "false",
            "gc.auto": "0",
        }
        numbered = enumerate(settings.items())
        self._environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "http:https",
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{
                name: text
                for number, (key, value) in numbered
                for name, text in ((f"GIT_CONFIG_KEY_{number}", key), (f"GIT_CONFIG_VALUE_{number}", value))
            },
            **_WHO,
        }

    def take(self, branch: str) -> None:
        """Clones it anew.

        Raises:
            GitError: It cannot be reached.
            DeclinedError: There is no such branch or repository, or the token may not read it.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._git("clone", "--quiet", "--depth=1", "--no-tags", "--single-branch", f"--branch={branch}", self._url, ".")

    def size(self) -> int:
        """How many bytes its files take in a tar archive, at least, without Git's own."""
        files = (path for path in self._folder.rglob("*") if ".git" not in path.relative_to(self._folder).parts[:1])
        return sum(512 + -(-path.lstat().st_size // 512) * 512 for path in files)

    def packed(self) -> bytes:
        """Its files as a tar archive, without Git's own."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path in sorted(self._folder.iterdir()):
                if path.name != ".git":
                    tar.add(path, path.name)
        return packed.getvalue()

    def change(self, patch: bytes, message: str) -> None:
        """Commits a patch.

        Raises:
            PatchError: It does not fit, or changes what it may not.
        """
        try:
            self._git("apply", "--index", "--whitespace=nowarn", "-", content=patch)
        except GitError as error:
            raise PatchError(f"the patch does not fit: {error}") from None
        changes = self._git("diff", "--cached", "--raw", "-z", "--no-renames", "--no-ext-diff").split("\0")[:-1]
        for about, path in zip(changes[::2], changes[1::2], strict=True):
            if about.split()[1] not in _FILE_MODES:
                raise PatchError(f"{path!r} would be no file")
            if path.lower().split("/")[0] in _CLOSED:
                raise PatchError(f"{path!r} is not changed by an agent")
        self._git("commit", "--quiet", "--no-verify", f"--message={message}")

    def push(self, branch: str) -> None:
        """Pushes it as a branch, over what an earlier attempt has left there.

        Raises:
            GitError: It cannot be reached.
            DeclinedError: A rule or push protection declines it, or the token may not push.
        """
        self._git("push", "--quiet", "--force", self._url, f"HEAD:refs/heads/{branch}")

    def _git(self, *argv: str, content: bytes = b"") -> str:
        try:
            done = subprocess.run(
                ["git", *argv],
                cwd=self._folder,
                input=content,
                capture_output=True,
                check=False,
                env=self._environ,
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitError(f"git {argv[0]}: {type(error).__name__}") from None
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            for line in words:
                if any(mark in line for mark in _DECLINED):
                    raise DeclinedError(f"git {argv[0]}: {line.strip()[:300]}")
            raise GitError(f"git {argv[0]}: {(words or ['?'])[-1][:300]}")
        return done.stdout.decode("utf-8", "surrogateescape")
