"""The frontend's place: the placeholder, and an image of one's own put there by its setting."""

import json
import subprocess
import urllib.request

import pytest

from catalog.dtc_app.service import SERVICE
from tests.support.catalog_containers import HELPER, ensure, healthy, shown
from tests.support.containers import docker

pytestmark = pytest.mark.docker
OWN = "homeport/test-frontend:1"
PUBLISHED = ("--publish", "127.0.0.1::8080")


def page(container, path="/"):
    """A page as the host has it at the loopback address."""
    host = docker("port", container, "8080/tcp").splitlines()[0]
    with urllib.request.urlopen(f"http://{host}{path}", timeout=120) as answer:
        return answer.read().decode(), answer.headers


@pytest.mark.req("S1-26", "S1-28", "S1-29", "FP-05")
def test_the_placeholder_answers_on_the_loopback_address_without_any_right(place):
    ensure(SERVICE.image)
    container = healthy(place.start(SERVICE, publish=PUBLISHED))
    text, headers = page(container)
    facts = json.loads(shown(container))[0]

    assert "DTC app" in text and "settings" in text, "it says what it is and how it is replaced"
    assert "max-width" in page(container, "/style.css")[0] and "" == page(container, "/health")[0], "all of it is there"
    assert "Server" not in headers, "and not what it is served by"
    host = facts["HostConfig"]
    assert ("10001:10001", True) == (facts["Config"]["User"], host["ReadonlyRootfs"]), "nobody, on a read-only root"
    assert ["NET_BIND_SERVICE"] == [name.removeprefix("CAP_") for name in host["CapAdd"]], "for its binary alone"


@pytest.mark.req("S1-26")
def test_an_image_of_ones_own_takes_the_place_and_starts_as_it_does_by_itself(place, tmp_path):
    ensure(HELPER)
    (tmp_path / "index.html").write_text("the real one")
    (tmp_path / "Dockerfile").write_text(
        f'FROM {HELPER}\nADD index.html /srv/index.html\nCMD ["sh", "-c", "exec busybox httpd -f -p $PORT -h /srv"]\n'
    )
    docker("build", "--quiet", "--tag", OWN, str(tmp_path))
    try:
        container = healthy(place.replace(SERVICE, publish=PUBLISHED, image=OWN))
        assert "the real one" == page(container)[0], "no command of the catalog stands in its way"
    finally:
        docker("rm", "--force", container, check=False)
        subprocess.run(["docker", "image", "rm", "--force", OWN], capture_output=True, check=False)
