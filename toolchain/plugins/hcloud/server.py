"""Server: its schema, making it, reading it, removing it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, Final

from toolchain.plugins.base import UNKNOWN
from toolchain.plugins.docker.tfschema import Attr, flag, group, listing, mapping, number, text
from toolchain.plugins.hcloud.classic import Classic, Unfinished, given
from toolchain.plugins.hcloud.client import Cloud, CloudError
from toolchain.plugins.hcloud.firewall import with_sorted
from toolchain.plugins.hcloud.server_change import changed, join, protect

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.docker.tfschema import Block

Row = dict[str, Any]
_NETWORK: Final[Block] = {
    "networkId": number(),
    "subnetId": text(),
    "ip": text(computed=True),
    "aliasIps": group(computed=True),
    "macAddress": text(computed=True, is_input=False),
}
_PUBLIC_NET: Final[Block] = {
    "ipv4Enabled": flag(default=True),
    "ipv6Enabled": flag(default=True),
    "ipv4": number(computed=True),
    "ipv6": number(computed=True),
}


def hashed(user_data: str) -> str:
    """What a state keeps in place of user data: their SHA-1 in base64."""
    return base64.b64encode(hashlib.sha1(user_data.encode(), usedforsecurity=False).digest()).decode()


class Server(Classic):
    """A server. Nearly all that shapes its disk replaces it, user data above all (trap H1)."""

    unstable: ClassVar[frozenset[str]] = frozenset({"datacenter"})
    schema: ClassVar[Block] = {
        "name": text(),
        "serverType": text(required=True),
        "image": text(computed=True, force_new=True),
        "location": text(computed=True, force_new=True),
        "datacenter": text(computed=True, force_new=True),
        "userData": text(force_new=True),
        "sshKeys": listing(force_new=True),
        "keepDisk": flag(default=False),
        "backups": flag(default=False),
        "iso": text(),
        "rescue": text(),
        "labels": mapping(),
        "firewallIds": Attr(kind="list", computed=True),
        "ignoreRemoteFirewallIds": flag(default=False),
        "networks": group(_NETWORK),
        "placementGroupId": number(),
        "publicNets": group(_PUBLIC_NET),
        "deleteProtection": flag(default=False),
        "rebuildProtection": flag(default=False),
        "allowDeprecatedImages": flag(),
        "shutdownBeforeDeletion": flag(default=False),
        "backupWindow": text(computed=True, is_input=False),
        "ipv4Address": text(computed=True, is_input=False),
        "ipv6Address": text(computed=True, is_input=False),
        "ipv6Network": text(computed=True, is_input=False),
        "primaryDiskSize": number(computed=True, is_input=False),
        "status": text(computed=True, is_input=False),
    }

    def normal(self, values: Props) -> Props:
        """User data as their hash, firewalls in order."""
        out = with_sorted(values, "firewallIds")
        if isinstance(out.get("userData"), str) and out["userData"]:
            out = {**out, "userData": hashed(out["userData"])}
        return out

    def plan(self, prior: Props | None, news: Props) -> Props:
        """As of any other type, but what the elements of its sets leave to the cloud is unknown at first."""
        plan = super().plan(prior, news)
        if prior is None:
            for key, elem in (("publicNets", _PUBLIC_NET), ("networks", _NETWORK)):
                plan[key] = [
                    {
                        name: UNKNOWN if value in (None, "", []) and elem[name].computed else value
                        for name, value in one.items()
                    }
                    if isinstance(one, dict)
                    else one
                    for one in plan[key] or []
                ]
        return plan

    def make(self, plan: Props, news: Props) -> str:
        """Looks up what is named, makes the server and waits until it runs."""
        answer = self.cloud.call("POST", "/servers", self._body(plan, news))
        made = str(answer["server"]["id"])
        try:
            self.cloud.wait(answer)
            for network in plan["networks"]:
                join(self.cloud, made, network)
            if plan["networks"]:
                self.cloud.act(f"/servers/{made}/actions/poweron")
            if plan["backups"]:
                self.cloud.act(f"/servers/{made}/actions/enable_backup")
            if plan["deleteProtection"] or plan["rebuildProtection"]:
                protect(self.cloud, made, plan)
        except CloudError as problem:
            raise Unfinished(made, str(problem)) from problem
        return made

    def _body(self, plan: Props, news: Props) -> Row:
        kind = _server_type(self.cloud, plan["serverType"])
        body: Row = {"name": plan["name"], "server_type": kind["name"]}
        if plan["image"] is not UNKNOWN:
            body["image"] = _image(self.cloud, plan["image"], kind["architecture"])
        keys = [_ssh_key(self.cloud, str(key)) for key in plan["sshKeys"] or []]
        if keys:
            body["ssh_keys"] = keys
        body |= given(plan, location="location", datacenter="datacenter", labels="labels")
        body |= given(plan, placement_group="placementGroupId")
        if news.get("userData"):
            body["user_data"] = news["userData"]
        if isinstance(plan["firewallIds"], list) and plan["firewallIds"]:
            body["firewalls"] = [{"firewall": one} for one in plan["firewallIds"]]
        for net in plan["publicNets"]:
            flags = {"enable_ipv4": net["ipv4Enabled"], "enable_ipv6": net["ipv6Enabled"]}
            body["public_net"] = flags | {k: v for k, v in given(net, ipv4="ipv4", ipv6="ipv6").items() if v}
        if plan["networks"]:
            # Networks come before the first boot: cloud-init configures only what is there.
            body["start_after_create"] = False
        return body

    def look(self, id: str, state: Props) -> Props | None:  # noqa: A002
        """Reads the server."""
        row = self.cloud.find(f"/servers/{id}", "server")
        if row is None:
            # The official plugin asks by id or name, in this order.
            found = self.cloud.call("GET", "/servers", name=id)["servers"]
            row = found[0] if found else None
        if row is None:
            return None
        image = row["image"] or {}
        return {
            **_addresses(row["public_net"]),
            "name": row["name"],
            "serverType": row["server_type"]["name"],
            "location": row["location"]["name"],
            "image": state["image"] if state.get("image") == str(image.get("id")) else image.get("name"),
            "backupWindow": row["backup_window"] or "",
            "backups": bool(row["backup_window"]),
            "labels": row["labels"],
            "firewallIds": state["firewallIds"]
            if state.get("ignoreRemoteFirewallIds") and isinstance(state.get("firewallIds"), list)
            else sorted(one["id"] for one in row["public_net"]["firewalls"]),
            "placementGroupId": (row["placement_group"] or {}).get("id", 0),
            "deleteProtection": row["protection"]["delete"],
            "rebuildProtection": row["protection"]["rebuild"],
            "primaryDiskSize": row["primary_disk_size"],
            "status": row["status"],
            "publicNets": _public_nets(row["public_net"], state.get("publicNets") or []),
            "networks": _networks(row["private_net"], state.get("networks") or []),
        }

    def settled(self, plan: Props, read: Props) -> Props:
        """The computed parts of set elements come from what was read."""
        state = super().settled(plan, read)
        return state | {key: read[key] for key in ("publicNets", "networks")}

    def change(self, id: str, old: Props, plan: Props) -> None:  # noqa: A002
        """Changes what can be changed in place."""
        changed(self.cloud, id, old, plan)

    def remove(self, id: str, state: Props) -> None:  # noqa: A002
        """Shuts the server down if asked, lifts its protection (trap H3) and removes it."""
        try:
            if state.get("deleteProtection"):
                protect(self.cloud, id, {"deleteProtection": False, "rebuildProtection": False})
            if state.get("shutdownBeforeDeletion"):
                self.cloud.act(f"/servers/{id}/actions/shutdown")
        except CloudError as problem:
            if problem.code != "not_found":
                raise
        self.cloud.delete(f"/servers/{id}")


def _addresses(net: Row) -> Props:
    v4, v6 = net["ipv4"], net["ipv6"]
    return {
        "ipv4Address": v4["ip"] if v4 else "",
        "ipv6Address": v6["ip"].partition("/")[0] + "1" if v6 else "",
        # As officially: Go's text for "no network".
        "ipv6Network": v6["ip"] if v6 else "<nil>",
    }


def _public_nets(net: Row, known: list[Props]) -> list[Props]:
    """The set as the user wrote it, with the flags of today; an address that nobody chose has no id in it."""
    return [
        {f"{kind}Enabled": net[kind] is not None for kind in ("ipv4", "ipv6")}
        | {kind: one[kind] if isinstance(one.get(kind), int) else 0 for kind in ("ipv4", "ipv6")}
        for one in known
    ]


def _networks(rows: list[Row], known: list[Props]) -> list[Props]:
    """Those of the server's networks that stand in the state; the others are somebody else's."""
    out = []
    for one in known:
        number = one.get("networkId") or int(str(one.get("subnetId") or "0").partition("-")[0])
        for row in rows:
            if row["network"] == number:
                more = {"ip": row["ip"], "aliasIps": sorted(row["alias_ips"]), "macAddress": row["mac_address"]}
                out.append({**one, **more})
    return out


def _server_type(cloud: Cloud, name: str) -> Row:
    found = cloud.call("GET", "/server_types", name=name)["server_types"]
    if not found:
        raise CloudError(f"server type {name} not found")
    return dict(found[0])


def _image(cloud: Cloud, name: str, architecture: str) -> int:
    if name.isdigit():
        row = cloud.find(f"/images/{name}", "image")
        found = [row] if row else []
    else:
        query: Row = {"name": name, "architecture": architecture, "include_deprecated": "true"}
        found = cloud.call("GET", "/images", **query)["images"]
    if not found:
        raise CloudError(f"image {name} for architecture {architecture} not found")
    return int(found[0]["id"])


def _ssh_key(cloud: Cloud, key: str) -> int:
    row = cloud.find(f"/ssh_keys/{key}", "ssh_key") if key.isdigit() else None
    if row is None:
        found = cloud.call("GET", "/ssh_keys", name=key)["ssh_keys"]
        row = found[0] if found else None
    if row is None:
        raise CloudError(f"ssh key not found: {key}")
    return int(row["id"])
