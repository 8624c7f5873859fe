"""The emulated GitHub in this process, and who pushes to it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request

from rehearsal.clouds.github.program import archive
from rehearsal.clouds.github.service import Service
from rehearsal.clouds.github.store import Store
from rehearsal.clouds.kit.api import ApiServer

NAME, ADMIN, READER = "owner/platform", "ghp_C4naryADMIN", "ghp_C4naryREADER"
EVERYTHING = dict.fromkeys(("administration", "actions", "contents", "issues", "pull_requests", "statuses"), "write")
SEED = {
    "repositories": {NAME: {"secrets": {}, "variables": {}}, "owner/other": {}},
    "tokens": {
        ADMIN: {"repositories": {NAME: EVERYTHING, "owner/other": EVERYTHING}},
        READER: {"repositories": {NAME: {"contents": "read"}}},
    },
}


class GitHub:
    """It serves from the start, until `close`.

    Args:
        folder: Where it keeps the repositories.
        secrets: Of the repository.
        variables: The same.
        more: For the service.
    """

    def __init__(self, folder, secrets=(), variables=(), **more):
        seed = json.loads(json.dumps(SEED))
        seed["repositories"][NAME] = {"secrets": dict(secrets), "variables": dict(variables)}
        self.store = Store(None, seed)
        self.service = Service(self.store, folder / "github", **more)
        self.server = ApiServer(self.service).start()
        self.service.url = self.url = self.service.url or self.server.url
        self.folder, self.work = folder, folder / "work"
        self._outside = None

    def open_to(self, address, host):
        """Serves machines too, by TLS under a name; the certificate that they have to trust."""
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        argv = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]
        argv += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", key, "-out", certificate]
        subprocess.run(argv, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._outside = ApiServer(self.service, f"{address}:0", machines=True, tls=context).start()
        self.service.url = self.url = f"https://{host}:{self._outside.server_port}"
        return certificate.read_text()

    def close(self):
        self.server.stop()
        if self._outside:
            self._outside.stop()

    def ask(self, method, path, body=None, token=ADMIN, kind="Bearer"):
        """Status and body of a call below the API."""
        headers = {"Authorization": f"{kind} {token}"} if token else {}
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.server.url}/api/v3{path}", content, headers, method=method)  # noqa: S310  # its own address
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the same
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as problem:
            status, raw = problem.code, problem.read()
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, raw

    def registration(self, kind="registration", name=NAME):
        status, body = self.ask("POST", f"/repos/{name}/actions/runners/{kind}-token")
        assert status == 201, body
        return body["token"]

    def push(self, files, message="a change", token=ADMIN):
        """Lays files (None: takes one away), commits and pushes; the commit's id."""
        place = f"http://x:{token}@{self.server.url.removeprefix('http://')}/{NAME}.git"
        if not self.work.exists():
            self.work.mkdir()
            self._git("init", "--quiet", "--initial-branch=main")
        for path, text in files.items():
            target = self.work / path
            if text is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode() if isinstance(text, str) else text)
            target.chmod(0o755)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)
        self._git("push", "--quiet", place, "main")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *argv):
        who = {f"GIT_{part}_{key}": "dev@example.com" for part in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        environ = os.environ | who | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(
            ["git", "-C", str(self.work), *argv], capture_output=True, text=True, check=False, env=environ
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def runs(self, commit):
        return self.ask("GET", f"/repos/{NAME}/actions/runs?head_sha={commit}")[1]["workflow_runs"]

    def ended(self, commit):
        """The runs of a commit once all have ended; else nothing."""
        runs = self.runs(commit)
        return runs if runs and all(run["status"] == "completed" for run in runs) else None

    def jobs(self, run):
        return self.ask("GET", f"/repos/{NAME}/actions/runs/{run['id']}/jobs")[1]["jobs"]

    def log(self, job):
        return self.ask("GET", f"/repos/{NAME}/actions/jobs/{job['id']}/logs")[1].decode()


class Runner:
    """The stand-in of the runner's program in a folder of this machine."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        subprocess.run(["tar", "-xzf", "-", "-C", str(folder)], input=archive(), check=True)
        self.environ = os.environ | {"RUNNER_ALLOW_RUNASROOT": "1", "HOME": str(folder)}
        self.process = None

    def config(self, *argv, token=""):
        environ = self.environ | ({"ACTIONS_RUNNER_INPUT_TOKEN": token} if token else {})
        argv = [str(self.folder / "config.sh"), *argv]
        return subprocess.run(argv, capture_output=True, text=True, check=False, env=environ, timeout=180)

    def start(self):
        self.process = subprocess.Popen(
            [str(self.folder / "run.sh")], env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def kill(self):
        self.process.kill()
        self.process.communicate()
        self.process = None

    def close(self):
        if self.process:
            self.process.terminate()
            return self.process.communicate(timeout=180)[0]
        return ""
