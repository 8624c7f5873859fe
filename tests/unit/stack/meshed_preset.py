"""A preset of two hosts in a mesh: a proxy on each, the control server on the hub, a service on the other."""

from dataclasses import replace

from catalog.caddy import service as caddy
from catalog.headscale import service as headscale
from homeport.model.mesh import MeshSpec, Rule
from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.route import Guard, Route
from homeport.model.service import Health, Limits, Service

APP = Service(
    name="app",
    image="registry.example.com/app:1.0.0",
    purpose="What members alone see",
    uid=1000,
    networks=("backend",),
    health=Health(test=("wget", "-qO-", "http://127.0.0.1:8080/"), interval=10),
    limits=Limits(memory=64, cpus="0.5", pids=32),
    role="ai",
)
MEMBERS = Guard(kind="members", networks=("{mesh}", "{subnet:frontend}"), because="it is for members of the mesh")
PRESET = Preset(
    name="meshed",
    purpose="Two hosts in a mesh",
    services=(
        replace(caddy.SERVICE, networks=("frontend", "backend"), role="ai"),
        replace(caddy.SERVICE, name="hub-caddy", networks=("mesh-edge",), role="hub"),
        headscale.SERVICE,
        APP,
    ),
    networks=(
        Network(name="frontend", subnet="172.30.61.0/24", internal=False),
        Network(name="backend", subnet="172.30.62.0/24", internal=True),
        Network(name="mesh-edge", subnet="172.30.63.0/24", internal=False),
    ),
    routes=(
        Route(name="app", service="app", port=8080, guards=(MEMBERS,)),
        Route(
            name="headscale",
            service="headscale",
            port=8080,
            guards=(Guard(kind="open", itself="a key that it made", because="members log in by it"),),
        ),
    ),
    tools={"tailscale": "tailscale/tailscale:1.84.0"},
    mesh=MeshSpec(
        control="headscale",
        route="headscale",
        client="tailscale",
        rules=(
            Rule(sources=("tag:hub",), targets=("tag:ai",), ports="443", protocol="tcp"),
            Rule(sources=("tag:workstation",), targets=("tag:ai",), ports="443", protocol="tcp"),
        ),
    ),
    defaults={
        "mesh": {"enabled": True},
        "dev": {
            "mesh": {"enabled": False},
            "services": {"hub-caddy": {"enabled": False}, "headscale": {"enabled": False}},
        },
    },
)
