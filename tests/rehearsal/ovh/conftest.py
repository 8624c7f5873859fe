"""OVH emulated, with its name server, and Pebble in the place of Let's Encrypt, on a network of their own."""

from __future__ import annotations

import ssl
import subprocess
import urllib.request
import uuid

import pytest

from rehearsal.world.authority import archive, config, signed
from tests.support import subnets
from tests.support.containers import docker
from tests.support.ovh import Ovh
from tests.support.waits import until
from toolchain.images.ensure import ensure
from toolchain.images.recipes.caddy_ovh.recipe import RECIPE as CADDY
from toolchain.images.recipes.pebble.recipe import RECIPE as PEBBLE

LABEL = ("--label", "homeport.test=ovh")
_DAY = 86_400


class Place:
    """The network, and what is on it.

    Attributes:
        block: First three numbers of its addresses; `.1` is this machine, where OVH and its name server are.
        cloud: The emulated OVH.
        root: The certificate (PEM) that Pebble's own is signed by.
        url: Pebble's directory.
    """

    def __init__(self, lifetime):
        self.name = f"homeport-ovh-{uuid.uuid4().hex[:8]}"
        self.block = subnets.network(self.name, *LABEL)
        self.containers, self.volumes = [], []
        self.cloud = Ovh(f"{self.block}.1", dns_port=53, machines=True)
        self.root, key, certificate = signed(f"{self.block}.10")
        self.url = f"https://{self.block}.10:14000/dir"
        self.pebble = self.container(
            "pebble",
            PEBBLE.image,
            10,
            *("--env", "PEBBLE_VA_NOSLEEP=1"),
            command=("-config", "/pebble.json", "-dnsserver", f"{self.block}.1:53"),
            files={
                "pebble.json": config(lifetime),
                "key.pem": key,
                "certificate.pem": certificate,
            },
        )
        until(lambda: "Listening on" in docker("logs", self.pebble), "Pebble listens")

    def container(self, part, image, number, *flags, command=(), files=None):
        """A container at the network's address of that number, with files at its root."""
        name = f"{self.name}-{part}"
        self.containers.append(name)
        at = ("--network", self.name, "--ip", f"{self.block}.{number}", "--dns", f"{self.block}.1")
        docker("create", "--name", name, *LABEL, *at, *flags, image, *command)
        if files:
            subprocess.run(["docker", "cp", "-", f"{name}:/"], input=archive(files), check=True, capture_output=True)
        docker("start", name)
        return name

    def volume(self, part):
        """An empty volume."""
        self.volumes.append(f"{self.name}-{part}")
        docker("volume", "create", *LABEL, self.volumes[-1])
        return self.volumes[-1]

    def roots(self):
        """The root (PEM) that Pebble's certificates are signed by."""
        context = ssl.create_default_context(cadata=self.root)
        with urllib.request.urlopen(f"https://{self.block}.10:15000/roots/0", context=context, timeout=120) as answer:
            return answer.read().decode()

    def close(self):
        for name in self.containers:
            docker("rm", "--force", "--volumes", name, check=False)
        for name in self.volumes:
            docker("volume", "rm", name, check=False)
        self.cloud.close()
        docker("network", "rm", self.name, check=False)


@pytest.fixture(scope="session")
def images():
    ensure([CADDY.image, PEBBLE.image], pull=False)


@pytest.fixture(scope="module")
def place(request, images):  # noqa: ARG001  # they have to be there
    made = Place(getattr(request.module, "LIFETIME", _DAY))
    yield made
    made.close()
