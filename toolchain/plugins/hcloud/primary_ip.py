"""PrimaryIp."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, ClassVar

from toolchain.plugins import context
from toolchain.plugins.hcloud.keys import LABELS
from toolchain.plugins.hcloud.resource import HcloudFrameworkType, body_of, changes_of, located
from toolchain.plugins.tfbridge.schema import flag, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block

Row = dict[str, Any]


def address(row: Row) -> tuple[str, str | None]:
    """Address and, of an IPv6 one, its network."""
    network = row["ip"] if row["type"] == "ipv6" else None
    return str(ipaddress.ip_interface(row["ip"]).ip), network


class PrimaryIp(HcloudFrameworkType):
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

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """Warns of a type of assignee that has no assignee, as upstream does since v1.64 (#1395).

        Source: hetznercloud/terraform-provider-hcloud, internal/primaryip/resource.go (ValidateConfig), in the form of
        pulumi/pulumi-terraform-bridge, pkg/pf/tfbridge/provider_diagnostics.go.
        """
        inputs = super().check(urn, olds, news, seed)
        if inputs.get("assigneeType") is not None and inputs.get("assigneeId") is None:
            context.current().log(
                '[WARNING] property "assigneeType": This attribute is now optional and is only required together with '
                "the assigneeId attribute. Please remove it from your configuration.",
                "WARNING",
            )
        return inputs

    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Asks for an address."""
        names = {"name": "name", "type": "type", "labels": "labels", "auto_delete": "autoDelete"}
        body = located(plan) | body_of(plan, **names, assignee_id="assigneeId")
        if "assignee_id" in body:
            body["assignee_type"] = plan.get("assigneeType", "server")
        answer = self.cloud.call("POST", "/primary_ips", body)
        self.cloud.wait(answer)
        new_id = str(answer["primary_ip"]["id"])
        if plan["deleteProtection"]:
            self.cloud.protect(f"/primary_ips/{new_id}", delete=True)
        return new_id, None

    def look(self, id: str, state: Props) -> Props | None:
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

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes name, labels, auto-deletion, server and protection."""
        body = changes_of(old, plan, name="name", labels="labels", auto_delete="autoDelete")
        if body:
            self.cloud.call("PUT", f"/primary_ips/{id}", body)
        if (old.get("assigneeId") or 0) != (plan.get("assigneeId") or 0):
            if old.get("assigneeId"):
                self.cloud.act(f"/primary_ips/{id}/actions/unassign")
            if plan.get("assigneeId"):
                body = {"assignee_id": plan["assigneeId"], "assignee_type": plan.get("assigneeType", "server")}
                self.cloud.act(f"/primary_ips/{id}/actions/assign", body)
        if old.get("deleteProtection", False) != plan["deleteProtection"]:
            self.cloud.protect(f"/primary_ips/{id}", delete=plan["deleteProtection"])

    def remove(self, id: str, state: Props) -> None:
        """Gives the address back; one that a server has is taken from it first."""
        if state.get("assigneeId"):
            row = self.cloud.find(f"/primary_ips/{id}", "primary_ip")
            if row is not None and row["assignee_id"]:
                self.cloud.act(f"/primary_ips/{id}/actions/unassign")
        if state.get("deleteProtection"):
            self.cloud.protect(f"/primary_ips/{id}", delete=False)
        self.cloud.delete(f"/primary_ips/{id}")
