"""A host with apps/host_scripts on it, without Docker: a checkout, a remote, and fakes of docker and n8n."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

APP = Path(__file__).resolve().parents[1]
FAKES = APP / "tests" / "fakes"


def until(check, why):
    """Waits for a condition, never for a time."""
    end = time.monotonic() + 300
    while not check():
        assert time.monotonic() < end, why
        time.sleep(0.02)


def ended(group):
    """Whether no process of a group runs any more: what a killed one had started goes on for a moment."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its, *_ = stat.read_text().rpartition(")")[2].split()
            if int(its) == group and state != "Z":
                return False
    return True


class Host:
    """A checkout with the programs in it, a bare repository that it may push to, and fakes of Docker and n8n.

    Args:
        folder: For all of it.
    """

    def __init__(self, folder: Path):
        self.fake, self.checkout, self.remote = folder / "fake", folder / "platform", folder / "remote.git"
        self.state = folder / "state"
        (self.fake / "containers").mkdir(parents=True)
        (self.fake / "containers" / "n8n").touch()
        (self.checkout / "host-scripts").mkdir(parents=True)
        for name in ("backup-n8n-workflows.sh", "backup.sh"):
            shutil.copy(APP / name, self.checkout)
        shutil.copy(APP / "backup.py", self.checkout / "host-scripts")
        shutil.copytree(APP / "host_scripts", self.checkout / "host-scripts" / "host_scripts")
        self.env = {
            "PATH": f"{FAKES}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(self.fake),
            "FAKE": str(self.fake),
            "BACKUP_DIR": str(self.state),
        }
        self.n8n()

    def n8n(self, *flows):
        """What n8n holds from now on."""
        (self.fake / "workflows.json").write_text(json.dumps(flows))

    def holds(self):
        return {flow["id"]: flow for flow in json.loads((self.fake / "workflows.json").read_text())}

    def start(self, *words, script="backup-n8n-workflows.sh", **env):
        return subprocess.Popen(
            ["sh", str(self.checkout / script), *words],
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words, script="backup-n8n-workflows.sh", parse=True, **env):
        """A run to its end: exit code, the line's values (or the text), and what it said of errors."""
        process = self.start(*words, script=script, **env)
        output, errors = process.communicate(timeout=300)
        return process.returncode, (json.loads(output) if output else {}) if parse else output, errors

    def git(self, *words, at=None, check=True):
        argv = ["git", "-C", str(at or self.checkout), "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"git {words}: {done.stderr}"
        return done.stdout.strip()

    def with_remote(self):
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), at="/")
        self.env["REPOSITORY"] = str(self.remote)

    def clone(self):
        """A developer's clone of the remote."""
        folder = self.remote.parent / "clone"
        self.git("clone", "--quiet", str(self.remote), str(folder), at="/")
        return folder

    def files(self, revision="HEAD", at=None):
        """What a commit holds of workflows, by file name."""
        names = self.git("ls-tree", "--name-only", "-r", "-z", revision, at=at).split("\0")
        mine = [name for name in names if name.startswith("n8n-workflows/")]
        return {name.removeprefix("n8n-workflows/"): self.git("show", f"{revision}:{name}", at=at) for name in mine}


def flow(number, name="a workflow", *, nodes=(), active=False, **more):
    """A workflow as n8n stores it."""
    versions = {"versionId": "v1", "nodes": list(nodes), "connections": {}, "nodeGroups": []}
    return {
        "id": number,
        "name": name,
        "description": None,
        "active": active,
        "isArchived": False,
        "settings": {"executionOrder": "v1"},
        "meta": None,
        "tags": [],
        "versionId": "v1",
        "activeVersionId": "v1" if active else None,
        "updatedAt": "2026-01-01T00:00:00Z",
        "triggerCount": 1,
        "versions": [versions],
        **more,
    }
