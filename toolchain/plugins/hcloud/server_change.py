"""Changes of a server that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolchain.plugins.base import UNKNOWN
from toolchain.plugins.hcloud.classic import renamed
from toolchain.plugins.hcloud.client import Cloud, CloudError

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

Row = dict[str, Any]


def protect(cloud: Cloud, server: str, plan: Props) -> None:
    """Sets or lifts protection."""
    body = {"delete": plan["deleteProtection"], "rebuild": plan["rebuildProtection"]}
    cloud.act(f"/servers/{server}/actions/change_protection", body)


def network_of(one: Props) -> int:
    """The network that an entry of `networks` means."""
    return int(one.get("networkId") or str(one.get("subnetId") or "").partition("-")[0])


def join(cloud: Cloud, server: str, one: Props) -> None:
    """Puts the server into a network."""
    one = {key: value for key, value in one.items() if value is not UNKNOWN}
    body: Row = {"network": network_of(one)}
    if one.get("ip"):
        body["ip"] = one["ip"]
    if one.get("aliasIps"):
        body["alias_ips"] = one["aliasIps"]
    if one.get("subnetId"):
        body["ip_range"] = one["subnetId"].partition("-")[2]
    cloud.act(f"/servers/{server}/actions/attach_to_network", body)


def changed(cloud: Cloud, server: str, old: Props, plan: Props) -> None:
    """Makes the server what the plan says."""
    cloud.call("GET", f"/servers/{server}")
    _refuse_what_no_machine_has(old, plan)
    body = renamed(old, plan, name="name", labels="labels")
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
        protect(cloud, server, plan)


def _refuse_what_no_machine_has(old: Props, plan: Props) -> None:
    for key in ("iso", "rescue"):
        if old.get(key) != plan.get(key):
            raise CloudError(f"the hcloud stand-in cannot change {key}: a rehearsal's machine has no such thing")


def _retype(cloud: Cloud, server: str, plan: Props) -> None:
    with_stop(cloud, server)
    body = {"server_type": plan["serverType"], "upgrade_disk": not plan["keepDisk"]}
    cloud.act(f"/servers/{server}/actions/change_type", body)
    cloud.act(f"/servers/{server}/actions/poweron")


def with_stop(cloud: Cloud, server: str) -> None:
    """Switches the server off."""
    cloud.act(f"/servers/{server}/actions/poweroff")


def _firewalls(cloud: Cloud, server: int, old: list[int], new: list[int]) -> None:
    entry = [{"type": "server", "server": {"id": server}}]
    # First the new ones: a server must not be open in between.
    for one in new:
        if one not in old:
            cloud.act(f"/firewalls/{one}/actions/apply_to_resources", {"apply_to": entry})
    for one in old:
        if one not in new:
            cloud.act(f"/firewalls/{one}/actions/remove_from_resources", {"remove_from": entry})


def _regroup(cloud: Cloud, server: str, old: Props, plan: Props) -> None:
    if old["placementGroupId"]:
        cloud.act(f"/servers/{server}/actions/remove_from_placement_group")
    if plan["placementGroupId"]:
        with_stop(cloud, server)
        body = {"placement_group": plan["placementGroupId"]}
        cloud.act(f"/servers/{server}/actions/add_to_placement_group", body)
        cloud.act(f"/servers/{server}/actions/poweron")


def _renetwork(cloud: Cloud, server: str, old: list[Props], new: list[Props]) -> None:
    kept = [one for one in new if any(_alike(one, before) for before in old)]
    for before in old:
        if not any(_alike(one, before) for one in kept):
            cloud.act(f"/servers/{server}/actions/detach_from_network", {"network": network_of(before)})
    for one in new:
        if one not in kept:
            join(cloud, server, one)


def _alike(one: Props, before: Props) -> bool:
    same_ip = one.get("ip") in (None, "", UNKNOWN, before.get("ip"))
    given_aliases = one.get("aliasIps") if isinstance(one.get("aliasIps"), list) else None
    return network_of(one) == network_of(before) and same_ip and given_aliases in (None, [], before.get("aliasIps"))


def _readdress(cloud: Cloud, server: str, old: list[Props], new: list[Props]) -> None:
    """Other primary IPs, for which the server must be off."""
    was, will = (old or [{}])[0], (new or [{}])[0]
    with_stop(cloud, server)
    public = cloud.call("GET", f"/servers/{server}")["server"]["public_net"]
    for kind in ("ipv4", "ipv6"):
        wanted = will.get(kind) or 0 if will.get(f"{kind}Enabled", True) else 0
        if will.get(f"{kind}Enabled", True) == was.get(f"{kind}Enabled", True) and wanted == (was.get(kind) or 0):
            continue
        if public[kind] is not None:
            cloud.act(f"/primary_ips/{public[kind]['id']}/actions/unassign")
        if will.get(f"{kind}Enabled", True) and not wanted:
            name = {"name": f"primary_ip-{server}-{kind}", "type": kind, "auto_delete": True}
            answer = cloud.call("POST", "/primary_ips", {**name, "assignee_id": int(server), "assignee_type": "server"})
            cloud.wait(answer)
        elif wanted:
            body = {"assignee_id": int(server), "assignee_type": "server"}
            cloud.act(f"/primary_ips/{wanted}/actions/assign", body)
    cloud.act(f"/servers/{server}/actions/poweron")
