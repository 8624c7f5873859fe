"""A host as its expected values describe it, without any machine: answers of `docker inspect`, texts of ss and ufw."""

from __future__ import annotations

import json

from rehearsal.claims.expected import expected
from rehearsal.claims.view import View

UFW = """Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), deny (routed)
New profiles: skip

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere
51820/udp                  ALLOW IN    Anywhere
22/tcp (v6)                ALLOW IN    Anywhere (v6)
51820/udp (v6)             ALLOW IN    Anywhere (v6)
"""
SS = """LISTEN 0 4096 10.0.0.2:5678 0.0.0.0:*
LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*
LISTEN 0 128 0.0.0.0:22 0.0.0.0:*
LISTEN 0 128 [::]:22 [::]:*
LISTEN 0 4096 [::1]:631 [::]:*
"""
SOCKET = {"Type": "bind", "Source": "/var/run/docker.sock", "RW": False}


def container(name, service):
    volumes = [
        {"Type": "volume", "Name": volume, "Source": "/var/lib/docker/volumes/x", "RW": True}
        for volume in service.volumes
    ]
    health = {} if service.health == "running" else {"Health": {"Status": service.health}}
    bindings = [{"HostIp": "10.0.0.2", "HostPort": str(service.port)}]
    return {
        "Id": name,
        "Name": f"/{name}",
        "Config": {"User": service.user, "Labels": {"homeport.service": name, "homeport.image": f"{name}:1"}},
        "HostConfig": {
            "CapAdd": [f"CAP_{capability}" for capability in service.capabilities],
            "CapDrop": ["ALL"],
            "Privileged": False,
            "ReadonlyRootfs": service.read_only,
            "SecurityOpt": ["no-new-privileges:true"],
            "Memory": service.memory << 20,
            "NanoCpus": int(service.cpus * 1e9),
        },
        "Mounts": volumes + ([SOCKET] if service.docker_socket else []),
        "State": {"Status": "running", "Pid": 17, **health},
        "NetworkSettings": {
            "Ports": {**({f"{service.port}/tcp": bindings} if service.port else {}), "9443/tcp": None},
            "Networks": {key: {} for key in service.networks},
        },
    }


def containers(system):
    return {name: container(name, service) for name, service in system.services.items()}


SSHD = """root disableforwarding yes
root allowtcpforwarding no
root permitopen any
root permitlisten any
root gatewayports no
root permittunnel no
"""


class Host(View):
    """A host whose containers and commands are as described, but for what a test changes."""

    def __init__(self, system=None, running=None, users=None, **texts):
        system = system or expected("jett")
        super().__init__(
            expected=system,
            network="",
            peer=None,
            edge="",
            domain="example.com",
            clouds={},
            ids={},
            addresses=("198.18.0.10", "fd00::1"),
        )
        self._containers = containers(system) if running is None else running
        self._users = {name: service.user for name, service in system.services.items()} | (users or {})
        self._texts = {"ss": SS, "ufw": UFW, "systemctl": "ActiveState=active\nUnitFileState=enabled\n"} | texts

    def run(self, *argv, **_):
        if argv[0] in self._texts:
            return self._texts[argv[0]]
        if argv[0] == "docker":
            return self._docker(*argv[1:])
        if argv[0] == "nsenter":
            return "169.254.169.254 silent\nfd00:ec2::254 silent\n"
        if argv[0] == "sh" and "sshd -T" in argv[2]:
            return self._texts.get("sshd", SSHD)
        assert argv[0] == "stat", argv
        return "".join(f"600 root:root {path}\n" for path in argv[3:])

    def _docker(self, verb, *argv):
        if verb == "network":
            return "jett_admin\njett_apps\njett_default\n"
        if verb == "volume":
            return "".join(f"{name}_data\n" for name in self._containers)
        if verb == "ps":
            return "\n".join(self._containers)
        if verb == "inspect":
            return json.dumps(list(self._containers.values()))
        return f"PID UID\n17 {self._users[argv[0]].partition(':')[0]}\n"
