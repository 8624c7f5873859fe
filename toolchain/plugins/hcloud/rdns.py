"""Rdns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from toolchain.plugins.base import ProviderError
from toolchain.plugins.hcloud.resource import HcloudFrameworkType
from toolchain.plugins.tfbridge.schema import number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block

Row = dict[str, Any]


# Letter in the id, property, path and key of what an address with a reverse name belongs to.
_OWNERS: Final = (
    ("s", "serverId", "servers", "server"),
    ("p", "primaryIpId", "primary_ips", "primary_ip"),
    ("f", "floatingIpId", "floating_ips", "floating_ip"),
)


class Rdns(HcloudFrameworkType):
    """The reverse name of an address of a server, primary IP or floating IP."""

    autoname: ClassVar[bool] = False
    schema: ClassVar[Block] = {
        "dnsPtr": text(required=True),
        "ipAddress": text(required=True, force_new=True),
        **{owner: number(force_new=True) for _, owner, _, _ in _OWNERS},
    }

    def make(self, plan: Props) -> tuple[str, Props | None]:
        """Sets the name."""
        owners = [(letter, plan[key], path) for letter, key, path, _ in _OWNERS if plan.get(key)]
        if len(owners) != 1:
            raise ProviderError("exactly one of serverId, primaryIpId and floatingIpId must be given")
        letter, number, path = owners[0]
        self._set(path, number, plan["ipAddress"], plan["dnsPtr"])
        return f"{letter}-{number}-{plan['ipAddress']}", None

    def _set(self, path: str, number: int | str, ip: str, name: str | None) -> None:
        self.cloud.act(f"/{path}/{number}/actions/change_dns_ptr", {"ip": ip, "dns_ptr": name})

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the name; gone when the owner is, or the address has none."""
        letter, number, ip = id.split("-", 2)
        _, owner, path, key = next(row for row in _OWNERS if row[0] == letter)
        row = self.cloud.find(f"/{path}/{number}", key)
        name = row and _names(row).get(ip)
        return {"dnsPtr": name, "ipAddress": ip, owner: int(number)} if name else None

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Sets another name."""
        letter, number, ip = id.split("-", 2)
        self._set(next(row[2] for row in _OWNERS if row[0] == letter), number, ip, plan["dnsPtr"])

    def remove(self, id: str, state: Props) -> None:
        """Sets the name back to the cloud's own."""
        letter, number, ip = id.split("-", 2)
        self._set(next(row[2] for row in _OWNERS if row[0] == letter), number, ip, None)


def _names(row: Row) -> dict[str, str]:
    """Addresses of a row and their reverse names."""
    if "public_net" not in row:
        return {entry["ip"]: entry["dns_ptr"] for entry in row["dns_ptr"]}
    v4, v6 = row["public_net"]["ipv4"], row["public_net"]["ipv6"]
    names = {v4["ip"]: v4["dns_ptr"]} if v4 else {}
    return names | {entry["ip"]: entry["dns_ptr"] for entry in (v6["dns_ptr"] if v6 else [])}
