"""vps-infrastructure: Supabase, n8n and an AI development server on one rented machine, with what deploys them."""

from catalog.presets.vps_infrastructure.backups import BACKUPS
from catalog.presets.vps_infrastructure.deployments import DEPLOYMENTS, REGISTRY_GC
from catalog.presets.vps_infrastructure.host_agent import HOST_AGENT
from catalog.presets.vps_infrastructure.services import (
    AI_DEV_SERVER,
    AIRFLOW,
    AIRFLOW_DB,
    BROWSERLESS,
    CADDY,
    DBT,
    DTC,
    EDGE_FUNCTIONS,
    N8N,
    REGISTRY,
    STORAGE,
    STUDIO,
)
from catalog.supabase.shared import NETWORK, VOLUMES
from catalog.supabase_analytics.service import SERVICE as ANALYTICS
from catalog.supabase_auth.service import SERVICE as AUTH
from catalog.supabase_db.service import SERVICE as SUPABASE_DB
from catalog.supabase_imgproxy.service import SERVICE as IMGPROXY
from catalog.supabase_kong.service import SERVICE as KONG
from catalog.supabase_meta.service import SERVICE as META
from catalog.supabase_pooler.service import SERVICE as POOLER
from catalog.supabase_realtime.service import SERVICE as REALTIME
from catalog.supabase_rest.service import SERVICE as REST
from catalog.supabase_vector.service import SERVICE as VECTOR
from homeport.model.database import Database, Role
from homeport.model.network import Network
from homeport.model.preset import Checkout, NextStep, Option, OptionGroup, Preset
from homeport.model.route import Guard, Route

