"""shared-infrastructure: the stack that others join. Network, proxy, tunnel, secrets management, cache."""

from catalog.backups import offsite
from catalog.presets.shared_infrastructure.backups import BACKUPS
from catalog.presets.shared_infrastructure.services import (
    CADDY,
    CLOUDFLARED,
    INFISICAL,
    INFISICAL_DB,
    INFISICAL_REDIS,
    NETWORK,
    REDIS,
)
from homeport.model.database import Database, Role
from homeport.model.network import Network
from homeport.model.preset import ExportLayout, NextStep, Preset
from homeport.model.route import Guard, Route
from homeport.model.secret import SecretSpec

_PEOPLE = Guard(kind="login", because="whoever the stack's settings name, by one policy for all host names")
_OPERATOR = Guard(
    kind="basic",
    user="admin",
    secret="guests-password",
    because="no Cloudflare Access stands before the proxy, so the proxy itself asks for the operator",
)

PRESET = Preset(
    name="shared-infrastructure",
    purpose="What other stacks share: network, reverse proxy, tunnel, secrets management and cache",
    services=(CADDY, CLOUDFLARED, INFISICAL, INFISICAL_DB, INFISICAL_REDIS, REDIS),
    networks=(
        # The only one, and wide: containers of other stacks join it.
        Network(name=NETWORK, subnet="172.30.64.0/20", internal=False, shared=True),
    ),
    databases=(
        Database(
            name="infisical",
            server="infisical-db",
            owner="infisical",
            roles=(Role(name="infisical", secret="infisical-db-password"),),
            users=("infisical-backend",),
        ),
    ),
    routes=(
        Route(
            name="infisical",
            service="infisical-backend",
            port=8080,
            here=8005,
            probe="/api/status",
            guards=(_PEOPLE,),
            # Infisical asks for a login itself, with the header that basic authentication would need. What it asks
            # nobody for is the first account, the administrator's (backend/src/server/routes/v1/admin-router.ts).
            without_access=(
                Guard(
                    kind="basic",
                    user="admin",
                    secret="guests-password",
                    paths=("/admin/signup*", "/api/v1/admin/signup*", "/api/v1/admin/bootstrap*"),
                    because="whoever comes first makes the administrator's account: that is to be the operator",
                ),
                Guard(kind="open", because="Infisical asks for its own login"),
            ),
        ),
    ),
    guests=(
        Route(
            name="n8n",
            service="n8n",
            port=5678,
            here=8001,
            guest=True,
            max_body=64 * 1024 * 1024,
            guards=(_PEOPLE,),
            without_access=(_OPERATOR,),
        ),
        Route(
            name="langfuse",
            service="langfuse-web",
            port=3000,
            here=8002,
            guest=True,
            guards=(_PEOPLE,),
            without_access=(_OPERATOR,),
        ),
        Route(
            name="supabase",
            service="kong",
            port=8000,
            here=8003,
            guest=True,
            max_body=64 * 1024 * 1024,
            guards=(_PEOPLE,),
            without_access=(_OPERATOR,),
        ),
        Route(
            name="lambda",
            service="lambda-server",
            port=8000,
            here=8004,
            guest=True,
            guards=(_PEOPLE,),
            without_access=(
                Guard(
                    kind="open", because="the server checks the assertion of Access itself, and refuses who has none"
                ),
            ),
        ),
    ),
    operator=_OPERATOR,
    programs=(BACKUPS,),
    groups=offsite.GROUPS,
    options=offsite.OPTIONS,
    # renovate: datasource=docker depName=restic/restic
    tools={"restic": "restic/restic:0.18.1"},
    secrets=(
        SecretSpec(
            name="guests-password",
            purpose="for the operator, user admin, where the proxy asks: Infisical's first account, guests' routes",
        ),
    ),
    defaults={"exposure": "tunnel", "access": {"login": "google"}, "guests": {"lambda": {"host": "api"}}},
    next_steps=(
        NextStep(
            text=(
                "OPEN: make Infisical's administrator account at its address, path /admin/signup. Until then its host "
                "name is for the operator alone."
            ),
            service="infisical-backend",
        ),
        NextStep(
            text=(
                "Back up the key infisical-encryption-key, apart from the data: without it all that Infisical stores "
                "is unreadable. Run: homeport credentials --only infisical-encryption-key"
            ),
            service="infisical-backend",
        ),
    ),
    export=ExportLayout(
        sites=True,
        documents={
            "AGENTS.md": "catalog/presets/shared_infrastructure/export/AGENTS.md",
            "docs/README.md": "catalog/presets/shared_infrastructure/export/docs.md",
            "docs/infisical/README.md": "catalog/presets/shared_infrastructure/export/infisical.md",
            "cloudflared/docs/README.md": "catalog/presets/shared_infrastructure/export/cloudflared.md",
            "scripts": "apps/infra_tools",
        },
    ),
)
