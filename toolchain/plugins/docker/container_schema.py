"""Properties of `docker:index/container:Container`, version 5.2.0."""

from __future__ import annotations

from typing import Final

from toolchain.plugins.docker.labels import LABEL
from toolchain.plugins.docker.validators import at_least, base64_text, duration, host_path, matches
from toolchain.plugins.tfbridge.schema import Block, flag, frozen, group, listing, mapping, number, text

RATE: Final[Block] = {"path": text(required=True), "rate": number(required=True, check=at_least(0))}

MOUNT: Final[Block] = {
    "target": text(required=True),
    "source": text(),
    "type": text(required=True, check=matches("^(bind|volume|tmpfs)$")),
    "readOnly": flag(),
    "bindOptions": listing(
        {"propagation": text(check=matches("^(private|rprivate|shared|rshared|slave|rslave)$"))}, single=True
    ),
    "volumeOptions": listing(
        {
            "noCopy": flag(),
            "labels": group(LABEL),
            "driverName": text(),
            "driverOptions": mapping(),
            "subpath": text(force_new=True),
        },
        single=True,
    ),
    "tmpfsOptions": listing({"sizeBytes": number(), "mode": number()}, single=True, force_new=True),
}

VOLUME: Final = frozen(
    {
        "fromContainer": text(),
        "containerPath": text(),
        "hostPath": text(check=host_path),
        "volumeName": text(),
        "readOnly": flag(),
        "selinuxRelabel": text(check=matches("^(z|Z)$")),
    }
)

PORT: Final = frozen(
    {
        "internal": number(required=True),
        "external": number(computed=True),
        "ip": text(default="0.0.0.0"),  # noqa: S104  (the provider's default, D26)
        "protocol": text(default="tcp"),
    }
)

NETWORK: Final = frozen(
    {
        "name": text(required=True),
        "aliases": group(),
        "ipv4Address": text(),
        "ipv6Address": text(),
        "linkLocalIps": group(),
        "macAddress": text(),
        "driverOpts": group(),
        "gwPriority": number(check=at_least(0)),
    }
)

UPLOAD: Final = frozen(
    {
        "content": text(),
        "contentBase64": text(check=base64_text),
        "file": text(required=True),
        "executable": flag(default=False),
        "permissions": text(check=matches("^0[0-7]{3}$")),
        "source": text(),
        "sourceHash": text(),
    }
)

HEALTHCHECK: Final[Block] = {
    "tests": listing(),
    "interval": text(default="0s", check=duration),
    "timeout": text(default="0s", check=duration),
    "startPeriod": text(default="0s", check=duration),
    "startInterval": text(default="0s", check=duration),
    "retries": number(default=0, check=at_least(0)),
}

DEVICE: Final = frozen({"hostPath": text(required=True), "containerPath": text(), "permissions": text(default="rwm")})

DEVICE_REQUEST: Final = frozen(
    {
        "driver": text(default="cdi"),
        "count": number(default=0),
        "deviceIds": group(),
        "capabilities": group(),
        "options": mapping(),
    }
)

NETWORK_DATA: Final[Block] = {
    "networkName": text(is_input=False, computed=True),
    "ipAddress": text(is_input=False, computed=True),
    "ipPrefixLength": number(is_input=False, computed=True),
    "gateway": text(is_input=False, computed=True),
    "globalIpv6Address": text(is_input=False, computed=True),
    "globalIpv6PrefixLength": number(is_input=False, computed=True),
    "ipv6Gateway": text(is_input=False, computed=True),
    "macAddress": text(is_input=False, computed=True),
}

_REPLACING: Final = frozen(
    {
        "name": text(required=True),
        "image": text(required=True),
        "readOnly": flag(default=False),
        "hostname": text(computed=True),
        "domainname": text(),
        "command": listing(computed=True),
        "entrypoints": listing(computed=True),
        "user": text(blank_is_any=True),
        "workingDir": text(blank_is_any=True),
        "dns": group(),
        "dnsOpts": group(),
        "dnsSearches": group(),
        "publishAllPorts": flag(),
        "capabilities": group(frozen({"adds": group(), "drops": group()}), single=True),
        "securityOpts": group(computed=True),
        "runtime": text(computed=True),
        "platform": text(computed=True),
        "stopSignal": text(computed=True),
        "stopTimeout": number(computed=True),
        "mounts": group(MOUNT),
        "volumes": group(VOLUME),
        "ports": listing(PORT),
        "hosts": group(frozen({"ip": text(required=True), "host": text(required=True)})),
        "ulimits": group(
            frozen({"name": text(required=True), "soft": number(required=True), "hard": number(required=True)})
        ),
        "envs": group(computed=True),
        "privileged": flag(),
        "devices": group(DEVICE),
        "deviceRequests": group(DEVICE_REQUEST),
        "labels": group(LABEL, computed=True),
        "shmSize": number(computed=True, check=at_least(0)),
        "logDriver": text(computed=True),
        "logOpts": mapping(),
        "networkMode": text(default="bridge"),
        "networksAdvanced": group(NETWORK),
        "pidMode": text(),
        "usernsMode": text(),
        "uploads": group(UPLOAD),
        "sysctls": mapping(),
        "ipcMode": text(computed=True),
        "groupAdds": group(),
        "tty": flag(default=False),
        "stdinOpen": flag(default=False),
        "storageOpts": mapping(),
        "gpus": text(),
        "cpus": text(),
        "cgroupnsMode": text(),
        "cgroupParent": text(),
    }
)

CONTAINER: Final[Block] = {
    **_REPLACING,
    "rm": flag(default=False),
    "start": flag(default=True),
    "wait": flag(default=False),
    "waitTimeout": number(default=60),
    "attach": flag(default=False),
    "logs": flag(default=False),
    "mustRun": flag(default=True),
    "restart": text(default="no", check=matches("^(no|on-failure|always|unless-stopped)$")),
    "maxRetryCount": number(),
    "removeVolumes": flag(default=True),
    "tmpfs": mapping(),
    "deviceReadBps": group(RATE),
    "deviceReadIops": group(RATE),
    "deviceWriteBps": group(RATE),
    "deviceWriteIops": group(RATE),
    "destroyGraceSeconds": number(),
    "memory": number(check=at_least(0)),
    "memoryReservation": number(default=0, check=at_least(0)),
    "memorySwap": number(check=at_least(-1)),
    "cpuShares": number(check=at_least(0)),
    "cpuSet": text(check=matches(r"^\d+([,-]\d+)*$")),
    "cpuPeriod": number(check=at_least(0)),
    "cpuQuota": number(check=at_least(0)),
    "healthcheck": listing(HEALTHCHECK, single=True, computed=True),
    "containerReadRefreshTimeoutMilliseconds": number(default=15000),
    "init": flag(computed=True),
    "exitCode": number(is_input=False, computed=True),
    "containerLogs": text(is_input=False, computed=True),
    "bridge": text(is_input=False, computed=True),
    "networkDatas": listing(NETWORK_DATA, is_input=False, computed=True),
}
