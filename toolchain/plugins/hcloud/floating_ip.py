"""FloatingIp and FloatingIpAssignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from toolchain.plugins.docker.tfschema import flag, mapping, number, text
from toolchain.plugins.hcloud.classic import Classic, Unfinished, given, renamed
from toolchain.plugins.hcloud.client import CloudError
from toolchain.plugins.hcloud.primary_ip import address

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.docker.tfschema import Block

Row = dict[str, Any]


class FloatingIp(Classic):
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

    def make(self, plan: Props, news: Props) -> str:  # noqa: ARG002
        """Asks for an address."""
        names = {"name": "name", "type": "type", "description": "description", "labels": "labels"}
        body = given(plan, **names, home_location="homeLocation", server="serverId")
        answer = self.cloud.call("POST", "/floating_ips", body)
        made = str(answer["floating_ip"]["id"])
        try:
            self.cloud.wait(answer)
            if plan["deleteProtection"]:
                self._protect(made, protect=True)
        except CloudError as problem:
            raise Unfinished(made, str(problem)) from problem
        return made

    def _protect(self, id: str, *, protect: bool) -> None:  # noqa: A002
        self.cloud.act(f"/floating_ips/{id}/actions/change_protection", {"delete": protect})

    def look(self, id: str, state: Props) -> Props | None:  # noqa: A002, ARG002
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

    def change(self, id: str, old: Props, plan: Props) -> None:  # noqa: A002
        """Changes name, labels, description, server and protection."""
        body = renamed(old, plan, name="name", labels="labels", description="description")
        if body:
            self.cloud.call("PUT", f"/floating_ips/{id}", body)
        if old["serverId"] != plan["serverId"]:
            if plan["serverId"]:
                self.cloud.act(f"/floating_ips/{id}/actions/assign", {"server": plan["serverId"]})
            else:
                self.cloud.act(f"/floating_ips/{id}/actions/unassign")
        if old["deleteProtection"] != plan["deleteProtection"]:
            self._protect(id, protect=plan["deleteProtection"])

    def remove(self, id: str, state: Props) -> None:  # noqa: A002
        """Gives the address back."""
        if state.get("deleteProtection"):
            self._protect(id, protect=False)
        self.cloud.delete(f"/floating_ips/{id}")


class FloatingIpAssignment(Classic):
    """A floating IP at a server; its id is that of the address."""

    named: ClassVar[bool] = False
    schema: ClassVar[Block] = {
        "floatingIpId": number(required=True, force_new=True),
        "serverId": number(required=True),
    }

    def make(self, plan: Props, news: Props) -> str:  # noqa: ARG002
        """Assigns the address."""
        self.cloud.act(f"/floating_ips/{plan['floatingIpId']}/actions/assign", {"server": plan["serverId"]})
        return str(plan["floatingIpId"])

    def look(self, id: str, state: Props) -> Props | None:  # noqa: A002, ARG002
        """Reads where the address is; gone when it is nowhere."""
        row = self.cloud.find(f"/floating_ips/{id}", "floating_ip")
        if row is None or row["server"] is None:
            return None
        return {"floatingIpId": row["id"], "serverId": row["server"]}

    def change(self, id: str, old: Props, plan: Props) -> None:  # noqa: A002, ARG002
        """Assigns the address elsewhere."""
        self.cloud.act(f"/floating_ips/{id}/actions/assign", {"server": plan["serverId"]})

    def remove(self, id: str, state: Props) -> None:  # noqa: A002, ARG002
        """Takes the address away."""
        row = self.cloud.find(f"/floating_ips/{id}", "floating_ip")
        if row is not None and row["server"] is not None:
            self.cloud.act(f"/floating_ips/{id}/actions/unassign")
