"""The same system as an Ansible playbook: networks, volumes, files, containers in the order of their needs, SQL.

Written so that Ansible is at its best: one task per object, a service's files in one task, health awaited for all of a wave together
and only where a container was made anew, SQL only where the server was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench import material
from homeport.model import names, template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service

Task = dict[str, Any]
_MODULE = "community.docker.docker_"


def up(blueprint: Blueprint, root: Path, folder: Path, values: Mapping[str, str]) -> list[Task]:
    """The tasks that bring the system up; files come from ``folder/source`` and are delivered to ``folder/host``."""
    tasks = [_network(blueprint, one.name, one.subnet, internal=one.internal) for one in blueprint.networks]
    for name, volume in material.prepared(blueprint).items():
        for inner in ("", *volume.folders):
            where = folder / "host/volumes" / name / inner
            uid, gid = volume.owner or (0, 0)
            tasks.append(_folder(where, uid, gid, volume.mode))
    tasks += [_volume(name, options) for name, options in sorted(_volumes(blueprint, folder).items())]
    for wave in blueprint.waves():
        wanted = [(one, material.files(blueprint, one, root, values)) for one in wave]
        for service, found in wanted:
            tasks += _files(service, found, folder)
        tasks += [_container(blueprint, one, material.fingerprint(found), folder) for one, found in wanted]
        tasks += [_healthy(blueprint, one) for one in wave if one.health]
        for service in wave:
            if material.script(blueprint, service.name, root, values):
                tasks.append(_sql(blueprint, service, folder))
    return tasks


def destroy(blueprint: Blueprint, folder: Path) -> list[Task]:
    """The tasks that remove it, in the opposite order."""
    tasks: list[Task] = [
        {f"{_MODULE}container": {"name": _name(blueprint, one), "state": "absent", "stop_timeout": one.grace}}
        for wave in reversed(blueprint.waves())
        for one in wave
    ]
    tasks += [{f"{_MODULE}volume": {"name": name, "state": "absent"}} for name in sorted(_volumes(blueprint, folder))]
    return tasks + [
        {f"{_MODULE}network": {"name": names.physical(blueprint.namespace, one.name), "state": "absent"}}
        for one in blueprint.networks
    ]


def _name(blueprint: Blueprint, service: Service) -> str:
    return names.physical(blueprint.namespace, service.name)


def _network(blueprint: Blueprint, name: str, subnet: str, *, internal: bool) -> Task:
    ipam = [{"subnet": subnet}]
    return {
        f"{_MODULE}network": {
            "name": names.physical(blueprint.namespace, name),
            "internal": internal,
            "ipam_config": ipam,
        }
    }


def _volumes(blueprint: Blueprint, folder: Path) -> dict[str, dict[str, str]]:
    """Names of volumes in Docker to the options of their driver."""
    own: dict[str, dict[str, str]] = {
        names.volume(blueprint.namespace, service.name, key): {}
        for service in blueprint.services
        for key, volume in service.volumes.items()
        if volume.shared is None
    }
    return own | {name: material.options(folder / "host", name) for name in material.prepared(blueprint)}


def _volume(name: str, options: dict[str, str]) -> Task:
    return {f"{_MODULE}volume": {"name": name} | ({"driver_options": options} if options else {})}


def _folder(path: Path, uid: int, gid: int, mode: int) -> Task:
    wanted = {"path": str(path), "state": "directory", "owner": uid, "group": gid, "mode": f"{mode:04o}"}
    return {"ansible.builtin.file": wanted, "tags": ["files"]}


def _files(service: Service, found: list[material.File], folder: Path) -> list[Task]:
    """One task for each folder, one for all files."""
    if not found:
        return []
    target, source = folder / "host/files" / service.name, folder / "source/files" / service.name
    copied = {
        "src": f"{source}/{{{{ item.path }}}}",
        "dest": f"{target}/{{{{ item.path }}}}",
        "owner": service.uid,
        "group": service.uid,
        "mode": "{{ item.mode }}",
    }
    items = [{"path": one.path, "mode": f"{one.mode:04o}"} for one in found]
    secret = {"no_log": True} if any(one.secret for one in found) else {}
    inner = sorted({one.path.rpartition("/")[0] for one in found})
    return [
        *(_folder(target / path, service.uid, service.uid, 0o550) for path in dict.fromkeys(["", *inner])),
        {"ansible.builtin.copy": copied, "loop": items, "tags": ["files"]} | secret,
    ]


def _container(blueprint: Blueprint, service: Service, mark: str, folder: Path) -> Task:
    limits = service.limits
    wanted: Task = {
        "name": _name(blueprint, service),
        "image": service.image,
        "pull": "never",
        "hostname": service.name,
        "entrypoint": list(service.entrypoint),
        "command": list(service.command),
        "env": {key: template.fill(value, blueprint.texts()) for key, value in sorted(service.env.items())},
        "user": f"{service.uid}:{service.uid}",
        "groups": [str(group) for group in service.groups],
        "read_only": "writable_root" not in service.waivers,
        "cap_drop": ["ALL"],
        "capabilities": [name.removeprefix("CAP_") for name in sorted(service.capabilities)],
        "security_opts": ["no-new-privileges:true"],
        "init": True,
        "ipc_mode": "private",
        "tmpfs": [f"{path}:{options}" for path, options in sorted(service.tmpfs.items())],
        "shm_size": f"{service.dev_shm}M" if service.dev_shm else None,
        "memory": f"{limits.memory}M",
        "memory_swap": f"{limits.memory}M",
        "cpus": float(limits.cpus),
        "pids_limit": limits.pids,
        "ulimits": ["core:0:0", f"nofile:{limits.nofile}:{limits.nofile}"],
        "restart_policy": "unless-stopped",
        "stop_timeout": service.grace,
        "stop_signal": service.stop_signal,
        "log_driver": "json-file",
        "log_options": {"max-size": "10m", "max-file": "3"},
        "healthcheck": _health(service),
        "volumes": _mounts(blueprint, service, folder),
        "published_ports": _ports(blueprint, service),
        "labels": {"homeport.bench": blueprint.namespace, "homeport.files": mark},
        "command_handling": "correct",
        "container_default_behavior": "no_defaults",
        "state": "started",
    } | _networks_of(blueprint, service)
    kept = {key: _literal(value) for key, value in wanted.items() if value not in (None, [], {})}
    return {f"{_MODULE}container": kept, "register": _register(service)}


def _networks_of(blueprint: Blueprint, service: Service) -> Task:
    inner = [{"name": names.physical(blueprint.namespace, one)} for one in service.networks]
    return {"networks": inner, "network_mode": inner[0]["name"]} if inner else {"network_mode": "none"}


def _register(service: Service) -> str:
    return service.name.replace("-", "_")


def _health(service: Service) -> Task | None:
    health = service.health
    if health is None:
        return None
    return {
        "test": ["CMD", *health.test],
        "interval": names.duration(health.interval),
        "timeout": names.duration(health.timeout),
        "start_period": names.duration(health.start_period),
        "retries": health.retries,
    }


def _ports(blueprint: Blueprint, service: Service) -> list[str]:
    edge = blueprint.edge
    return [f"{edge.bind}:{edge.ports[port.name]}:{port.inside}/{port.protocol}" for port in service.ports]


def _mounts(blueprint: Blueprint, service: Service, folder: Path) -> list[str]:
    mounts = []
    for key, volume in sorted(service.volumes.items()):
        own = names.volume(blueprint.namespace, service.name, key)
        where = names.physical(blueprint.namespace, f"shared-{volume.shared}") if volume.shared else own
        # Docker would give an empty volume the owner and mode of the image's folder.
        mode = "rw,nocopy" if where in material.prepared(blueprint) else "rw"
        mounts.append(f"{where}:{volume.path}:{mode}")
    if service.files or service.secret_files or service.edge:
        mounts.append(f"{folder / 'host/files' / service.name}:{service.files_at}:ro")
    return mounts


def _healthy(blueprint: Blueprint, service: Service) -> Task:
    """Not the container module's `state: healthy`: given a name alone it makes the container anew, without its command."""
    found = f"{_register(service)}_now"
    return {
        f"{_MODULE}container_info": {"name": _name(blueprint, service)},
        "register": found,
        "until": f"{found}.container.State.Health.Status == 'healthy'",
        "retries": service.health.gate if service.health else 0,
        "delay": 1,
        "when": f"{_register(service)} is changed and not ansible_check_mode",
    }


def _sql(blueprint: Blueprint, service: Service, folder: Path) -> Task:
    source = folder / "source/initdb" / service.name / "databases.sql"
    wanted = {
        "container": _name(blueprint, service),
        "argv": ["psql", "-X", "-q", "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-f", "-"],
        "stdin": "{{ lookup('ansible.builtin.file', " + json.dumps(str(source)) + ") }}",
    }
    when = f"{_register(service)} is changed and not ansible_check_mode"
    return {f"{_MODULE}container_exec": wanted, "when": when, "no_log": True}


def _literal(value: Any) -> Any:
    """The value with every text that Ansible would read as a template written so that it stands for itself."""
    if isinstance(value, str) and any(sign in value for sign in ("{{", "{%", "{#")):
        return "{{ " + json.dumps(value) + " }}"
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    return [_literal(inner) for inner in value] if isinstance(value, list) else value
