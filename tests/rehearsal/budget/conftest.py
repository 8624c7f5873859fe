"""One Redis for all tests of this folder; each has keys of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import redis

from catalog.redis.service import V8
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.scratch import free_port
from tests.support.waits import one_day, until

REDIS = V8.image
"""What has the ledger in the preset vpai."""


class Server:
    """A Redis that keeps every write on disk before it answers, as a ledger must."""

    def __init__(self):
        self.name = f"homeport-test-{uuid.uuid4().hex[:8]}-redis"
        # One port for all its starts, as its clients know no other.
        self.port = free_port()
        published = ("--publish", f"127.0.0.1:{self.port}:6379")
        flags = ("--detach", "--name", self.name, "--label", "homeport.test=budget", *published)
        # As the image's entrypoint does: from outside of the container nobody is asked for a password.
        command = "redis-server --protected-mode no --appendonly yes --appendfsync always"
        docker("run", *flags, REDIS, "sh", "-c", f"while :; do {command}; done")
        self._shell = self._number()
        until(self.client().ping, "Redis answers")

    def _number(self):
        return docker("inspect", "--format", "{{.State.Pid}}", self.name)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self):
        return redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=30)

    def stop(self):
        docker("kill", "--signal", "KILL", self.name)

    def start(self):
        docker("start", self.name)
        self._shell = self._number()
        until(self.client().ping, "Redis answers")

    def kill(self):
        """Redis is killed, and started again at once; its container stays, as Docker takes longer for that."""
        (server,) = Path(f"/proc/{self._shell}/task/{self._shell}/children").read_text().split()
        os.kill(int(server), signal.SIGKILL)
        until(self.client().ping, "Redis answers")

    def close(self):
        docker("rm", "--force", "--volumes", self.name, check=False)


@pytest.fixture(autouse=True)
def _of_one_day():
    """A call that is reserved before midnight and looked for after it is in another day's book."""
    one_day(120)


@pytest.fixture(scope="session")
def server():
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", REDIS], check=True, cwd=ROOT)
    made = Server()
    yield made
    made.close()


@pytest.fixture
def prefix():
    """Of this test's keys."""
    return f"budget-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def client(server, prefix):
    made = server.client()
    made.set(f"{prefix}:known", "before")
    yield made
    made.close()
