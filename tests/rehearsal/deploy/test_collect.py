"""Old images leave a real registry, and nothing else does: while somebody pushes, and when a collection is killed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode

import pytest

from catalog.docker_registry.service import SERVICE
from tests.support import campaign
from tests.support.catalog_containers import Place, ensure, healthy
from tests.support.containers import docker
from tests.support.deployments import PROGRAM
from tests.support.scratch import free_port
from tests.support.waits import until

pytestmark = pytest.mark.docker
PASSWORD = "canary-of-the-registry-5678"
LAYER = 3_000_000
KINDS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
STORE = "/var/lib/registry/docker/registry/v2"
POINTS = campaign.size("kills of a collection")


class Registry:
    """The catalog's registry in its hardened container, and the images of the test."""

    def __init__(self, folder):
        self.place, self.folder, self.number, self.images = Place(), folder, 0, []
        values = {"registry-password": PASSWORD, "registry-http-secret": "5e" * 32}
        # A fixed port: the container stops and starts.
        self.container = self.place.start(SERVICE, values, publish=("--publish", f"127.0.0.1:{free_port()}:5000"))
        healthy(self.container)
        self.host = docker("port", self.container, "5000/tcp").splitlines()[0]
        (folder / "password").write_text(PASSWORD)
        self.environ = os.environ | {
            "DOCKER_CONFIG": str(folder / "docker"),
            "REGISTRY_URL": f"http://{self.host}",
            "REGISTRY_USER": "registry",
            "REGISTRY_PASSWORD_FILE": str(folder / "password"),
            "REGISTRY_CONTAINER": self.container,
        }
        login = ["docker", "login", self.host, "--username", "registry", "--password-stdin"]
        subprocess.run(login, input=PASSWORD, text=True, check=True, capture_output=True, env=self.environ)

    def close(self):
        docker("rm", "--force", f"{self.container}-gc", check=False)
        self.place.close()
        for name in self.images:
            docker("image", "rm", "--force", name, check=False)

    def build(self, tag):
        """An image with a layer of its own that cannot be made smaller."""
        self.number += 1
        folder = self.folder / f"image-{self.number}"
        folder.mkdir()
        (folder / "layer").write_bytes(os.urandom(LAYER))
        (folder / "Dockerfile").write_text('FROM scratch\nADD layer /layer\nCMD ["/layer"]\n')
        name = f"{self.host}/app:{tag}"
        docker("build", "--quiet", "--tag", name, str(folder))
        self.images.append(name)
        return name

    def push(self, name):
        done = subprocess.run(["docker", "push", name], capture_output=True, text=True, check=False, env=self.environ)
        return done.returncode == 0

    def pushed(self, tag):
        name = self.build(tag)
        assert self.push(name)
        return name

    def pulls(self, tag):
        """Whether the whole image comes back, from the registry alone."""
        name = f"{self.host}/app:{tag}"
        docker("image", "rm", "--force", name, check=False)
        argv = ["docker", "pull", "--quiet", name]
        return subprocess.run(argv, capture_output=True, text=True, check=False, env=self.environ).returncode == 0

    def ask(self, path, method="GET", body=None, **headers):
        """Status, headers and body."""
        word = b64encode(f"registry:{PASSWORD}".encode()).decode()
        named = {key.replace("_", "-"): value for key, value in headers.items()} | {"Authorization": f"Basic {word}"}
        url = path if path.startswith("http") else f"http://{self.host}/v2/{path}"
        request = urllib.request.Request(url, body, named, method=method)  # noqa: S310  # the test's own container
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the same
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read()

    def tags(self):
        return set(json.loads(self.ask("app/tags/list")[2])["tags"] or ())

    def age(self):
        """As if all of it had been pushed an hour ago."""
        script = f'find {STORE} -type f -exec touch -d "@$(($(date +%s) - 3600))" {{}} +'
        docker("exec", self.container, "sh", "-c", script)

    def stored(self):
        """Bytes of all layers and manifests."""
        script = f"find {STORE}/blobs -type f -exec cat {{}} + | wc -c"
        return int(docker("exec", self.container, "sh", "-c", script))

    def argv(self, *words):
        return [sys.executable, "-B", str(PROGRAM), "registry-gc", *words]

    def collect(self, *words):
        return subprocess.run(self.argv(*words), capture_output=True, text=True, check=False, env=self.environ)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    ensure(SERVICE.image)
    made = Registry(tmp_path_factory.mktemp("collect"))
    try:
        yield made
    finally:
        made.close()


@pytest.mark.req("S1-66")
def test_what_is_old_goes_with_its_bytes_and_what_runs_was_live_or_is_latest_stays(registry):
    names = {tag: registry.pushed(tag) for tag in ("runs", "before", "latest", "old", "older", "5", "6")}
    runs, mark = f"{registry.container}-runs", f"homeport.deployed/{registry.container}:previous"
    docker("create", "--name", runs, names["runs"])
    docker("tag", names["before"], mark)
    try:
        registry.age()
        before = registry.stored()
        told = registry.collect("--keep", "2", "--dry-run").stdout
        assert {"old", "older"} == {*re.findall(r"would delete app:(\w+)", told)}, told
        done = registry.collect("--keep", "2")
    finally:
        docker("rm", runs)
        docker("rmi", mark)

    assert done.returncode == 0 and {"old", "older"} == {*re.findall(r"deleted app:(\w+)", done.stdout)}, done
    assert 2 * LAYER < before - registry.stored() < 2 * LAYER + 20_000, "two layers, two manifests, two settings"
    assert re.search(r"6\.\d MB freed, 15\.\d MB left$", done.stdout), done.stdout
    kept = {"runs", "before", "latest", "5", "6"}
    assert kept == registry.tags() and all(map(registry.pulls, kept)), "each of them is whole"
    again = registry.collect("--keep", "5")
    assert "0.0 MB freed" in again.stdout, again


