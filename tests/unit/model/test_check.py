"""What a blueprint must satisfy: a sound one is taken, and each way of spoiling it is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.model.blueprint import Blueprint, Edge
from homeport.model.check import check
from homeport.model.database import Database, Role
from homeport.model.errors import BlueprintError
from homeport.model.network import Network
from homeport.model.route import Guard, Route
from homeport.model.service import Health, Limits, Port, Service, Volume
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

PROBE = Health(test=("true",))
OPEN = (Guard(kind="open", because="test"),)


def service(name: str, **given) -> Service:
    return Service(
        **{
            "name": name,
            "image": f"{name}:1",
            "purpose": "test",
            "limits": Limits(memory=64),
            "networks": ("inner",),
            "health": PROBE,
            **given,
        }
    )


def sound(**given) -> Blueprint:
    values = {
        "preset": "test",
        "environment": "dev",
        "domain": "localhost",
        "services": (
            service("app"),
            service("door", edge=True, ports=(Port(name="https", inside=443),), needs=("app",)),
        ),
        "networks": (Network(name="inner", subnet="10.1.0.0/24"),),
        "routes": (Route(name="app", service="app", port=80, guards=OPEN),),
        "edge": Edge(bind="127.0.0.1", ports={"http": 8080, "https": 8443}, public=False),
    }
    return Blueprint(**(values | given))


def on_host(**given) -> Service:
    """A proxy in the host's network."""
    reason = {"host_network": "a test"}
    values = {"edge": True, "networks": (), "host_network": True, "waivers": reason}
    return service("door", **{**values, "ports": (Port(name="https", inside=443),), **given})


HERE = Port(name="http", inside=80, outside=8000, at="here")
SPOILED = {
    "the host's network without a reason": (
        sound(services=(service("app", ports=(HERE,)), on_host(waivers={}))),
        "services.door.host_network",
        "without a reason",
    ),
    "the host's network and another": (
        sound(services=(service("app", ports=(HERE,)), on_host(networks=("inner",)))),
        "services.door.host_network",
        "besides",
    ),
    "the host's network and one that is another stack's": (
        sound(services=(service("app", ports=(HERE,)), on_host()), joined={"other": ("door",)}),
        "services.door.host_network",
        "besides",
    ),
    "the host by a name in the host's network": (
        sound(services=(service("app", ports=(HERE,)), on_host(host_gateway=True))),
        "services.door.host_network",
        "127.0.0.1",
    ),
    "a port that nothing translates": (
        sound(services=(service("app", ports=(HERE,)), on_host(ports=(HERE,)))),
        "services.door.host_network",
        "nothing translates",
    ),
    "nothing published for a proxy in the host's network": (
        sound(services=(service("app"), on_host())),
        "routes.app",
        "publishes no port 80",
    ),
    "another port published for a proxy in the host's network": (
        sound(services=(service("app", ports=(replace(HERE, inside=81),)), on_host())),
        "routes.app",
        "publishes no port 80",
    ),
    "a guest of a proxy in the host's network": (
        sound(
            services=(service("app", ports=(HERE,)), on_host()),
            routes=(Route(name="app", service="else", port=80, guards=OPEN, guest=True),),
        ),
        "routes.app",
        "on no network",
    ),
    "two containers of one name": (
        sound(services=(service("app"), service("app"), service("door", edge=True))),
        "services.app",
        "two containers",
    ),
    "two networks of one name": (
        sound(networks=(Network(name="inner", subnet="10.1.0.0/24"), Network(name="inner", subnet="10.2.0.0/24"))),
        "networks.inner",
        "two networks",
    ),
    "overlapping subnets": (
        sound(networks=(Network(name="inner", subnet="10.1.0.0/24"), Network(name="other", subnet="10.1.0.128/25"))),
        "networks.other",
        "overlaps",
    ),
    "an undeclared network": (
        sound(services=(service("app", networks=("nowhere",)), service("door", edge=True))),
        "services.app.networks",
        "nowhere",
    ),
    "an undeclared shared volume": (
        sound(services=(service("app", volumes={"x": Volume(path="/x", shared="none")}), service("door", edge=True))),
        "services.app.volumes.x",
        "none",
    ),
    "root without a reason": (
        sound(services=(service("app", uid=0), service("door", edge=True))),
        "services.app",
        "root",
    ),
    "no health check without a reason": (
        sound(services=(service("app", health=None), service("door", edge=True))),
        "services.app",
        "health check",
    ),
    "a capability that opens the host": (
        sound(services=(service("app", capabilities={"CAP_SYS_ADMIN": "why not"}), service("door", edge=True))),
        "services.app.capabilities",
        "CAP_SYS_ADMIN",
    ),
    "a capability without a reason": (
        sound(services=(service("app", capabilities={"CAP_CHOWN": ""}), service("door", edge=True))),
        "services.app.capabilities",
        "without a reason",
    ),
    "a port beside the edge": (
        sound(services=(service("app", ports=(Port(name="http", inside=80),)), service("door", edge=True))),
        "services.app.ports",
        "edge",
    ),
    "a port at no place": (
        sound(services=(service("app", ports=(Port(name="http", inside=80, at="host"),)), service("door", edge=True))),
        "services.app.ports.http",
        "edge or vpn",
    ),
    "a port that the edge does not have": (
        sound(services=(service("app"), service("door", edge=True, ports=(Port(name="smtp", inside=25),)))),
        "services.door.ports.smtp",
        "http, https",
    ),
    "a tunnel without its connector": (
        sound(exposure="tunnel", services=(service("app"),)),
        "tools.cloudflared",
        "connector",
    ),
    "one port published twice": (
        sound(
            services=(
                service("app"),
                service("door", edge=True, ports=(Port(name="https", inside=443), Port(name="https", inside=444))),
            )
        ),
        "ports.127.0.0.1:8443",
        "twice",
    ),
    "every address of a host that is not public": (
        sound(edge=Edge(bind="0.0.0.0", ports={"http": 80, "https": 443}, public=False)),
        "edge.bind",
        "every address",
    ),
    "a route to nowhere": (
        sound(routes=(Route(name="app", service="gone", port=80, guards=OPEN),)),
        "routes.app",
        "gone",
    ),
    "a route without guards": (
        sound(routes=(Route(name="app", service="app", port=80, guards=()),)),
        "routes.app.guards",
        "last guard",
    ),
    "a route whose rest is unguarded": (
        sound(
            routes=(
                Route(name="app", service="app", port=80, guards=(Guard(kind="open", paths=("/a",), because="t"),)),
            )
        ),
        "routes.app.guards",
        "last guard",
    ),
    "two routes of one host name": (
        sound(
            hostnames={"app": "a.example.com", "b": "a.example.com"},
            routes=(
                Route(name="app", service="app", port=80, guards=OPEN),
                Route(name="b", service="app", port=81, guards=OPEN),
            ),
        ),
        "routes.a.example.com",
        "two routes",
    ),
    "a proxy that cannot reach the service": (
        sound(
            networks=(Network(name="inner", subnet="10.1.0.0/24"), Network(name="edge", subnet="10.2.0.0/24")),
            services=(service("app"), service("door", edge=True, networks=("edge",))),
        ),
        "routes.app",
        "share no network",
    ),
    "a need that is switched off": (
        sound(services=(service("door", edge=True, needs=("app",)),), routes=()),
        "services.door.needs",
        "app is not part",
    ),
    "a circle of needs": (
        sound(services=(service("app", needs=("door",)), service("door", edge=True, needs=("app",)))),
        "services",
        "circle",
    ),
    "a database on no server": (
        sound(databases=(Database(name="d", server="gone", owner="o", roles=(Role(name="o"),)),)),
        "databases.d",
        "gone",
    ),
    "a database without its owner": (
        sound(databases=(Database(name="d", server="app", owner="o", roles=()),)),
        "databases.d",
        "role o",
    ),
    "an unknown name in an environment value": (
        sound(services=(service("app", env={"URL": "{origin:gone}"}), service("door", edge=True))),
        "services.app.env.URL",
        "origin:gone",
    ),
    "a name longer than a host name": (
        sound(services=(service("a" * 64), service("app"), service("door", edge=True))),
        "services." + "a" * 64,
        "63",
    ),
}


