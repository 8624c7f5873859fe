"""A container as the daemon describes it, in the properties of the official plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolchain.plugins import go_duration
from toolchain.plugins.docker.device_body import devices_from, is_set, requests_from

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

_MB: Final = 1024 * 1024
_NANO: Final = 1_000_000_000
_DIGITS: Final = 9


def read_back(container: Props, state: Props) -> Props:
    """What the official plugin reads back; environment, labels, uploads and networks are not among it (D23, D27).

    Args:
        container: The daemon's answer to inspect.
        state: The plan of a new container, the old state of one that is refreshed.
    """
    config, host = container["Config"], container["HostConfig"]
    read: Props = {
        "name": container["Name"].lstrip("/"),
        "rm": host["AutoRemove"],
        "readOnly": host["ReadonlyRootfs"],
        "image": container["Image"] if str(state.get("image") or "").startswith("sha256:") else config["Image"],
        "hostname": config["Hostname"],
        "domainname": config["Domainname"],
        "command": config["Cmd"] or [],
        "entrypoints": config["Entrypoint"] or [],
        "user": config["User"],
        "workingDir": config["WorkingDir"],
        "publishAllPorts": host["PublishAllPorts"],
        "restart": host["RestartPolicy"]["Name"],
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "init": bool(host.get("Init")),
        "runtime": host["Runtime"],
        "platform": container["Platform"],
        "privileged": host["Privileged"],
        "networkMode": host["NetworkMode"],
        "usernsMode": host["UsernsMode"],
        "ipcMode": host["IpcMode"],
        "logDriver": host["LogConfig"]["Type"],
        **_terminal(config),
        **_collections(host, state),
        **_limits(host),
        **_running(container, state),
    }
    if is_set(state.get("pidMode")):
        read["pidMode"] = host["PidMode"]
    if config.get("Healthcheck") is not None:
        read["healthcheck"] = _healthcheck(config["Healthcheck"])
    return read


def _terminal(config: Props) -> Props:
    return {
        "tty": config["Tty"],
        "stdinOpen": config["OpenStdin"],
        "stopSignal": config.get("StopSignal", ""),
        "stopTimeout": config.get("StopTimeout") or 0,
    }


def _running(container: Props, state: Props) -> Props:
    """What depends on whether it runs: a container that should run and does not shows as `mustRun: false`."""
    running, must_run = container["State"]["Running"], state.get("mustRun") is True
    networks = container["NetworkSettings"]
    read: Props = {"bridge": networks.get("Bridge", ""), "networkDatas": _networks(networks.get("Networks") or {})}
    if (running or must_run) and is_set(state.get("ports")):
        read["ports"] = _ports(networks.get("Ports") or {})
    if not running:
        read["exitCode"] = container["State"]["ExitCode"]
        if must_run:
            read["mustRun"] = False
    return read


def _networks(networks: Props) -> list[Props]:
    return [
        {
            "networkName": name,
            "ipAddress": endpoint["IPAddress"],
            "ipPrefixLength": endpoint["IPPrefixLen"],
            "gateway": endpoint["Gateway"],
            "globalIpv6Address": endpoint["GlobalIPv6Address"],
            "globalIpv6PrefixLength": endpoint["GlobalIPv6PrefixLen"],
            "ipv6Gateway": endpoint["IPv6Gateway"],
            "macAddress": endpoint["MacAddress"],
        }
        for name, endpoint in sorted(networks.items())
    ]


def _ports(ports: Props) -> list[Props]:
    """Published ports by number inside the container (D26)."""
    return [
        {
            "internal": int(key.split("/")[0]),
            "external": int(binding["HostPort"] or 0),
            "ip": binding["HostIp"],
            "protocol": key.split("/")[1],
        }
        for key in sorted(ports, key=lambda key: int(key.split("/")[0]))
        for binding in ports[key] or []
    ]


def _collections(host: Props, state: Props) -> Props:
    read: Props = {
        "dns": host["Dns"] or [],
        "dnsOpts": host["DnsOptions"] or [],
        "dnsSearches": host["DnsSearch"] or [],
        "securityOpts": host["SecurityOpt"] or [],
        "groupAdds": host["GroupAdd"] or [],
        "tmpfs": host.get("Tmpfs") or {},
        "sysctls": host.get("Sysctls") or {},
        "storageOpts": host.get("StorageOpt") or {},
        "logOpts": (host["LogConfig"]["Config"] or {}) if is_set(state.get("logOpts")) else {},
        "mounts": [_mount(mount) for mount in host.get("Mounts") or []],
        "hosts": [_extra_host(entry) for entry in host["ExtraHosts"] or []],
    }
    if host["CapAdd"] or host["CapDrop"]:
        read["capabilities"] = {"adds": host["CapAdd"] or [], "drops": host["CapDrop"] or []}
    if is_set(state.get("ulimits")):
        limits = host["Ulimits"] or []
        read["ulimits"] = [{"name": u["Name"], "soft": u["Soft"], "hard": u["Hard"]} for u in limits]
    if is_set(state.get("devices")):
        read["devices"] = devices_from(host["Devices"] or [], state["devices"])
    return {**read, **requests_from(host.get("DeviceRequests") or [], state)}


def _extra_host(entry: str) -> Props:
    parts = entry.split(":")
    return {"host": parts[0], "ip": parts[1]}


def _limits(host: Props) -> Props:
    swap = host["MemorySwap"]
    read: Props = {
        "memory": host["Memory"] // _MB,
        "memoryReservation": host["MemoryReservation"] // _MB,
        "memorySwap": swap // _MB if swap > 0 else swap,
        "shmSize": host["ShmSize"] // _MB,
        "cpuShares": host["CpuShares"],
        "cpuSet": host["CpusetCpus"],
    }
    for name, theirs in (
        ("deviceReadBps", "BlkioDeviceReadBps"),
        ("deviceReadIops", "BlkioDeviceReadIOps"),
        ("deviceWriteBps", "BlkioDeviceWriteBps"),
        ("deviceWriteIops", "BlkioDeviceWriteIOps"),
    ):
        read[name] = [{"path": limit["Path"], "rate": limit["Rate"]} for limit in host.get(theirs) or []]
    if host["NanoCpus"] > 0:
        read["cpus"] = _cpus(host["NanoCpus"])
    return read


def _cpus(nano: int) -> str:
    """Billionths as a decimal: 1.0, 1.5, 0.25."""
    whole, fraction = divmod(nano, _NANO)
    digits = f"{fraction:09d}"
    # Nine zeros anywhere make the provider write one decimal only, 10.5 and 100.25 among them.
    if (f"{whole}.{digits}").count("0") == _DIGITS:
        tenths = (nano * 10 + _NANO // 2) // _NANO
        return f"{tenths // 10}.{tenths % 10}"
    return f"{whole}.{digits}".rstrip("0")


def _mount(mount: Props) -> Props:
    read: Props = {
        "target": mount["Target"],
        "source": mount.get("Source", ""),
        "type": mount["Type"],
        "readOnly": mount.get("ReadOnly", False),
        "bindOptions": None,
        "volumeOptions": None,
        "tmpfsOptions": None,
    }
    if mount.get("BindOptions") is not None:
        read["bindOptions"] = {"propagation": mount["BindOptions"].get("Propagation", "")}
    if mount.get("VolumeOptions") is not None:
        options = mount["VolumeOptions"]
        driver = options.get("DriverConfig") or {}
        read["volumeOptions"] = {
            "noCopy": options.get("NoCopy", False),
            # The provider misnames the values of these labels and so loses them.
            "labels": [{"label": label, "value": ""} for label in sorted(options.get("Labels") or {})],
            "driverName": driver.get("Name", ""),
            "driverOptions": driver.get("Options") or {},
            "subpath": options.get("Subpath", ""),
        }
    if mount.get("TmpfsOptions") is not None:
        options = mount["TmpfsOptions"]
        read["tmpfsOptions"] = {"sizeBytes": options.get("SizeBytes", 0), "mode": options.get("Mode", 0)}
    return read


def _healthcheck(check: Props) -> Props:
    """The check with durations as Go writes them: "90s" comes back as "1m30s" (D12)."""
    return {
        "tests": check.get("Test") or [],
        "interval": go_duration.show(check.get("Interval", 0)),
        "timeout": go_duration.show(check.get("Timeout", 0)),
        "startPeriod": go_duration.show(check.get("StartPeriod", 0)),
        "startInterval": go_duration.show(check.get("StartInterval", 0)),
        "retries": check.get("Retries", 0),
    }
