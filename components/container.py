"""The hardened container: what every container of homeport gets, whatever it runs."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pulumi_docker as docker

from homeport.model import names, template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.service import Health, Service


def arguments(host: Host, service: Service, texts: Mapping[str, str]) -> dict[str, Any]:
    """The inputs of a container that depend on the service alone.

    Secure by default (reliability.md 4.4): another user than root, read-only root, no capabilities but those listed, no new
    privileges, limits on memory, CPU, processes and files, no swap, private IPC, logs of 3 times 10 MB.
    """
    limits = service.limits
    return {
        "name": names.physical(host.namespace, service.name),
        "hostname": service.name,
        "entrypoints": list(service.entrypoint) or None,
        "command": list(service.command) or None,
        "envs": [f"{key}={template.fill(value, texts)}" for key, value in sorted(service.env.items())] or None,
        "user": f"{service.uid}:{service.uid}",
        "group_adds": [str(group) for group in service.groups] or None,
        "read_only": "writable_root" not in service.waivers,
        "security_opts": ["no-new-privileges:true"],
        "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"], adds=sorted(service.capabilities) or None),
        "tmpfs": dict(service.tmpfs) or None,
        "shm_size": service.dev_shm,
        "ipc_mode": "private",
        "init": True,
        # Both, and equal: with memory alone every later preview shows an update (recorded: tests/recordings/plugins).
        "memory": limits.memory,
        "memory_swap": limits.memory,
        "cpus": limits.cpus,
        "ulimits": _ulimits(limits.nofile),
        "restart": service.restart,
        "must_run": True,
        "log_driver": "json-file",
        "log_opts": {"max-size": "10m", "max-file": "3"},
        "healthcheck": _healthcheck(service.health) if service.health else None,
        # Without it the provider stops with SIGKILL at once (trap D14).
        "destroy_grace_seconds": service.grace,
        "stop_timeout": service.grace,
        "stop_signal": service.stop_signal,
        "labels": _labels(host, service),
    }


def _ulimits(nofile: int) -> list[docker.ContainerUlimitArgs]:
    return [
        docker.ContainerUlimitArgs(name="core", soft=0, hard=0),
        docker.ContainerUlimitArgs(name="nofile", soft=nofile, hard=nofile),
    ]


def _labels(host: Host, service: Service) -> list[docker.ContainerLabelArgs]:
    ours = host.labels(service=service.name, image=service.image, spec=_spec(service))
    return [docker.ContainerLabelArgs(label=label, value=value) for label, value in sorted(ours.items())]


def _healthcheck(health: Health) -> docker.ContainerHealthcheckArgs:
    return docker.ContainerHealthcheckArgs(
        tests=["CMD", *health.test],
        interval=names.duration(health.interval),
        timeout=names.duration(health.timeout),
        start_period=names.duration(health.start_period),
        retries=health.retries,
    )


def _spec(service: Service) -> str:
    """A label that changes with what the provider would update without any effect: health check, tmpfs (trap D11, tpd#988)."""
    health = asdict(service.health) if service.health else None
    text = repr((health, sorted(service.tmpfs.items()), service.limits.pids))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
