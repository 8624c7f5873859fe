"""The folder on a host that a volume with data is (docs/adr/0021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_command as command

if TYPE_CHECKING:
    from components.host import Host

_FOLDER = "sh components/scripts/folder.sh"


def placed(
    name: str, host: Host, path: str, parent: pulumi.Resource, *, keep: bool = False
) -> tuple[dict[str, Any], tuple[pulumi.Resource, ...]]:
    """What makes a volume that folder, and what has to be there before it; nothing of both for a volume of Docker's.

    Args:
        name: The volume's logical name.
        host: Where it is.
        path: The folder's absolute path, or empty.
        parent: Of the volume.
        keep: The folder stays when it leaves the stack, as the volume does.
    """
    if not path:
        return {}, ()
    verb = "take" if {path, "*"} & {*host.take_over} else "make"
    folder = command.local.Command(
        f"{name}-folder",
        create=f"{_FOLDER} {verb} {path}",
        delete=f"{_FOLDER} remove {path}",
        # On another machine it has to be made again.
        environment={**host.environment, "HOMEPORT_GENERATION": host.generation},
        opts=pulumi.ResourceOptions(
            parent=parent, depends_on=list(host.after), retain_on_delete=keep, deleted_with=host.deleted_with
        ),
    )
    # moby, volume/local: what mount(8) would be told.
    return {"driver_opts": {"type": "none", "o": "bind", "device": path}}, (folder,)
