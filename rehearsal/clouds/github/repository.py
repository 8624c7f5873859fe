"""Bare Git repositories, served as GitHub serves them: by smart HTTP, through Git's own program for that."""

from __future__ import annotations

import gzip
import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_ZIPPED: Final = b"\x1f\x8b"
_IDENTITY: Final = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


class GitProblemError(Exception):
    """Git refused."""


class Repository:
    """One bare repository.

    Args:
        path: Its folder, made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", "--bare", "--initial-branch=main", str(path), at_home=False)
            self._git("config", "http.receivepack", "true")

    def refs(self) -> dict[str, str]:
        """Each branch and tag, with its commit."""
        lines = self._git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def commit(self, reference: str) -> str:
        """The commit of a branch, tag or abbreviated id; empty: there is none."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}").strip()
        except GitProblemError:
            return ""

    def changed(self, before: str, after: str) -> list[str]:
        """Paths that differ between two commits; without the first all that there are."""
        if before:
            return self._git("diff", "--name-only", before, after).splitlines()
        return self._git("ls-tree", "-r", "--name-only", after).splitlines()

    def files(self, commit: str, folder: str) -> dict[str, str]:
        """The files of a folder, by their paths."""
        listed = self._git("ls-tree", "-r", "--name-only", commit, "--", f"{folder}/").splitlines()
        return {path: self._git("show", f"{commit}:{path}") for path in listed}

    def archive(self, commit: str, prefix: str) -> bytes:
        """All files of a commit as a tar archive, zipped."""
        argv = ["git", "-C", str(self.path), "archive", "--format=tar.gz", f"--prefix={prefix}/", commit]
        done = subprocess.run(argv, capture_output=True, check=True, env=os.environ | _IDENTITY)
        return done.stdout

    def serve(self, method: str, path: str, query: str, content: bytes) -> tuple[int, dict[str, str], bytes]:
        """What `git http-backend` answers: status, headers, body.

        Args:
            method: HTTP method.
            path: Path behind the repository, such as `/info/refs`.
            query: The query as it came.
            content: The body as it came.
        """
        body = gzip.decompress(content) if content.startswith(_ZIPPED) else content
        service = path.removeprefix("/")
        environ = (
            os.environ
            | _IDENTITY
            | {
                "GIT_PROJECT_ROOT": str(self.path),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": method,
                "CONTENT_TYPE": f"application/x-{service}-request" if method == "POST" else "",
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_USER": "pusher",
            }
        )
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, check=True, env=environ)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200 OK").split()[0])
        return status, headers, rest

    def _git(self, *argv: str, at_home: bool = True) -> str:
        command = ["git", *(["-C", str(self.path)] if at_home else []), *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | _IDENTITY)
        if done.returncode:
            raise GitProblemError(done.stderr.strip())
        return done.stdout
