"""What every container and network of every preset has by default, each default by itself."""

from __future__ import annotations

import pytest

from tests.unit.stack.test_graph import CONTAINER, STACKS

NETWORK = "docker:index/network:Network"
WAYS_OUT = {
    "networks-ai-network",
    "networks-ai-edge",
    "networks-jett_default",
    "networks-jett_apps",
    "networks-jett_admin",
    "networks-supabase_default",
    "networks-agent_default",
    "networks-browser_default",
    "networks-registry_default",
    "networks-dtc_default",
    "networks-frontend",
    "networks-egress",
    "networks-watch",
    # Docker's word alone: from it a port is published, and the host's firewall lets nothing out.
    "networks-mesh-edge",
}
"""The networks that are not internal: of n8n, which calls what its workflows name, of the proxy, of a browser, of who
calls the host, of who watches others, and of what publishes a port. Whether the firewall lets anything out of one is
said in the preset."""
SOCKET = {"portainer-container", "cadvisor-container"}
LOGS = {"alloy-container"}
"""What reads the files that Docker writes containers' logs to."""
BACKUPS = {"zerobyte-container"}
ROOT = {*SOCKET, *LOGS, *BACKUPS, "supabase-db-container", "supabase-analytics-container"}
"""What runs as root, with its reason in the catalog: Docker's socket and logs, copies of everybody's files, and starts
of images that change their user."""
HOST = {
    "portainer-container": {"/var/run/docker.sock"},
    "cadvisor-container": {"/var/run/docker.sock", "/sys", "/run/containerd", "/var/lib/docker/image"},
    "alloy-container": {"/var/lib/docker/containers"},
}
"""What a container sees of its host, each with its reason in the catalog."""
PROXIES = {"ai-caddy-container", "caddy-container", "hub-caddy-container"}
CHANGES_USER = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"}
"""What the start of Supabase's PostgreSQL needs for that (catalog/supabase_db/service.py, capabilities)."""
COPIED = {"ai-dev-server-container"}
"""A template, which deployments copy and nobody starts."""
FILES = {
    "browserless-chromium-container": 8192,
    "realtime-dev.supabase-realtime-container": 16384,
    "supabase-pooler-container": 16384,
}
"""Files that who holds many connections at once may open; all others 4096 at most."""
WRITTEN = {"infisical-backend-container", "nocodb-container"}
"""Their images' starts write into the program's own folder (waivers in catalog/infisical and catalog/nocodb)."""
LOOPBACK, IN_VPN, WORLD = "127.0.0.1", "10.0.0.2", "0.0.0.0"
STUN = (3478, "udp")
"""By which members of a mesh find each other: the control server's, for the world."""


@pytest.fixture(params=STACKS)
def stack(request, build):
    preset, settings, secrets = STACKS[request.param]
    return build(settings, secrets, preset, stack="prod" if settings else "dev")


@pytest.fixture
def containers(stack):
    inputs = {resource["name"]: resource["inputs"] for resource in stack.all(CONTAINER)}
    assert len(inputs) >= 4, "a test of no container would pass for ever"
    return inputs


@pytest.mark.parametrize(
    ("name", "expected", "because"),
    [
        ("readOnly", True, "a program that is broken into cannot change itself"),
        ("securityOpts", ["no-new-privileges:true"], "a setuid binary gains nothing"),
        ("ipcMode", "private", "no memory is shared with another container"),
        ("init", True, "orphans are reaped: a limit of processes would be used up by them"),
        ("mustRun", True, "one that ended is an error"),
        ("logDriver", "json-file", "its log is Docker's to read and to limit"),
        ("logOpts", {"max-size": "10m", "max-file": "3"}, "logs do not fill the disk"),
    ],
)
def test_every_container_has(containers, name, expected, because):
    others = {container: inputs.get(name) for container, inputs in containers.items() if inputs.get(name) != expected}
    waived = {"readOnly": WRITTEN, "mustRun": COPIED}.get(name, set())

    assert set() == others.keys() - waived, because


