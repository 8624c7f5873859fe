"""Calls to the docker stand-in as the engine makes them, on a rented server."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from tests.rehearsal.conformance.busybox_image import NAME
from tests.rehearsal.conformance.plugin_process import PluginProcess

if TYPE_CHECKING:
    from tests.rehearsal.conformance.plugin_process import Answer

CONTAINER, VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"


class Docker:
    """A running plugin and what can be asked of it.

    Args:
        settings: Of the provider, as `Rented.provider` gives them.
    """

    def __init__(self, settings: dict) -> None:
        self.plugin = PluginProcess.stand_in("docker")
        self.plugin.handshake()
        configured = self.plugin.configure({**settings, "sshOpts": json.dumps(settings["sshOpts"])})
        assert configured.code == "OK", configured.error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.plugin.stop()

    def _call(self, method: str, token: str, name: str, **request: object) -> Answer:
        return self.plugin.call(method, {"urn": f"urn:pulumi:dev::p::{token}::{name}", "type": token, **request})

    def container(self, name: str) -> Answer:
        """Makes a container that sleeps."""
        inputs = {"name": name, "image": NAME, "command": ["/bin/busybox", "sleep", "600"], "destroyGraceSeconds": 0}
        return self._call("Create", CONTAINER, name, properties=inputs)

    def delete(self, name: str, actual_id: str, state: dict) -> Answer:
        """Removes a container."""
        return self._call("Delete", CONTAINER, name, id=actual_id, properties=state)

    def read(self, name: str, actual_id: str) -> Answer:
        """Looks at a container."""
        return self._call("Read", CONTAINER, name, id=actual_id, properties={}, inputs={})

    def volume(self, name: str) -> Answer:
        """Makes a volume: the lightest thing there is."""
        return self._call("Create", VOLUME, name, properties={"name": name})

    def volumes(self, names: list[str]) -> dict[str, Answer]:
        """Makes all of them at once."""
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(self.volume, names), strict=True))
