"""Supabase alone, as a preset would have it."""

from catalog.supabase.shared import NETWORK, VOLUMES
from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.route import Guard, Route
from tests.support.supabase import SERVICES

PRESET = Preset(
    name="supabase-alone",
    purpose="Supabase",
    services=SERVICES,
    networks=(Network(name=NETWORK, subnet="172.30.48.0/24", internal=False),),
    routes=(
        Route(
            name="supabase",
            service="supabase-kong",
            port=8000,
            guards=(Guard(kind="login", because="a test's"),),
        ),
    ),
    shared_volumes=VOLUMES,
    tools={"cloudflared": "cloudflare/cloudflared:2026.8.2"},
    defaults={"exposure": "local"},
)
