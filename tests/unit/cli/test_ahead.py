"""What is looked at before an update removes anything."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest

from homeport.cli import ahead, daemon
from homeport.cli.stack import read
from homeport.model.errors import ToolError
from homeport.model.network import Network

STACK = read("dev")
BLUEPRINT = replace(STACK.plan.blueprint, edge=replace(STACK.plan.blueprint.edge, ports={"http": 1, "https": 2}))


class Docker:
    """A daemon; what it lists and inspects, by kind."""

    def __init__(self, **items):
        self.items = {"container": [], "network": [], "volume": [], **items}

    def run(self, *argv, **_):
        kind = "container" if argv[0] == "ps" else argv[0]
        ids = [item["Name" if kind == "volume" else "Id"] for item in self.items.get(kind, [])]
        return SimpleNamespace(stdout="\n".join(ids), returncode=0 if kind in self.items else 1)

    def inspect(self, kind, ids, _):
        return [item for item in self.items[kind] if item["Name" if kind == "volume" else "Id"] in ids]


@pytest.fixture
def problems(monkeypatch):
    """What an update with this blueprint is refused for, on a daemon with these objects."""

    def check(blueprint=BLUEPRINT, own=(), **items):
        docker = Docker(**items)
        monkeypatch.setattr(daemon, "run", docker.run)
        monkeypatch.setattr(daemon, "inspect", docker.inspect)
        stack = SimpleNamespace(name="dev", local=True, plan=SimpleNamespace(blueprint=blueprint))
        resources = [{"id": name, "type": "docker:index/container:Container"} for name in own]
        pulumi = SimpleNamespace(stack=stack, daemons=lambda: [{}], state=lambda: {"resources": resources})
        try:
            ahead.check_ahead(pulumi)
        except ahead.AheadError as error:
            return list(error.problems)
        return []

    return check


def _edge(port):
    return replace(BLUEPRINT, edge=replace(BLUEPRINT.edge, ports={"http": port, "https": 2}))


def _published(port, name="theirs"):
    ports = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]}
    return {"Id": name, "Name": f"/{name}", "Config": {"Labels": {}}, "NetworkSettings": {"Ports": ports}}


def test_an_empty_daemon_is_no_obstacle(problems):
    assert [] == problems()


@pytest.mark.req("NW-07")
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_a_program_holds_is_named_with_the_program(problems, address):
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        (problem,) = problems(_edge(port))

    assert "homeport:settings.edge.http_port" == problem.path
    assert f"127.0.0.1:{port} (tcp) is held by" in problem.what
    assert f"(process {os.getpid()})" in problem.what, "who it is can be ended"
    assert "--stack dev" in problem.fix, "the command works as it is"
    assert f" {port} " not in problem.fix, "a suggestion is a free port"


@pytest.mark.req("NW-07")
def test_a_port_that_another_container_publishes_is_named_with_it(problems):
    (problem,) = problems(_edge(8080), container=[_published(8080)])

    assert "container theirs" in problem.what


@pytest.mark.req("NW-07")
def test_ones_own_proxy_may_hold_its_port(problems):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert [] == problems(_edge(port), own=["c1"], container=[_published(port, "c1")]), "it is replaced by itself"


def _host_proxy(port, uid=10001):
    """The stack's proxy in the host's network, its HTTP port there."""
    blueprint = _edge(port)
    services = (replace(service, host_network=service.edge, uid=uid) for service in blueprint.services)
    return replace(blueprint, services=tuple(services))


@pytest.mark.req("NW-07", "S1-33")
def test_ones_own_proxy_in_the_hosts_network_may_hold_its_port(problems, monkeypatch):
    monkeypatch.setattr(ahead, "_first_free", lambda: 0)
    labels = {"homeport.service": "ai-caddy"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mine = {
            "Id": "c1",
            "Name": "/ai-caddy",
            "Config": {"Labels": {**labels, "homeport.stack": "dev"}},
            "HostConfig": {"NetworkMode": "host"},
            "State": {"Running": True},
        }
        running = problems(_host_proxy(port), own=["c1"], container=[mine])
        (stopped,) = problems(_host_proxy(port), own=["c1"], container=[{**mine, "State": {"Running": False}}])

    assert [] == running, "it is replaced by itself"
    assert "is held by" in stopped.what, "a container that does not run holds nothing"


@pytest.mark.req("S1-33")
def test_a_low_port_in_this_machines_own_network_is_refused_where_its_kernel_keeps_it_for_root(problems, monkeypatch):
    monkeypatch.setattr(ahead, "_first_free", lambda: 1024)
    low = [problem for problem in problems(_host_proxy(80)) if "to root alone" in problem.what]

    assert ["homeport:settings.edge.http_port", "homeport:settings.edge.https_port"] == [one.path for one in low]
    assert "8080" in low[0].fix, "another number"
    assert "sysctl -w net.ipv4.ip_unprivileged_port_start=80" in low[0].fix, "or the kernel's setting"
    assert [] == [one for one in problems(_host_proxy(80, uid=0)) if "to root alone" in one.what], "root may"
    monkeypatch.setattr(ahead, "_first_free", lambda: 0)
    assert [] == [one for one in problems(_host_proxy(80)) if "to root alone" in one.what], "as everybody may there"


@pytest.mark.req("NW-03")
@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("container", {"Id": "x", "Name": "/ai-redis", "Config": {"Labels": {}}}),
        ("network", {"Id": "x", "Name": "ai-data", "Labels": {"homeport.stack": "other"}}),
        ("volume", {"Name": "ai-postgres-postgres", "Labels": None}),
        ("volume", {"Name": "shared-exchange", "Labels": {}}),
    ],
)
def test_a_name_that_somebody_elses_object_has_is_refused(problems, kind, item):
    (problem,) = problems(**{kind: [item]})

    assert f"{kind} {item['Name'].removeprefix('/')}" == problem.path
    assert "settings.namespace" in problem.fix, "a way that removes nothing comes first"


def test_a_volume_of_the_stacks_own_is_found_again(problems):
    assert [] == problems(volume=[{"Name": "ai-postgres-postgres", "Labels": {"homeport.stack": "dev"}}])


@pytest.mark.req("NW-03")
def test_a_subnet_that_another_network_has_is_refused(problems):
    subnet = next(network.subnet for network in BLUEPRINT.networks if network.name == "ai-data")
    (problem,) = problems(network=[{"Id": "x", "Name": "theirs", "IPAM": {"Config": [{"Subnet": subnet}]}}])

    assert "homeport:settings.networks.ai-data" == problem.path
    assert "theirs" in problem.what


@pytest.mark.parametrize(
    ("digits", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000000000000000000001000000", "::1"),
        ("0000000000000000FFFF00000100007F", "127.0.0.1"),
    ],
)
def test_the_kernels_addresses_are_read_as_it_writes_them(digits, address):
    assert address == ahead._address(digits)


@pytest.mark.req("NW-03")
def test_what_a_database_says_refuses_the_update_with_its_own_words(problems, monkeypatch):
    where, what, fix = "homeport:settings.embedding.dimensions", "stored with 384, the settings say 768", "{container}"

    def answer(argv, *, input, **_):  # noqa: A002  # subprocess's own word
        assert ["ai-postgres", "ai_memory"] == argv[-2:], "in the server's own container"
        assert input.strip().endswith("ROLLBACK;"), "a question changes nothing"
        assert "BEGIN READ ONLY" in input, "and could not"
        return SimpleNamespace(stdout=f"{where}\t{what}\t{fix}\n", returncode=0)

    monkeypatch.setattr(ahead.subprocess, "run", answer)
    (problem,) = problems()

    assert (where, what) == (problem.path, problem.what)
    assert "ai-postgres" == problem.fix, "the server's own container"


@pytest.mark.req("S4-03")
def test_a_network_to_join_that_is_not_there_is_said_before_anything_is_made(problems):
    joining = replace(BLUEPRINT, joined={"ai-network": ("ai-n8n",)})
    there = {"Id": "net", "Name": "ai-network", "IPAM": {"Config": []}, "Labels": {"homeport.stack": "infra"}}

    (absent,) = problems(joining)
    assert absent.what == "ai-network not found: start shared-infrastructure first"
    assert absent.fix.endswith("--path homeport:settings.join.ai-network")
    assert [] == problems(joining, network=[there]), "somebody else's, as it is to be"


def _guest(stack=""):
    labels = {"homeport.stack": stack} if stack else {}
    networks = {"Networks": {"ai-network": {}}}
    return {"Id": "guest", "Name": "/guest", "Config": {"Labels": labels}, "NetworkSettings": networks}


SHARED = replace(BLUEPRINT, networks=(Network(name="ai-network", subnet="10.9.0.0/24", shared=True),))


@pytest.mark.req("S4-04")
def test_a_shared_network_is_not_made_anew_under_containers_of_others(problems):
    there = {"Id": "net", "Name": "ai-network", "IPAM": {"Config": [{"Subnet": "10.8.0.0/24"}]}}
    mine = {**there, "Labels": {"homeport.stack": "dev"}}

    (refused,) = problems(SHARED, network=[mine], container=[_guest("other")])
    assert "guest (stack other)" in refused.what
    assert [] == problems(SHARED, network=[mine]), "nobody else is on it"


@pytest.fixture
def end(monkeypatch):
    """The end of a stack with a shared network, on which a container of that stack is."""

    def end(stack):
        docker = Docker(container=[_guest(stack)])
        monkeypatch.setattr(daemon, "run", docker.run)
        monkeypatch.setattr(daemon, "inspect", docker.inspect)
        of = SimpleNamespace(name="dev", plan=SimpleNamespace(blueprint=SHARED))
        ahead.refuse_guests(SimpleNamespace(stack=of, daemons=lambda: [{}], state=lambda: {"resources": []}))

    return end


@pytest.mark.req("S4-04")
@pytest.mark.parametrize("stack", ["", "other"])
def test_down_is_refused_while_others_are_on_the_network(end, stack):
    with pytest.raises(ToolError, match=r"(?s)containers of others are on its network ai-network: guest.*fix: "):
        end(stack)


@pytest.mark.req("S4-04")
def test_down_goes_on_where_the_stacks_own_containers_alone_are_on_it(end):
    end("dev")


@pytest.fixture
def moved(monkeypatch):
    """What an update is refused for whose volume was at `before`, and is to be at `after`; Docker has it, or not."""

    def check(before, after, *, there=True):
        service = BLUEPRINT.service("ai-redis")
        volumes = {"redis": replace(service.volumes["redis"], folder=after)}
        services = tuple(each if each != service else replace(service, volumes=volumes) for each in BLUEPRINT.services)
        inputs = {"name": "ai-redis-redis", **({"driverOpts": {"device": before}} if before else {})}
        state = {"resources": [{"type": "docker:index/volume:Volume", "inputs": inputs}]}
        items = [{"Name": "ai-redis-redis"}] if there else []
        monkeypatch.setattr(daemon, "inspect", lambda *_: items)
        plan = SimpleNamespace(blueprint=replace(BLUEPRINT, services=services))
        stack = SimpleNamespace(name="prod", local=False, plan=plan)
        return [*ahead._moved(SimpleNamespace(stack=stack, daemons=lambda: [{}], state=lambda: state))]

    return check


@pytest.mark.req("S5-74")
@pytest.mark.parametrize(
    ("before", "after", "fix"),
    [
        ("/opt/platform/data/redis", "/srv/data/redis", "homeport:settings.data_folder /opt/platform/data"),
        ("/opt/platform/data/redis", "", "homeport:settings.data_folder /opt/platform/data"),
        ("", "/srv/data/redis", "config rm --path homeport:settings.data_folder"),
    ],
)
def test_another_folder_for_data_is_refused_for_an_update_moves_none(moved, before, after, fix):
    (problem,) = moved(before, after)

    assert "data is not moved" in problem.what
    assert fix in problem.fix, "the way back"


@pytest.mark.req("S5-74")
def test_a_folder_may_be_another_one_where_docker_has_no_such_volume(moved):
    assert [] == moved("/opt/platform/data/redis", "/srv/data/redis", there=False), "a person has moved it"
    assert [] == moved("/opt/platform/data/redis", "/opt/platform/data/redis"), "it is where it was"
