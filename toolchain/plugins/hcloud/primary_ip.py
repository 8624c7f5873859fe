"""PrimaryIp."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, ClassVar

from toolchain.plugins.docker.tfschema import flag, number, text
from toolchain.plugins.hcloud.classic import given, renamed
from toolchain.plugins.hcloud.framework import Framework
from toolchain.plugins.hcloud.keys import LABELS

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.docker.tfschema import Block

Row = dict[str, Any]


def address(row: Row) -> tuple[str, str | None]:
    """Address and, of an IPv6 one, its network."""
    network = row["ip"] if row["type"] == "ipv6" else None
    return str(ipaddress.ip_interface(row["ip"]).ip), network


class PrimaryIp(Framework):
    """A primary IP, which outlives the servers that have it."""

    schema: ClassVar[Block] = {
        "name": text(computed=True),
        "type": text(required=True, force_new=True),
        "location": text(computed=True, force_new=True),
        "datacenter": text(force_new=True),
        "assigneeId": number(computed=True),
        "assigneeType": text(computed=True),
        "autoDelete": flag(default=False),
        "deleteProtection": flag(default=False),
        "labels": LABELS,
        "ipAddress": text(computed=True, is_input=False),
        "ipNetwork": text(computed=True, is_input=False),
    }

    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Asks for an address."""
        names = {"name": "name", "type": "type", "labels": "labels", "auto_delete": "autoDelete"}
        body = given(plan, **names, location="location", datacenter="datacenter", assignee_id="assigneeId")
        if "assignee_id" in body:
            body["assignee_type"] = plan.get("assigneeType", "server")
        answer = self.cloud.call("POST", "/primary_ips", body)
        self.cloud.wait(answer)
        made = str(answer["primary_ip"]["id"])
        if plan["deleteProtection"]:
            self._protect(made, protect=True)
        return made, None

    def _protect(self, id: str, *, protect: bool) -> None:  # noqa: A002
        self.cloud.act(f"/primary_ips/{id}/actions/change_protection", {"delete": protect})

    def look(self, id: str, state: Props) -> Props | None:  # noqa: A002, ARG002
        """Reads the address."""
        row = self.cloud.find(f"/primary_ips/{id}", "primary_ip")
        if row is None:
            return None
        ip, network = address(row)
        return {
            "name": row["name"],
            "type": row["type"],
            "location": row["location"]["name"],
            "assigneeId": row["assignee_id"] or 0,
            "assigneeType": row["assignee_type"],
            "autoDelete": row["auto_delete"],
            "deleteProtection": row["protection"]["delete"],
            "labels": row["labels"],
            "ipAddress": ip,
            "ipNetwork": network,
        }

    def change(self, id: str, old: Props, plan: Props) -> None:  # noqa: A002
        """Changes name, labels, auto-deletion, server and protection."""
        body = renamed(old, plan, name="name", labels="labels", auto_delete="autoDelete")
        if body:
            self.cloud.call("PUT", f"/primary_ips/{id}", body)
        if (old.get("assigneeId") or 0) != (plan.get("assigneeId") or 0):
            if old.get("assigneeId"):
                self.cloud.act(f"/primary_ips/{id}/actions/unassign")
            if plan.get("assigneeId"):
                body = {"assignee_id": plan["assigneeId"], "assignee_type": plan.get("assigneeType", "server")}
                self.cloud.act(f"/primary_ips/{id}/actions/assign", body)
        if old.get("deleteProtection", False) != plan["deleteProtection"]:
            self._protect(id, protect=plan["deleteProtection"])

    def remove(self, id: str, state: Props) -> None:  # noqa: A002
        """Gives the address back; one that a server has is taken from it first."""
        if state.get("assigneeId"):
            row = self.cloud.find(f"/primary_ips/{id}", "primary_ip")
            if row is not None and row["assignee_id"]:
                self.cloud.act(f"/primary_ips/{id}/actions/unassign")
        if state.get("deleteProtection"):
            self._protect(id, protect=False)
        self.cloud.delete(f"/primary_ips/{id}")
