"""vpai: an AI platform with a budget on four hosts, behind a mesh of its own, and all of it on a fifth for tests."""

from dataclasses import replace

from catalog.auto_fix.program import AUTO_FIX
from catalog.auto_fix.program import OPTIONS as AUTO_FIX_OPTIONS
from catalog.auto_fix.program import ROUTE as AUTO_FIX_ROUTE
from catalog.budget_guard.service import OPTIONS as BUDGET_OPTIONS
from catalog.couchdb.service import OPTIONS as COUCHDB_OPTIONS
from catalog.grafana.service import OPTIONS as GRAFANA_OPTIONS
from catalog.litellm.service import OPTIONS as LITELLM_OPTIONS
from catalog.loki.service import OPTIONS as LOKI_OPTIONS
from catalog.n8n.service import OPTIONS as N8N_OPTIONS
from catalog.postgresql.service import DATABASES
from catalog.presets.vpai.backups import BACKUPS
from catalog.presets.vpai.backups import OPTIONS as BACKUP_OPTIONS
from catalog.presets.vpai.services import (
    ALLOY,
    BUDGET_GUARD,
    CADDY,
    CADVISOR,
    COUCHDB,
    GRAFANA,
    HEADSCALE,
    HUB_CADDY,
    LITELLM,
    LOKI,
    N8N,
    NOCODB,
    NODE_EXPORTER,
    OPENCLAW,
    OPENCLAW_SANDBOX,
    POSTGRESQL,
    QDRANT,
    REDIS,
    SURE,
    SURE_WORKER,
    UPTIME_KUMA,
    VICTORIAMETRICS,
    ZEROBYTE,
)
from catalog.sure.service import STORAGE
from catalog.victoriametrics.service import OPTIONS as VICTORIAMETRICS_OPTIONS
from homeport.model.mesh import MeshSpec, Rule
from homeport.model.network import Network
from homeport.model.preset import NextStep, Option, Preset
from homeport.model.route import Guard, Relay, Route

_MEMBERS = Guard(
    kind="members", networks=("{mesh}", "{subnet:frontend}"), because="it is for members of the mesh, and nobody else"
)

