"""SshKey and PlacementGroup."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from toolchain.plugins.hcloud.resource import HcloudFrameworkType, body_of, changes_of
from toolchain.plugins.tfbridge.schema import Attr, mapping, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block

LABELS: Final = mapping(computed=True, default={})
IDS: Final = Attr(kind="list", computed=True, is_input=False)


class SshKey(HcloudFrameworkType):
    """An SSH key that new servers can be given."""

    schema: ClassVar[Block] = {
        "name": text(computed=True),
        "publicKey": text(required=True, force_new=True),
        "labels": LABELS,
        "fingerprint": text(computed=True, is_input=False),
    }

    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Stores the key."""
        body = body_of(plan, name="name", public_key="publicKey", labels="labels")
        row = self.cloud.call("POST", "/ssh_keys", body)["ssh_key"]
        return str(row["id"]), self._read(row)

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the key."""
        row = self.cloud.find(f"/ssh_keys/{id}", "ssh_key")
        return row and self._read(row)

    @staticmethod
    def _read(row: Props) -> Props:
        return {
            "name": row["name"],
            "publicKey": row["public_key"],
            "labels": row["labels"],
            "fingerprint": row["fingerprint"],
        }

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes name or labels."""
        self.cloud.call("PUT", f"/ssh_keys/{id}", changes_of(old, plan, name="name", labels="labels"))

    def remove(self, id: str, state: Props) -> None:
        """Forgets the key."""
        self.cloud.delete(f"/ssh_keys/{id}")


class PlacementGroup(HcloudFrameworkType):
    """Servers that run on different machines."""

    schema: ClassVar[Block] = {
        "name": text(computed=True),
        "type": text(required=True, force_new=True),
        "labels": LABELS,
        "servers": IDS,
    }

    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Makes the group."""
        answer = self.cloud.call("POST", "/placement_groups", body_of(plan, name="name", type="type", labels="labels"))
        self.cloud.wait(answer)
        return str(answer["placement_group"]["id"]), None

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the group."""
        row = self.cloud.find(f"/placement_groups/{id}", "placement_group")
        return row and {key: row[key] for key in ("name", "type", "labels", "servers")}

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes name or labels."""
        self.cloud.call("PUT", f"/placement_groups/{id}", changes_of(old, plan, name="name", labels="labels"))

    def remove(self, id: str, state: Props) -> None:
        """Removes the group."""
        self.cloud.delete(f"/placement_groups/{id}")