PRESET = Preset(
    name="vps-infrastructure",
    purpose="A development platform: Supabase, n8n, an AI Dev Server, a registry and automated deployments",
    services=(
        *(SUPABASE_DB, KONG, AUTH, REST, REALTIME, STORAGE, IMGPROXY, META, STUDIO, EDGE_FUNCTIONS, ANALYTICS, VECTOR),
        *(POOLER, CADDY, N8N, AI_DEV_SERVER, BROWSERLESS, DBT, REGISTRY, DTC, AIRFLOW, AIRFLOW_DB),
    ),
    shared_volumes=VOLUMES,
    networks=(
        # What most services are on.
        Network(name=NETWORK, subnet="172.30.40.0/24", internal=False),
        # What needs neither Supabase nor n8n is by itself, and calls nobody.
        Network(name="registry_default", subnet="172.30.41.0/24", internal=False, way_out=False),
        Network(name="dtc_default", subnet="172.30.42.0/24", internal=False, way_out=False),
        # Airflow and its database.
        Network(name="airflow_default", subnet="172.30.43.0/24"),
        # A page goes wherever it leads: to the internet, and of all containers to who calls the browser (ADR 20).
        Network(name="browser_default", subnet="172.30.44.0/24", internal=False),
        # From it alone HostAgent is called. Of a container's networks the first by name is its way to the host.
        Network(name="agent_default", subnet="172.30.45.0/24", internal=False),
    ),
    databases=(
        # The image's own default would be SQLite; one dump of the server then holds everything.
        Database(
            name="n8n",
            server="supabase-db",
            owner="n8n",
            roles=(Role(name="n8n", secret="n8n-database-password"),),
            # Supabase's administrator reads every table of its server anyway; so `pg_dump -U postgres` has them all.
            connect=("postgres",),
            image_roles=("postgres",),
            users=("n8n",),
        ),
        # Where dbt builds: its role owns this database, and has no right in Supabase's own.
        Database(
            name="analytics",
            server="supabase-db",
            owner="dbt",
            roles=(Role(name="dbt", secret="dbt-database-password"),),
            connect=("postgres",),
            image_roles=("postgres",),
            users=("dbt",),
        ),
        Database(
            name="airflow",
            server="airflow-db",
            owner="airflow",
            roles=(Role(name="airflow", secret="airflow-database-password"),),
            users=("airflow",),
        ),
    ),
    routes=(
        Route(
            name="n8n",
            service="n8n",
            port=5678,
            max_body=64 * 1024 * 1024,
            health="/healthz",
            guards=(
                Guard(
                    kind="open",
                    itself="its own login; its API for a key, a webhook for what its workflow says",
                    because="people and webhooks use the same host name",
                ),
            ),
        ),
        Route(
            name="ai-dev",
            service="ai-dev-server",
            port=8080,
            probe="/health",
            max_body=4 * 1024 * 1024,
            guards=(
                Guard(
                    kind="open",
                    itself="a bearer token, on every path but /health",
                    because="an assistant comes from anywhere, with a token and without a person who could sign in",
                ),
            ),
        ),
        Route(
            name="supabase",
            service="supabase-kong",
            port=8000,
            # Files of users: the storage service has a limit of its own.
            max_body=64 * 1024 * 1024,
            # Behind Kong, and of all interfaces there the one that says so without a key.
            health="/storage/v1/status",
            guards=(
                Guard(
                    kind="open",
                    itself="the keys anon or service_role, or a signed link",
                    because="applications everywhere call it; Studio is not among what it leads to",
                ),
            ),
        ),
        Route(
            name="registry",
            service="registry",
            port=5000,
            # Layers of images, over slow lines too.
            max_body=0,
            health="/",
            guards=(
                Guard(
                    kind="open",
                    itself="a user and a password (htpasswd)",
                    because="docker login speaks to the registry itself",
                ),
            ),
        ),
        Route(
            name="dtc",
            service="dtc-frontend-app",
            port=8080,
            health="/",
            guards=(Guard(kind="open", because="a public site: it is for everybody"),),
        ),
        Route(
            name="airflow",
            service="airflow",
            port=8080,
            health="/api/v2/monitor/health",
            guards=(Guard(kind="open", itself="its own login", because="Airflow's pages and API ask who it is"),),
        ),
    ),
    defaults={
        "exposure": "direct",
        # Studio's: ssh -L 3000:127.0.0.1:3000.
        "ssh": {"forward": 3000},
        # 8080 is the AI Dev Server's.
        "dev": {
            "edge": {"http_port": 8880, "https_port": 8443},
            # Its 2.5 GB are for who works on it: services.airflow.enabled: true.
            "services": {"airflow": {"enabled": False}, "airflow-db": {"enabled": False}},
        },
    },
    options={
        "user": Option(
            default="deploy",
            purpose="the Linux user that owns the checkout on the host and runs deployments",
            # useradd's own rule (shadow: NAME_REGEX), without its dollar sign.
            pattern=r"(?!root$)[a-z_][a-z0-9_-]{0,31}",
            shape="a user's name of lower-case letters, digits, _ and -, not root",
        ),
        "checkout": Option(
            default="/home/deploy/platform",
            purpose="the folder on the host that holds the rendered configuration, as a Git repository",
            pattern=r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,64}){2,8}",
            shape="an absolute path of at least two folders, of letters, digits, '.', _ and -",
        ),
        "airflow-dags": Option(
            default="apps/airflow_dags/dags",
            purpose="the folder with Airflow's DAGs, with all that is in it",
            kind="folder",
            shape="a folder of this checkout, as its path below it",
        ),
        "dbt-project": Option(
            default="apps/dbt_project",
            purpose="the folder with dbt's project: dbt_project.yml, models, seeds, tests, macros, snapshots, analyses",
            kind="folder",
            shape="a folder of this checkout, as its path below it",
        ),
        "backup-keep": Option(
            default="7",
            purpose="how many sets of a kind of backup are kept on the host",
            kind="number",
            low=1,
            high=365,
            shape="a whole number from 1 to 365",
        ),
        "backup-time": Option(
            default="03:17",
            purpose="when the host's backups begin each day, by the host's clock",
            pattern=r"(?:[01][0-9]|2[0-3]):[0-5][0-9]",
            shape="a time such as 03:17",
        ),
        "repository": Option(
            default="",
            purpose="the Git repository that the checkout is pushed to; empty: a local one without a remote",
            # A name before the host may be in one of ssh alone: what https asks for is a secret, and has a place.
            pattern=(
                r"https://[A-Za-z0-9][A-Za-z0-9.:-]{0,127}/[A-Za-z0-9./_~-]{1,255}"
                r"|(?:ssh://|git@)[A-Za-z0-9][A-Za-z0-9.@:/_~-]{0,255}"
            ),
            shape="a URL of https or ssh without a password in it, or empty",
            example="git@git.example.com:owner/platform.git",
        ),
    },
    groups={
        "pushing": OptionGroup(
            purpose="Who pushes to a repository behind https that asks for it; the token is the secret git-token.",
            without="Left out: nothing, as for one that is reached by ssh.",
            default="nothing",
            options=(
                (
                    "user",
                    Option(
                        default="git",
                        purpose="Whose token it is; most servers take any name with a token.",
                        pattern=r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}",
                        shape="a user's name of letters, digits, '.', _, @ and -",
                        example="x-token-auth",
                    ),
                ),
            ),
        ),
    },
    programs=(HOST_AGENT, BACKUPS, DEPLOYMENTS, REGISTRY_GC),
    checkout=Checkout(
        path="{checkout}",
        owner="{user}",
        remote="{repository}",
        folders={
            "airflow-db": "airflow",
            "realtime-dev.supabase-realtime": "supabase",
            "supabase-analytics": "supabase",
            "supabase-auth": "supabase",
            "supabase-db": "supabase",
            "supabase-edge-functions": "supabase",
            "supabase-imgproxy": "supabase",
            "supabase-kong": "supabase",
            "supabase-meta": "supabase",
            "supabase-pooler": "supabase",
            "supabase-rest": "supabase",
            "supabase-storage": "supabase",
            "supabase-studio": "supabase",
            "supabase-vector": "supabase",
        },
        documents={
            "README.md": "catalog/presets/vps_infrastructure/checkout/README.md",
            ".gitignore": "catalog/presets/vps_infrastructure/checkout/gitignore",
            # Whole: a push that changes it is built and put live.
            "ai-dev-server": "apps/ai_dev_server",
            "docker-compose/dbt/README.md": "apps/dbt_project/README.md",
        },
    ),
    next_steps=(
        NextStep(text="Sign in to n8n with the owner's address and the password n8n-owner-password.", service="n8n"),
    ),
)
