"""FloatingIp and FloatingIpAssignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from toolchain.plugins.hcloud.primary_ip import address
from toolchain.plugins.hcloud.resource import HcloudSdkType, body_of, changes_of
from toolchain.plugins.tfbridge.errors import after_creation
from toolchain.plugins.tfbridge.schema import flag, mapping, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block

Row = dict[str, Any]


class FloatingIp(HcloudSdkType):
    """A floating IP."""

    schema: ClassVar[Block] = {
        "name": text(computed=True),
        "type": text(required=True, force_new=True),
        "homeLocation": text(computed=True, force_new=True),
        "serverId": number(computed=True),
        "description": text(),
        "labels": mapping(),
        "deleteProtection": flag(default=False),
        "ipAddress": text(computed=True, is_input=False),
        "ipNetwork": text(computed=True, is_input=False),
    }

    def make(self, plan: Props, news: Props) -> str:
        """Asks for an address."""
        names = {"name": "name", "type": "type", "description": "description", "labels": "labels"}
        body = body_of(plan, **names, home_location="homeLocation", server="serverId")
        answer = self.cloud.call("POST", "/floating_ips", body)
        new_id = str(answer["floating_ip"]["id"])
        with after_creation(new_id):
            self.cloud.wait(answer)
            if plan["deleteProtection"]:
                self.cloud.protect(f"/floating_ips/{new_id}", delete=True)
        return new_id

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the address."""
        row = self.cloud.find(f"/floating_ips/{id}", "floating_ip")
        if row is None:
            return None
        ip, network = address(row)
        read = {
            "name": row["name"],
            "type": row["type"],
            "homeLocation": row["home_location"]["name"],
            "labels": row["labels"],
            "deleteProtection": row["protection"]["delete"],
            "ipAddress": ip,
            "ipNetwork": network,
        }
        read |= {"description": row["description"]} if row["description"] else {}
        return read | ({"serverId": row["server"]} if row["server"] is not None else {})

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes name, labels, description, server and protection."""
        body = changes_of(old, plan, name="name", labels="labels", description="description")
        if body:
            self.cloud.call("PUT", f"/floating_ips/{id}", body)
        if old["serverId"] != plan["serverId"]:
            if plan["serverId"]:
                self.cloud.act(f"/floating_ips/{id}/actions/assign", {"server": plan["serverId"]})
            else:
                self.cloud.act(f"/floating_ips/{id}/actions/unassign")
        if old["deleteProtection"] != plan["deleteProtection"]:
            self.cloud.protect(f"/floating_ips/{id}", delete=plan["deleteProtection"])

    def remove(self, id: str, state: Props) -> None:
        """Gives the address back."""
        if state.get("deleteProtection"):
            self.cloud.protect(f"/floating_ips/{id}", delete=False)
        self.cloud.delete(f"/floating_ips/{id}")


class FloatingIpAssignment(HcloudSdkType):
    """A floating IP at a server; its id is that of the address."""

    autoname: ClassVar[bool] = False
    schema: ClassVar[Block] = {
        "floatingIpId": number(required=True, force_new=True),
        "serverId": number(required=True),
    }

    def make(self, plan: Props, news: Props) -> str:
        """Assigns the address."""
        self.cloud.act(f"/floating_ips/{plan['floatingIpId']}/actions/assign", {"server": plan["serverId"]})
        return str(plan["floatingIpId"])

    def look(self, id: str, state: Props) -> Props | None:
        """Reads where the address is; gone when it is nowhere."""
        row = self.cloud.find(f"/floating_ips/{id}", "floating_ip")
        if row is None or row["server"] is None:
            return None
        return {"floatingIpId": row["id"], "serverId": row["server"]}

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Assigns the address elsewhere."""
        self.cloud.act(f"/floating_ips/{id}/actions/assign", {"server": plan["serverId"]})

    def remove(self, id: str, state: Props) -> None:
        """Takes the address away."""
        row = self.cloud.find(f"/floating_ips/{id}", "floating_ip")
        if row is not None and row["server"] is not None:
            self.cloud.act(f"/floating_ips/{id}/actions/unassign")
