"""A host of vps-infrastructure with what deploys its AI Dev Server, on real systemd and real Docker.

Pulumi has made its proxy, its registry and the service there; the runner's scripts, the programs and the workflow are
laid as the preset lays them. GitHub and the runner's own program are stand-ins.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from contextlib import contextmanager

from catalog.presets.vps_infrastructure.deployments import DEPLOYMENTS, REGISTRY_GC
from catalog.presets.vps_infrastructure.preset import PRESET
from homeport.render import host_programs as render
from homeport.render.export.checkout import documents
from rehearsal.clouds.github.program import archive, checksum
from rehearsal.machine.daemon import IMAGE
from tests.support import host_files, subnets
from tests.support.checkout import ROOT
from tests.support.github import NAME, GitHub
from tests.support.mesh import Machine, MeshNetwork, docker
from tests.support.scratch import Scratch
from tests.support.waits import until
from toolchain.images.ensure import ensure

SERVICE, REGISTRY, PORT = "ai-dev-server", "registry.localhost", 8080
WORKFLOW = f".github/workflows/deploy-{SERVICE}.yml"
CHECKOUT, PROGRAMS = "/home/deploy/platform", "/usr/local/lib/homeport/deployments"
SCRIPTS = f"{CHECKOUT}/github-runner"
_GIT, _DOCKER = "git.example.com", 2375
_RUNTIME = re.search(r"^ARG RUNTIME=(\S+)$", (ROOT / "apps/ai_dev_server/Dockerfile").read_text(), re.MULTILINE)[1]
_SERVICES = {service.name: service for service in PRESET.services}
IMAGES = (_SERVICES["caddy"].image, _SERVICES["registry"].image, _RUNTIME)
# The service does not need n8n to be healthy, and asks itself more often than on a host: a test waits for the answer.
_PART = """
from dataclasses import replace as _replace

_SHORT = _replace(AI_DEV_SERVER.health, interval=1, start_period=20)
PRESET = _replace(
    PRESET,
    services=(
        CADDY,
        REGISTRY,
        _replace(AI_DEV_SERVER, needs=(), health=_SHORT, secrets=(*AI_DEV_SERVER.secrets, N8N.secrets[-1])),
    ),
    networks=tuple(
        network for network in PRESET.networks if network.name in AI_DEV_SERVER.networks + REGISTRY.networks
    ),
    shared_volumes={},
    databases=(),
    routes=tuple(route for route in PRESET.routes if route.name in {"ai-dev", "registry"}),
    next_steps=(),
    defaults={},
)
"""
_CALLS = """
import json, sys
sys.path.insert(0, "/srv")
from callers import Callers
with Callers(443, "ai-dev.localhost", ("/health", "/llm/mcp/"), "x-release") as callers:
    open("/srv/calling", "w").close()
    sys.stdin.read()