@pytest.mark.req("S1-66")
def test_it_waits_while_somebody_pushes_and_a_layer_without_its_manifest_is_safe(registry):
    registry.age()
    layer = os.urandom(1000)
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"

    def half():
        _, headers, _ = registry.ask("app/blobs/uploads/", "POST", b"")
        place = headers["Location"]
        place = f"http://{registry.host}{place}{'&' if '?' in place else '?'}digest={digest}"
        assert 201 == registry.ask(place, "PUT", layer, Content_Type="application/octet-stream")[0]

    def rest():
        part = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(layer)}
        whole = {"schemaVersion": 2, "mediaType": KINDS.rpartition(" ")[2], "config": part, "layers": [part]}
        kind = {"Content_Type": whole["mediaType"]}
        return registry.ask("app/manifests/slow", "PUT", json.dumps(whole).encode(), **kind)[0]

    half()
    begun = docker("inspect", "--format", "{{.State.StartedAt}}", registry.container)
    done = registry.collect("--keep", "1", "--patience", "0")
    assert done.returncode == 4 and "somebody pushes" in done.stderr and "nothing was deleted" in done.stderr, done
    assert begun == docker("inspect", "--format", "{{.State.StartedAt}}", registry.container), "nor stood it still"
    assert 201 == rest() and layer == registry.ask(f"app/blobs/{digest}")[2], "so the push ends well"

    head = registry.ask("app/manifests/slow", "HEAD", Accept=KINDS)[1]["Docker-Content-Digest"]
    assert 202 == registry.ask(f"app/manifests/{head}", "DELETE")[0]
    assert registry.collect("--keep", "9", "--idle", "0").returncode == 0
    half()
    assert registry.collect("--keep", "9", "--idle", "0").returncode == 0
    assert 400 <= rest() < 500, "the control: without that wait the layer is swept, and whoever pushes is told so"


@pytest.mark.req("S1-66")
def test_a_push_that_went_well_while_it_collects_is_whole(registry):
    stop, well = threading.Event(), []

    def pushing():
        while not stop.is_set():
            tag = f"busy{len(registry.images)}"
            if registry.push(registry.build(tag)):
                well.append(tag)

    thread = threading.Thread(target=pushing)
    thread.start()
    try:
        # The harshest: it does not look whether somebody pushes at all.
        done = [registry.collect("--keep", "99", "--idle", "0") for _ in range(2)]
        until(lambda: well, "no push goes well")
    finally:
        stop.set()
        thread.join()
    assert [0, 0] == [run.returncode for run in done], done
    assert [] == [tag for tag in well if not registry.pulls(tag)], "what docker push has called done is there"


@pytest.fixture(scope="module")
def seconds(registry):
    """How long a collection takes that deletes something."""
    registry.pushed("gone"), registry.pushed("kept")
    begun = time.monotonic()
    assert registry.collect("--keep", "1", "--idle", "0").returncode == 0
    return time.monotonic() - begun


@pytest.mark.req("S1-66")
@pytest.mark.parametrize("point", range(POINTS))
def test_one_that_is_killed_is_put_right_by_the_next_run(registry, seconds, point):
    gone, kept = f"gone{point}", f"kept{point}"
    registry.pushed(gone), registry.pushed(kept)
    registry.age()
    moment = seconds * (point + campaign.chance(f"kills of a collection {point}").random()) / POINTS
    with subprocess.Popen(registry.argv("--keep", "1"), env=registry.environ, stdout=subprocess.DEVNULL) as program:
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(moment)
        program.kill()
    done = registry.collect("--keep", "1")

    assert done.returncode == 0, done.stderr
    assert f"{registry.container}-gc" not in docker("ps", "-a", "--format", "{{.Names}}").split(), "nothing is left"
    assert registry.ask("")[0] == 200, "it answers"
    assert {kept, "latest"} == registry.tags(), "what may go went"
    assert registry.pulls(kept) and registry.pulls("latest"), "and what stays is whole"


@pytest.mark.req("S1-66")
def test_the_registry_runs_again_whoever_ended_a_collection(registry):
    assert "no collection was killed" in registry.collect("--mend").stdout
    docker("create", "--name", f"{registry.container}-gc", SERVICE.image)
    docker("stop", registry.container)
    assert "runs again" in registry.collect("--mend").stdout, "as the unit does, however it ended"
    until(lambda: registry.ask("")[0] == 200, "it does not answer")

    docker("stop", registry.container)
    done = registry.collect("--patience", "0")
    assert done.returncode == 1 and "fix: docker" in done.stderr, "one that somebody else has stopped is left alone"
    docker("start", registry.container)
