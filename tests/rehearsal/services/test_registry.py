"""The container registry, built from its Go module, in its hardened container: Docker itself pushes and pulls."""

import base64
import hashlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from catalog.docker_registry.service import IMAGE, SERVICE
from tests.support.catalog_containers import ensure, healthy, logs, shown
from tests.support.containers import docker
from tests.support.scratch import free_port

pytestmark = pytest.mark.docker
PASSWORD = "canary-of-the-registry-1234"
VALUES = {"registry-password": PASSWORD, "registry-http-secret": "5e" * 32}
LAYER = 48 * 1024 * 1024
"""Bytes of a layer that no client sends in one piece."""


class Registry:
    def __init__(self, place):
        # Of a port that nobody takes while it is between two containers.
        self._place, self.host = place, f"127.0.0.1:{free_port()}"
        self.name = place.start(SERVICE, VALUES, publish=("--publish", f"{self.host}:5000"))
        healthy(self.name)

    def replaced(self):
        """Another container on the same volume, as after an update."""
        self.name = self._place.replace(SERVICE, VALUES, publish=("--publish", f"{self.host}:5000"))
        healthy(self.name)

    def ask(self, path, *, method="GET", password=PASSWORD, body=None, **headers):
        """Status, headers and body of an answer."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        if password:
            named["Authorization"] = "Basic " + base64.b64encode(f"registry:{password}".encode()).decode()
        request = urllib.request.Request(  # the test's own container
            f"http://{self.host}{path}", data=body, method=method, headers=named
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the same
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read()


@pytest.fixture(scope="module")
def registry(place):
    ensure(SERVICE.image)
    return Registry(place)


@pytest.fixture(scope="module")
def signed_in(registry, tmp_path_factory):
    """The environment of a Docker client that has signed in; nobody else's is touched."""
    environ = {**os.environ, "DOCKER_CONFIG": str(tmp_path_factory.mktemp("docker"))}
    login = ["docker", "login", registry.host, "--username", "registry", "--password-stdin"]
    refused = subprocess.run(login, input="wrong", capture_output=True, text=True, check=False, env=environ)
    assert refused.returncode != 0 and "401 Unauthorized" in refused.stderr, "a wrong password signs nobody in"
    done = subprocess.run(login, input=PASSWORD, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    return environ


@pytest.fixture(scope="module")
def image(registry, tmp_path_factory):
    """An image with a layer that cannot be made smaller."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "layer").write_bytes(os.urandom(LAYER))
    (folder / "Dockerfile").write_text('FROM scratch\nADD layer /layer\nCMD ["/layer"]\n')
    name = f"{registry.host}/team/app:1.0"
    docker("build", "--quiet", "--tag", name, str(folder))
    yield name
    docker("image", "rm", "--force", name, check=False)


@pytest.mark.req("S1-25")
def test_whoever_has_no_password_or_a_wrong_one_gets_nothing(registry):
    answers = {word: registry.ask("/v2/", password=word)[0] for word in ("", "wrong", PASSWORD)}

    assert {"": 401, "wrong": 401, PASSWORD: 200} == answers, "all images are the owner's alone"
    assert 401 == registry.ask("/v2/_catalog", password="")[0], "not even their names are shown"


@pytest.mark.req("S1-25", "S1-28")
def test_an_image_is_pushed_and_pulled_through_the_loopback_address(registry, signed_in, image):
    before = docker("image", "inspect", "--format", "{{.Id}}", image)
    pushed = subprocess.run(["docker", "push", image], capture_output=True, text=True, check=False, env=signed_in)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    docker("image", "rm", image)
    stranger = {**signed_in, "DOCKER_CONFIG": "/nonexistent"}
    refused = subprocess.run(["docker", "pull", image], capture_output=True, text=True, check=False, env=stranger)
    assert refused.returncode != 0, "a client that has not signed in pulls nothing"
    subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, text=True, check=True, env=signed_in)

    assert before == docker("image", "inspect", "--format", "{{.Id}}", image), "what came back is what was sent"
    assert {"repositories": ["team/app"]} == json.loads(registry.ask("/v2/_catalog")[2]), "and it is listed"
    assert {"name": "team/app", "tags": ["1.0"]} == json.loads(registry.ask("/v2/team/app/tags/list")[2]), "by its tag"


@pytest.mark.req("S1-25")
def test_an_upload_goes_on_where_it_broke_off_even_in_another_container(registry):
    blob = os.urandom(6 * 1024 * 1024)
    half = len(blob) // 2
    status, headers, _ = registry.ask("/v2/team/parts/blobs/uploads/", method="POST", body=b"")
    assert 202 == status and headers["Location"].startswith("/v2/"), (
        "an answer that names a host leads a client away from the name that it came by"
    )
    kind = {"Content_Type": "application/octet-stream"}
    status, headers, _ = registry.ask(
        headers["Location"], method="PATCH", body=blob[:half], Content_Range=f"0-{half - 1}", **kind
    )
    assert 202 == status, "the first half is taken"
    location = headers["Location"]

    registry.replaced()
    status, headers, _ = registry.ask(location)
    assert (204, f"0-{half - 1}") == (status, headers["Range"]), "how far it came is known after a restart"
    _, headers, _ = registry.ask(
        location, method="PATCH", body=blob[half:], Content_Range=f"{half}-{len(blob) - 1}", **kind
    )
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    end = headers["Location"]
    status, *_ = registry.ask(f"{end}{'&' if '?' in end else '?'}digest={digest}", method="PUT", body=b"")

    assert 201 == status, "both halves are one layer"
    assert blob == registry.ask(f"/v2/team/parts/blobs/{digest}")[2], "and nothing of it is lost"


@pytest.mark.req("S1-25")
def test_an_image_is_taken_away_by_its_digest_and_its_layers_by_the_collection(registry, signed_in, image):
    subprocess.run(["docker", "push", "--quiet", image], capture_output=True, check=True, env=signed_in)
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    _, headers, _ = registry.ask("/v2/team/app/manifests/1.0", method="HEAD", Accept=kinds)
    digest = headers["Docker-Content-Digest"]
    stored = int(docker("exec", registry.name, "du", "-sk", "/var/lib/registry").split()[0])

    assert 202 == registry.ask(f"/v2/team/app/manifests/{digest}", method="DELETE")[0], "it is allowed"
    docker("exec", registry.name, "registry", "garbage-collect", "/etc/distribution/config.yml")
    left = int(docker("exec", registry.name, "du", "-sk", "/var/lib/registry").split()[0])
    assert stored - left > LAYER // 1024 * 0.9, "by the image's own command, at its own path, as the same user"


@pytest.mark.req("S1-25", "S1-28", "S1-29")
def test_its_container_has_no_rights_and_shows_no_secret(registry):
    facts = json.loads(shown(registry.name))[0]

    host = facts["HostConfig"]
    assert (True, ["ALL"]) == (host["ReadonlyRootfs"], host["CapDrop"]) and not host["CapAdd"], "it needs none"
    assert "10001:10001" == facts["Config"]["User"], "and is nobody on the host"
    seen = shown(registry.name) + logs(registry.name) + docker("top", registry.name)
    assert [] == [word for word in VALUES.values() if word in seen], "what inspects, logs and lists shows no secret"
    assert "127.0.0.1" == host["PortBindings"]["5000/tcp"][0]["HostIp"], "from outside it is reached by the proxy alone"


def test_a_registry_that_asks_nobody_is_not_healthy(place):
    open_one = replace(
        SERVICE,
        name="open-registry",
        secret_files=tuple(
            replace(file, template=file.template.partition("auth:")[0]) for file in SERVICE.secret_files[:1]
        ),
    )
    name = place.start(open_one, VALUES)
    asked = subprocess.run(["docker", "exec", name, *SERVICE.health.test], capture_output=True, check=False)
    assert asked.returncode != 0, "an update that opened it to everybody would be called a success"
    assert set(SERVICE.health.test[:1]) <= set(IMAGE.tools), "by a program of the image"
