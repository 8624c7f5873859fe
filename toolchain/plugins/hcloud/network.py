"""Network, NetworkSubnet and NetworkRoute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from toolchain.plugins.hcloud.resource import HcloudSdkType, body_of, changes_of
from toolchain.plugins.tfbridge.schema import flag, frozen, mapping, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block


class Network(HcloudSdkType):
    """A private network."""

    schema: ClassVar[Block] = {
        "name": text(),
        "ipRange": text(required=True, force_new=True),
        "labels": mapping(),
        "deleteProtection": flag(default=False),
        "exposeRoutesToVswitch": flag(default=False),
    }

    def make(self, plan: Props, news: Props) -> str:
        """Makes the network."""
        names = {"name": "name", "ip_range": "ipRange", "labels": "labels"}
        body = body_of(plan, **names, expose_routes_to_vswitch="exposeRoutesToVswitch")
        new_id = str(self.cloud.call("POST", "/networks", body)["network"]["id"])
        if plan["deleteProtection"]:
            self.cloud.protect(f"/networks/{new_id}", delete=True)
        return new_id

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the network."""
        row = self.cloud.find(f"/networks/{id}", "network")
        return row and {
            "name": row["name"],
            "ipRange": row["ip_range"],
            "labels": row["labels"],
            "deleteProtection": row["protection"]["delete"],
            "exposeRoutesToVswitch": row["expose_routes_to_vswitch"],
        }

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes name, labels, exposure and protection."""
        body = changes_of(old, plan, name="name", labels="labels", expose_routes_to_vswitch="exposeRoutesToVswitch")
        if body:
            self.cloud.call("PUT", f"/networks/{id}", body)
        if old["deleteProtection"] != plan["deleteProtection"]:
            self.cloud.protect(f"/networks/{id}", delete=plan["deleteProtection"])

    def remove(self, id: str, state: Props) -> None:
        """Removes the network, protected or not: the lock is against the console (docs/traps.md, H3)."""
        if state.get("deleteProtection"):
            self.cloud.protect(f"/networks/{id}", delete=False)
        self.cloud.delete(f"/networks/{id}")


class _Part(HcloudSdkType):
    """A part of a network, whose id is `<network>-<key>`."""

    autoname: ClassVar[bool] = False
    part: ClassVar[str]
    key: ClassVar[str]

    def network(self, id: str) -> tuple[str, Props | None]:
        """The part's key and its network, None when that is gone."""
        number, _, key = id.partition("-")
        return key, self.cloud.find(f"/networks/{number}", "network")

    def part_of(self, id: str) -> tuple[int, Props] | None:
        """The id of the network and the part in it."""
        key, network = self.network(id)
        parts: list[dict[str, Any]] = network[f"{self.part}s"] if network else []
        matches = [part for part in parts if part[self.key] == key]
        return (network["id"], matches[0]) if network and matches else None

    def remove(self, id: str, state: Props) -> None:
        """Takes the part out of its network."""
        entry = self.part_of(id)
        if entry is None:
            return
        network, part = entry
        names = ("ip_range",) if self.part == "subnet" else ("destination", "gateway")
        body = {name: part[name] for name in names}
        self.cloud.act(f"/networks/{network}/actions/delete_{self.part}", body)


class NetworkSubnet(_Part):
    """A subnet."""

    part: ClassVar[str] = "subnet"
    key: ClassVar[str] = "ip_range"
    schema: ClassVar[Block] = {
        **frozen(
            {
                "networkId": number(required=True),
                "type": text(required=True),
                "networkZone": text(required=True),
                "ipRange": text(required=True),
                "vswitchId": number(),
            },
        ),
        "gateway": text(computed=True, is_input=False),
    }

    def make(self, plan: Props, news: Props) -> str:
        """Adds the subnet."""
        names = {"type": "type", "ip_range": "ipRange", "network_zone": "networkZone", "vswitch_id": "vswitchId"}
        self.cloud.act(f"/networks/{plan['networkId']}/actions/add_subnet", body_of(plan, **names))
        return f"{plan['networkId']}-{plan['ipRange']}"

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the subnet."""
        entry = self.part_of(id)
        if entry is None:
            return None
        network, row = entry
        read = {
            "networkId": network,
            "type": row["type"],
            "networkZone": row["network_zone"],
            "ipRange": row["ip_range"],
            "gateway": row["gateway"],
        }
        return read | ({"vswitchId": row["vswitch_id"]} if row.get("vswitch_id") else {})


class NetworkRoute(_Part):
    """A route."""

    part: ClassVar[str] = "route"
    key: ClassVar[str] = "destination"
    schema: ClassVar[Block] = frozen(
        {
            "networkId": number(required=True),
            "destination": text(required=True),
            "gateway": text(required=True),
        },
    )

    def make(self, plan: Props, news: Props) -> str:
        """Adds the route."""
        body = body_of(plan, destination="destination", gateway="gateway")
        self.cloud.act(f"/networks/{plan['networkId']}/actions/add_route", body)
        return f"{plan['networkId']}-{plan['destination']}"

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the route."""
        entry = self.part_of(id)
        return entry and {"networkId": entry[0], **entry[1]}