PRESET = Preset(
    name="vpai",
    purpose="An AI platform with a budget: n8n, LiteLLM, OpenClaw and their data, for members of a mesh of its own",
    services=(
        *(POSTGRESQL, REDIS, QDRANT, LITELLM, BUDGET_GUARD, OPENCLAW, OPENCLAW_SANDBOX, N8N, NOCODB, SURE),
        *(SURE_WORKER, ZEROBYTE),
        *(VICTORIAMETRICS, LOKI, ALLOY, CADVISOR, GRAFANA, CADDY),
        *(HEADSCALE, HUB_CADDY, COUCHDB, UPTIME_KUMA),
    ),
    shared_volumes=STORAGE,
    networks=(
        # Of each proxy; and Grafana's, whose alerts leave by it, whatever else is down.
        Network(name="frontend", subnet="172.20.1.0/24", internal=False),
        Network(name="backend", subnet="172.20.2.0/24"),
        Network(name="monitoring", subnet="172.20.3.0/24"),
        # The way out of what calls other companies' programs.
        Network(name="egress", subnet="172.20.4.0/24", internal=False),
        # Where agents run programs: nothing is on it but the sandbox, and the gateway, which comes to it.
        Network(name="sandbox", subnet="172.20.5.0/24"),
        # Of the VPN host: the control server, which calls nobody; CouchDB; and what calls and tells.
        Network(name="mesh-edge", subnet="172.20.6.0/24", internal=False, way_out=False),
        Network(name="relay", subnet="172.20.7.0/24"),
        Network(name="watch", subnet="172.20.8.0/24", internal=False),
    ),
    databases=DATABASES,
    routes=(
        Route(
            name="n8n",
            service="n8n",
            port=5678,
            here=8001,
            max_body=16 * 1024 * 1024,
            probe="/healthz",
            guards=(_MEMBERS,),
        ),
        Route(
            name="litellm",
            service="litellm",
            port=4000,
            here=8002,
            max_body=64 * 1024 * 1024,
            probe="/health/liveliness",
            guards=(_MEMBERS,),
        ),
        Route(name="openclaw", service="openclaw", port=18789, here=8003, probe="/healthz", guards=(_MEMBERS,)),
        Route(
            name="nocodb",
            service="nocodb",
            port=8080,
            here=8004,
            max_body=128 * 1024 * 1024,
            probe="/api/v1/health",
            guards=(_MEMBERS,),
        ),
        Route(
            name="sure",
            service="sure",
            port=3000,
            here=8005,
            max_body=64 * 1024 * 1024,
            probe="/up",
            guards=(_MEMBERS,),
        ),
        Route(
            name="qdrant",
            service="qdrant",
            port=6333,
            here=8006,
            max_body=64 * 1024 * 1024,
            probe="/readyz",
            guards=(_MEMBERS,),
        ),
        Route(name="grafana", service="grafana", port=3000, here=8007, probe="/api/health", guards=(_MEMBERS,)),
        Route(name="zerobyte", service="zerobyte", port=4096, here=8008, probe="/api/healthcheck", guards=(_MEMBERS,)),
        Route(name="uptime", service="uptime-kuma", port=3001, here=8009, guards=(_MEMBERS,)),
        Route(
            name="couchdb",
            service="couchdb",
            port=5984,
            probe="/_up",
            here=8010,
            # As large as Obsidian's plugin LiveSync sends a document.
            max_body=50 * 1024 * 1024,
            guards=(
                Guard(
                    kind="open",
                    itself="a name and a password, on every path but /_up",
                    because="telephones synchronise their notes wherever they are",
                ),
            ),
        ),
        Route(
            name="headscale",
            service="headscale",
            port=8080,
            probe="/health",
            guards=(Guard(kind="open", itself="a key that it made", because="a machine that joins is no member yet"),),
        ),
        Route(
            name="hook",
            service="",
            port=0,
            proxy="hub-caddy",
            relay=Relay(to="{mesh:ai}:443", route="n8n"),
            max_body=16 * 1024 * 1024,
            guards=(
                Guard(
                    kind="open",
                    paths=("/webhook/*",),
                    itself="what the workflow asks for: a key, or the caller's signature",
                    because="Meta and others call webhooks from anywhere",
                ),
                Guard(kind="closed", because="of n8n nothing but its webhooks is for strangers"),
            ),
        ),
        replace(AUTO_FIX_ROUTE, proxy="hub-caddy"),
    ),
    tools={
        # renovate: datasource=docker depName=restic/restic
        "restic": "restic/restic:0.18.1",
        "tailscale": "tailscale/tailscale:v1.84.2",
    },
    mesh=MeshSpec(
        control="headscale",
        route="headscale",
        client="tailscale",
        rules=(
            # The relay hands webhooks on, Uptime Kuma looks at health addresses.
            Rule(sources=("tag:vpn",), targets=("tag:ai",), ports="443", protocol="tcp"),
            # Heartbeats, of backups and of the alerts themselves.
            Rule(sources=("tag:ai",), targets=("tag:vpn",), ports="443", protocol="tcp"),
            Rule(sources=("tag:workstation",), targets=("tag:ai", "tag:vpn"), ports="443", protocol="tcp"),
            # Alloy asks for the hosts' metrics.
            Rule(sources=("tag:ai",), targets=("tag:workstation",), ports="9100", protocol="tcp"),
            Rule(sources=("tag:ai",), targets=("tag:vpn",), ports="9100", protocol="tcp"),
            Rule(sources=("tag:ai",), targets=("tag:app",), ports="9100", protocol="tcp"),
        ),
    ),
    calls={
        "alloy": (
            "http://{mesh:ai}:9100",
            "http://{mesh:workstation}:9100",
            "http://{mesh:vpn}:9100",
            "http://{mesh:app}:9100",
        ),
        # Its heartbeat, to Uptime Kuma.
        "grafana": ("https://{host:uptime}",),
        # One page of the AI host stands for all: they are at one port.
        "uptime-kuma": ("https://{host:n8n}",),
    },
    roles={
        "workstation": "a person's own machine in the mesh, measured, with no public service",
        "app": "where applications of your own are deployed to: Docker, firewall, mesh, and nothing else yet",
        "preprod": "a machine that is rented for a test, with all services on it",
    },
    programs=(NODE_EXPORTER, BACKUPS, AUTO_FIX),
    groups={"autofix": AUTO_FIX_OPTIONS},
    options={
        **BACKUP_OPTIONS,
        **BUDGET_OPTIONS,
        **COUCHDB_OPTIONS,
        **GRAFANA_OPTIONS,
        **LITELLM_OPTIONS,
        **LOKI_OPTIONS,
        **N8N_OPTIONS,
        **VICTORIAMETRICS_OPTIONS,
        "node-address": Option(
            default="0.0.0.0",  # the firewall and the unit itself let members of the mesh in alone
            purpose="the address of each host that its metrics are asked for at; the firewall lets the mesh in alone",
            pattern=r"[0-9]{1,3}(\.[0-9]{1,3}){3}",
            shape="an IPv4 address",
        ),
        "agents-telegram": Option(
            default="https://api.telegram.org",
            purpose="where the bot is that tells what agents report",
            kind="url",
            shape="a URL such as https://api.telegram.org",
        ),
        "s3-endpoint": Option(
            default="https://fsn1.your-objectstorage.com",
            purpose="the S3 store of attachments and backups",
            kind="url",
            shape="a URL such as https://s3.example.com",
        ),
        "s3-region": Option(
            default="fsn1",
            purpose="the store's region, as its provider calls it",
            pattern=r"[a-z0-9][a-z0-9-]{0,31}",
            shape="1 to 32 lower-case letters, digits and -",
        ),
        "s3-bucket-shared": Option(
            default="platform-shared",
            purpose="the bucket for NocoDB's attachments",
            pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            shape="a bucket's name of 3 to 63 lower-case letters, digits, '.' and -",
        ),
    },
    defaults={
        "exposure": "direct",
        # Where a person, and a backup of the host, find it without Docker.
        "data_folder": "/opt/vpai/data",
        "mesh": {"enabled": True},
        "ssh": {"key_name": "vpn-deploy"},
        "dns": {"provider": "ovh"},
        "certificates": {"challenge": "ovh"},
        # One machine has one proxy, which answers all names.
        "dev": {
            "mesh": {"enabled": False},
            "dns": None,
            "certificates": None,
            "services": {
                # Without the module for OVH, which nothing here needs: it would be built first.
                "caddy": {"image": "caddy:2.11.4-alpine"},
                "hub-caddy": {"enabled": False},
                "headscale": {"enabled": False},
            },
        },
        "preprod": {"services": {"hub-caddy": {"enabled": False}}},
    },
    next_steps=(
        NextStep(
            text=(
                "Join the mesh with your device (docs/hosts.md, A device in the mesh): who is no member gets 403 from "
                "every page."
            ),
            service="headscale",
        ),
        NextStep(
            text=(
                "Close SSH to all but members, once your device is one: "
                "bin/homeport harden --stack prod --port 804 --reach mesh"
            ),
            service="headscale",
        ),
        NextStep(
            text=(
                "Open Uptime Kuma at its address and make the administrator's account: its first visitor does. Then "
                "its monitors (docs/vpai.md, What Uptime Kuma watches)."
            ),
            service="uptime-kuma",
        ),
        NextStep(text="Sign in to n8n with the owner's address and the password n8n-owner-password.", service="n8n"),
        NextStep(
            text="Approve your browser at OpenClaw (docs/vpai.md, The first day): until then its page lets nobody in.",
            service="openclaw",
        ),
    ),
)
