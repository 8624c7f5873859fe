"""The programs of `apps/infra_tools` as processes: each is a fork of one that has the clouds' clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass

from rehearsal.clouds.infisical.service import Service
from rehearsal.clouds.infisical.store import Store
from rehearsal.clouds.kit.api import ApiServer
from tests.support.checkout import ROOT

SCRIPTS = ROOT / "apps" / "infra_tools"
FAKE = ROOT / "tests" / "support" / "fake_docker.py"
PROJECT, CLIENT, SECRET = "5f7c0d4e-project", "client-of-prod", "canary-client-secret-77"
SEED = {
    "projects": {
        PROJECT: {
            "environments": {"prod": {"imports": ["shared"]}, "shared": {}, "dev": {}, "guarded": {"approval": True}}
        }
    },
    "identities": {
        CLIENT: {"secret": SECRET, "projects": {PROJECT: "edit"}},
        "client-of-names": {"secret": SECRET, "projects": {PROJECT: "describe"}},
        "client-that-reads": {"secret": SECRET, "projects": {PROJECT: "read"}},
        "client-of-nothing": {"secret": SECRET, "projects": {}},
    },
}
# Reads one JSON line after the other, forks, and answers the exit code; both streams are files.
_PARENT = r"""
import json, os, runpy, sys
import cloudflare, infisical_sdk
cloudflare.Cloudflare(api_token="x").get
for line in sys.stdin:
    call = json.loads(line)
    child = os.fork()
    if not child:
        for number, path in ((1, call["out"]), (2, call["err"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(call["stdin"], os.O_RDONLY), 0)
        os.chdir(call["cwd"])
        os.environ.clear()
        os.environ.update(call["env"])
        sys.argv = call["argv"]
        sys.path[0] = os.path.dirname(call["argv"][0])
        code = 70
        try:
            runpy.run_path(call["argv"][0], run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@dataclass
class Result:
    """What a run ended with."""

    code: int
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err


class Programs:
    """Runs programs in a folder.

    `words` are never to be seen in what any of them prints.
    """

    def __init__(self, folder):
        self.folder, self.env, self.words = folder, {}, [SECRET]
        self._parent = subprocess.Popen(
            [sys.executable, "-B", "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, name, *argv, env=None, stdin="", cwd=None):
        streams = {part: self.folder.with_name(f"{self.folder.name}.{part}") for part in ("out", "err", "stdin")}
        streams["stdin"].write_text(stdin, encoding="utf-8")
        known = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        whole = {**known, **self.env, **(env or {})}
        call = {"argv": [str(SCRIPTS / name), *argv], "cwd": str(cwd or self.folder)}
        call |= {part: str(path) for part, path in streams.items()}
        call["env"] = {key: value for key, value in whole.items() if value is not None}
        self._parent.stdin.write(json.dumps(call) + "\n")
        self._parent.stdin.flush()
        code = int(self._parent.stdout.readline())
        result = Result(code, *(streams[part].read_text(encoding="utf-8") for part in ("out", "err")))
        seen = [word for word in self.words if word in result.text]
        assert [] == seen, f"{name} {argv} printed what nobody may see"
        assert "Traceback" not in result.err, f"a user sees no traceback: {result.err}"
        return result

    def close(self):
        self._parent.stdin.close()
        self._parent.wait(180)
        self._parent.stdout.close()


class Infisical:
    """An emulated Infisical, and what is in it."""

    def __init__(self, seed=None):
        self.store = Store(None, json.loads(json.dumps(seed or SEED)))
        self.server = ApiServer(Service(self.store)).start()

    def env(self, environment="prod", client=CLIENT):
        return {
            "INFISICAL_API_URL": self.server.url,
            "INFISICAL_CLIENT_ID": client,
            "INFISICAL_CLIENT_SECRET": SECRET,
            "INFISICAL_PROJECT_ID": PROJECT,
            "INFISICAL_ENVIRONMENT": environment,
        }

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server.control_url + path, data, method=method)  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.loads(answer.read())

    def writes(self):
        """The calls that change something, as method and path."""
        rows = self.control("GET", "/journal")
        return [(row["method"], row["path"]) for row in rows if row["method"] != "GET" and "/login" not in row["path"]]

    def put(self, environment="prod", **values):
        for name, value in values.items():
            key = f"{environment}/{name}"
            row = {
                "id": key,
                "_id": key,
                "workspace": PROJECT,
                "environment": environment,
                "version": 1,
                "type": "shared",
            }
            row |= {"secretKey": name, "secretValue": value, "secretComment": "", "place": f"{PROJECT}/{environment}"}
            row |= {"createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z", "tags": []}
            with self.store.change() as data:
                data["secrets"][key] = row

    def values(self, environment="prod"):
        rows = self.store.all("secrets").values()
        return {row["secretKey"]: row["secretValue"] for row in rows if row["place"] == f"{PROJECT}/{environment}"}

    def close(self):
        self.server.stop()


class FakeDocker:
    """`docker` and `infisical` on PATH that only remember; see `fake_docker`."""

    def __init__(self, programs):
        self.folder = programs.folder.with_name("bin")
        self.folder.mkdir()
        self.path = self.folder / "state.json"
        self.change(
            containers={}, volumes={}, networks={}, images={}, registry={}, started=[], calls=[], signed_in=[],
            compose=True, infisical_up=True, password=SECRET, token="canary-access-token", export="",
        )  # fmt: skip
        for name in ("docker", "infisical"):
            program = self.folder / name
            program.write_text(f"#!{sys.executable} -SEB\n{FAKE.read_text(encoding='utf-8')}", encoding="utf-8")
            program.chmod(0o755)
        programs.env |= {"FAKE_DOCKER": str(self.path), "PATH": f"{self.folder}:/usr/bin:/bin"}
        programs.words.append("canary-access-token")

    @property
    def state(self):
        return json.loads(self.path.read_text(encoding="utf-8"))

    def change(self, **values):
        state = self.state if self.path.exists() else {}
        self.path.write_text(json.dumps(state | values), encoding="utf-8")

    def changes(self):
        """The calls that change something."""
        quiet = ({"inspect"}, {"ps"}, {"version"}, {"config"})
        return [call for call in self.state["calls"] if not any(words & set(call) for words in quiet)]
