"""ServerNetwork: a server in a private network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from toolchain.plugins.base import UNKNOWN, ProviderError
from toolchain.plugins.hcloud.client import CloudError
from toolchain.plugins.hcloud.resource import HcloudFrameworkType
from toolchain.plugins.hcloud.server import join, network_of
from toolchain.plugins.tfbridge.schema import Attr, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block


class ServerNetwork(HcloudFrameworkType):
    """A server in a network; its id is `<server>-<network>`."""

    autoname: ClassVar[bool] = False
    schema: ClassVar[Block] = {
        "serverId": number(required=True, force_new=True),
        "networkId": number(computed=True, force_new=True),
        "subnetId": text(force_new=True),
        "ip": text(computed=True, force_new=True),
        "aliasIps": Attr(kind="list", computed=True, default=[]),
        "macAddress": text(computed=True, is_input=False),
    }

    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Puts the server into the network."""
        if not plan.get("networkId") and not plan.get("subnetId"):
            raise ProviderError("either networkId or subnetId must be given")
        join(self.cloud, str(plan["serverId"]), plan)
        return f"{plan['serverId']}-{network_of(plan)}", None

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the server's entry for the network."""
        server, _, network = id.partition("-")
        row = self.cloud.find(f"/servers/{server}", "server")
        entries = [entry for entry in row["private_net"] if str(entry["network"]) == network] if row else []
        if not entries:
            return None
        return {
            "serverId": int(server),
            "networkId": int(network),
            "ip": entries[0]["ip"],
            "aliasIps": sorted(entries[0]["alias_ips"]),
            "macAddress": entries[0]["mac_address"],
        }

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Sets other alias addresses."""
        server, _, network = id.partition("-")
        alias_ips = plan.get("aliasIps")
        if alias_ips is not UNKNOWN and alias_ips != old.get("aliasIps"):
            body = {"network": int(network), "alias_ips": alias_ips or []}
            self.cloud.act(f"/servers/{server}/actions/change_alias_ips", body)

    def remove(self, id: str, state: Props) -> None:
        """Takes the server out of the network."""
        server, _, network = id.partition("-")
        try:
            self.cloud.act(f"/servers/{server}/actions/detach_from_network", {"network": int(network)})
        except CloudError as problem:
            if problem.code != "server_not_attached":
                raise
