"""What the machines of one world stand on: the network that plays the internet, and the table that filters it."""

from __future__ import annotations

import ipaddress
import random
import re
from typing import Final

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine import rules
from rehearsal.machine.daemon import IMAGE, WORLD, docker, inspect, labelled
from rehearsal.probes.box import LABEL as PROBE

_NAME: Final = re.compile(r"[a-z0-9]{1,16}")
_TRIES: Final = 40
_TAKEN: Final = "overlaps with other one"


class Ground:
    """One world's network and filter; made by `prepare`, removed by `down`, found again by its name.

    Args:
        name: The world's name: lower-case letters and digits, at most 16. Everything that is made carries it as a
            label.
    """

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a world: 1 to 16 lower-case letters and digits")
        self.name = name
        self.network = f"homeport-{name}"
        self.ipv4 = ipaddress.IPv4Network("198.18.0.0/15")
        self.ipv6 = ipaddress.IPv6Network("fd00::/48")

    def prepare(self) -> None:
        """Makes network and table, or finds them.

        Raises:
            MachineError: The daemon refused, or no block of addresses is free.
        """
        if inspect("network", self.network) is None:
            self._make_network()
        self._read_network()
        shown = self.helper("nft", "list", "table", "inet", rules.table(self.name), refused=("No such file",))
        if not shown:
            self.load(rules.base(self.name, (str(self.ipv4), str(self.ipv6))))

    def _make_network(self) -> None:
        flags = (
            "--label",
            f"{WORLD}={self.name}",
            "--ipv6",
            "--opt",
            "com.docker.network.bridge.enable_ip_masquerade=false",
        )
        for _ in range(_TRIES):
            block = random.randrange(512)  # noqa: S311  (a free block, not a secret)
            v4 = f"198.{18 + block // 256}.{block % 256}"
            v6 = f"fd00:{random.randrange(65536):x}:{block:x}"  # noqa: S311  # the same
            blocks = (
                "--subnet",
                f"{v4}.0/24",
                "--gateway",
                f"{v4}.1",
                "--subnet",
                f"{v6}::/48",
                "--gateway",
                f"{v6}::1",
            )
            try:
                docker("network", "create", *flags, *blocks, self.network)
            except MachineError as problem:
                if _TAKEN not in str(problem):
                    raise
            else:
                return
        raise MachineError(f"no free network in 198.18.0.0/15 after {_TRIES} tries; fix: docker network ls")

    def _read_network(self) -> None:
        network = inspect("network", self.network)
        if network is None:
            raise MachineError(f"network {self.network} is gone; fix: start the world again")
        for block in network["IPAM"]["Config"]:
            if ":" in block["Subnet"]:
                self.ipv6 = ipaddress.IPv6Network(block["Subnet"])
            else:
                self.ipv4 = ipaddress.IPv4Network(block["Subnet"])

    @property
    def gateway(self) -> str:
        """This machine's address on the network."""
        return str(self.ipv4[1])

    def load(self, text: str) -> None:
        """Gives nftables text to the kernel, all of it or none."""
        self.helper("nft", "-f", "-", stdin=text)

    @staticmethod
    def helper(*argv: str, stdin: str = "", refused: tuple[str, ...] = ()) -> str:
        """What a program of the machine's image prints when it runs in this machine's own network."""
        flags = (
            "--rm",
            "--interactive",
            "--network",
            "host",
            "--cap-drop",
            "ALL",
            "--cap-add",
            "NET_ADMIN",
            "--entrypoint",
            argv[0],
        )
        return docker("run", *flags, IMAGE, *argv[1:], stdin=stdin, refused=refused)

    def down(self) -> list[str]:
        """Removes everything that carries the world's name; what is gone already is no error.

        What looked on from the world's network goes first: a killed command leaves its peers, and a network goes only
        when nobody stands on it.

        Returns:
            What was removed, for a person to read.
        """
        gone = []
        for container in (*self._probes(), *labelled("container", self.name)):
            docker("rm", "--force", "--volumes", container, refused=("No such container",))
            gone.append(f"container {container}")
        for volume in labelled("volume", self.name):
            docker("volume", "rm", "--force", volume)
            gone.append(f"volume {volume}")
        for network in labelled("network", self.name):
            docker("network", "rm", network, refused=("No such network", "not found"))
            gone.append(f"network {network}")
        if inspect("image", IMAGE) is not None:
            self.unfilter(self.name)
        return gone

    def _probes(self) -> list[str]:
        on = ("--filter", f"label={PROBE}", "--filter", f"network={self.network}")
        return docker("ps", "--all", *on, "--format", "{{.Names}}").split()

    @classmethod
    def unfilter(cls, world: str) -> None:
        """Takes the filter of a world's firewalls out of the kernel; one that is gone already is no error."""
        cls.helper("nft", "delete", "table", "inet", rules.table(world), refused=("No such file",))
