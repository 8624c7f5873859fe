"""Machines of a world that no cloud of it knows: they run already, and let one SSH key in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import docker, inspect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.machine.driver import Containers

_ROOT = "root"
_FIRST_ID, _FIRST_ADDRESS, _FIRST_NETWORK = 900_001, 200, 0xFF00
"""Far from what the emulated Hetzner gives its servers."""


def key() -> str:
    """A private SSH key of an operator, as OpenSSH keeps it."""
    made = Ed25519PrivateKey.generate()
    return made.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()).decode()


def adopted(machines: Containers, hosts: Mapping[str, Mapping[str, str]], private: str) -> dict[str, dict[str, str]]:
    """Boots them, or finds them: by name ``address``, ``address6``, ``user``, ``host_key`` and ``container``.

    Args:
        machines: What boots them.
        hosts: Name to the ``image`` that it is made of, a name of the cloud's, and the ``user`` that the key is for.
        private: The key.

    Raises:
        MachineError: One did not boot.
    """
    public = form.load_ssh_private_key(private.encode(), None).public_key()
    authorized = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    rows = {}
    for number, (name, about) in enumerate(sorted(hosts.items())):
        row = _row(machines, number, name, about["image"])
        rows[name] = row
        if inspect("container", machines.name(row)) is None:
            # The driver's own keys are root's.
            of_root = [authorized] if about["user"] == _ROOT else []
            machines.create(row, _order(about["user"], authorized), of_root)
        else:
            machines.power(row, "poweron")
    return {name: _seen(machines, row, hosts[name]["user"]) for name, row in rows.items()}


def _row(machines: Containers, number: int, name: str, image: str) -> dict[str, Any]:
    """A server as the driver reads it."""
    networks = machines.ground.ipv6
    network = (int(networks.network_address) >> 64) + _FIRST_NETWORK + number
    address6 = f"{type(networks.network_address)(network << 64)}/64"
    public = {"ipv4": {"ip": str(machines.ground.ipv4[_FIRST_ADDRESS + number])}, "ipv6": {"ip": address6}}
    return {"id": _FIRST_ID + number, "name": name, "image": {"name": image}, "public_net": public}


def _order(user: str, authorized: str) -> str:
    if user == _ROOT:
        return "#cloud-config\ndisable_root: false\n"
    about = {
        "name": user,
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "lock_passwd": True,
        "ssh_authorized_keys": [authorized],
    }
    return "#cloud-config\n" + json.dumps({"users": [about]})


def _seen(machines: Containers, row: dict[str, Any], user: str) -> dict[str, str]:
    container = machines.name(row)
    if not machines.wait(row):
        raise MachineError(f"machine {row['name']} did not boot; see: docker logs {container}")
    docker("exec", container, "cloud-init", "status", "--wait", refused=("",))
    host_key = " ".join(docker("exec", container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    public = row["public_net"]
    return {
        "address": public["ipv4"]["ip"],
        "address6": public["ipv6"]["ip"].replace("::/64", "::1"),
        "user": user,
        "host_key": host_key,
        "container": container,
    }
