"""The daemon's form of a container: what `POST /containers/create` takes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from toolchain.plugins import go_duration
from toolchain.plugins.base import UNKNOWN, Props
from toolchain.plugins.docker.daemon import Daemon, DaemonError
from toolchain.plugins.docker.device_body import devices, throttles
from toolchain.plugins.docker.labels import labels_of

_MB: Final = 1024 * 1024
_UNCONFINED: Final = "systempaths=unconfined"


def body_of(daemon: Daemon, plan: Props) -> Props:
    """The request body for a plan.

    Raises:
        DaemonError: For values that no daemon need see.
    """
    values = {key: value for key, value in plan.items() if value is not UNKNOWN and value not in (None, "", [], {})}
    if "" in values.get("command", []):
        raise DaemonError("values for command may not be empty")
    exposed, _ = _ports(values.get("ports", []))
    volumes, _, _ = _volumes(values.get("volumes", []))
    body: Props = {
        "Image": values["image"],
        "Hostname": values.get("hostname", ""),
        "Domainname": values.get("domainname", ""),
        "Tty": values.get("tty", False),
        "OpenStdin": values.get("stdinOpen", False),
        "StopSignal": values.get("stopSignal", ""),
        "User": values.get("user", ""),
        "WorkingDir": values.get("workingDir", ""),
        "Env": values.get("envs"),
        "Cmd": values.get("command"),
        "Entrypoint": values.get("entrypoints"),
        "Labels": labels_of(values.get("labels")),
        "ExposedPorts": exposed,
        "Volumes": volumes,
        "HostConfig": _host_config(daemon, values),
        "NetworkingConfig": {},
    }
    if values.get("stopTimeout"):
        body["StopTimeout"] = values["stopTimeout"]
    if "healthcheck" in values:
        body["Healthcheck"] = _healthcheck(values["healthcheck"])
    return body


def _healthcheck(check: Props) -> Props:
    return {
        "Test": check["tests"] or [],
        "Interval": go_duration.parse(check["interval"]),
        "Timeout": go_duration.parse(check["timeout"]),
        "StartPeriod": go_duration.parse(check["startPeriod"]),
        "StartInterval": go_duration.parse(check["startInterval"]),
        "Retries": check["retries"],
    }


def _host_config(daemon: Daemon, values: Props) -> Props:
    _, bindings = _ports(values.get("ports", []))
    _, binds, from_containers = _volumes(values.get("volumes", []))
    capabilities = values.get("capabilities", {})
    config: Props = {
        "Privileged": values.get("privileged", False),
        "PublishAllPorts": values.get("publishAllPorts", False),
        "RestartPolicy": restart_policy(values),
        "Runtime": values.get("runtime", ""),
        "AutoRemove": values.get("rm", False),
        "ReadonlyRootfs": values.get("readOnly", False),
        "LogConfig": {"Type": values.get("logDriver", ""), "Config": values.get("logOpts")},
        "Mounts": [_mount(daemon, mount) for mount in values.get("mounts", [])],
        "Tmpfs": values.get("tmpfs"),
        "PortBindings": bindings,
        "ExtraHosts": [f"{entry['host']}:{entry['ip']}" for entry in values.get("hosts", [])],
        "Binds": binds,
        "VolumesFrom": from_containers,
        "CapAdd": capabilities.get("adds"),
        "CapDrop": capabilities.get("drops"),
        "Dns": values.get("dns"),
        "DnsOptions": values.get("dnsOpts"),
        "DnsSearch": values.get("dnsSearches"),
        "GroupAdd": values.get("groupAdds"),
        "NetworkMode": values.get("networkMode", ""),
        "UsernsMode": values.get("usernsMode", ""),
        "PidMode": values.get("pidMode", ""),
        "IpcMode": values.get("ipcMode", ""),
        "Sysctls": values.get("sysctls"),
        "StorageOpt": values.get("storageOpts"),
        "CgroupParent": values.get("cgroupParent", ""),
        "Init": values.get("init", False),
    }
    return {**config, **_security(values), **_resources(values), **devices(values), **_cgroup_namespace(values)}


def restart_policy(values: Props) -> Props:
    """When the daemon starts the container again by itself."""
    return {"Name": values.get("restart") or "", "MaximumRetryCount": values.get("maxRetryCount") or 0}


def _security(values: Props) -> Props:
    options = values.get("securityOpts", [])
    if _UNCONFINED not in options:
        return {"SecurityOpt": options}
    # The daemon does not know this option: docker's client turns it into empty lists of masked paths.
    return {"SecurityOpt": [o for o in options if o != _UNCONFINED], "MaskedPaths": [], "ReadonlyPaths": []}


def _resources(values: Props) -> Props:
    swap = values.get("memorySwap", 0)
    resources: Props = {
        "Memory": values.get("memory", 0) * _MB,
        "MemoryReservation": values.get("memoryReservation", 0) * _MB,
        "MemorySwap": swap * _MB if swap > 0 else swap,
        "ShmSize": values.get("shmSize", 0) * _MB,
        "CpuShares": values.get("cpuShares", 0),
        "CpusetCpus": values.get("cpuSet", ""),
        "Ulimits": [{"Name": u["name"], "Soft": u["soft"], "Hard": u["hard"]} for u in values.get("ulimits", [])],
        **throttles(values),
    }
    if "cpus" in values:
        resources["NanoCpus"] = _nano_cpus(values["cpus"])
    else:
        resources["CpuPeriod"] = values.get("cpuPeriod", 0)
        resources["CpuQuota"] = values.get("cpuQuota", 0)
    return resources


def _nano_cpus(cpus: str) -> int:
    try:
        nano = Decimal(cpus) * 1_000_000_000
    except InvalidOperation as bad:
        raise DaemonError(f"Error setting cpus: failed to parse {cpus} as a rational number") from bad
    if nano != int(nano):
        raise DaemonError("Error setting cpus: value is too precise")
    return int(nano)


def _cgroup_namespace(values: Props) -> Props:
    mode = values.get("cgroupnsMode", "")
    if mode not in ("", "private", "host"):
        raise DaemonError("cgroupns_mode: invalid CGROUP mode, must be either 'private', 'host' or empty")
    return {"CgroupnsMode": mode}


def _ports(ports: list[Props]) -> tuple[Props, Props]:
    """Exposed ports, and the host's sides of each; port 0 lets the daemon choose one."""
    exposed: Props = {}
    bindings: Props = {}
    for port in ports:
        key = f"{port['internal']}/{port['protocol']}"
        external = 0 if port["external"] in (None, UNKNOWN) else port["external"]
        exposed[key] = {}
        bindings.setdefault(key, []).append({"HostIp": port["ip"] or "", "HostPort": str(external)})
    return exposed, bindings


