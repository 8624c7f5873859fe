"""The same system as an Ansible playbook: networks, volumes, files, containers in the order of their needs, SQL.

Written so that Ansible is at its best: one task per object, a service's files in one task, health awaited for all of a
wave together and only where a container was made anew, SQL only where the server was.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench import material
from homeport.model import names
from homeport.model.container import container_spec
from homeport.render.databases import script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.container import ContainerSpec, Mount
    from homeport.model.network import Network
    from homeport.model.service import Service

Task = dict[str, Any]
_MODULE = "community.docker.docker_"


def up(blueprint: Blueprint, root: Path, folder: Path, values: Mapping[str, str]) -> list[Task]:
    """The tasks that bring the system up; files come from ``folder/source`` and are delivered to ``folder/host``."""
    tasks = [_network(blueprint, network) for network in blueprint.networks]
    for name, volume in material.prepared(blueprint).items():
        for inner in ("", *volume.folders):
            where = folder / "host/volumes" / name / inner
            uid, gid = volume.owner or (0, 0)
            tasks.append(_folder(where, uid, gid, volume.mode))
    tasks += [_volume(name, options) for name, options in sorted(_volumes(blueprint, folder).items())]
    for wave in blueprint.waves():
        files = {service.name: material.files(blueprint, service, root, values) for service in wave}
        for service in wave:
            tasks += _files(service, files[service.name], folder)
        tasks += [
            container(container_spec(blueprint, service), blueprint, material.fingerprint(files[service.name]), folder)
            for service in wave
        ]
        tasks += [_healthy(blueprint, service) for service in wave if service.health]
        for service in wave:
            if script(blueprint, service.name, root, values):
                tasks.append(_sql(blueprint, service, folder))
    return tasks


def destroy(blueprint: Blueprint, folder: Path) -> list[Task]:
    """The tasks that remove it, in the opposite order."""
    tasks: list[Task] = [
        {f"{_MODULE}container": {"name": _name(blueprint, service), "state": "absent", "stop_timeout": service.grace}}
        for wave in reversed(blueprint.waves())
        for service in wave
    ]
    tasks += [{f"{_MODULE}volume": {"name": name, "state": "absent"}} for name in sorted(_volumes(blueprint, folder))]
    return tasks + [
        {f"{_MODULE}network": {"name": names.physical(blueprint.namespace, network.name), "state": "absent"}}
        for network in blueprint.networks
    ]


def _name(blueprint: Blueprint, service: Service) -> str:
    return names.physical(blueprint.namespace, service.name)


def _network(blueprint: Blueprint, network: Network) -> Task:
    return {
        f"{_MODULE}network": {
            "name": names.physical(blueprint.namespace, network.name),
            "internal": network.internal,
            "ipam_config": [{"subnet": network.subnet}],
        }
    }


def _volumes(blueprint: Blueprint, folder: Path) -> dict[str, dict[str, str]]:
    """Names of volumes in Docker to the options of their driver."""
    mounts = [mount for service in blueprint.services for mount in container_spec(blueprint, service).mounts]
    plain: dict[str, dict[str, str]] = {mount.source: {} for mount in mounts if mount.kind == "volume"}
    return plain | {name: material.options(folder / "host", name) for name in material.prepared(blueprint)}


def _volume(name: str, options: dict[str, str]) -> Task:
    return {f"{_MODULE}volume": {"name": name} | ({"driver_options": options} if options else {})}


def _folder(path: Path, uid: int, gid: int, mode: int) -> Task:
    folder = {"path": str(path), "state": "directory", "owner": uid, "group": gid, "mode": f"{mode:04o}"}
    return {"ansible.builtin.file": folder, "tags": ["files"]}


def _files(service: Service, files: list[material.File], folder: Path) -> list[Task]:
    """One task for each folder, one for all files."""
    if not files:
        return []
    target, source = folder / "host/files" / service.name, folder / "source/files" / service.name
    copied = {
        "src": f"{source}/{{{{ item.path }}}}",
        "dest": f"{target}/{{{{ item.path }}}}",
        "owner": service.uid,
        "group": service.uid,
        "mode": "{{ item.mode }}",
    }
    items = [{"path": file.path, "mode": f"{file.mode:04o}"} for file in files]
    secret = {"no_log": True} if any(file.secret for file in files) else {}
    inner = sorted({file.path.rpartition("/")[0] for file in files})
    return [
        *(_folder(target / path, service.uid, service.uid, 0o550) for path in dict.fromkeys(["", *inner])),
        {"ansible.builtin.copy": copied, "loop": items, "tags": ["files"]} | secret,
    ]


def container(spec: ContainerSpec, blueprint: Blueprint, mark: str, folder: Path) -> Task:
    """The task that makes a container; the fingerprint of its files is a label: other files, another container."""
    values: Task = {
        "name": spec.name,
        "image": spec.image,
        "pull": "never",
        "hostname": spec.hostname,
        "entrypoint": list(spec.entrypoint),
        "command": list(spec.command),
        "env": dict(spec.env),
        "user": spec.user,
        "groups": list(spec.groups),
        "read_only": spec.read_only,
        "cap_drop": list(spec.capabilities_dropped),
        "capabilities": [name.removeprefix("CAP_") for name in spec.capabilities_added],
        "security_opts": list(spec.security_options),
        "init": spec.init,
        "ipc_mode": spec.ipc,
        "tmpfs": [f"{path}:{options}" for path, options in sorted(spec.tmpfs.items())],
        "shm_size": f"{spec.shm_size}M" if spec.shm_size else None,
        "memory": f"{spec.memory}M",
        "memory_swap": f"{spec.memory}M",
        "cpus": float(spec.cpus),
        "pids_limit": spec.pids,
        "ulimits": [f"{limit.name}:{limit.soft}:{limit.hard}" for limit in spec.ulimits],
        "restart_policy": spec.restart,
        "stop_timeout": spec.grace,
        "stop_signal": spec.stop_signal,
        "log_driver": spec.log_driver,
        "log_options": dict(spec.log_options),
        "healthcheck": _healthcheck(spec),
        "volumes": [_mount(mount, blueprint, folder / "host/files" / spec.service) for mount in spec.mounts],
        "published_ports": [f"{port.address}:{port.outside}:{port.inside}/{port.protocol}" for port in spec.ports],
        "networks": [
            {"name": name} | ({"ipv4_address": spec.address} if spec.address and name == spec.networks[0] else {})
            for name in spec.attached
        ],
        "network_mode": spec.network_mode,
        "etc_hosts": dict(spec.extra_hosts),
        "dns_servers": list(spec.resolvers),
        "labels": {"homeport.bench": blueprint.namespace, "homeport.files": mark},
        "command_handling": "correct",
        "container_default_behavior": "no_defaults",
        "state": "started",
    }
    kept = {key: _literal(value) for key, value in values.items() if value not in (None, [], {})}
    return {f"{_MODULE}container": kept, "register": _register(spec.service)}


def _register(service: str) -> str:
    return service.replace("-", "_")


def _healthcheck(spec: ContainerSpec) -> Task | None:
    probe = spec.probe
    return asdict(probe) | {"test": list(probe.test)} if probe else None


def _mount(mount: Mount, blueprint: Blueprint, files: Path) -> str:
    source = str(files) if mount.kind == "files" else mount.source
    mode = "ro" if mount.read_only else "rw"
    # Docker would give an empty volume the owner and mode of the image's folder.
    return f"{source}:{mount.target}:{mode}{',nocopy' if mount.source in material.prepared(blueprint) else ''}"


def _healthy(blueprint: Blueprint, service: Service) -> Task:
    """Not the container module's `state: healthy`: with a name alone it makes the container anew, with no command."""
    state = f"{_register(service.name)}_now"
    return {
        f"{_MODULE}container_info": {"name": _name(blueprint, service)},
        "register": state,
        "until": f"{state}.container.State.Health.Status == 'healthy'",
        "retries": service.health.gate if service.health else 0,
        "delay": 1,
        "when": f"{_register(service.name)} is changed and not ansible_check_mode",
    }


def _sql(blueprint: Blueprint, service: Service, folder: Path) -> Task:
    source = folder / "source/initdb" / service.name / "databases.sql"
    query = {
        "container": _name(blueprint, service),
        "argv": ["psql", "-X", "-q", "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-f", "-"],
        "stdin": "{{ lookup('ansible.builtin.file', " + json.dumps(str(source)) + ") }}",
    }
    when = f"{_register(service.name)} is changed and not ansible_check_mode"
    return {f"{_MODULE}container_exec": query, "when": when, "no_log": True}


def _literal(value: Any) -> Any:
    """The value with every text that Ansible would read as a template written so that it stands for itself."""
    if isinstance(value, str) and any(sign in value for sign in ("{{", "{%", "{#")):
        return "{{ " + json.dumps(value) + " }}"
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    return [_literal(inner) for inner in value] if isinstance(value, list) else value
