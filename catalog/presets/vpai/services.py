"""What vpai's services do differently from the catalog's: which host each is on, and what is next to it there."""

from dataclasses import replace

from catalog.alloy import service as alloy
from catalog.budget_guard import service as budget_guard
from catalog.caddy import service as caddy
from catalog.cadvisor import service as cadvisor
from catalog.couchdb import service as couchdb
from catalog.grafana import service as grafana
from catalog.headscale import service as headscale
from catalog.litellm import service as litellm
from catalog.loki import service as loki
from catalog.n8n import service as n8n
from catalog.nocodb import service as nocodb
from catalog.node_exporter.program import NODE_EXPORTER as _NODE_EXPORTER
from catalog.openclaw import service as openclaw
from catalog.openclaw_sandbox import service as openclaw_sandbox
from catalog.postgresql import service as postgresql
from catalog.qdrant import service as qdrant
from catalog.redis import service as redis
from catalog.sure import service as sure
from catalog.uptime_kuma import service as uptime_kuma
from catalog.victoriametrics import service as victoriametrics
from catalog.zerobyte import service as zerobyte
from homeport.model.host_program import ProgramPort
from homeport.model.service import SecretFile, StaticFile, Volume
from homeport.model.template import FORMULA

# The networks of the VPN host are here as well, for a stack on one machine, which has this proxy alone; where it is not
# beside what is on them it does not join them.
CADDY = replace(caddy.OVH, networks=("frontend", "backend", "mesh-edge", "relay", "watch"), role="ai")

HUB_CADDY = replace(
    CADDY,
    name="hub-caddy",
    purpose="Edge proxy of the VPN host: the mesh's control server, webhooks, Obsidian",
    networks=("frontend", "mesh-edge", "relay", "watch"),
    role="vpn",
)

HEADSCALE = replace(headscale.SERVICE, role="vpn")

COUCHDB = replace(couchdb.SERVICE, role="vpn")

# Behind the proxy for members alone, because its first visitor makes the administrator's account.
UPTIME_KUMA = replace(
    uptime_kuma.SERVICE,
    networks=("watch",),
    ports=(),
    volumes={"data": Volume(path="/app/data", owner=(1000, 1000))},
    role="vpn",
)

POSTGRESQL = replace(postgresql.SERVICE, role="ai")

REDIS = replace(redis.V8, role="ai")

QDRANT = replace(qdrant.V1_16, role="ai")

LITELLM = replace(litellm.SERVICE, role="ai")

BUDGET_GUARD = replace(budget_guard.SERVICE, role="ai")

N8N = replace(
    n8n.OWNED_ONCE,
    purpose="Workflow automation: webhooks, and agents of OpenClaw",
    env={
        **n8n.OWNED_ONCE.env,
        "N8N_PAYLOAD_SIZE_MAX": "16",
        # A kind of credential of our own: what agents report goes to their chat at Telegram.
        "N8N_CUSTOM_EXTENSIONS": "/etc/homeport/custom",
        "HOMEPORT_AGENTS_TELEGRAM": "{agents-telegram}",
    },
    files=(
        *n8n.OWNED_ONCE.files,
        StaticFile(source="catalog/presets/vpai/n8n/credentials.json", target="credentials.json"),
        StaticFile(source="catalog/presets/vpai/n8n/workflows/*.json", target="workflows"),
        StaticFile(source="catalog/presets/vpai/n8n/custom/*.js", target="custom"),
    ),
    secret_files=(
        *n8n.OWNED_ONCE.secret_files,
        SecretFile(target="openclaw_token", template="{openclaw-gateway-token}", syntax=FORMULA),
        SecretFile(target="agents_telegram_token", template="{telegram-openclaw-token}", syntax=FORMULA),
        SecretFile(target="agents_telegram_chat", template="{telegram-openclaw-chat}", syntax=FORMULA),
    ),
    secrets=(*n8n.OWNED_ONCE.secrets, grafana.AGENTS_TOKEN, grafana.AGENTS_CHAT),
    role="ai",
)

OPENCLAW = replace(openclaw.SERVICE, role="ai")

OPENCLAW_SANDBOX = replace(openclaw_sandbox.SERVICE, role="ai")

NOCODB = replace(nocodb.SERVICE, role="ai")

SURE = replace(sure.SERVICE, role="ai")

SURE_WORKER = replace(sure.WORKER, role="ai")

GRAFANA = replace(grafana.SERVICE, role="ai")

VICTORIAMETRICS = replace(victoriametrics.SERVICE, role="ai")

LOKI = replace(loki.SERVICE, role="ai")

# The hosts with that role; one that a stack does not have is nobody at 127.0.0.1, and so has no metrics.
ALLOY = replace(
    alloy.SERVICE,
    env={
        **alloy.SERVICE.env,
        "NODE_TARGETS": (
            '[{"__address__": "{mesh:ai}:9100", "instance": "ai"},'
            ' {"__address__": "{mesh:workstation}:9100", "instance": "workstation"},'
            ' {"__address__": "{mesh:vpn}:9100", "instance": "vpn"},'
            ' {"__address__": "{mesh:app}:9100", "instance": "app"}]'
        ),
    },
    role="ai",
)

CADVISOR = replace(cadvisor.SERVICE, role="ai")

ZEROBYTE = replace(zerobyte.SERVICE, role="ai")

# Members of the mesh alone reach it, and of these whom the mesh's rules name; on Alloy's own host also its network.
NODE_EXPORTER = replace(
    _NODE_EXPORTER,
    ports=(ProgramPort(number=9100, members=True, reachable=("egress",)),),
    roles=("ai", "app", "preprod", "vpn", "workstation"),
)
