"""The driver behind `rehearsal.clouds.hetzner --machines docker`: every server is a container that boots like one."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
import time
import uuid
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine import packages, rules, seed
from rehearsal.machine.daemon import CONTAINER, IMAGE, SERVER, WORLD, docker, inspect
from rehearsal.machine.firmware import REBOOTED, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.machine.ground import Ground
    from rehearsal.machine.shelf import Shelf

Row = dict[str, Any]
_FIRST: Final = 10
_BOOT: Final = 120.0
_POLL: Final = 0.5
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


class Containers:
    """Machines as containers on one ground.

    Args:
        ground: Prepared already.
        shelf: Images that every machine's own daemon shall have, filled already.
        hosts: Names that every machine finds in its `/etc/hosts`, with their addresses.
        systems: Names of the cloud's images to those that such machines are made of; others are the one that has
            everything installed.
    """

    instant = False

    def __init__(
        self,
        ground: Ground,
        shelf: Shelf | None = None,
        hosts: Mapping[str, str] = _NOBODY,
        systems: Mapping[str, str] = _NOBODY,
    ) -> None:
        self.ground, self.shelf, self.systems = ground, shelf, systems
        self.hosts = {packages.NAME: ground.gateway, **hosts}
        self._locks: dict[int, threading.RLock] = defaultdict(threading.RLock)

    def name(self, server: Row) -> str:
        """Name of the server's container."""
        return f"homeport-{self.ground.name}-{server['id']}"

    def ipv4(self, taken: set[str]) -> str:
        """The lowest free address from .10 upwards."""
        for address in list(self.ground.ipv4.hosts())[_FIRST - 1 :]:
            if str(address) not in taken:
                return str(address)
        raise MachineError(f"no IPv4 address is left in {self.ground.ipv4}")

    def ipv6(self, taken: set[str]) -> str:
        """The lowest free /64 but the first, in which the gateway is."""
        networks = self.ground.ipv6.subnets(new_prefix=64)
        next(networks)
        return next(str(network) for network in networks if str(network) not in taken)

    def create(self, server: Row, user_data: str, ssh_keys: list[str]) -> None:
        """Boots a container with the order in it; one that was left half-made makes room."""
        with self._locks[server["id"]]:
            self._remove(server)
            self._make(server, user_data, ssh_keys)

    def _make(self, server: Row, user_data: str, ssh_keys: list[str]) -> None:
        name, address = self.name(server), _ipv4(server)
        image = self.systems.get((server.get("image") or {}).get("name", ""), IMAGE)
        labels = [
            part
            for key, value in ((WORLD, self.ground.name), (SERVER, server["id"]))
            for part in ("--label", f"{key}={value}")
        ]
        docker("volume", "create", *labels, f"{name}-docker")
        if self.shelf is not None:
            self.shelf.give(f"{name}-docker")
        disk = ("--volume", f"{name}-docker:/var/lib/docker")
        known = [part for name, at in self.hosts.items() for part in ("--add-host", f"{name}:{at}")]
        net = ("--network", self.ground.network, "--ip", address, "--dns", self.ground.gateway, *known)
        docker("create", "--name", name, "--hostname", server["name"], *labels, *net, *disk, *CONTAINER, image)
        order = seed.archive(
            f"{server['id']}-{uuid.uuid4().hex[:8]}", server["name"], user_data, ssh_keys, self._ipv6(server)
        )
        for files in (seed.disk(), order):
            docker("cp", "-", f"{name}:/", stdin=files)
        docker("start", name)

    def _remove(self, server: Row) -> None:
        docker("rm", "--force", "--volumes", self.name(server), refused=("No such container",))
        docker("volume", "rm", "--force", f"{self.name(server)}-docker")

    def delete(self, server: Row) -> None:
        """Removes container, disk and filter."""
        with self._locks[server["id"]]:
            self._remove(server)
            self.ground.load(rules.removed(self.ground.name, self._port(server)))

    def power(self, server: Row, what: str) -> None:
        """Stops and starts the container; its disk stays."""
        with self._locks[server["id"]]:
            name = self.name(server)
            row = inspect("container", name)
            if row is None:
                raise MachineError(f"the machine of server {server['name']} is gone: there is no container {name}")
            if what == "poweron" and row["State"]["Running"]:
                return
            if what in ("shutdown", "reboot"):
                docker("stop", name)
            elif what in ("poweroff", "reset"):
                docker("kill", name, refused=("is not running",))
            if what in ("poweron", "reboot", "reset"):
                self._plug(server)
                docker("start", name)

    def _plug(self, server: Row) -> None:
        """Gives a machine that is off the addresses that its server has by now."""
        name, address = self.name(server), _ipv4(server)
        row = inspect("container", name) or {}
        if row["NetworkSettings"]["Networks"][self.ground.network]["IPAMConfig"]["IPv4Address"] != address:
            docker("network", "disconnect", self.ground.network, name)
            docker("network", "connect", "--ip", address, self.ground.network, name)
        docker("cp", "-", f"{name}:/", stdin=seed.packed({"etc/rehearsal/ipv6": self._ipv6(server)}))

    def revive(self, container: str) -> None:
        """Starts a machine again that went down to reboot by itself."""
        labels = (inspect("container", container) or {"Config": {"Labels": {}}})["Config"]["Labels"]
        with self._locks[int(labels.get(SERVER, 0))]:
            row = inspect("container", container)
            # Who holds the lock may have started, removed or switched it off since.
            if row and row["State"]["Status"] == "exited" and row["State"]["ExitCode"] == REBOOTED:
                docker("start", container)

    def watch(self, returned: Callable[[], object] | None = None) -> Containers:
        """Starts machines again that went down to reboot, as firmware does, as long as this process lives.

        Args:
            returned: Called when the Docker daemon is back after it was away, with all of its machines.
        """
        watch(self.ground.name, self.revive, returned)
        return self

    def wait(self, server: Row, seconds: float = _BOOT) -> bool:
        """Waits until the machine has booted, its SSH and its Docker with it; false when it has not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(MachineError):
                if docker("exec", self.name(server), "systemctl", "is-active", "multi-user.target") == "active":
                    return True
            time.sleep(_POLL)
        return False

    def rebuild(self, server: Row, user_data: str, ssh_keys: list[str]) -> None:
        """A new container with a new disk at the same address."""
        self.create(server, user_data, ssh_keys)

    def firewall(self, server: Row, rules_: list[Row] | None) -> None:
        """Loads the rules into the world's table."""
        self.ground.load(rules.filtered(self.ground.name, self._port(server), rules_))

    def _ipv6(self, server: Row) -> str:
        """The first address of the server's network, as long as the whole ground: all machines are on one wire."""
        network = server["public_net"]["ipv6"]
        return f"{ipaddress.IPv6Network(network['ip'])[1]}/{self.ground.ipv6.prefixlen}" if network else ""

    def _port(self, server: Row) -> rules.Port:
        rows = (server["public_net"][kind] for kind in ("ipv4", "ipv6"))
        return rules.Port(server=server["id"], addresses=tuple(row["ip"] for row in rows if row))


def _ipv4(server: Row) -> str:
    row = server["public_net"]["ipv4"]
    if not row:
        raise MachineError(f"server {server['name']} has no public IPv4 address: that is not rehearsed")
    return str(row["ip"])
