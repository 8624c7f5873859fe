"""A preset of two hosts in a mesh, of what starts in seconds: for a rehearsal of all of it (`tests/support/meshed`)."""

from dataclasses import replace

from catalog.caddy import service as caddy
from catalog.headscale import service as headscale
from homeport.model.host_program import HostProgram, ProgramFile, ProgramPort
from homeport.model.mesh import MeshSpec, Rule
from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.route import Guard, Relay, Route
from homeport.model.service import Health, Limits, Service

PROXY = replace(caddy.SERVICE, image="homeport/caddy-ovh:2.11.4")
ANSWERS = Service(
    name="app",
    image=caddy.SERVICE.image,
    purpose="Answers",
    uid=10001,
    entrypoint=("caddy", "respond", "--listen", ":8080"),
    command=("the app",),
    capabilities=caddy.SERVICE.capabilities,
    tmpfs=caddy.SERVICE.tmpfs,
    env=caddy.SERVICE.env,
    networks=("backend",),
    health=Health(test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"), interval=5),
    limits=Limits(memory=64, cpus="0.5", pids=64),
    role="ai",
)
METRICS = HostProgram(
    name="metrics",
    purpose="Answers members on the host itself",
    files=(
        ProgramFile(
            target="/etc/systemd/system/metrics.service",
            text="[Service]\nDynamicUser=yes\nWorkingDirectory=/usr/share/common-licenses\n"
            "ExecStart=/usr/bin/python3 -m http.server 9100\n[Install]\nWantedBy=multi-user.target\n",
        ),
    ),
    units=("metrics.service",),
    health="http://127.0.0.1:9100/",
    roles=("ai",),
    ports=(ProgramPort(number=9100, members=True), ProgramPort(number=9101)),
)
TAKES = HostProgram(
    name="takes",
    purpose="Answers the hub's proxy on the host itself",
    files=(
        ProgramFile(
            target="/etc/systemd/system/takes.service",
            text="[Service]\nDynamicUser=yes\nWorkingDirectory=/usr/share/common-licenses\n"
            "ExecStart=/usr/bin/python3 -m http.server 9102\n[Install]\nWantedBy=multi-user.target\n",
        ),
    ),
    units=("takes.service",),
    health="http://127.0.0.1:9102/",
    roles=("ai",),
    ports=(ProgramPort(number=9102, members=True),),
)
MEMBERS = Guard(kind="members", networks=("{mesh}", "{subnet:frontend}"), because="it is for members of the mesh")
PRESET = Preset(
    name="meshed",
    purpose="Two hosts in a mesh",
    services=(
        replace(PROXY, networks=("frontend", "backend"), role="ai"),
        replace(PROXY, name="hub-caddy", networks=("mesh-edge",), role="hub"),
        headscale.SERVICE,
        ANSWERS,
        replace(ANSWERS, name="asks", networks=("scrape",), role="hub"),
        replace(ANSWERS, name="silent", networks=("mesh-edge",), role="hub"),
    ),
    networks=(
        Network(name="frontend", subnet="172.30.61.0/24", internal=False),
        Network(name="backend", subnet="172.30.62.0/24", internal=True),
        Network(name="mesh-edge", subnet="172.30.63.0/24", internal=False),
        Network(name="scrape", subnet="172.30.64.0/24", internal=False, way_out=False),
    ),
    routes=(
        Route(name="app", service="app", port=8080, guards=(MEMBERS,)),
        Route(
            name="headscale",
            service="headscale",
            port=8080,
            guards=(Guard(kind="open", itself="a key that it made", because="members log in by it"),),
        ),
        Route(
            name="hook",
            service="",
            port=0,
            relay=Relay(to="{mesh:ai}:443", route="app"),
            proxy="hub-caddy",
            guards=(
                Guard(kind="open", paths=("/webhook/*",), itself="its own signature", because="they check a signature"),
                Guard(kind="closed", because="nothing else is for strangers"),
            ),
        ),
        Route(
            name="takes",
            service="",
            port=0,
            upstream="http://{mesh:ai}:9102",
            proxy="hub-caddy",
            guards=(
                Guard(kind="open", paths=("/GPL-3",), itself="nothing", because="strangers call it"),
                Guard(kind="closed", because="nothing else is for strangers"),
            ),
        ),
    ),
    calls={"asks": ("http://{mesh:ai}:9100/",)},
    tools={"tailscale": "tailscale/tailscale:v1.84.2"},
    programs=(METRICS, TAKES),
    mesh=MeshSpec(
        control="headscale",
        route="headscale",
        client="tailscale",
        rules=(Rule(sources=("tag:hub",), targets=("tag:ai",), ports="443,9100", protocol="tcp"),),
    ),
    defaults={"exposure": "direct", "mesh": {"enabled": True}, "dns": {"provider": "ovh"}},
)