def _volumes(volumes: list[Props]) -> tuple[Props, list[str], list[str]]:
    """Mount points, binds and the containers that lend their volumes."""
    points: Props = {}
    binds: list[str] = []
    lenders: list[str] = []
    for volume in volumes:
        lender, path = volume["fromContainer"], volume["containerPath"]
        if not lender and not path:
            raise DaemonError("Unable to parse volumes: volume entry without container path or source container")
        if lender and path:
            raise DaemonError("Unable to parse volumes: both a container and a path specified in a volume entry")
        if lender:
            lenders.append(lender)
            continue
        points[path] = {}
        source = volume["hostPath"] or volume["volumeName"]
        if source:
            mode = "ro" if volume["readOnly"] else "rw"
            label = f",{volume['selinuxRelabel']}" if volume["selinuxRelabel"] else ""
            binds.append(f"{source}:{path}:{mode}{label}")
    return points, binds, lenders


def _mount(daemon: Daemon, mount: Props) -> Props:
    body: Props = {
        "Type": mount["type"],
        "Target": mount["target"],
        "Source": mount["source"],
        "ReadOnly": bool(mount["readOnly"]),
    }
    if mount["type"] == "bind" and mount["bindOptions"] is not None:
        body["BindOptions"] = {"Propagation": mount["bindOptions"]["propagation"]}
    if mount["type"] == "volume" and mount["volumeOptions"] is not None:
        options = mount["volumeOptions"]
        if [int(part) for part in daemon.version.split(".")] < [1, 45]:
            raise DaemonError("Setting VolumeOptions.Subpath requires docker version 1.45 or higher")
        body["VolumeOptions"] = {
            "NoCopy": bool(options["noCopy"]),
            "Labels": labels_of(options["labels"]),
            "DriverConfig": {"Name": options["driverName"], "Options": options["driverOptions"] or {}},
            "Subpath": options["subpath"],
        }
    if mount["type"] == "tmpfs" and mount["tmpfsOptions"] is not None:
        options = mount["tmpfsOptions"]
        body["TmpfsOptions"] = {"SizeBytes": options["sizeBytes"] or 0, "Mode": options["mode"] or 0}
    return body
