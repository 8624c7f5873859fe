"""Volume and VolumeAttachment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from toolchain.plugins.hcloud.resource import HcloudSdkType, body_of, changes_of
from toolchain.plugins.tfbridge.errors import after_creation
from toolchain.plugins.tfbridge.schema import flag, mapping, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block


class Volume(HcloudSdkType):
    """A volume; attached by `serverId` or by a VolumeAttachment."""

    schema: ClassVar[Block] = {
        "name": text(),
        "size": number(required=True),
        "location": text(computed=True, force_new=True),
        "serverId": number(computed=True),
        "labels": mapping(),
        "linuxDevice": text(computed=True, is_input=False),
        "automount": flag(),
        "format": text(),
        "deleteProtection": flag(default=False),
    }

    def make(self, plan: Props, news: Props) -> str:
        """Makes the volume, formatted and attached as asked."""
        names = {"name": "name", "size": "size", "location": "location", "format": "format", "labels": "labels"}
        body = body_of(plan, **names, server="serverId", automount="automount")
        answer = self.cloud.call("POST", "/volumes", body)
        new_id = str(answer["volume"]["id"])
        with after_creation(new_id):
            self.cloud.wait(answer)
            if plan["deleteProtection"]:
                self.cloud.protect(f"/volumes/{new_id}", delete=True)
        return new_id

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the volume. A volume without a server leaves `serverId` as it was, as officially."""
        row = self.cloud.find(f"/volumes/{id}", "volume")
        if row is None:
            return None
        read = {
            "name": row["name"],
            "size": row["size"],
            "location": row["location"]["name"],
            "labels": row["labels"],
            "linuxDevice": row["linux_device"],
            "deleteProtection": row["protection"]["delete"],
        }
        if row["server"] is not None:
            read["serverId"] = row["server"]
        return read | ({"format": row["format"]} if row["format"] is not None else {})

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes name, labels, size, server and protection."""
        body = changes_of(old, plan, name="name", labels="labels")
        if body:
            self.cloud.call("PUT", f"/volumes/{id}", body)
        if old["serverId"] != plan["serverId"]:
            _detach(self, id)
            if plan["serverId"]:
                body = body_of(plan, server="serverId", automount="automount")
                self.cloud.act(f"/volumes/{id}/actions/attach", body)
        if old["size"] != plan["size"]:
            self.cloud.act(f"/volumes/{id}/actions/resize", {"size": plan["size"]})
        if old["deleteProtection"] != plan["deleteProtection"]:
            self.cloud.protect(f"/volumes/{id}", delete=plan["deleteProtection"])

    def remove(self, id: str, state: Props) -> None:
        """Detaches and removes the volume, and with it the data."""
        if not _detach(self, id):
            return
        if state.get("deleteProtection"):
            self.cloud.protect(f"/volumes/{id}", delete=False)
        self.cloud.delete(f"/volumes/{id}")


def _detach(kind: HcloudSdkType, id: str) -> bool:
    """Takes the volume from its server, if it has one; False when there is no such volume."""
    row = kind.cloud.find(f"/volumes/{id}", "volume")
    if row is not None and row["server"] is not None:
        kind.cloud.act(f"/volumes/{id}/actions/detach")
    return row is not None


class VolumeAttachment(HcloudSdkType):
    """A volume on a server; its id is that of the volume."""

    autoname: ClassVar[bool] = False
    schema: ClassVar[Block] = {
        "volumeId": number(required=True, force_new=True),
        "serverId": number(required=True, force_new=True),
        "automount": flag(computed=True),
    }

    def make(self, plan: Props, news: Props) -> str:
        """Attaches the volume."""
        body = body_of(plan, server="serverId", automount="automount")
        self.cloud.act(f"/volumes/{plan['volumeId']}/actions/attach", body)
        return str(plan["volumeId"])

    def look(self, id: str, state: Props) -> Props | None:
        """Reads where the volume is; gone when it is nowhere or its server is."""
        row = self.cloud.find(f"/volumes/{id}", "volume")
        if row is None or row["server"] is None:
            return None
        server = self.cloud.find(f"/servers/{row['server']}", "server")
        return server and {"volumeId": row["id"], "serverId": server["id"]}

    def remove(self, id: str, state: Props) -> None:
        """Detaches the volume."""
        _detach(self, id)
