"""jett: the always-on half of a voice assistant.

State, automation and vectors on a server that only its VPN and a tunnel lead to.
"""

from catalog.backups import offsite
from catalog.presets.jett.backups import BACKUPS
from catalog.presets.jett.runbook import PHASES
from catalog.presets.jett.services import N8N, PORTAINER, POSTGRES, QDRANT, UPTIME_KUMA
from homeport.model.database import Database, Role
from homeport.model.network import Network
from homeport.model.preset import NextStep, Option, Preset
from homeport.model.route import Guard, Route
from homeport.model.secret import SecretSpec

PRESET = Preset(
    name="jett",
    purpose="Always-on services behind WireGuard: n8n, PostgreSQL, Qdrant, Portainer, with an offline queue",
    services=(POSTGRES, QDRANT, N8N, PORTAINER, UPTIME_KUMA),
    networks=(
        # What compose calls `default` of the project jett; Docker takes no network of that name. Databases are on no
        # other: there is no way out of it.
        Network(name="jett_default", subnet="172.30.20.0/24", internal=False, way_out=False),
        # What calls others. Docker takes the default route of a container on two networks from the one whose name comes
        # first, this one (moby: daemon/libnetwork/endpoint.go, `Less`).
        Network(name="jett_apps", subnet="172.30.21.0/24", internal=False),
        # Whoever reaches Portainer asks for root's rights on the host: nobody but members of the VPN does.
        Network(name="jett_admin", subnet="172.30.22.0/24", internal=False),
    ),
    databases=(
        Database(
            name="jett",
            server="postgres",
            owner="jett_owner",
            roles=(Role(name="jett_owner"), Role(name="jett_app", secret="jett-app-password")),
            connect=("jett_app",),
            migrations="catalog/presets/jett/postgres/migrations",
            variables=(
                ("beat_seconds", "{heartbeat-seconds}"),
                ("missed_beats", "{missed-beats}"),
                ("queue_attempts", "{queue-attempts}"),
                ("handler", "{handler-url}"),
                ("local_address", "{peer:local}"),
                ("notify", "{notify-url}"),
            ),
        ),
        # The image's own default would be SQLite. PostgreSQL is there anyway, one backup then holds everything, and n8n
        # replaces it by PostgreSQL itself as soon as there is a second worker.
        Database(
            name="n8n",
            server="postgres",
            owner="n8n",
            roles=(Role(name="n8n", secret="n8n-database-password"),),
            users=("n8n",),
        ),
    ),
    routes=(
        Route(
            name="n8n",
            service="n8n",
            port=5678,
            guards=(
                Guard(
                    kind="closed",
                    paths=("/webhook/heartbeat", "/webhook/queue/*"),
                    because="the local machine's own doors: it comes through the VPN",
                ),
                Guard(
                    kind="service-token",
                    paths=("/webhook/*",),
                    because="webhooks are for programs; n8n asks them for the API key besides",
                ),
                Guard(kind="login", because="the editor and its API are for people"),
            ),
        ),
        Route(
            name="jett",
            service="",
            port=3000,
            upstream="http://{peer:local}:3000",
            guards=(Guard(kind="login", because="the dashboard, on the local machine, is for people"),),
        ),
    ),
    defaults={
        "exposure": "tunnel",
        "wireguard": {"subnet": "10.0.0.0/24", "slot": 2, "peers": {"local": {"slot": 1}}},
    },
    groups=offsite.GROUPS,
    programs=(BACKUPS,),
    options={
        **offsite.OPTIONS,
        "n8n-user": Option(
            default="owner@example.com",
            purpose="N8N_USER: the mail address with which n8n's owner signs in",
            kind="mail",
            shape="a mail address",
        ),
        "n8n-secure-cookie": Option(
            default="true",
            purpose=(
                "whether n8n's sign-in works over HTTPS only; false lets a browser sign in over plain HTTP in the VPN"
            ),
            pattern="true|false",
            shape="true or false",
        ),
        "postgres-user": Option(
            default="jett",
            purpose="POSTGRES_USER: PostgreSQL's superuser, made at the first start",
            # PostgreSQL's own: initdb refuses pg_*, and no role may be called public or none (its documentation, CREATE
            # ROLE).
            pattern=r"(?!(?:n8n|postgres|jett_app|jett_owner|public|none)$)(?!pg_)[a-z][a-z0-9_]{0,62}",
            shape="a name of lower-case letters, digits and _, of no other role and none of PostgreSQL's own (pg_*)",
        ),
        "qdrant-collection": Option(
            default="semantic_cache",
            purpose="the collection for semantic caching",
            pattern=r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}",
            shape="a name of letters, digits, _ and -",
        ),
        "qdrant-size": Option(
            default="768",
            purpose="length of the collection's vectors",
            kind="number",
            low=1,
            # Source: qdrant/qdrant lib/collection/src/operations/types.rs, VectorParams, `size`.
            high=65536,
            shape="a whole number from 1 to 65536",
        ),
        "qdrant-distance": Option(
            default="Cosine",
            purpose="how the collection's vectors are compared",
            pattern="Cosine|Dot|Euclid|Manhattan",
            shape="Cosine, Dot, Euclid or Manhattan",
        ),
        "heartbeat-seconds": Option(
            default="60",
            purpose="seconds between two heartbeats of the local machine",
            kind="number",
            low=1,
            high=99999,
            shape="a whole number from 1 to 99999",
        ),
        "missed-beats": Option(
            default="3",
            purpose="beats missed in a row that make the local machine offline",
            kind="number",
            low=1,
            high=999,
            shape="a whole number from 1 to 999",
        ),
        "queue-attempts": Option(
            default="5",
            purpose="tries before an item of the queue is dead",
            kind="number",
            low=1,
            high=9999,
            shape="a whole number from 1 to 9999",
        ),
        "handler-url": Option(
            default="",
            purpose="where requests go while the local machine is online; empty: port 8377 of the VPN's peer local",
            kind="url",
            shape="a URL, https beyond the VPN, or empty",
        ),
        "notify-url": Option(
            default="",
            purpose=(
                "what is told by a POST that the local machine is offline or back, within a minute; not kept secret; "
                "empty: nobody"
            ),
            kind="url",
            shape="a URL, https beyond the VPN, or empty",
        ),
    },
    tools={
        # renovate: datasource=docker depName=cloudflare/cloudflared
        "cloudflared": "cloudflare/cloudflared:2026.8.2",
        # renovate: datasource=docker depName=restic/restic
        "restic": "restic/restic:0.18.1",
    },
    connections={
        "postgres": "postgresql://jett_app:{jett-app-password}@{vpn}:{port:postgres}/jett",
        "qdrant": "http://{vpn}:{port:qdrant}",
        "n8n": "http://{vpn}:{port:n8n}",
        "portainer": "http://{vpn}:{port:portainer}",
    },
    calls={"n8n": ("{handler-url}", "http://{peer:local}:8377")},
    next_steps=(
        NextStep(text="Bring the local machine into the VPN: bin/homeport wireguard local --to wg0.conf --stack prod"),
        NextStep(text="Start apps/heartbeat there: its README has the unit and the task.", service="n8n"),
    ),
    secrets=(SecretSpec(name="jett-app-password", purpose="for the application's role jett_app in PostgreSQL"),),
    renamed={
        "N8N_USER": "settings.options.n8n-user",
        "POSTGRES_USER": "settings.options.postgres-user",
    },
    phases=PHASES,
)
