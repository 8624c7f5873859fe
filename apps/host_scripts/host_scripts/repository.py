"""A Git repository that one folder of files is saved in, whatever else its work tree, its index or its remote holds.

Commits are made of objects, in an index of their own: a commit that somebody prepares here is not touched, no hook and
no filter runs, and a run that is killed leaves nothing but objects that nobody refers to.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from host_scripts.common import GIT, BackupError, run, tail

if TYPE_CHECKING:
    from collections.abc import Sequence

AUTHOR: Final = ("homeport backup", "backup@homeport.invalid")
_THEIRS: Final = "refs/homeport/remote"
_OLD_LOCK_SECONDS: Final = 600
# Not with a password in it: it would be in the arguments of every command, and in what they say of errors.
_REMOTE: Final = re.compile(
    r"(https://[^/\s@-][^/\s@]*)/[^\s]*|ssh://[^/\s-][^\s]*|[A-Za-z0-9_.]+@[A-Za-z0-9][^:\s/]*:[^\s]+"
)
_LOCAL: Final = re.compile(r"(file://)?/[^\s]*")
# What the repository's own settings might have a command of Git run, read or believe.
_SAFE: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.alternateRefsCommand=true",
    "core.askPass=true",
    "credential.helper=",
    "commit.gpgSign=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=no",
    "maintenance.auto=false",
    "gc.auto=0",
    "http.sslVerify=true",
    "protocol.allow=never",
)
# Never to be committed by an `add` of everything, where this program made the repository.
_EXCLUDED: Final = (
    "# Written by homeport: secrets stay on the host.\n.env\n*.env\n!*.env.example\n*.key\n*.pem\nvenv/\n"
)


# What Git asks for a token (gitcredentials(7)). Neither is an argument: what is in the environment is the file's path.
_HELPER: Final = (
    '!f() { [ "$1" != get ] || printf "username=%s\\npassword=%s\\n" "$GIT_USER" "$(cat "$TOKEN_FILE")"; }; f'
)
_REFUSED: Final = re.compile(rb"Authentication failed|could not read (?:Username|Password)|returned error: 40[13]")


@dataclass(frozen=True)
class Saved:
    """What became of it.

    Attributes:
        commit: The new commit; None: nothing had changed.
        pushed: Whether the remote has taken a commit.
    """

    commit: str | None
    pushed: bool


class Repository:
    """A Git repository on this host.

    Args:
        folder: Its work tree.
        url: What it is pushed to; empty: nothing.
        token_file: The token of an https remote; empty, or an empty file: none.
        user: Whose token it is.
        seconds: That one command may take.
    """

    def __init__(self, folder: Path, url: str = "", token_file: str = "", user: str = "git", seconds: int = 60) -> None:
        self.folder, self._url, self._seconds, self._token_file = folder, url, seconds, token_file
        self._git_dir = folder / ".git"
        remote = _REMOTE.fullmatch(url)
        protocols = ["https", "ssh"] if remote else ["file"]
        if url and not remote and not _LOCAL.fullmatch(url):
            fix = "write one of https or ssh in backup.env; a token goes into the file of GIT_TOKEN_FILE"
            raise BackupError(f"REPOSITORY: {_plain(url)!r} is no URL, or holds a password", fix, GIT)
        options = [*_SAFE, *(f"protocol.{name}.allow=always" for name in protocols)]
        if remote and remote[1] and _holds_a_token(token_file):
            # For this server alone: another one that it leads to is not told the token.
            options.append(f"credential.{remote[1]}.helper={_HELPER}")
        self._git = ["git", *(part for option in options for part in ("-c", option))]
        name, mail = AUTHOR
        self._env = {
            **{
                key: os.environ[key]
                for key in ("PATH", "HOME", "SSH_AUTH_SOCK", "https_proxy", "http_proxy", "no_proxy", "GIT_SSL_CAINFO")
                if key in os.environ
            },
            "LC_ALL": "C.UTF-8",
            "GIT_DIR": str(self._git_dir),
            "GIT_WORK_TREE": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20",
            "GIT_LITERAL_PATHSPECS": "1",
            "TOKEN_FILE": token_file,
            "GIT_USER": user,
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _identity(name, mail)},
        }

    def ready(self) -> None:
        """Makes the repository where there is none, and frees it of locks that a killed run has left."""
        if self._run("rev-parse", "--git-dir", check=False) is None:
            self._call("init", "--quiet", "--initial-branch=main", "--template=", str(self.folder))
            (self._git_dir / "info").mkdir(exist_ok=True)
            (self._git_dir / "info" / "exclude").write_text(_EXCLUDED, encoding="utf-8")
        branch = self._branch()
        for ref in ("HEAD", f"refs/heads/{branch}", "packed-refs", _THEIRS):
            file = self._git_dir / f"{ref}.lock"
            with contextlib.suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > _OLD_LOCK_SECONDS:
                    file.unlink()
        if self._url and self._head() is None:
            # What is wrong with the remote is said where something is asked of it: here a commit is safe without it.
            with contextlib.suppress(BackupError):
                if remote := self._fetch():
                    self._adopt(remote)

    def files(self, folder: str, revision: str) -> dict[str, bytes]:
        """The files of a folder as they are in a commit, by name.

        Args:
            folder: In the repository.
            revision: The commit; empty: the newest here, or the remote's, if there are none of these files here.

        Raises:
            BackupError: There is no such commit.
        """
        if not revision:
            here = self._listed("HEAD", folder) if self._head() else {}
            revision = "HEAD" if here or not self._url else self._fetch() or "HEAD"
        commit = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", check=False
        )
        if commit is None:
            raise BackupError(
                f"{self.folder}: there is no commit {revision}", f"git -C {self.folder} log --oneline", GIT
            )
        blobs = self._listed(commit, folder)
        return {name: self._call("cat-file", "blob", blob) for name, blob in blobs.items()}

    def save(self, folder: str, names: Sequence[str], suffix: str) -> Saved:
        """Commits files of the work tree in the place of all with that suffix in their folder, and pushes them.

        Where the remote has moved on, the commit follows its last one, and the branch here does not move: `git pull`
        brings both.

        Args:
            folder: The folder in the repository.
            names: Its files.
            suffix: Of all files that are ours.

        Raises:
            BackupError: Git failed; what is done all the same stands in `partly`.
        """
        head = self._head()
        base, remote, problem = self._base(head)
        blobs = self._blobs(folder, names)
        commit = self._commit(base, self._tree(base, folder, blobs, suffix), f"{folder}: {len(names)} files\n")
        self._move(head, base, commit)
        self._indexed(folder, blobs, suffix)
        pushed, tip = False, commit or base
        if self._url and problem is None and tip and tip != remote:
            try:
                branch = f"{tip}:refs/heads/{self._branch()}"
                self._call("push", "--quiet", "--no-verify", "--end-of-options", self._url, branch)
                pushed = True
            except BackupError as error:
                problem = error
        if problem is not None:
            problem.partly = {"changed": commit is not None, "commit": commit, "pushed": False}
            raise problem
        return Saved(commit, pushed)

    def _base(self, head: str | None) -> tuple[str | None, str | None, BackupError | None]:
        """What a commit follows, the remote's last commit, and why nothing can be pushed."""
        try:
            remote = self._fetch() if self._url else None
        except BackupError as error:
            return head, None, error
        if not (head and remote) or self._run("merge-base", "--is-ancestor", remote, head, check=False) is not None:
            return head, remote, None
        # The remote has moved on. Commits that it lacks can be left behind where they are our own: all is saved anew.
        # And where a new host has begun anew, before it could read the remote, it goes on from what is there.
        authors = self._call("log", "--format=%ae", f"{remote}..{head}").decode().split()
        anew = self._run("merge-base", remote, head, check=False) is None
        if anew or all(mail == AUTHOR[1] for mail in authors):
            return remote, remote, None
        branch = self._branch()
        what = f"{self.folder}: branch {branch} and the remote have both moved on"
        fix = f"git -C {self.folder} pull --rebase {self._url} {branch}"
        return head, remote, BackupError(what, fix, GIT)

    def _commit(self, base: str | None, tree: str, message: str) -> str | None:
        if base and tree == self._run("rev-parse", f"{base}^{{tree}}"):
            return None
        parents = ["-p", base] if base else []
        return self._call("commit-tree", *parents, tree, text=message.encode()).decode().strip()

    def _move(self, head: str | None, base: str | None, commit: str | None) -> None:
        """Moves the branch here as far as that changes no other file of the work tree."""
        goal = commit or head
        if head and base and base != head:
            # Only commits of our own are between the two: the branch is behind now, and can be pulled.
            goal = self._run("merge-base", head, base, check=False) or head
        if goal and goal != head:
            self._call("update-ref", f"refs/heads/{self._branch()}", goal, head or "0" * 40)

    def _branch(self) -> str:
        branch = self._run("symbolic-ref", "--quiet", "--short", "HEAD", check=False)
        if branch is None:
            what = f"{self.folder}: no branch is checked out"
            raise BackupError(what, f"git -C {self.folder} switch main", GIT)
        return branch

    def _head(self) -> str | None:
        return self._run("rev-parse", "--verify", "--quiet", "HEAD", check=False)

    def _fetch(self) -> str | None:
        """The remote's last commit of our branch; None: it has none yet."""
        branch = self._branch()
        if not self._call("ls-remote", "--end-of-options", self._url, f"refs/heads/{branch}").strip():
            return None
        refs = f"+refs/heads/{branch}:{_THEIRS}"
        self._call("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options", self._url, refs)
        return self._run("rev-parse", _THEIRS)

    def _adopt(self, remote: str) -> None:
        """Begins with the remote's history on a new host; files that lie here already stay as they are."""
        self._call("update-ref", f"refs/heads/{self._branch()}", remote, "0" * 40)
        self._call("read-tree", remote)
        self._run("checkout-index", "--all", "--quiet", check=False)

    def _listed(self, commit: str, folder: str) -> dict[str, str]:
        output = self._call("ls-tree", "-z", commit, f"{folder}/").decode(errors="surrogateescape")
        rows = [row.split("\t", 1) for row in output.split("\0") if row]
        return {path.removeprefix(f"{folder}/"): meta.split()[2] for meta, path in rows if meta.split()[1] == "blob"}

    def _blobs(self, folder: str, names: Sequence[str]) -> dict[str, str]:
        paths = "".join(f"{self.folder}/{folder}/{name}\n" for name in names).encode()
        hashes = self._call("hash-object", "-w", "--no-filters", "--stdin-paths", text=paths).decode().split()
        return dict(zip(names, hashes, strict=True))

    def _tree(self, base: str | None, folder: str, blobs: dict[str, str], suffix: str) -> str:
        """The tree of a commit with these files in it."""
        index = self._git_dir / "homeport-backup.index"
        for file in (index, index.with_name(f"{index.name}.lock")):
            file.unlink(missing_ok=True)
        env = {"GIT_INDEX_FILE": str(index)}
        try:
            self._call("read-tree", base or "--empty", env=env)
            self._replaced(folder, blobs, suffix, env)
            return self._call("write-tree", env=env).decode().strip()
        finally:
            index.unlink(missing_ok=True)

    def _indexed(self, folder: str, blobs: dict[str, str], suffix: str) -> None:
        """The index of whoever works here knows the files too, unless it is theirs at this moment."""
        with contextlib.suppress(BackupError):
            self._replaced(folder, blobs, suffix, {})

    def _replaced(self, folder: str, blobs: dict[str, str], suffix: str, env: dict[str, str]) -> None:
        there = self._call("ls-files", "-z", "--", f"{folder}/", env=env).decode(errors="surrogateescape").split("\0")
        gone = [path for path in there if path.endswith(suffix) and path.removeprefix(f"{folder}/") not in blobs]
        rows = [f"0 {'0' * 40}\t{path}" for path in gone]
        rows += [f"100644 {blob}\t{folder}/{name}" for name, blob in blobs.items()]
        text = "".join(f"{row}\0" for row in rows).encode(errors="surrogateescape")
        self._call("update-index", "-z", "--index-info", text=text, env=env)

    def _run(self, *words: str, check: bool = True) -> str | None:
        """A command's output; None: it failed, and that is an answer."""
        try:
            return self._call(*words).decode(errors="replace").strip()
        except BackupError:
            if check:
                raise
            return None

    def _call(self, *words: str, text: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        done = run([*self._git, *words], seconds=self._seconds, text=text, env={**self._env, **(env or {})})
        if done.returncode and _REFUSED.search(done.stderr):
            what = f"{self._url}: it takes no token of this host: {tail(done.stderr)}"
            where = self._token_file or "a file, and its path into GIT_TOKEN_FILE of backup.env"
            raise BackupError(what, f"put a token that may push there into {where}", GIT)
        if done.returncode:
            what = f"{self.folder}: git {words[0]}: {tail(done.stderr)}"
            raise BackupError(what, f"sudo -u {_owner(self.folder)} git -C {self.folder} status", GIT)
        return done.stdout


def _holds_a_token(path: str) -> bool:
    """Whether a file holds one; an empty one is there where none is needed.

    Raises:
        BackupError: It cannot be read, or others may read it.
    """
    if not path:
        return False
    try:
        with Path(path).open("rb") as file:
            mode, holds = os.fstat(file.fileno()).st_mode, bool(file.read(4096).strip())
    except OSError as error:
        raise BackupError(f"GIT_TOKEN_FILE: {path}: {error.strerror}", f"ls -l {path}", GIT) from error
    if mode & 0o077:
        raise BackupError(f"GIT_TOKEN_FILE: {path} can be read by others", f"chmod 400 {path}", GIT)
    return holds


def _plain(url: str) -> str:
    return re.sub(r"://[^/\s]*@", "://...@", url)


def _identity(name: str, mail: str) -> tuple[tuple[str, str], ...]:
    return (("NAME", name), ("EMAIL", mail))


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (OSError, KeyError):
        return "root"
