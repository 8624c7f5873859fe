"""What every layer on a host is handed: which host, through which provider, under which labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

DELIVER = "sh components/scripts/deliver.sh"
PROGRAM = "sh components/scripts/program.sh"
GATE = "sh components/scripts/gate.sh"
ROUTES = "sh components/scripts/routes.sh"
CONNECT = "sh components/scripts/connect.sh"
QUERY = "sh components/scripts/query.sh"
HOST = "sh components/scripts/host.sh"
READY = "sh components/scripts/ready.sh"
BUILD = "sh components/scripts/build.sh"
DEPLOYED = "sh components/scripts/deployed.sh"
"""Commands of the operator's machine, run in the project's folder.

A text without a machine's path is the same for all of a team.
"""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host's handle.

    Attributes:
        name: The host's name in the settings.
        stack: The stack; every Docker object carries it as a label, so that what is ours can be told from what is not.
        namespace: Prefix of names in Docker.
        environment: What scripts need to reach the host: ``DOCKER_HOST`` and, over SSH, ``HOMEPORT_SSH``
            (user@address), ``HOMEPORT_SSH_PORT``, ``HOMEPORT_SSH_OPTS`` (one option of ``ssh -o`` a line).
        after: What must be there before anything is done on the host.
        generation: Changes when the host is another machine: a server's id.
        deleted_with: A server that takes everything on it along when it is deleted: nothing is removed from it one by
            one (docs/traps.md, M4).
        take_over: Files of others there that may be replaced; ``*``: all, on a machine that is the program's own.
    """

    name: str
    stack: str
    namespace: str
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=lambda: MappingProxyType({}))
    after: tuple[pulumi.Resource, ...] = ()
    generation: pulumi.Input[str] = ""
    deleted_with: pulumi.Resource | None = None
    take_over: tuple[str, ...] = ()

    def labels(self, **more: str) -> dict[str, str]:
        """The labels of an object of this stack; ``service="x"`` becomes ``homeport.service=x``."""
        return {"homeport.stack": self.stack, "homeport.host": self.name} | {
            f"homeport.{key}": value for key, value in more.items()
        }
