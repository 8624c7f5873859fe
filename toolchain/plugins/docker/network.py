"""`docker:index/network:Network`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from toolchain.plugins.docker.daemon import DaemonError
from toolchain.plugins.docker.labels import LABEL, labels_from, labels_of
from toolchain.plugins.docker.resource import DockerType, remove_when_free
from toolchain.plugins.tfbridge.schema import Block, flag, frozen, group, mapping, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

_IPAM: Final = frozen({"subnet": text(), "ipRange": text(), "gateway": text(), "auxAddress": mapping()})

NETWORK: Final[Block] = {
    **frozen(
        {
            "name": text(required=True),
            "labels": group(LABEL),
            "driver": text(computed=True),
            "options": mapping(computed=True),
            "internal": flag(computed=True),
            "attachable": flag(),
            "ingress": flag(),
            "ipv6": flag(),
            "ipamDriver": text(default="default"),
            "ipamOptions": mapping(),
            "ipamConfigs": group(_IPAM, computed=True),
        }
    ),
    "scope": text(is_input=False, computed=True),
}


class Network(DockerType):
    """A network of the daemon; every change replaces it."""

    schema: ClassVar[Block] = NETWORK
    autoname: ClassVar[bool] = True

    def make(self, plan: Props, news: Props) -> str:
        """Creates the network; two networks of one name are refused, unlike the bare API."""
        chosen: Props = {
            key: value for key, value in plan.items() if isinstance(value, (str, bool, list, dict)) and value
        }
        body: Props = {
            "Name": chosen["name"],
            "CheckDuplicate": True,
            "Driver": chosen.get("driver", "bridge"),
            "Internal": chosen.get("internal", False),
            "Attachable": chosen.get("attachable", False),
            "Ingress": chosen.get("ingress", False),
            "Options": chosen.get("options"),
            "Labels": labels_of(chosen.get("labels")),
            "IPAM": {
                "Driver": chosen.get("ipamDriver", "default"),
                "Options": chosen.get("ipamOptions"),
                "Config": [_ipam(config) for config in chosen.get("ipamConfigs", [])],
            },
        }
        if chosen.get("ipv6"):
            body["EnableIPv6"] = True
        try:
            return str(self.daemon().call("POST", "/networks/create", body)["Id"])
        except DaemonError as refused:
            raise DaemonError(f"Unable to create network: {refused}", refused.status) from refused

    def look(self, id: str, state: Props) -> Props | None:
        """Inspects it."""
        network = self.daemon().find(f"/networks/{quote(id)}")
        return network and {
            "name": network["Name"],
            "labels": labels_from(network["Labels"]),
            "internal": network["Internal"],
            "attachable": network["Attachable"],
            "ingress": network["Ingress"],
            "ipv6": network["EnableIPv6"],
            "ipamDriver": network["IPAM"]["Driver"],
            "ipamOptions": network["IPAM"]["Options"] or {},
            **look_of(network),
        }

    def remove(self, id: str, state: Props) -> None:
        """Removes it."""
        path = f"/networks/{quote(id)}"
        remove_when_free(self.daemon(), path, busy="has active endpoints", state="pending")


def look_of(network: dict[str, Any]) -> Props:
    """What resource and function show alike of a network."""
    return {
        "driver": network["Driver"],
        "options": network["Options"] or {},
        "scope": network["Scope"],
        "ipamConfigs": [_ipam_from(config) for config in network["IPAM"]["Config"] or []],
    }


def _ipam(config: Props) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Subnet": config["subnet"],
        "IPRange": config["ipRange"],
        "Gateway": config["gateway"],
        "AuxiliaryAddresses": config["auxAddress"],
    }
    return {key: value for key, value in body.items() if value}


def _ipam_from(config: Props) -> Props:
    return {
        "subnet": config.get("Subnet", ""),
        "ipRange": config.get("IPRange", ""),
        "gateway": config.get("Gateway", ""),
        "auxAddress": config.get("AuxiliaryAddresses") or {},
    }
