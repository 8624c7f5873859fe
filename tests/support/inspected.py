"""What `docker inspect` would say of a container that is as described, for tests that change it."""

from __future__ import annotations

from homeport.model.container import container_spec


def inspected(blueprint, service):
    """Of a service's container, running and healthy."""
    spec = container_spec(blueprint, service)
    kinds = {"volume": ("volume", "Name"), "bind": ("bind", "Source"), "files": ("volume", "Name")}
    return {
        "Id": spec.name,
        "Name": f"/{spec.name}",
        "Config": {"User": spec.user},
        "HostConfig": {
            "ReadonlyRootfs": spec.read_only,
            "CapDrop": ["ALL"],
            "CapAdd": list(spec.capabilities_added),
            "Privileged": False,
            "SecurityOpt": ["no-new-privileges:true"],
            "PidMode": "",
            "UTSMode": "",
            "IpcMode": spec.ipc,
            "Devices": [],
            "Memory": spec.memory << 20,
            "NanoCpus": int(float(spec.cpus) * 1e9),
            "PidsLimit": spec.pids,
        },
        "NetworkSettings": {
            "Ports": {
                "2019/tcp": None,
                **{
                    f"{port.inside}/{port.protocol}": [{"HostIp": port.address, "HostPort": str(port.outside)}]
                    for port in spec.ports
                },
            },
            "Networks": {name: {} for name in spec.seen_networks or ("none",)},
        },
        "Mounts": [
            {
                "Type": kinds[mount.kind][0],
                kinds[mount.kind][1]: mount.source or f"{spec.name}-files",
                "RW": not mount.read_only,
            }
            for mount in spec.mounts
        ],
        "State": {"Status": "running", **({"Health": {"Status": "healthy"}} if spec.probe else {})},
    }
