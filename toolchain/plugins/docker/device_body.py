"""Devices of a container, to the daemon and back: block device limits, mapped devices, GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolchain.plugins.base import UNKNOWN
from toolchain.plugins.docker.daemon import DaemonError

if TYPE_CHECKING:
    from toolchain.plugins.base import Props


def throttles(values: Props) -> Props:
    """Limits of block devices, by path."""
    names = {
        "deviceReadBps": "BlkioDeviceReadBps",
        "deviceReadIops": "BlkioDeviceReadIOps",
        "deviceWriteBps": "BlkioDeviceWriteBps",
        "deviceWriteIops": "BlkioDeviceWriteIOps",
    }
    return {
        theirs: [{"Path": limit["path"], "Rate": limit["rate"]} for limit in values[ours]]
        for ours, theirs in names.items()
        if values.get(ours)
    }


def devices(values: Props) -> Props:
    """Mapped devices, and what a device plugin is asked for."""
    mapped = [
        {
            "PathOnHost": device["hostPath"],
            "PathInContainer": device["containerPath"] or device["hostPath"],
            "CgroupPermissions": device["permissions"],
        }
        for device in values.get("devices", [])
    ]
    requests = [
        {
            "Driver": request["driver"],
            "Count": request["count"],
            "DeviceIDs": request["deviceIds"],
            "Capabilities": [request["capabilities"]],
            "Options": request["options"] or {},
        }
        for request in values.get("deviceRequests", [])
    ]
    if "gpus" in values:
        requests = [_gpu_request(values["gpus"])]
    return {"Devices": mapped, "DeviceRequests": requests or None}


def _gpu_request(gpus: str) -> Props:
    """Docker's own `--gpus` notation: all, a number, or device=0,2."""
    bare = gpus.strip().strip("'\"").strip()
    base: dict[str, Any] = {"Driver": "", "Capabilities": [["gpu"]], "Options": {}}
    if bare.startswith("device="):
        return {**base, "Count": 0, "DeviceIDs": bare.removeprefix("device=").split(",")}
    try:
        count = -1 if bare == "all" else int(bare.removeprefix("count="))
    except ValueError as bad:
        raise DaemonError(f"Error setting gpus: unexpected value {gpus!r}") from bad
    return {**base, "Count": count, "DeviceIDs": None}


def is_set(value: Any) -> bool:
    """Whether a property has a value that says anything."""
    return value is not None and value is not UNKNOWN and value not in ("", [], {})


def devices_from(devices: list[Props], inputs: list[Props]) -> list[Props]:
    """The path inside shows only where the user gave one."""
    named = {device["hostPath"] for device in inputs if device.get("containerPath")}
    return [
        {
            "hostPath": device["PathOnHost"],
            "containerPath": device["PathInContainer"] if device["PathOnHost"] in named else "",
            "permissions": device["CgroupPermissions"],
        }
        for device in devices
    ]


def requests_from(requests: list[Props], state: Props) -> Props:
    """GPUs and other requests, each only where the user asked for one and only in a form that can say it."""
    if is_set(state.get("gpus")):
        if len(requests) != 1:
            return {} if requests else {"gpus": ""}
        ids = requests[0]["DeviceIDs"]
        if ids:
            return {"gpus": f"device={','.join(ids)}"}
        words = [word.lower() for group in requests[0]["Capabilities"] or [] for word in group]
        return {"gpus": "all"} if requests[0]["Count"] == -1 and "gpu" in words else {}
    if not is_set(state.get("deviceRequests")):
        return {}
    return {
        "deviceRequests": [
            {
                "driver": request["Driver"],
                "count": request["Count"],
                "deviceIds": request["DeviceIDs"] or [],
                "capabilities": (request["Capabilities"] or [[]])[0],
                "options": request["Options"] or {},
            }
            for request in requests
        ]
    }
