"""The way to a host over SSH, once it answers as the machine that it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command

from components.connection import ssh_options
from components.host import READY

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = 300
"""Seconds that a host may take until SSH answers."""


@dataclass(frozen=True, kw_only=True)
class SshAccessArgs:
    """How to get to a host.

    Attributes:
        host: The host's name, by which its key is known whatever its address and port.
        address: Where sshd listens.
        port: At which port.
        user: As whom.
        pin: The host's public key.
        bootstrap: True: that is the key that it was born with; it makes one of its own, which is pinned from then on.
        identity: Path of the private key, as ssh reads it; empty: the operator's agent and own keys.
        generation: Changes with the machine.
        previous: Ports that sshd may still listen on: tried after the wanted one.
        through: Command that leads there, as ssh's ProxyCommand; empty: this machine reaches it.
    """

    host: str
    address: pulumi.Input[str]
    port: int
    user: str
    pin: pulumi.Input[str]
    bootstrap: bool = False
    identity: pulumi.Input[str] = ""
    generation: pulumi.Input[str] = ""
    previous: tuple[int, ...] = ()
    through: str = ""


class SshAccess(pulumi.ComponentResource):
    """The way to a host, once it answers.

    Attributes:
        environment: For scripts and for the docker command.
        options: Options of ``ssh -o``, the same.
        ready: To depend on: the host answers, as the machine that it should be.
    """

    environment: dict[str, pulumi.Output[str]]
    options: pulumi.Output[list[str]]
    ready: pulumi.Resource

    def __init__(self, name: str, args: SshAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:host:Reach", name, None, opts)
        self._name, self._args = name, args
        first = self._options(args.pin)
        if args.bootstrap:
            pinned = self._run("key", f"{READY} key {_PATIENCE}", self._environment(first), None)
            pin = pinned.stdout
            later = {"HOMEPORT_SSH_OPTS_NEXT": self._options(pin).apply("\n".join)}
            switched = self._run("switch", f"{READY} switch", self._environment(first) | later, pinned)
            self.ready = switched
            # Through the second command, so that nobody is sent to the new key before it is in use.
            pin = pulumi.Output.all(pin, switched.id).apply(lambda both: str(both[0]))
        else:
            pin = pulumi.Output.from_input(args.pin)
            self.ready = self._run("answers", f"{READY} wait {_PATIENCE}", self._environment(first), None)
        self.options = self._options(pin)
        self.environment = self._environment(self.options)
        # The command reads it from the state: `docker ps` on that host, and what a killed run left there.
        self.register_outputs({"environment": self.environment})

    def _options(self, pin: pulumi.Input[str]) -> pulumi.Output[list[str]]:
        args = self._args
        return pulumi.Output.all(pin, args.identity).apply(
            lambda both: ssh_options(args.host, both[0], both[1], args.through)
        )

    def _environment(self, options: pulumi.Output[list[str]]) -> dict[str, pulumi.Output[str]]:
        args = self._args
        before = " ".join(str(port) for port in args.previous)
        return {
            **({"HOMEPORT_SSH_PORT_PREVIOUS": pulumi.Output.from_input(before)} if before else {}),
            "HOMEPORT_SSH": pulumi.Output.concat(args.user, "@", args.address),
            "HOMEPORT_SSH_PORT": pulumi.Output.from_input(str(args.port)),
            "HOMEPORT_SSH_OPTS": options.apply("\n".join),
            "DOCKER_HOST": pulumi.Output.concat("ssh://", args.user, "@", args.address, ":", str(args.port)),
        }

    def _run(
        self, part: str, text: str, environment: Mapping[str, pulumi.Input[str]], after: pulumi.Resource | None
    ) -> command.local.Command:
        return command.local.Command(
            f"{self._name}-{part}",
            create=text,
            environment=dict(environment),
            triggers=[self._args.generation],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[after] if after else None),
        )
