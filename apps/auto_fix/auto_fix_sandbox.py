"""The sandbox's side: gets files and a prompt, runs the agent and the tests, answers with a patch.

systemd starts it for one connection, as a user of its own, with no secret but the agent's key and with limits of time,
memory, processes, files and network (units/auto-fix-agent@.service). When the connection ends, everything ends.
The prompt goes to the agent's standard input: no text of an issue is ever part of a command.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

COMMAND = (
    "claude --print --output-format json --max-turns 60 --max-budget-usd 5 --permission-mode acceptEdits"
    " --allowedTools 'Read Edit Write Glob Grep Bash'"
)
"""Claude Code without a terminal, with limits of turns and cost (docs.anthropic.com, Claude Code, CLI reference)."""
_MOST_HEAD, _MOST_FILES, _MOST_PATCH = 1024 * 1024, 512 * 1024 * 1024, 1024 * 1024
_HELD = ("PATH", "LANG", "LC_ALL", "TZ")
_IDENTITY = {f"GIT_{part}_{key}": "agent@localhost" for part in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


class Sandbox:
    """Runs one job.

    Args:
        env: AGENT_COMMAND and TEST_COMMAND, as a shell splits words; AGENT_SECONDS and TEST_SECONDS; AGENT_KEY_FILE
            with the agent's key, and AGENT_KEY, the variable in which the agent gets it.
        folder: A folder that goes with the job.
    """

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self._env, self._work = env, folder / "work"
        self._home = folder / "home"
        self._work.mkdir()
        self._home.mkdir()
        file = env.get("AGENT_KEY_FILE", "")
        self._key = Path(file).read_text(encoding="utf-8").strip() if file else ""

    def run(self, prompt: str, files: bytes) -> dict[str, str]:
        """What the worker gets: ``state``, and ``patch`` in base64."""
        with tarfile.open(fileobj=io.BytesIO(files)) as tar:
            # Debian 12's Python 3.11.2 knows no filter yet. The worker packs files in folders, and nothing else.
            if any(not (part.isreg() or part.isdir()) or ".." in Path("/", part.name).parts for part in tar):
                raise ValueError("there are others than files in the archive")
            tar.extractall(self._work)  # noqa: S202  # looked at above
        self._git("init", "--quiet")
        self._git("add", "--all", "--force")
        self._git("commit", "--quiet", "--allow-empty", "--no-verify", "--message=as it was")
        base = self._git("rev-parse", "HEAD").decode().strip()
        key = {self._env.get("AGENT_KEY", "ANTHROPIC_API_KEY"): self._key} if self._key else {}
        state = self._ran("AGENT", COMMAND, prompt.encode(), key) or self._ran("TEST", "", b"", {})
        if state:
            return {"state": "tests" if state == "failed tests" else state, "patch": ""}
        self._git("add", "--all")
        patch = self._git("diff", "--cached", "--binary", "--no-renames", "--no-ext-diff", "--no-textconv", base)
        if not patch:
            return {"state": "nothing", "patch": ""}
        if len(patch) > _MOST_PATCH:
            return {"state": "large", "patch": ""}
        if self._key and self._key.encode() in patch:
            return {"state": "leak", "patch": ""}
        return {"state": "mended", "patch": base64.b64encode(patch).decode()}

    def _ran(self, what: str, default: str, content: bytes, more: Mapping[str, str]) -> str:
        """How a command ended: empty where it went well, or where there is none."""
        argv = shlex.split(self._env.get(f"{what}_COMMAND") or default)
        if not argv:
            return ""
        environ = {name: self._env[name] for name in _HELD if name in self._env}
        environ |= {"HOME": str(self._home), "TMPDIR": str(self._home), "CI": "1", **more}
        try:
            # Its words go to the journal: to answer them would be to publish what a stranger's prompt has asked for.
            done = subprocess.run(
                argv,
                cwd=self._work,
                input=content,
                stdout=sys.stderr.fileno(),
                env=environ,
                check=False,
                timeout=float(self._env.get(f"{what}_SECONDS") or 2400),
            )
        except subprocess.TimeoutExpired:
            return "timeout"
        except OSError as error:
            print(f"{what}_COMMAND: {error}", file=sys.stderr, flush=True)
            return "failed"
        if done.returncode:
            print(f"{what}_COMMAND ended with {done.returncode}", file=sys.stderr, flush=True)
            return "failed tests" if what == "TEST" else "failed"
        return ""

    def _git(self, *argv: str) -> bytes:
        # What the agent has left in the repository's own settings may run programs: here that is no more than it could.
        environ = {name: self._env[name] for name in _HELD if name in self._env} | _IDENTITY
        environ |= {"HOME": str(self._home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        return subprocess.run(
            ["git", *argv], cwd=self._work, stdout=subprocess.PIPE, env=environ, check=True, timeout=600
        ).stdout


def serve(caller: BinaryIO, answer: BinaryIO, env: Mapping[str, str]) -> int:
    """One job of one connection; 0, or 2 where what came is none."""
    head = json.loads(caller.readline(_MOST_HEAD))
    size = int(head["files"])
    if not 0 <= size <= _MOST_FILES:
        return 2
    files = caller.read(size)
    if len(files) != size:
        return 2

    def watch() -> None:
        # Nobody sends more: an end means that the worker is gone, and with it whoever would take the answer.
        caller.read(1)
        os.killpg(0, signal.SIGKILL)

    # Whom systemd starts leads a session, and so a group already, which it may not leave (setpgid(2)).
    if os.getpgrp() != os.getpid():
        os.setpgrp()
    answer.write(b'{"state": "started"}\n')
    answer.flush()
    threading.Thread(target=watch, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        outcome = Sandbox(env, Path(folder)).run(str(head["prompt"]), files)
        answer.write(json.dumps(outcome).encode() + b"\n")
        answer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(serve(sys.stdin.buffer, sys.stdout.buffer, os.environ))
