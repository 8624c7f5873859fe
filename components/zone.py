"""Records of a zone at OVH, for which Pulumi has no provider: each set by a command, and a resource for all that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCRIPT = "sh components/scripts/ovh.sh"
_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class ZoneRecord:
    """A record set of one record.

    Attributes:
        name: Identity.
        hostname: Its whole name.
        kind: Its type.
        target: What it leads to.
    """

    name: str
    hostname: str
    kind: str
    target: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class ZoneArgs:
    """What a zone needs.

    Attributes:
        endpoint: Name or URL of OVH's interface.
        zone: The zone's name.
        keys: Application key, application secret and consumer key.
        records: The records in it that are ours.
    """

    endpoint: str
    zone: str
    keys: Sequence[pulumi.Input[str]]
    records: tuple[ZoneRecord, ...]


class Zone(pulumi.ComponentResource):
    """Records at OVH.

    Attributes:
        records: All of them.
    """

    records: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: ZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:ovh:Zone", name, None, opts)
        # By standard input: there they are in no list of processes, and in the state as secrets.
        together = pulumi.Output.all(*args.keys).apply(lambda keys: "\n".join(map(str, keys)))
        keys: pulumi.Output[str] = pulumi.Output.secret(together)
        self.records = tuple(
            command.local.Command(
                f"{name}-{record.name}",
                create=pulumi.Output.format(
                    "{0} set {1} {2} {3} {4} {5} {6}",
                    *(_SCRIPT, args.endpoint, args.zone, record.kind, record.hostname, _SECONDS, record.target),
                ),
                delete=f"{_SCRIPT} delete {args.endpoint} {args.zone} {record.kind} {record.hostname}",
                stdin=keys,
                # Another target is changed in place; a record of another name or type is another one.
                triggers=[args.endpoint, args.zone, record.kind, record.hostname],
                # The old one's end would take the new one of its name along, and no CNAME can be beside an A.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
            for record in args.records
        )
        self.register_outputs({})
