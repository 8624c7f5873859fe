"""The docker component's adapter of a container specification: the same values as the provider's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_docker as docker

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.host import Host
    from homeport.model.container import ContainerSpec, Probe


def arguments(
    host: Host,
    spec: ContainerSpec,
    volumes: Mapping[str, pulumi.Input[str]],
    networks: Mapping[str, pulumi.Input[str]],
) -> dict[str, Any]:
    """The inputs of a container, its image aside.

    Args:
        host: Where it runs.
        spec: The container.
        volumes: Name in Docker of each volume to the output by which it is waited for; empty text: its own files.
        networks: The same for its networks.
    """
    attached = [*(networks[name] for name in spec.networks if name not in spec.later_networks), *spec.joined]
    # The provider takes an address with a further network only: this one's main network is Docker's own bridge, which
    # it leaves before it starts (terraform-provider-docker, resource_docker_container_funcs.go).
    main, further = ("bridge", attached) if spec.address else (attached[0] if attached else "", attached[1:])
    return {
        "name": spec.name,
        "hostname": spec.hostname,
        "entrypoints": list(spec.entrypoint) or None,
        "command": list(spec.command) or None,
        "envs": [f"{key}={value}" for key, value in spec.env.items()] or None,
        "user": spec.user,
        "group_adds": list(spec.groups) or None,
        "read_only": spec.read_only,
        "security_opts": list(spec.security_options),
        "capabilities": docker.ContainerCapabilitiesArgs(
            drops=list(spec.capabilities_dropped), adds=list(spec.capabilities_added) or None
        ),
        "tmpfs": dict(spec.tmpfs) or None,
        "shm_size": spec.shm_size,
        "ipc_mode": spec.ipc,
        "init": spec.init,
        # Both, and equal: with memory alone every later preview shows an update.
        "memory": spec.memory,
        "memory_swap": spec.memory,
        "cpus": spec.cpus,
        # No pids: the provider has no input for it, components/scripts/gate.sh sets the limit.
        "ulimits": [
            docker.ContainerUlimitArgs(name=limit.name, soft=limit.soft, hard=limit.hard) for limit in spec.ulimits
        ],
        "restart": spec.restart,
        "must_run": True,
        "log_driver": spec.log_driver,
        "log_opts": dict(spec.log_options),
        "healthcheck": _healthcheck(spec.probe) if spec.probe else None,
        # Without it the provider stops with SIGKILL at once.
        "destroy_grace_seconds": spec.grace,
        "stop_timeout": spec.grace,
        "stop_signal": spec.stop_signal,
        # Unsaid where a volume is written to: the state then has null, and false from the first refresh on, which the
        # provider counts as the same.
        "volumes": [
            docker.ContainerVolumeArgs(host_path=mount.source, container_path=mount.target, read_only=mount.read_only)
            if mount.kind == "bind"
            else docker.ContainerVolumeArgs(
                volume_name=volumes[mount.source], container_path=mount.target, read_only=mount.read_only or None
            )
            for mount in spec.mounts
        ],
        "network_mode": spec.network_mode if spec.host_network or not attached else main,
        "networks_advanced": [
            docker.ContainerNetworksAdvancedArgs(
                name=network, ipv4_address=spec.address if spec.address and network is attached[0] else None
            )
            for network in further
        ]
        or None,
        "ports": [
            docker.ContainerPortArgs(
                internal=port.inside, external=port.outside, ip=port.address, protocol=port.protocol
            )
            for port in spec.ports
        ]
        or None,
        "hosts": [docker.ContainerHostArgs(host=name, ip=address) for name, address in sorted(spec.extra_hosts.items())]
        or None,
        "dns": list(spec.resolvers) or None,
        "labels": [
            docker.ContainerLabelArgs(label=label, value=value)
            for label, value in sorted((host.labels(**spec.labels) | dict(spec.compose_labels)).items())
        ],
    }


def _healthcheck(probe: Probe) -> docker.ContainerHealthcheckArgs:
    return docker.ContainerHealthcheckArgs(
        tests=list(probe.test),
        interval=probe.interval,
        timeout=probe.timeout,
        start_period=probe.start_period,
        retries=probe.retries,
    )
