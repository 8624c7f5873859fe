"""The auto-fix program at work: receiver and worker as processes, its sandbox as systemd starts it, GitHub emulated."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from rehearsal.clouds.kit.api import Answer
from tests.support.github import ADMIN, NAME, GitHub
from tests.support.waits import until

APP = Path(__file__).resolve().parents[2] / "apps" / "auto_fix"
SECRET, KEY = "C4naryWEBHOOKsecret", "C4naryAGENTkey"
TOKEN, STRANGER = "ghp_C4naryAUTOFIX", "ghp_C4narySTRANGER"
SCOPE = {"contents": "write", "issues": "write", "pull_requests": "write"}
AGENT = """
import json, os, pathlib, sys
prompt = sys.stdin.read()
place = pathlib.Path({seen!r})
seen = json.loads(place.read_text()) if place.exists() else []
text = json.dumps([*seen, {{"prompt": prompt, "argv": sys.argv, "env": dict(os.environ)}}])
# Whole or not at all: others read it meanwhile, and it may be killed.
place.with_suffix(".new").write_text(text)
place.with_suffix(".new").replace(place)
{change}
"""
CHANGE = "pathlib.Path('app.py').write_text('print(2)\\n')"
_SECONDS = 300
"""For what takes a second: a computer that does much else stands still for a minute."""
_LOOK = ("GET /pulls", "GET /issues/1")
_CLONE = ("GET .git/info/refs?service=git-upload-pack", *["POST .git/git-upload-pack"] * 2)
_PUSH = ("GET .git/info/refs?service=git-receive-pack", "POST .git/git-receive-pack")
CALLS = (*_LOOK, *_CLONE, *_LOOK, *_CLONE, *_PUSH, "POST /pulls")
"""What GitHub is asked for the first issue that becomes a pull request; the agent works between the two clones."""


def named(call):
    """A call as a person reads it."""
    service = f"?{call.query}" if call.query.startswith("service=") else ""
    return f"{call.method} {call.path.partition(NAME)[2]}{service}"


def said(process):
    """What a process says until it ends, which it does."""
    try:
        return process.communicate(timeout=_SECONDS)[0]
    finally:
        # Nobody waits for one that does not end.
        process.kill()


class AutoFix:
    """Everything but a host; ends with `close`.

    Args:
        folder: Where all of it is.
        change: What the stand-in of the agent does, in Python.
    """

    def __init__(self, folder, change=CHANGE):
        self.folder, self.seen = folder, folder / "seen.json"
        self.github = GitHub(folder)
        self.github.store.put("tokens", TOKEN, {"kind": "personal", "repositories": {NAME: SCOPE}})
        stranger = {"kind": "personal", "login": "stranger", "association": "NONE"}
        self.github.store.put("tokens", STRANGER, stranger | {"repositories": {NAME: {"issues": "read"}}})
        self.first = self.github.push({"app.py": "print(1)\n", "test.py": "import app\n", ".github/workflows/x": ""})
        for name, text in {"secret": SECRET, "token": TOKEN, "key": KEY}.items():
            (folder / name).write_text(text)
        self.queue = folder / "state" / "queue.db"
        self.queue.parent.mkdir()
        self.agent(change)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "agent.sock"))
        self._listener.listen(8)
        self.sandbox_env = {
            "PATH": os.environ["PATH"],
            "AGENT_COMMAND": f"{sys.executable} {folder / 'agent.py'}",
            "TEST_COMMAND": f"{sys.executable} -B test.py",
            "AGENT_KEY_FILE": str(folder / "key"),
        }
        self._sandboxes = []
        self._thread = threading.Thread(target=self._activate)
        self._thread.start()
        self.receiver = None
        self.more = {}

    def agent(self, change):
        """What the stand-in of the agent does from now on."""
        (self.folder / "agent.py").write_text(AGENT.format(seen=str(self.seen), change=change))

    def _activate(self):
        """As systemd does with Accept=yes: a process for a connection, which is its standard input and output."""
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                argv = [sys.executable, "-E", "-s", "-B", str(APP / "auto_fix_sandbox.py")]
                self._sandboxes.append(
                    subprocess.Popen(argv, stdin=line, stdout=line, stderr=subprocess.DEVNULL, env=self.sandbox_env)
                )

    def receive(self):
        """Starts the receiver, and tells GitHub of it."""
        log = self.folder / "receiver.log"
        with log.open("w") as file:
            self.receiver = self._start("receive", stdout=file)
        line = until(lambda: log.read_text().partition("\n")[1] and log.read_text(), "the receiver does not listen")
        port = line.splitlines()[0].rsplit(None, 1)[1]
        config = {"url": f"http://127.0.0.1:{port}/webhooks/github", "secret": SECRET, "content_type": "json"}
        status, hook = self.github.ask("POST", f"/repos/{NAME}/hooks", {"config": config, "events": ["issues"]})
        assert status == 201, hook
        return f"/repos/{NAME}/hooks/{hook['id']}/deliveries"

    def worker(self, *argv, **more):
        """A process of the worker."""
        return self._start("work", *argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)

    def work(self):
        """What it says until there is nothing left to do."""
        words, end = "", time.monotonic() + _SECONDS
        while time.monotonic() < end:
            with self.worker("--once") as process:
                more = said(process)
            assert process.returncode in (0, -9), more
            words += more
            # The sandbox of a worker that was killed may still be about to end.
            if "not free" not in more:
                return words
        raise AssertionError(f"the sandbox is never free: {words}")

    def _start(self, *argv, **more):
        env = {
            "PATH": os.environ["PATH"],
            "PORT": "0",
            "WEBHOOK_SECRET_FILE": str(self.folder / "secret"),
            "REPOSITORIES": NAME,
            "QUEUE": str(self.queue),
            "WORK": str(self.folder / "state" / "work"),
            "API_URL": f"{self.github.server.url}/api/v3",
            "GIT_URL": self.github.server.url,
            "TOKEN_FILE": str(self.folder / "token"),
            "AGENT_SOCKET": str(self.folder / "agent.sock"),
            "PAUSE": "0.1",
            **self.more,
        }
        return subprocess.Popen([sys.executable, "-E", "-s", "-B", str(APP / "auto_fix.py"), *argv], env=env, **more)

    def jobs(self):
        env = {"PATH": os.environ["PATH"], "QUEUE": str(self.queue)}
        argv = [sys.executable, "-E", "-s", "-B", str(APP / "auto_fix.py"), "jobs"]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=_SECONDS)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def issue(self, title="It prints 1", body="It has to print 2", token=ADMIN, labels=("auto-fix",)):
        status, issue = self.github.ask(
            "POST", f"/repos/{NAME}/issues", {"title": title, "body": body, "labels": list(labels)}, token=token
        )
        assert status == 201, issue
        return issue["number"]

    def pulls(self):
        return self.github.ask("GET", f"/repos/{NAME}/pulls?state=all")[1]

    def comments(self, number):
        return [row["body"] for row in self.github.ask("GET", f"/repos/{NAME}/issues/{number}/comments")[1]]

    def killed(self, number, when):
        """A worker that is killed as its n-th call comes ("before") or when that was done ("after"): its calls.

        With its git, as systemd ends all that a unit has started.
        """
        calls, started, answer = [], threading.Event(), self.github.service.answer

        def killing(call):
            calls.append(named(call))
            if len(calls) != number:
                return answer(call)
            done = answer(call) if when == "after" else Answer(503, {})
            assert started.wait(_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)
            return done

        self.github.service.answer = killing
        try:
            with self.worker("--once", start_new_session=True) as process:
                started.set()
                words = said(process)
        finally:
            self.github.service.answer = answer
        assert -signal.SIGKILL == process.returncode, f"nothing was killed: {calls}: {words}"
        return calls

    def close(self):
        if self.receiver:
            self.receiver.terminate()
            said(self.receiver)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_SECONDS)
        for process in self._sandboxes:
            process.kill()
            process.wait(_SECONDS)
        self.github.close()
