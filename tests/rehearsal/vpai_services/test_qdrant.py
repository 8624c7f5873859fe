"""Qdrant's collections, made by the service's own start; the image is a stub that keeps collections as Qdrant does."""

import json
import urllib.request

import pytest

from catalog.qdrant.service import V1_16 as SERVICE
from tests.rehearsal.vpai_services.conftest import PASSWORDS
from tests.support.catalog_containers import Place, ensure, healthy, logs
from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker


@pytest.fixture
def own():
    """A place of its own: the collections are changed."""
    elsewhere = Place()
    ensure(SERVICE.image)
    yield elsewhere
    elsewhere.close()


def ask(container, path, *, method="GET", body=None):
    host = docker("port", container, "6333/tcp").splitlines()[0]
    data = json.dumps(body).encode() if body else None
    headers = {"api-key": PASSWORDS["qdrant-api-key"], "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{host}{path}", data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the test's own container
        return json.loads(answer.read())["result"]


@pytest.mark.req("S5-93")
def test_both_collections_are_there_and_others_of_their_names_are_refused(own):
    publish = ("--publish", "127.0.0.1::6333")
    container = healthy(own.start(SERVICE, PASSWORDS, publish=publish))
    for name in ("semantic_cache", "content_index"):
        vectors = ask(container, f"/collections/{name}")["config"]["params"]["vectors"]
        assert {"size": 1536, "distance": "Cosine"} == vectors, f"{name} is as text-embedding-3-small needs it"
    docker("restart", container)
    healthy(container)
    assert 2 == len(ask(container, "/collections")["collections"]), "a second start changes nothing"

    ask(container, "/collections/content_index", method="DELETE")
    ask(container, "/collections/content_index", method="PUT", body={"vectors": {"size": 4, "distance": "Cosine"}})
    docker("restart", container)
    words = until(lambda: "content_index has vectors of 4" in (lines := logs(container)) and lines, "it is refused")
    assert "DELETE /collections/content_index" in words, "with the way out"
    kept = until(lambda: ask(container, "/collections/content_index"), "it answers")
    vectors = kept["config"]["params"]["vectors"]
    assert vectors["size"] == 4, "and nothing was changed"
    assert docker("inspect", "--format", "{{.State.Health.Status}}", container) != "healthy", "an update stops there"
