"""Git on a repository that is not believed: fixed commands, none of which runs a program that the repository names."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OFF = {
    # Each names a program that git would run. A repository's own settings come before these (git-config(1), -c).
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "true",
    "core.pager": "cat",
    "core.editor": "false",
    "core.gitProxy": "",
    "diff.external": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "commit.gpgSign": "false",
    "merge.verifySignatures": "false",
    # Nothing of the list before, and then the user's own file of git-credential-store(1).
    "credential.helper": "",
}
_SSH = "ssh -oBatchMode=yes -oPermitLocalCommand=no -oProxyCommand=none -oClearAllForwardings=yes"
_HARMLESS = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks)"
    r"|user\.(name|email)|init\.defaultbranch|pull\.(ff|rebase)|push\.default|extensions\.objectformat"
    r"|remote\.[A-Za-z0-9._-]+\.(url|fetch)"
    r"|branch\.[A-Za-z0-9._/-]+\.(remote|merge|rebase)"
)
"""Settings of a repository that name no program; with any other (a filter, an alias, an include) nothing is done."""
_TAIL = 2000


class GitError(Exception):
    """Git could not do it; the text is for whoever asked."""


class ConflictError(GitError):
    """What was asked for does not go together with what is there."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A work tree, and how git may be run in it.

    Attributes:
        path: Its folder.
        protocols: By which a remote may be reached.
        deadline: ``time.monotonic()`` at which git must have ended.
    """

    path: Path
    protocols: tuple[str, ...]
    deadline: float

    def status(self) -> dict[str, object]:
        """Branch, whether something is not committed, how far it is from its upstream, and the last commit."""
        self._check()
        head: dict[str, str] = {}
        dirty = False
        for line in self._git("status", "--porcelain=v2", "--branch", "--untracked-files=normal", "-z").split("\0"):
            if line.startswith("# branch."):
                key, _, value = line.removeprefix("# branch.").partition(" ")
                head[key] = value
            elif line:
                dirty = True
        ahead, behind = (abs(int(word)) for word in head.get("ab", "+0 -0").split())
        return {
            "branch": head.get("head", ""),
            "dirty": dirty,
            "ahead": ahead,
            "behind": behind,
            "upstream": head.get("upstream"),
            "last_commit": self._last() if head.get("oid") != "(initial)" else None,
        }

    def pull(self) -> dict[str, object]:
        """Fetches, and goes forward to the upstream; never merges.

        Raises:
            ConflictError: There is no upstream, the two have diverged, or local changes are in the way.
        """
        before = self.status()
        if not before["upstream"]:
            raise ConflictError("the branch follows no remote; fix: git branch --set-upstream-to=origin/<branch>")
        self._git("fetch", "--no-tags", "--no-recurse-submodules", "--end-of-options", "origin")
        now = self.status()
        if now["ahead"] and now["behind"]:
            raise ConflictError(f"diverged: {now['ahead']} commits here and {now['behind']} there; nothing was merged")
        if now["behind"]:
            try:
                self._git("merge", "--ff-only", "--no-edit", "--end-of-options", "@{upstream}")
            except GitError as error:
                raise ConflictError(f"local changes are in the way: {error}") from None
        after = self.status()
        return {"status": "ok", "changed": bool(now["behind"]), "before": _id(before), "commit": _id(after)}

    def _last(self) -> dict[str, str]:
        words = self._git("log", "-1", "--no-show-signature", "--format=%H%x00%cI%x00%s", "--end-of-options", "HEAD")
        commit, at, subject = words.rstrip("\n").split("\0")
        return {"id": commit, "at": at, "subject": subject[:200]}

    def _check(self) -> None:
        listed = self._git("config", "--local", "--no-includes", "--name-only", "--list", "-z").split("\0")
        odd = sorted({name.lower() for name in listed if name and not _HARMLESS.fullmatch(name)})
        if odd:
            what = ", ".join(re.sub(r"[^a-z0-9._-]", "?", name)[:60] for name in odd[:5])
            raise GitError(f"{self.path}/.git/config has settings that can run programs, so git is not run: {what}")
        attributes = self.path / ".git" / "info" / "attributes"
        if attributes.exists() or (self.path / ".git").is_symlink():
            raise GitError(f"{self.path}/.git is no plain repository")

    def _git(self, *words: str) -> str:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise subprocess.TimeoutExpired("git", 0)
        options = [part for key, value in self._options().items() for part in ("-c", f"{key}={value}")]
        try:
            done = subprocess.run(
                ["/usr/bin/git", "--no-pager", "--no-optional-locks", *options, *words],
                cwd=self.path,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=left,
                check=False,
            )
        except FileNotFoundError:
            raise GitError(f"{self.path} is not there, or git is not installed") from None
        if done.returncode:
            raise GitError(clean(done.stderr.decode(errors="replace")) or f"git {words[0]} failed")
        return done.stdout.decode(errors="replace")

    def _options(self) -> dict[str, str]:
        allowed = {f"protocol.{name}.allow": "always" for name in self.protocols}
        return {**_OFF, "protocol.allow": "never", **allowed}

    def _environment(self) -> dict[str, str]:
        home = os.environ.get("HOME", "/nonexistent")
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": home,
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS": "true",
            "GIT_SSH_COMMAND": _SSH,
            "GIT_SSH_VARIANT": "ssh",
            "GIT_CEILING_DIRECTORIES": str(self.path.parent),
            "GIT_PROTOCOL_FROM_USER": "0",
        }


def clean(text: str, most: int = _TAIL) -> str:
    """The end of what a program said: no control characters, no password of a URL."""
    plain = re.sub(r"[^\n\t -~\u00a0-\ud7ff]", "?", text)
    return re.sub(r"://[^/\s@]+@", "://…@", plain)[-most:].strip()


def _id(status: dict[str, object]) -> str | None:
    last = status["last_commit"]
    return str(last["id"]) if isinstance(last, dict) else None
