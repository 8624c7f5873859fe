"""A machine in the hands of a test: where it is, a command in it, and trouble for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine import rules
from rehearsal.machine.daemon import SERVER, docker, inspect, labelled

if TYPE_CHECKING:
    from rehearsal.machine.ground import Ground


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine that is there.

    Attributes:
        ground: What it stands on.
        server: Id of its server.
        container: Name of its container.
    """

    ground: Ground
    server: int
    container: str

    @classmethod
    def named(cls, ground: Ground, name: str) -> Machine:
        """The machine of the server of that name; raises `MachineError` when there is none."""
        for container in labelled("container", ground.name):
            row = inspect("container", container) or {"Config": {"Hostname": "", "Labels": {}}}
            if row["Config"]["Hostname"] == name and SERVER in row["Config"]["Labels"]:
                return cls(ground=ground, server=int(row["Config"]["Labels"][SERVER]), container=container)
        raise MachineError(f"world {ground.name} has no machine {name}")

    @property
    def ipv4(self) -> str:
        """Its public address."""
        return str(self._network()["IPAMConfig"]["IPv4Address"])

    @property
    def running(self) -> bool:
        """Whether it is switched on."""
        return bool((inspect("container", self.container) or {"State": {"Running": False}})["State"]["Running"])

    @property
    def boots(self) -> int:
        """How often it has booted since its disk was made."""
        return len(self.run("cat", "/var/lib/rehearsal/boots").splitlines())

    def run(self, *argv: str) -> str:
        """What a command prints as root on the machine, past its SSH; raises `MachineError` when it fails."""
        return docker("exec", self.container, *argv)

    def cut(self) -> None:
        """Takes the machine off the network, for established connections, too; it goes on running."""
        self._fault("drop")

    def lossy(self, percent: int) -> None:
        """Lets each packet to or from the machine be lost with this probability."""
        self._fault(f"numgen random mod 100 < {percent} drop")

    def restore(self) -> None:
        """Ends what `cut` or `lossy` began."""
        self._fault("")

    def _network(self) -> dict[str, dict[str, str]]:
        row = inspect("container", self.container)
        if row is None:
            raise MachineError(f"machine {self.container} is gone")
        network: dict[str, dict[str, str]] = row["NetworkSettings"]["Networks"][self.ground.network]
        return network

    def _fault(self, statement: str) -> None:
        addresses = [self.ipv4]
        ipv6 = self.run("cat", "/etc/rehearsal/ipv6") if self.running else ""
        addresses += [ipv6.partition("/")[0]] if ipv6 else []
        port = rules.Port(server=self.server, addresses=tuple(addresses))
        self.ground.load(rules.faulty(self.ground.name, port, statement))
