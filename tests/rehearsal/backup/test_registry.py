"""The storage of a real registry: copied while it runs, lost, laid into a new one; images pull as they were pushed."""

from __future__ import annotations

import http.client
import json
import tarfile
import uuid

import pytest

from tests.support.backups import Host
from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker
ROOT = "/var/lib/registry"
SMALL = "busybox:1.37.0-musl"
PARTS = "docker/registry/v2/repositories,docker/registry/v2/blobs"


class Registry:
    """A registry of a host, hardened as the catalog hardens it; its port is one that Docker found free."""

    def __init__(self, host, image):
        self.host, self.image, self.container = host, image, f"{host.name}-registry"
        self.new()

    def new(self):
        volume = f"{self.container}-{uuid.uuid4().hex[:4]}"
        flags = ("--read-only", "--cap-drop", "ALL", "--user", "10001:10001", "--publish", "127.0.0.1::5000")
        docker("run", "--rm", "--volume", f"{volume}:/v", "--entrypoint", "chown", self.image, "10001:10001", "/v")
        self.host.volumes.append(volume)
        self.host.start("registry", self.image, *flags, "--volume", f"{volume}:{ROOT}:nocopy")
        self.address = docker("port", self.container, "5000").splitlines()[0].replace("0.0.0.0", "127.0.0.1")
        until(lambda: self.get("/v2/") is not None, "the registry answers")

    def get(self, path):
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        connection = http.client.HTTPConnection(self.address, timeout=120)
        try:
            connection.request("GET", path, headers=accept)
            answer = connection.getresponse()
            return answer.read() if answer.status == http.HTTPStatus.OK else None
        except OSError:
            return None
        finally:
            connection.close()

    def push(self, image, tag):
        name = f"{self.address}/{tag}"
        docker("tag", image, name)
        try:
            docker("push", "--quiet", name)
        finally:
            docker("rmi", name)

    def files(self):
        """All files with owner, mode and checksum."""
        script = (
            f"cd {ROOT} && find . -printf '%P %u %g %m %y\\n' | sort && find . -type f -exec sha256sum {{}} + | sort"
        )
        return docker("run", "--rm", "--volumes-from", self.container, "--entrypoint", "sh", self.image, "-c", script)


@pytest.fixture
def host(tmp_path):
    # Docker publishes no port of what is on an internal network alone.
    return Host(tmp_path, internal=False)


@pytest.fixture
def registry(host, registry_image):
    host.volumes = []
    made = Registry(host, registry_image)
    host.settings["COPIES"] = f"{made.container}={ROOT}:{PARTS}"
    yield made
    host.close()
    for volume in host.volumes:
        docker("volume", "rm", volume, check=False)


@pytest.mark.req("S1-66")
def test_a_registry_is_copied_while_it_runs_and_a_new_one_has_every_image_by_tag_and_by_commit(host, registry):
    line = host.run("copies")
    assert {"set": None, "stored": 0} == line["copies"][registry.container], "nothing was pushed yet: nothing to copy"
    commit = "0123456789abcdef0123456789abcdef01234567"
    for tag in (f"ai-dev-server:{commit}", "ai-dev-server:latest", "other/app:1"):
        registry.push(SMALL, tag)
    manifests = {tag: registry.get(f"/v2/ai-dev-server/manifests/{tag}") for tag in (commit, "latest")}
    assert manifests[commit] and manifests[commit] == manifests["latest"], "a build has its commit besides latest"
    before = registry.files()
    line = host.run("copies")
    assert "000001" == line["copies"][registry.container]["set"].split("-")[0], "a set"
    drill = host.run("verify")["copies"][registry.container]
    assert 1 == drill["manifests"] and drill["blobs"] >= 3, "every manifest that is named is there, as its name says"

    registry.new()
    line = host.run("restore", "copies", registry.container)
    assert line["files"] > 10, "one command"
    folder = "docker/registry/v2"
    after = registry.files()
    assert before.splitlines() == after.splitlines(), f"files, owners, modes below {folder}: all equal"
    assert manifests[commit] == registry.get(f"/v2/ai-dev-server/manifests/{commit}"), "the registry answers with it"
    name = f"{registry.address}/ai-dev-server:{commit}"
    docker("pull", "--quiet", name)
    docker("rmi", name)
    assert {"ai-dev-server", "other/app"} == set(json.loads(registry.get("/v2/_catalog"))["repositories"]), (
        "all of them"
    )

    errors = host.run("restore", "copies", registry.container, code=1)
    assert "is there already" in errors and "--replace" in errors, "files that are there are not overwritten unasked"
    host.run("restore", "copies", registry.container, "--replace")
    assert before.splitlines() == registry.files().splitlines(), "asked for by its word, the same again"


@pytest.mark.req("S1-66")
def test_a_registry_that_was_emptied_or_spoilt_costs_no_good_copy_and_is_said(host, registry):
    registry.push(SMALL, "app:1")
    host.run("copies")
    docker("exec", registry.container, "sh", "-c", f"rm -rf {ROOT}/docker")
    errors = host.run("copies", code=1)
    assert "holds nothing" in errors and "restore copies" in errors, "it is no copy that would push good ones out"
    registry.push(SMALL, "app:1")
    spoil = f"f=$(find {ROOT} -name data | head -n 1); chmod u+w $f; echo x >>$f"
    docker("exec", registry.container, "sh", "-c", spoil)
    host.run("copies")
    assert "is not what its name says" in host.run("verify", code=1), "the drill reads what the copy holds"
    folder = min((host.backups / "copies" / registry.container).iterdir())
    with tarfile.open(folder / "0.tar.gz") as archive:
        assert all(member.isfile() or member.isdir() for member in archive), "no link, no device"