def test_a_sound_blueprint_is_taken_as_it_is():
    whole = sound()

    assert whole is check(whole), "the checks change nothing"
    whole = sound(services=(service("app", ports=(HERE,)), on_host()))
    assert whole is check(whole), "a proxy in the host's network finds what is published"


@pytest.mark.req("P-17")
@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_blueprint_is_refused_by_name(case):
    spoiled, path, word = SPOILED[case]
    with pytest.raises(BlueprintError) as refused:
        check(spoiled)
    problems = {problem.path: problem.what for problem in refused.value.problems}

    assert path in problems, f"{case}: {problems}"
    assert word in problems[path], f"{case}: {problems[path]}"


@pytest.mark.parametrize(("memory", "pids", "good"), [(1, 1, True), (0, 1, False), (1, 0, False), (-1, 1, False)])
def test_a_container_has_some_memory_and_some_processes(memory, pids, good):
    spec = sound(services=(service("app", limits=Limits(memory=memory, pids=pids)), *sound().services[1:]))

    if good:
        assert spec is check(spec), "the least there is"
        return
    with pytest.raises(BlueprintError, match="greater than 0"):
        check(spec)


def test_the_longest_name_of_a_container_is_the_longest_name_of_a_host():
    whole = sound(services=(*sound().services, service("a" * 63)))

    assert whole is check(whole), "63 characters (RFC 1123)"


@pytest.mark.req("P-17")
def test_all_problems_are_told_at_once():
    twice = sound(services=(service("app", uid=0, health=None, networks=("nowhere",)), service("door", edge=True)))
    with pytest.raises(BlueprintError) as refused:
        check(twice)

    assert len(refused.value.problems) >= 3, "nobody wants to fix one mistake at a time"


@pytest.mark.req("S3-58")
def test_the_orchestrator_starts_stores_first_then_n8n_then_the_proxy():
    plan = resolve(Configuration("dev", {"homeport:preset": "ai-orchestrator", "homeport:settings": "{}"}))
    waves = [[service.name for service in wave] for wave in plan.blueprint.waves()]

    assert [["ai-executor", "ai-postgres", "ai-redis"], ["ai-n8n"], ["ai-caddy"]] == waves, "the order of row S3-58"


def test_a_circle_among_networks_or_services_never_hangs():
    circle = replace(sound(), services=(service("a", needs=("b",)), service("b", needs=("a",))))
    with pytest.raises(ValueError, match="circle"):
        circle.waves()
