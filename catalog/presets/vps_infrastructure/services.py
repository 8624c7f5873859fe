"""What vps-infrastructure's services do differently from the catalog's.

Published ports are on the host's loopback address, where the proxy finds them: it runs in the host's own network.
"""

from dataclasses import replace

from catalog.ai_dev_server import service as ai_dev_server
from catalog.airflow import service as airflow
from catalog.browserless import service as browserless
from catalog.caddy import service as caddy
from catalog.dbt import service as dbt
from catalog.docker_registry import service as docker_registry
from catalog.dtc_app import service as dtc_app
from catalog.n8n import service as n8n
from catalog.supabase.shared import NETWORK as MAIN
from catalog.supabase_edge_functions import service as edge_functions
from catalog.supabase_storage import service as storage
from catalog.supabase_studio import service as studio
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Port, SecretFile, StaticFile
from homeport.model.template import FORMULA

N8N = replace(
    n8n.SERVICE,
    purpose="Workflow automation, and the tools of the AI Dev Server",
    networks=(MAIN, "browser_default"),
    env={
        **n8n.SERVICE.env,
        "DB_POSTGRESDB_HOST": "supabase-db",
        "N8N_INSTANCE_OWNER_EMAIL": "{owner-email}",
        # The AI Dev Server works with workflows through it; a caller needs the key.
        "N8N_PUBLIC_API_DISABLED": "false",
        "N8N_PAYLOAD_SIZE_MAX": "16",
        # An assistant that builds a workflow reads how its runs went; they are pruned after a week.
        "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all",
        "EXECUTIONS_DATA_SAVE_ON_ERROR": "all",
        "HOMEPORT_WEBHOOKS": "platform/neighbours",
    },
    files=(
        *n8n.SERVICE.files,
        StaticFile(source="catalog/presets/vps_infrastructure/n8n/credentials.json", target="credentials.json"),
        StaticFile(source="catalog/presets/vps_infrastructure/n8n/workflows/*.json", target="workflows"),
    ),
    secret_files=(
        *n8n.SERVICE.secret_files,
        SecretFile(target="api_key", template="n8n_api_{n8n-api-key}", syntax=FORMULA),
    ),
    ports=(Port(name="n8n", inside=5678, at="here", outside=5678),),
    needs=("supabase-db",),
    secrets=(
        *n8n.SERVICE.secrets,
        SecretSpec(
            name="n8n-api-key",
            kind="hex64",
            purpose="for the AI Dev Server at n8n's API, behind the prefix n8n_api_",
        ),
    ),
)

# What its settings name is there before it, and is not off while it is on.
STORAGE = replace(storage.SERVICE, needs=(*storage.SERVICE.needs, "supabase-imgproxy"))

EDGE_FUNCTIONS = replace(edge_functions.SERVICE, needs=("supabase-kong",))

STUDIO = replace(studio.SERVICE, needs=(*studio.SERVICE.needs, "supabase-kong", "supabase-analytics"))

AI_DEV_SERVER = replace(ai_dev_server.SERVICE, networks=(MAIN, "agent_default"), needs=("n8n",))

BROWSERLESS = replace(
    browserless.SERVICE,
    name="browserless-chromium",
    networks=("browser_default",),
    # It starts beside twenty others, and Chromium takes its time.
    health=Health(
        test=("node", "/etc/homeport/health.cjs"), interval=15, timeout=20, start_period=120, retries=5, gate=480
    ),
)

DBT = replace(
    dbt.SERVICE,
    networks=(MAIN,),
    env={**dbt.SERVICE.env, "DBT_HOST": "supabase-db", "DBT_DATABASE": "analytics"},
    needs=("supabase-db",),
)

REGISTRY = replace(docker_registry.SERVICE, name="registry", networks=("registry_default",))

DTC = replace(dtc_app.SERVICE, name="dtc-frontend-app", networks=("dtc_default",))

AIRFLOW = replace(airflow.SERVICE, networks=(MAIN, "airflow_default"))

AIRFLOW_DB = replace(
    airflow.DATABASE,
    networks=("airflow_default",),
    # Whether it takes connections, whoever asks.
    health=Health(test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"), interval=5, start_period=60),
)

CADDY = caddy.ON_HOST
