"""Services of the catalog as containers of a test's own: the literal's user, limits, files and health check.

Names, network and ports are the test's, so that nothing stands in the way of a stack on the same machine.
"""

import base64
import json
import secrets
import subprocess
import sys
import time
import uuid
from types import SimpleNamespace

from homeport.model import template
from homeport.model.blueprint import Blueprint, Edge
from homeport.plan import built
from homeport.render.bundle import FOLDER, Entry, bundle
from homeport.render.files import service_files
from tests.support import subnets
from tests.support.checkout import ROOT
from tests.support.containers import docker

LABEL = "homeport.test=services"
ALONE = Blueprint(
    preset="alone",
    environment="dev",
    domain="example.com",
    services=(),
    networks=(),
    routes=(),
    edge=Edge(bind="127.0.0.1", ports={}, public=False),
)
"""The system of a service that stands alone."""
HELPER = "homeport/base:bookworm"
"""An image that is there wherever another of ours is; the container of it never runs."""


def ensure(*images):
    """Have the images, as `make up` does."""
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", *images], check=True, cwd=ROOT)


ALONE = SimpleNamespace(mesh=None)
"""The system of a service whose files are made of nothing but itself."""


class Place:
    """A network with services of the catalog on it; all of it goes with `close`.

    Attributes:
        block: The first three numbers of its addresses; `.1` is this machine.
    """

    def __init__(self, *flags):
        self.name = f"homeport-service-{uuid.uuid4().hex[:8]}"
        self.key = secrets.token_hex(16)
        self._containers, self._volumes, self._images = [], [], []
        self.block = subnets.network(self.name, "--label", LABEL, *flags)

    def start(self, service, values=None, *, texts=None, env=None, publish=(), image="", blueprint=ALONE):
        """Start a service; its name is an alias on the network.

        Args:
            service: The catalog's value.
            values: Secret's name to its value.
            texts: What stands for `{…}` in its environment.
            env: Variables that differ.
            publish: Arguments of `docker run` that publish ports.
            image: Another image than the catalog's.
            blueprint: The system, where files are made of it.
        """
        name = f"{self.name}-{service.name}"
        files = service_files(blueprint or ALONE, service, ROOT).entries(values or {}, self.key)
        mounts = ["--volume", f"{self._laid(service.name + '-files', files)}:{service.files_at}:ro"]
        for part, volume in service.volumes.items():
            uid, gid = volume.owner
            root = Entry(path=".", mode=volume.mode, uid=uid, gid=gid)
            # An empty volume would get owner and content of the image's own folder.
            kept = Entry(path=".homeport", mode=0o400, uid=0, gid=0, content=b"")
            made = self._laid(f"{service.name}-{part}", (root, kept))
            mounts += ["--volume", f"{made}:{volume.path}"]
        for bind in service.binds.values():
            mounts += ["--volume", f"{bind.source}:{bind.path}{':ro' if bind.read_only else ''}"]
        self._containers.append(name)
        docker(
            "run",
            "--detach",
            "--init",
            f"--name={name}",
            f"--hostname={service.name}",
            f"--network={self.name}",
            f"--network-alias={service.name}",
            f"--label={LABEL}",
            *_hardened(service),
            *_health(service.health),
            *(f"--env={text}" for text in _env(service, texts or {}, env or {})),
            *mounts,
            *publish,
            *([f"--entrypoint={service.entrypoint[0]}"] if service.entrypoint else []),
            image or service.image,
            *service.entrypoint[1:],
            *service.command,
        )
        return name

    def build(self, service):
        """A service's image of our own, as a host builds it; its name."""
        ensure(built.runtime(service.build.folder))
        image = f"homeport/{service.image}:{self.name}"
        subprocess.run(["sh", ROOT / "components/scripts/build.sh", image, ROOT / service.build.folder], check=True)
        self._images.append(image)
        return image

    def replace(self, service, values=None, **more):
        """Take a service's container and its files away, and start it again on its volumes."""
        docker("rm", "--force", f"{self.name}-{service.name}")
        self._containers.remove(f"{self.name}-{service.name}")
        return self.start(service, values, **more)

    def close(self):
        for name in reversed(self._containers):
            docker("rm", "--force", "--volumes", name, check=False)
        for name in self._volumes:
            docker("volume", "rm", name, check=False)
        docker("network", "rm", self.name, check=False)
        for image in self._images:
            docker("image", "rm", "--force", image, check=False)

    def _laid(self, part, entries):
        """A volume with these files, laid as the program lays them; one that keeps data keeps it."""
        name = f"{self.name}-{part}"
        if name not in self._volumes:
            docker("volume", "create", "--label", LABEL, name)
            self._volumes.append(name)
        helper = docker("create", "--label", LABEL, "--volume", f"{name}:/laid/{FOLDER}", HELPER)
        try:
            archive = base64.b64decode(bundle(entries))
            subprocess.run(["docker", "cp", "-", f"{helper}:/laid"], input=archive, check=True, capture_output=True)
        finally:
            docker("rm", "--force", helper)
        return name


def healthy(name, seconds=400):
    """Wait until Docker finds a container healthy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = json.loads(docker("inspect", "--format", "{{json .State}}", name))
        if state["Health"]["Status"] == "healthy":
            return name
        assert state["Running"], f"{name} ended: {logs(name)}"
        time.sleep(0.3)
    raise AssertionError(f"{name} is not healthy after {seconds} s: {state['Health']}\n{logs(name)}")


def logs(name):
    """What a container wrote, its last lines."""
    done = subprocess.run(["docker", "logs", "--tail", "60", name], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def shown(name):
    """All that `docker inspect` shows of a container, as text."""
    return docker("inspect", name)


def _hardened(service):
    limits = service.limits
    return (
        f"--user={service.user}",
        *(() if "writable_root" in service.waivers else ("--read-only",)),
        "--cap-drop=ALL",
        *(f"--cap-add={name}" for name in service.capabilities),
        "--security-opt=no-new-privileges",
        f"--memory={limits.memory}m",
        f"--memory-swap={limits.memory}m",
        f"--cpus={limits.cpus}",
        f"--pids-limit={limits.pids}",
        f"--ulimit=nofile={limits.nofile}",
        *(f"--tmpfs={path}:{options}" for path, options in service.tmpfs.items()),
        *((f"--shm-size={service.dev_shm}m",) if service.dev_shm else ()),
        f"--stop-timeout={service.grace}",
    )


def _health(health):
    """The literal's own question, asked more often than on a host: a test waits for the answer."""
    words = " ".join(_quoted(word) for word in health.test)
    return (
        f"--health-cmd={words}",
        "--health-interval=2s",
        f"--health-timeout={health.timeout}s",
        f"--health-start-period={health.start_period}s",
        f"--health-retries={health.retries}",
    )


def _quoted(word):
    return "'" + word.replace("'", "'\\''") + "'"


def _env(service, texts, own):
    every = {**service.env, **own}
    return [f"{key}={template.fill(value, texts, template.TEXT)}" for key, value in sorted(every.items())]