def test_every_capability_is_dropped_but_binding_a_low_port_where_it_is_needed(containers):
    kept = {inputs["capabilities"]["drops"][0]: None for inputs in containers.values()}
    added = {name: {*(inputs["capabilities"].get("adds") or ())} for name, inputs in containers.items()}
    started = added.pop("supabase-db-container", set())
    copies = added.pop("zerobyte-container", set())

    assert {"ALL": None} == kept, "what is not listed is gone"
    assert set().union(*added.values()) <= {"CAP_NET_BIND_SERVICE"}, "one more is a decision of its own"
    assert started <= CHANGES_USER, "and so is this one's"
    assert copies <= {"CAP_DAC_OVERRIDE"}, "who copies everybody's files reads them"


def test_memory_is_limited_and_there_is_no_swap(containers):
    for name, inputs in containers.items():
        assert 0 < inputs["memory"] == inputs["memorySwap"], f"{name}: what is over the limit would go to the disk"


def test_no_container_dumps_its_core_or_opens_files_without_end(containers):
    for name, inputs in containers.items():
        limits = {limit["name"]: (limit["soft"], limit["hard"]) for limit in inputs["ulimits"]}
        assert (0, 0) == limits["core"], f"{name}: a core file holds every secret"
        assert limits["nofile"][0] == limits["nofile"][1] <= FILES.get(name, 4096), name


def test_only_what_says_so_runs_as_root(containers):
    root = {name for name, inputs in containers.items() if inputs["user"].startswith("0:")}

    assert root <= ROOT, "root in a container is root on the host, one mistake later"


def test_only_the_edge_proxy_publishes_to_the_world(containers):
    ports = {
        name: {port["ip"] for port in inputs.get("ports") or () if (port["external"], port.get("protocol")) != STUN}
        for name, inputs in containers.items()
    }

    proxies = set().union(*(ports.pop(name, set()) for name in PROXIES))
    assert {WORLD} >= proxies - {LOOPBACK}, "a proxy: the world, or this machine"
    assert set().union(*ports.values()) <= {LOOPBACK, IN_VPN}, (
        f"anybody else's port is this machine's, or the VPN's: {ports}"
    )


def test_only_who_says_so_sees_something_of_the_host_and_only_to_read(containers):
    binds = {
        name: [(mount["hostPath"], mount["readOnly"]) for mount in inputs["volumes"] if mount.get("hostPath")]
        for name, inputs in containers.items()
    }

    seen = {name: {path for path, _ in mounts} for name, mounts in binds.items() if mounts}
    assert seen == {name: HOST.get(name) for name in seen}, "everybody else sees nothing of it"
    assert all(read_only for mounts in binds.values() for _, read_only in mounts)


def test_a_network_has_no_way_out_unless_it_says_so(stack):
    # Where there are several hosts, the name begins with the host's.
    networks = {
        f"networks-{resource['name'].partition('networks-')[2]}": resource["inputs"]["internal"]
        for resource in stack.all(NETWORK)
    }

    assert networks == {name: name not in WAYS_OUT for name in networks}, "a database calls nobody"


def test_a_service_without_a_network_has_none(build):
    executor = build().one(CONTAINER, "ai-executor-container")["inputs"]

    assert "none" == executor["networkMode"], "code that a model wrote reaches nothing"


@pytest.mark.req("CA-11")
def test_networks_of_a_host_with_small_packets_have_none_larger_and_others_are_as_they_were(build):
    small = build({"hosts": {"local": {"mode": "local", "mtu": 1400}}})

    option = {"com.docker.network.driver.mtu": "1400"}
    assert [option] * len(small.all(NETWORK)) == [network["inputs"].get("options") for network in small.all(NETWORK)]
    assert {None} == {network["inputs"].get("options") for network in build().all(NETWORK)}, (
        "any other input would make the network, and all containers on it, anew"
    )
