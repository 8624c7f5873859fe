"""One specification of a container, and its three adapters: none leaves a part of it out."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench import playbook
from catalog.presets.registry import preset
from components.container import arguments
from components.host import Host
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.container import Mount, Probe, Ulimit, container_spec
from homeport.model.service import Bind, Health, Limits, Port, PublishedPort, Service, Volume
from homeport.render.export import compose

SERVICE = Service(name="one", image="one:1", purpose="One", limits=Limits(memory=64))
BLUEPRINT = Blueprint(
    preset="p",
    environment="dev",
    domain="example.com",
    services=(SERVICE,),
    networks=(),
    routes=(),
    edge=Edge(bind="127.0.0.1", ports={"http": 8080, "https": 8443}, public=False),
    namespace="ns",
    values={"greeting": "hello"},
)
CHANGES = {
    "service": "other",
    "name": "other",
    "hostname": "other",
    "image": "other:1",
    "entrypoint": ("sh",),
    "command": ("run",),
    "env": {"A": "b"},
    "user": "7:7",
    "groups": ("7",),
    "read_only": False,
    "security_options": ("apparmor=x",),
    "capabilities_dropped": ("CHOWN",),
    "capabilities_added": ("CAP_CHOWN",),
    "tmpfs": {"/tmp": "rw"},
    "shm_size": 9,
    "ipc": "shareable",
    "init": False,
    "memory": 65,
    "cpus": "0.3",
    "pids": 9,
    "ulimits": (Ulimit(name="core", soft=1, hard=2),),
    "restart": "no",
    "log_driver": "local",
    "log_options": {"max-size": "1m"},
    "probe": Probe(test=("CMD", "true"), interval="9s", timeout="9s", start_period="9s", retries=9),
    "grace": 9,
    "stop_signal": "SIGINT",
    "mounts": (Mount(kind="bind", source="/a", target="/b", read_only=True),),
    "networks": ("net",),
    "joined": ("other",),
    "address": "192.0.2.9",
    "later_networks": ("net",),
    "ports": (PublishedPort(inside=1, outside=2, address="127.0.0.1", protocol="udp"),),
    "host_network": True,
    "resolvers": ("192.0.2.53",),
    "extra_hosts": {"host.docker.internal": "host-gateway"},
    "needs": ("two",),
    "labels": {"service": "other"},
    "compose_labels": {"com.docker.compose.project": "other"},
}
ELSEWHERE = {
    "component": {
        "service": "a label, which is another field",
        "image": "the image's id, which another resource knows",
        "pids": "components/scripts/gate.sh sets them: the provider has no input",
        "later_networks": "components/network_connections.py connects it once it runs",
        "needs": "resources wait for gates",
    },
    "compose": {
        "service": "the key of the service",
        "later_networks": "they are among its networks",
        "labels": "homeport's own: what it made",
        "compose_labels": "compose gives them itself",
    },
    "playbook": {
        "later_networks": "they are among its networks",
        "needs": "the order of the tasks",
        "labels": "homeport's own: what it made",
        "compose_labels": "no compose is near",
    },
}
"""By adapter: the fields that it does not say itself, with who does."""


class Here(dict):
    """Any name stands for itself."""

    def __missing__(self, key):
        return key


def component(spec):
    inputs = arguments(Host(name="main", stack="dev", namespace="ns"), spec, Here(), Here())
    return repr(plain(inputs))


def plain(value):
    """Inputs of the provider's own types as dictionaries."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return plain(vars(value)) if hasattr(value, "__dict__") else value


ADAPTERS = {
    "component": component,
    "compose": lambda spec: repr(compose.service(spec, "./files", {"two"})),
    "playbook": lambda spec: repr(playbook.container(spec, BLUEPRINT, "mark", Path("/bench"))),
}


@pytest.mark.req("S3-47")
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("field", [field.name for field in fields(container_spec(BLUEPRINT, SERVICE))])
def test_every_part_of_the_specification_reaches_every_adapter(adapter, field):
    spec = replace(container_spec(BLUEPRINT, SERVICE), networks=("main",))
    changed = replace(spec, **{field: CHANGES[field]})
    same = ADAPTERS[adapter](spec) == ADAPTERS[adapter](changed)

    assert getattr(spec, field) != CHANGES[field], "the case changes something"
    assert (field in ELSEWHERE[adapter]) == same, ELSEWHERE[adapter].get(field, f"{adapter} does not say {field}")


@pytest.mark.req("P-13")
def test_a_service_that_says_nothing_has_the_strictest_container():
    spec = container_spec(BLUEPRINT, SERVICE)

    assert ("10001:10001", True, ("ALL",), ()) == (
        spec.user,
        spec.read_only,
        spec.capabilities_dropped,
        spec.capabilities_added,
    ), "no root, nothing to write to, no capability"
    assert (("no-new-privileges:true",), "private", True) == (spec.security_options, spec.ipc, spec.init)
    assert ((), (), ()) == (spec.networks, spec.ports, spec.mounts), "no network, no port, nothing of the host"
    assert (64, "1.0", 256) == (spec.memory, spec.cpus, spec.pids), "limits"
    assert (Ulimit(name="core", soft=0, hard=0), Ulimit(name="nofile", soft=4096, hard=4096)) == spec.ulimits
    assert ("json-file", {"max-size": "10m", "max-file": "3"}) == (spec.log_driver, spec.log_options), "logs end"
    assert ("unless-stopped", 30, None) == (spec.restart, spec.grace, spec.stop_signal)


def test_names_are_those_in_docker_and_texts_are_filled_in():
    whole = replace(
        SERVICE,
        env={"B": "{greeting} $x", "A": "1"},
        networks=("net",),
        volumes={
            "data": Volume(path="/data"),
            "known": Volume(path="/known", name="known_data"),
            "shared": Volume(path="/shared", shared="exchange"),
        },
        binds={"socket": Bind(source="/run/a", path="/run/b", reason="-")},
        secret_files=(),
        ports=(Port(name="vpn", inside=3, at="vpn", outside=4), Port(name="http", inside=80)),
        health=Health(test=("true",), interval=90),
        capabilities={"CAP_B": "-", "CAP_A": "-"},
        waivers={"writable_root": "-"},
    )
    spec = container_spec(BLUEPRINT, whole)

    assert ("ns-one", "one", ("ns-net",)) == (spec.name, spec.hostname, spec.networks)
    assert [("A", "1"), ("B", "hello $x")] == list(spec.env.items())
    assert [
        ("volume", "ns-one-data", "/data", False),
        ("volume", "ns-known_data", "/known", False),
        ("volume", "ns-shared-exchange", "/shared", False),
        ("bind", "/run/a", "/run/b", True),
    ] == [(mount.kind, mount.source, mount.target, mount.read_only) for mount in spec.mounts]
    assert [(3, 4, "127.0.0.1"), (80, 8080, "127.0.0.1")] == [
        (port.inside, port.outside, port.address) for port in spec.ports
    ]
    assert ("CMD", "true") == spec.probe.test and "1m30s" == spec.probe.interval
    assert (("CAP_A", "CAP_B"), False) == (spec.capabilities_added, spec.read_only)


@pytest.mark.parametrize("name", ["ai-orchestrator", "jett"])
def test_files_are_mounted_read_only_where_a_service_has_some(name):
    for service in preset(name).services:
        mounts = container_spec(replace(BLUEPRINT, values=Here()), replace(service, env={})).mounts
        files = [mount for mount in mounts if mount.kind == "files"]
        has_files = bool(service.files or service.secret_files or service.edge)
        assert [(service.files_at, True)] * has_files == [(mount.target, mount.read_only) for mount in files]
