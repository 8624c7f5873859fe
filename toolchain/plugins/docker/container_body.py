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
    given = {key: value for key, value in plan.items() if value is not UNKNOWN and value not in (None, "", [], {})}
    if "" in given.get("command", []):
        raise DaemonError("values for command may not be empty")
    exposed, _ = _ports(given.get("ports", []))
    volumes, _, _ = _volumes(given.get("volumes", []))
    body: Props = {
        "Image": given["image"],
        "Hostname": given.get("hostname", ""),
        "Domainname": given.get("domainname", ""),
        "Tty": given.get("tty", False),
        "OpenStdin": given.get("stdinOpen", False),
        "StopSignal": given.get("stopSignal", ""),
        "User": given.get("user", ""),
        "WorkingDir": given.get("workingDir", ""),
        "Env": given.get("envs"),
        "Cmd": given.get("command"),
        "Entrypoint": given.get("entrypoints"),
        "Labels": labels_of(given.get("labels")),
        "ExposedPorts": exposed,
        "Volumes": volumes,
        "HostConfig": _host_config(daemon, given),
        "NetworkingConfig": {},
    }
    if given.get("stopTimeout"):
        body["StopTimeout"] = given["stopTimeout"]
    if "healthcheck" in given:
        body["Healthcheck"] = _healthcheck(given["healthcheck"])
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


def _host_config(daemon: Daemon, given: Props) -> Props:
    _, bindings = _ports(given.get("ports", []))
    _, binds, from_containers = _volumes(given.get("volumes", []))
    capabilities = given.get("capabilities", {})
    config: Props = {
        "Privileged": given.get("privileged", False),
        "PublishAllPorts": given.get("publishAllPorts", False),
        "RestartPolicy": restart_policy(given),
        "Runtime": given.get("runtime", ""),
        "AutoRemove": given.get("rm", False),
        "ReadonlyRootfs": given.get("readOnly", False),
        "LogConfig": {"Type": given.get("logDriver", ""), "Config": given.get("logOpts")},
        "Mounts": [_mount(daemon, mount) for mount in given.get("mounts", [])],
        "Tmpfs": given.get("tmpfs"),
        "PortBindings": bindings,
        "ExtraHosts": [f"{entry['host']}:{entry['ip']}" for entry in given.get("hosts", [])],
        "Binds": binds,
        "VolumesFrom": from_containers,
        "CapAdd": capabilities.get("adds"),
        "CapDrop": capabilities.get("drops"),
        "Dns": given.get("dns"),
        "DnsOptions": given.get("dnsOpts"),
        "DnsSearch": given.get("dnsSearches"),
        "GroupAdd": given.get("groupAdds"),
        "NetworkMode": given.get("networkMode", ""),
        "UsernsMode": given.get("usernsMode", ""),
        "PidMode": given.get("pidMode", ""),
        "IpcMode": given.get("ipcMode", ""),
        "Sysctls": given.get("sysctls"),
        "StorageOpt": given.get("storageOpts"),
        "CgroupParent": given.get("cgroupParent", ""),
        "Init": given.get("init", False),
    }
    return {**config, **_security(given), **_resources(given), **devices(given), **_cgroup_namespace(given)}


def restart_policy(given: Props) -> Props:
    """When the daemon starts the container again by itself."""
    return {"Name": given.get("restart") or "", "MaximumRetryCount": given.get("maxRetryCount") or 0}


def _security(given: Props) -> Props:
    options = given.get("securityOpts", [])
    if _UNCONFINED not in options:
        return {"SecurityOpt": options}
    # The daemon does not know this option: docker's client turns it into empty lists of masked paths.
    return {"SecurityOpt": [o for o in options if o != _UNCONFINED], "MaskedPaths": [], "ReadonlyPaths": []}


def _resources(given: Props) -> Props:
    swap = given.get("memorySwap", 0)
    resources: Props = {
        "Memory": given.get("memory", 0) * _MB,
        "MemoryReservation": given.get("memoryReservation", 0) * _MB,
        "MemorySwap": swap * _MB if swap > 0 else swap,
        "ShmSize": given.get("shmSize", 0) * _MB,
        "CpuShares": given.get("cpuShares", 0),
        "CpusetCpus": given.get("cpuSet", ""),
        "Ulimits": [{"Name": u["name"], "Soft": u["soft"], "Hard": u["hard"]} for u in given.get("ulimits", [])],
        **throttles(given),
    }
    if "cpus" in given:
        resources["NanoCpus"] = _nano_cpus(given["cpus"])
    else:
        resources["CpuPeriod"] = given.get("cpuPeriod", 0)
        resources["CpuQuota"] = given.get("cpuQuota", 0)
    return resources


def _nano_cpus(cpus: str) -> int:
    try:
        nano = Decimal(cpus) * 1_000_000_000
    except InvalidOperation as bad:
        raise DaemonError(f"Error setting cpus: failed to parse {cpus} as a rational number") from bad
    if nano != int(nano):
        raise DaemonError("Error setting cpus: value is too precise")
    return int(nano)


def _cgroup_namespace(given: Props) -> Props:
    mode = given.get("cgroupnsMode", "")
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
