"""What the tests of the AI platform's services share: a place of their own, with PostgreSQL 18 and Redis on it."""

import subprocess
from types import SimpleNamespace

import pytest

from catalog.postgresql.service import DATABASES, SERVICE
from catalog.qdrant.service import V1_16 as QDRANT
from catalog.redis.service import V8
from homeport.render import databases
from tests.support.catalog_containers import LABEL, Place, ensure, healthy
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.waits import until

PASSWORDS = {
    "postgresql-password": "canary/of+every=role's@%1",
    "redis-password": "canary/of+redis=@%2-and-its-users",
    "qdrant-api-key": "c3" * 32,
}
PYTHON = "python:3.11.16-slim-bookworm"


def run_beside(place, name, script, port):
    """Run a script of the tests on a place's network, under a name there, until it listens; its container."""
    ensure(PYTHON)
    container = f"{place.name}-{name}"
    reached = (f"--name={container}", f"--network={place.name}", f"--network-alias={name}", f"--label={LABEL}")
    docker("run", "--detach", *reached, PYTHON, "python", "-c", script.read_text(), str(port))
    ask = f"import socket; socket.create_connection(('127.0.0.1', {port})).close()"
    until(lambda: subprocess.run(["docker", "exec", container, "python", "-c", ask], check=False).returncode == 0, name)
    return container


class Postgresql:
    """The server, and its databases as an update makes them."""

    def __init__(self, container):
        self.name = container

    def query(self, words, *, database="postgres", user="postgres"):
        """What a statement answers, on the server's socket."""
        return docker("exec", self.name, "psql", "-qtAU", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-c", words)

    def provide(self):
        """Roles and databases, as an update has the server make them."""
        blueprint = SimpleNamespace(databases=DATABASES, texts=dict)
        script = databases.script(blueprint, SERVICE.name, ROOT, PASSWORDS)
        docker("exec", "-i", self.name, "psql", "-XqU", "postgres", "-v", "ON_ERROR_STOP=1", input=script)


@pytest.fixture(scope="package")
def place():
    own = Place()
    yield own
    own.close()


@pytest.fixture(scope="package")
def postgresql(place):
    ensure(SERVICE.image)
    server = Postgresql(healthy(place.start(SERVICE, PASSWORDS), SERVICE.health.gate))
    server.provide()
    return server


@pytest.fixture(scope="package")
def redis(place):
    ensure(V8.image)
    return healthy(place.start(V8, PASSWORDS))


@pytest.fixture(scope="package")
def qdrant(place):
    ensure(QDRANT.image)
    return healthy(place.start(QDRANT, PASSWORDS))
