"""`docker:index/network:Network`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from toolchain.plugins import context

from .daemon import DaemonError
from .other_schemas import NETWORK
from .resource import Bridged

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

    from .tfschema import Block

_GONE: Final = 404
# Containers that are being removed still count as endpoints for a moment (D24): as long as the official plugin waits.
_PATIENCE: Final = 30.0
_PAUSE: Final = 0.5


def labels_of(items: list[Props] | None) -> dict[str, str]:
    """Docker's map for a list of label and value."""
    return {item["label"]: item["value"] for item in items or []}


def labels_from(labels: dict[str, str] | None) -> list[Props]:
    """The list of label and value for Docker's map."""
    return [{"label": label, "value": value} for label, value in sorted((labels or {}).items())]


class Network(Bridged):
    """A network of the daemon; every change replaces it."""

    schema: ClassVar[Block] = NETWORK
    autoname: ClassVar[bool] = True

    def make(self, plan: Props) -> str:
        """Creates the network; two networks of one name are refused, unlike the bare API."""
        given: Props = {
            key: value for key, value in plan.items() if isinstance(value, (str, bool, list, dict)) and value
        }
        body: Props = {
            "Name": given["name"],
            "CheckDuplicate": True,
            "Driver": given.get("driver", "bridge"),
            "Internal": given.get("internal", False),
            "Attachable": given.get("attachable", False),
            "Ingress": given.get("ingress", False),
            "Options": given.get("options"),
            "Labels": labels_of(given.get("labels")),
            "IPAM": {
                "Driver": given.get("ipamDriver", "default"),
                "Options": given.get("ipamOptions"),
                "Config": [_ipam(config) for config in given.get("ipamConfigs", [])],
            },
        }
        if given.get("ipv6"):
            body["EnableIPv6"] = True
        try:
            return str(self.daemon().call("POST", "/networks/create", body)["Id"])
        except DaemonError as refused:
            raise DaemonError(f"Unable to create network: {refused}", refused.status) from refused

    def look(self, id: str, state: Props) -> tuple[str, Props] | None:  # noqa: A002, ARG002
        """Inspects it."""
        try:
            found = self.daemon().call("GET", f"/networks/{quote(id)}")
        except DaemonError as refused:
            if refused.status == _GONE:
                return None
            raise
        return id, {
            "name": found["Name"],
            "labels": labels_from(found["Labels"]),
            "driver": found["Driver"],
            "internal": found["Internal"],
            "attachable": found["Attachable"],
            "ingress": found["Ingress"],
            "ipv6": found["EnableIPv6"],
            "ipamDriver": found["IPAM"]["Driver"],
            "ipamOptions": found["IPAM"]["Options"] or {},
            "scope": found["Scope"],
            "options": found["Options"] or {},
            "ipamConfigs": [ipam_from(config) for config in found["IPAM"]["Config"] or []],
        }

    def remove(self, id: str, state: Props) -> None:  # noqa: A002, ARG002
        """Removes it; waits for containers that are just leaving."""
        waited = 0.0
        while True:
            try:
                self.daemon().call("DELETE", f"/networks/{quote(id)}")
            except DaemonError as refused:
                if refused.status == _GONE:
                    return
                if "has active endpoints" not in str(refused):
                    raise
                if waited >= _PATIENCE:
                    raise DaemonError(
                        "timeout while waiting for state to become 'removed' (last state: 'pending', timeout: 30s)"
                    ) from refused
            else:
                return
            context.current().sleep(_PAUSE)
            waited += _PAUSE


def _ipam(config: Props) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Subnet": config["subnet"],
        "IPRange": config["ipRange"],
        "Gateway": config["gateway"],
        "AuxiliaryAddresses": config["auxAddress"],
    }
    return {key: value for key, value in body.items() if value}


def ipam_from(config: Props) -> Props:
    """An address range as the provider shows it."""
    return {
        "subnet": config.get("Subnet", ""),
        "ipRange": config.get("IPRange", ""),
        "gateway": config.get("Gateway", ""),
        "auxAddress": config.get("AuxiliaryAddresses") or {},
    }
