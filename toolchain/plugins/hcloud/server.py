"""Server: its schema, making it, reading it, removing it."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from toolchain.plugins.base import UNKNOWN
from toolchain.plugins.hcloud.client import Cloud, CloudError
from toolchain.plugins.hcloud.firewall import with_sorted
from toolchain.plugins.hcloud.resource import HcloudSdkType, body_of, changes_of, located
from toolchain.plugins.tfbridge.errors import after_creation
from toolchain.plugins.tfbridge.schema import Attr, flag, group, listing, mapping, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block

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


class Server(HcloudSdkType):
    """A server. Nearly all that shapes its disk replaces it, user data above all (docs/traps.md, H1)."""

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
                        for name, value in element.items()
                    }
                    if isinstance(element, dict)
                    else element
                    for element in plan[key] or []
                ]
        return plan

    def make(self, plan: Props, news: Props) -> str:
        """Looks up what is named, makes the server and waits until it runs."""
        answer = self.cloud.call("POST", "/servers", self._body(plan, news))
        new_id = str(answer["server"]["id"])
        with after_creation(new_id):
            self.cloud.wait(answer)
            for network in plan["networks"]:
                join(self.cloud, new_id, network)
            if plan["networks"]:
                self.cloud.act(f"/servers/{new_id}/actions/poweron")
            if plan["backups"]:
                self.cloud.act(f"/servers/{new_id}/actions/enable_backup")
            if plan["deleteProtection"] or plan["rebuildProtection"]:
                _protect(self.cloud, new_id, plan)
        return new_id

    def _body(self, plan: Props, news: Props) -> Row:
        kind = _server_type(self.cloud, plan["serverType"], plan["location"])
        body: Row = {"name": plan["name"], "server_type": kind["name"]}
        if plan["image"] is not UNKNOWN:
            body["image"] = _image(self.cloud, plan["image"], kind["architecture"])
        keys = [_ssh_key(self.cloud, str(key)) for key in plan["sshKeys"] or []]
        if keys:
            body["ssh_keys"] = keys
        body |= located(plan) | body_of(plan, labels="labels")
        body |= body_of(plan, placement_group="placementGroupId")
        if news.get("userData"):
            body["user_data"] = news["userData"]
        if isinstance(plan["firewallIds"], list) and plan["firewallIds"]:
            body["firewalls"] = [{"firewall": firewall} for firewall in plan["firewallIds"]]
        for net in plan["publicNets"]:
            flags = {"enable_ipv4": net["ipv4Enabled"], "enable_ipv6": net["ipv6Enabled"]}
            body["public_net"] = flags | {k: v for k, v in body_of(net, ipv4="ipv4", ipv6="ipv6").items() if v}
        if plan["networks"]:
            # Networks come before the first boot: cloud-init configures only what is there.
            body["start_after_create"] = False
        return body

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the server."""
        row = self.cloud.find(f"/servers/{id}", "server")
        if row is None:
            # The official plugin asks by id or name, in this order.
            rows = self.cloud.call("GET", "/servers", name=id)["servers"]
            row = rows[0] if rows else None
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
            else sorted(firewall["id"] for firewall in row["public_net"]["firewalls"]),
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

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes what can be changed in place."""
        _change(self.cloud, id, old, plan)

    def remove(self, id: str, state: Props) -> None:
        """Shuts the server down if asked, lifts its protection (docs/traps.md, H3) and removes it."""
        if state.get("deleteProtection"):
            self.cloud.protect(f"/servers/{id}", delete=False, rebuild=False)
        if state.get("shutdownBeforeDeletion"):
            self.cloud.act(f"/servers/{id}/actions/shutdown")
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
        | {kind: element[kind] if isinstance(element.get(kind), int) else 0 for kind in ("ipv4", "ipv6")}
        for element in known
    ]


def _networks(rows: list[Row], known: list[Props]) -> list[Props]:
    """Those of the server's networks that stand in the state; the others are somebody else's."""
    out = []
    for element in known:
        number = element.get("networkId") or int(str(element.get("subnetId") or "0").partition("-")[0])
        for row in rows:
            if row["network"] == number:
                more = {"ip": row["ip"], "aliasIps": sorted(row["alias_ips"]), "macAddress": row["mac_address"]}
                out.append({**element, **more})
    return out


def _server_type(cloud: Cloud, name: str, place: Any) -> Row:
    """The server type, unless it is no longer sold there (hetznercloud/hcloud-go, exp/deprecationutil/server_type.go).

    What is only announced to end is a warning upstream, and nothing here.
    """
    rows = cloud.call("GET", "/server_types", name=name)["server_types"]
    if not rows:
        raise CloudError(f"server type {name} not found")
    for offer in rows[0].get("locations") or []:
        over = offer["name"] == place and (offer.get("deprecation") or {}).get("unavailable_after")
        if over and datetime.fromisoformat(over) < datetime.now(UTC):
            raise CloudError(f'Server Type "{name}" is unavailable in "{place}" and can no longer be ordered')
    return dict(rows[0])


def _image(cloud: Cloud, name: str, architecture: str) -> int:
    if name.isdigit():
        row = cloud.find(f"/images/{name}", "image")
        rows = [row] if row else []
    else:
        query: Row = {"name": name, "architecture": architecture, "include_deprecated": "true"}
        rows = cloud.call("GET", "/images", **query)["images"]
    if not rows:
        raise CloudError(f"image {name} for architecture {architecture} not found")
    return int(rows[0]["id"])


def _ssh_key(cloud: Cloud, key: str) -> int:
    row = cloud.find(f"/ssh_keys/{key}", "ssh_key") if key.isdigit() else None
    if row is None:
        rows = cloud.call("GET", "/ssh_keys", name=key)["ssh_keys"]
        row = rows[0] if rows else None
    if row is None:
        raise CloudError(f"ssh key not found: {key}")
    return int(row["id"])


def _protect(cloud: Cloud, server: str, plan: Props) -> None:
    cloud.protect(f"/servers/{server}", delete=plan["deleteProtection"], rebuild=plan["rebuildProtection"])


def network_of(entry: Props) -> int:
    """The network that an entry of `networks` means."""
    return int(entry.get("networkId") or str(entry.get("subnetId") or "").partition("-")[0])


def join(cloud: Cloud, server: str, entry: Props) -> None:
    """Puts the server into a network."""
    entry = {key: value for key, value in entry.items() if value is not UNKNOWN}
    body: Row = {"network": network_of(entry)}
    if entry.get("ip"):
        body["ip"] = entry["ip"]
    if entry.get("aliasIps"):
        body["alias_ips"] = entry["aliasIps"]
    if entry.get("subnetId"):
        body["ip_range"] = entry["subnetId"].partition("-")[2]
    cloud.act(f"/servers/{server}/actions/attach_to_network", body)


def _change(cloud: Cloud, server: str, old: Props, plan: Props) -> None:
    """Makes the server what the plan says."""
    cloud.call("GET", f"/servers/{server}")
    _refuse_what_no_machine_has(old, plan)
    body = changes_of(old, plan, name="name", labels="labels")
    if body:
        cloud.call("PUT", f"/servers/{server}", body)
    if old["serverType"] != plan["serverType"]:
        _retype(cloud, server, plan)
    if old["backups"] != plan["backups"]:
        cloud.act(f"/servers/{server}/actions/{'enable' if plan['backups'] else 'disable'}_backup")
    if old["firewallIds"] != plan["firewallIds"]:
        _firewalls(cloud, int(server), old["firewallIds"] or [], plan["firewallIds"] or [])
    if (old["placementGroupId"] or 0) != (plan["placementGroupId"] or 0):
        _regroup(cloud, server, old, plan)
    if old["networks"] != plan["networks"]:
        _renetwork(cloud, server, old["networks"] or [], plan["networks"] or [])
    if old["publicNets"] != plan["publicNets"]:
        _readdress(cloud, server, old["publicNets"] or [], plan["publicNets"] or [])
    if any(old[key] != plan[key] for key in ("deleteProtection", "rebuildProtection")):
        _protect(cloud, server, plan)


def _refuse_what_no_machine_has(old: Props, plan: Props) -> None:
    for key in ("iso", "rescue"):
        if old.get(key) != plan.get(key):
            raise CloudError(f"the hcloud stand-in cannot change {key}: a rehearsal's machine has no such thing")


def _retype(cloud: Cloud, server: str, plan: Props) -> None:
    _power_off(cloud, server)
    body = {"server_type": plan["serverType"], "upgrade_disk": not plan["keepDisk"]}
    cloud.act(f"/servers/{server}/actions/change_type", body)
    cloud.act(f"/servers/{server}/actions/poweron")


def _power_off(cloud: Cloud, server: str) -> None:
    """Switches the server off."""
    cloud.act(f"/servers/{server}/actions/poweroff")


def _firewalls(cloud: Cloud, server: int, old: list[int], new: list[int]) -> None:
    entry = [{"type": "server", "server": {"id": server}}]
    # First the new ones: a server must not be open in between.
    for firewall in new:
        if firewall not in old:
            cloud.act(f"/firewalls/{firewall}/actions/apply_to_resources", {"apply_to": entry})
    for firewall in old:
        if firewall not in new:
            cloud.act(f"/firewalls/{firewall}/actions/remove_from_resources", {"remove_from": entry})


def _regroup(cloud: Cloud, server: str, old: Props, plan: Props) -> None:
    if old["placementGroupId"]:
        cloud.act(f"/servers/{server}/actions/remove_from_placement_group")
    if plan["placementGroupId"]:
        _power_off(cloud, server)
        body = {"placement_group": plan["placementGroupId"]}
        cloud.act(f"/servers/{server}/actions/add_to_placement_group", body)
        cloud.act(f"/servers/{server}/actions/poweron")


def _renetwork(cloud: Cloud, server: str, old: list[Props], new: list[Props]) -> None:
    kept = [entry for entry in new if any(_alike(entry, before) for before in old)]
    for before in old:
        if not any(_alike(entry, before) for entry in kept):
            cloud.act(f"/servers/{server}/actions/detach_from_network", {"network": network_of(before)})
    for entry in new:
        if entry not in kept:
            join(cloud, server, entry)


def _alike(entry: Props, before: Props) -> bool:
    same_ip = entry.get("ip") in (None, "", UNKNOWN, before.get("ip"))
    aliases = entry.get("aliasIps") if isinstance(entry.get("aliasIps"), list) else None
    return network_of(entry) == network_of(before) and same_ip and aliases in (None, [], before.get("aliasIps"))


def _readdress(cloud: Cloud, server: str, old: list[Props], new: list[Props]) -> None:
    """Other primary IPs, for which the server must be off."""
    was, will = (old or [{}])[0], (new or [{}])[0]
    _power_off(cloud, server)
    public = cloud.call("GET", f"/servers/{server}")["server"]["public_net"]
    for kind in ("ipv4", "ipv6"):
        address = will.get(kind) or 0 if will.get(f"{kind}Enabled", True) else 0
        if will.get(f"{kind}Enabled", True) == was.get(f"{kind}Enabled", True) and address == (was.get(kind) or 0):
            continue
        if public[kind] is not None:
            cloud.act(f"/primary_ips/{public[kind]['id']}/actions/unassign")
        if will.get(f"{kind}Enabled", True) and not address:
            name = {"name": f"primary_ip-{server}-{kind}", "type": kind, "auto_delete": True}
            answer = cloud.call("POST", "/primary_ips", {**name, "assignee_id": int(server), "assignee_type": "server"})
            cloud.wait(answer)
        elif address:
            body = {"assignee_id": int(server), "assignee_type": "server"}
            cloud.act(f"/primary_ips/{address}/actions/assign", body)
    cloud.act(f"/servers/{server}/actions/poweron")