print(json.dumps({"answers": callers.answers, "longest": callers.longest}))
"""
_IMPORTS = """from __future__ import annotations
import http.client, ssl, threading, time
from collections import Counter
"""


class Host:
    """The machine, its stack, GitHub, and who calls."""

    def __init__(self, folder):
        self.world = MeshNetwork(folder, None)
        self.folder, self.github = folder, None
        self.world.lay()
        self.machine = Machine(self.world, "vps")
        self.run = self.machine.run

    def begin(self):
        """All of it, in order."""
        ensure([IMAGE, *IMAGES])
        self.machine.settle()
        self._open_docker()
        load(self.machine, *IMAGES)
        self.run(f"echo '127.0.0.1 {REGISTRY} ai-dev.localhost' >>/etc/hosts")
        self.stack = self._stack()
        done = self.stack.up()
        assert done.returncode == 0, done.stdout + done.stderr
        self.password = self.stack.outputs()["credentials"]["registry-password"]
        self._lay()
        settings = {"REGISTRY": REGISTRY, "REGISTRY_USER": "registry"}
        self.github = GitHub(self.folder, {"REGISTRY_PASSWORD": self.password}, settings, patience=0.5, lock=180.0)
        gateway = docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", self.world.network).strip()
        certificate = self.github.open_to(gateway, _GIT)
        trust = "cat >/usr/local/share/ca-certificates/git.crt; update-ca-certificates >/dev/null 2>&1"
        self.run(trust, stdin=certificate)
        self.run(f"echo '{gateway} {_GIT}' >>/etc/hosts")
        return self

    def close(self):
        if self.github:
            self.github.close()
        self.world.remove()

    def _open_docker(self):
        """Its Docker as every host of a stack has it, and a door to that for Pulumi, on a network with no way out."""
        self.run("mkdir -p /etc/docker; cat >/etc/docker/daemon.json", stdin='{"userland-proxy": false}')
        self.run("systemctl restart docker")
        door = f"systemd-socket-activate --listen {_DOCKER} /lib/systemd/systemd-socket-proxyd /run/docker.sock"
        self.run(f"systemd-run --quiet --unit docker-door {door}")
        until(lambda: self.machine.reaches("127.0.0.1", _DOCKER), "no door to its Docker")

    def _stack(self):
        block = subnets.block("10.233")
        on = {name for service in ("registry", SERVICE) for name in _SERVICES[service].networks}
        made = Scratch(
            self.folder,
            preset=PRESET.name,
            namespace="",
            services={},
            networks={name: f"{block}.{32 * number}/27" for number, name in enumerate(sorted(on))},
            edge={"http_port": 80, "https_port": 443},
        )
        made.environment["DOCKER_HOST"] = f"tcp://{self.machine.address}:{_DOCKER}"
        preset = made.folder / "catalog/presets/vps_infrastructure/preset.py"
        preset.write_text(preset.read_text() + _PART)
        return made

    def _lay(self):
        """The programs as a host of Pulumi's has them; its users are those of the machine."""
        texts = {"user": "deploy", "checkout": CHECKOUT, "port:registry": "5000"}
        values = texts | {"registry-password": self.password}
        for program in (DEPLOYMENTS, REGISTRY_GC):
            laid = render.files(program, texts, ROOT)
            host_files.lay(self.machine.container, [file for file in laid if not file.template])
            host_files.lay(self.machine.container, [file for file in laid if file.template], values)
            own = " ".join(file.path for file in laid if file.owner == "deploy:deploy")
            self.run(f"chown deploy:deploy {own}; chown -R deploy:deploy {CHECKOUT}")
        self.run("install -d -m 700 -o deploy -g deploy /var/lib/homeport-backup; usermod -aG docker deploy")
        self.copy({"runner.tar.gz": archive()}, "/srv")
        calling = re.search(
            r"class Callers:.*?(?=^def )", (ROOT / "tests/support/deployments.py").read_text(), re.DOTALL | re.MULTILINE
        )[0]
        self.copy({"callers.py": _IMPORTS + calling}, "/srv")

    def docker(self, *argv):
        return docker("exec", self.machine.container, "docker", *argv).strip()

    def copy(self, files, folder):
        """Files by name, with mode 0755, as root has them."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name, content in files.items():
                raw = content.encode() if isinstance(content, str) else content
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(raw), 0o755
                tar.addfile(entry, io.BytesIO(raw))
        self.run(f"mkdir -p {folder}")
        docker("exec", "-i", self.machine.container, "tar", "-C", folder, "-xf", "-", stdin=packed.getvalue())

    def script(self, line, **environ):
        """A command as the user deploy types it, with what is in its environment."""
        words = "".join(f"export {name}='{value}'; " for name, value in environ.items())
        shell = ["sh", "-c", f"{words}cd {SCRIPTS}; {line}"]
        argv = ["docker", "exec", "-i", "--user", "deploy", self.machine.container, *shell]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)

    def setup(self, token, **more):
        """The runner's set-up script with a registration token."""
        settings = {
            "GITHUB_REPO": NAME,
            "GITHUB_SERVER_URL": self.github.url,
            "RUNNER_ARCHIVE": "file:///srv/runner.tar.gz",
            "RUNNER_SHA256": checksum(),
            "RUNNER_TOKEN": token,
        }
        return self.script("./setup-runner.sh", **settings | more)

    @contextmanager
    def calls(self):
        """Somebody asks by the proxy as long as the block lasts; what came is in the list afterwards."""
        self.run("rm -f /srv/calling")
        argv = ["docker", "exec", "-i", self.machine.container, "python3", "-c", _CALLS]
        answers = {}
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            until(lambda: "yes" in self.run("test -e /srv/calling && echo yes || echo no"), "nobody calls")
            yield answers
            answers |= json.loads(process.communicate(timeout=300)[0])

    def live(self):
        """The release that answers on the host's port; its status is 200."""
        answer = self.run(f"curl -si http://127.0.0.1:{PORT}/health")
        assert answer.startswith("HTTP/1.1 200") and '{"status":"ok"}' in answer, answer
        release = re.search(r"^x-release: (.*?)\r?$", answer, re.MULTILINE | re.IGNORECASE)
        return release[1] if release else "first"

    def asked(self, path, *flags):
        """What the registry answers by the proxy, to whoever has its password."""
        words = " ".join(flags)
        return self.run(
            f"curl -sk {words} -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "
            f"-u registry:{self.password} https://{REGISTRY}/v2/{path}"
        )

    def tags(self):
        """What the registry has of the service: tag to digest; nothing while the proxy answers in its place."""
        answer = self.asked(f"{SERVICE}/tags/list", "-w '\\n%{http_code}'")
        body, _, status = answer.strip().rpartition("\n")
        names = (json.loads(body).get("tags") or []) if status == "200" else []
        heads = {name: self.asked(f"{SERVICE}/manifests/{name}", "-I") for name in names}
        return {name: re.search(r"sha256:[0-9a-f]{64}", head)[0] for name, head in heads.items()}

    def pushed(self, files):
        """The commit of a push, its run once it has ended, the run's job and its log."""
        commit = self.github.push(files)
        [run] = until(lambda: self.github.ended(commit), "the run does not end", 600)
        assert "note" not in run, run
        [job] = self.github.jobs(run)
        return commit, run, job, self.github.log(job)


def checkout():
    """The AI Dev Server's folder and its workflow, as a host's repository has them."""
    program = {path: text for path, text in documents(PRESET.checkout, ROOT) if path.startswith(f"{SERVICE}/")}
    return program | {WORKFLOW: (ROOT / f"apps/deployments/workflows/deploy-{SERVICE}.yml").read_text()}


def edited(path, before, after):
    """One file of the program as somebody has changed it."""
    whole = f"{SERVICE}/{SERVICE.replace('-', '_')}/{path}"
    text = checkout()[whole]
    assert before in text, f"{whole} is written otherwise now"
    return {whole: text.replace(before, after)}


def release(name):
    """The program as a developer has changed it: every answer says which release it is."""
    return edited("__main__.py", "server_header=False,", f"server_header=False, headers=[('x-release', '{name}')],")


def load(machine, *images):
    """Has the images on the machine's Docker."""
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
        argv = ["docker", "exec", "-i", machine.container, "docker", "load", "-q"]
        subprocess.run(argv, stdin=save.stdout, check=True, capture_output=True)
    assert save.returncode == 0, "the images were not saved"
