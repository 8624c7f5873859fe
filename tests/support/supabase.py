"""Supabase's services on their own: the catalog's, with their files, without the engine."""

from __future__ import annotations

import secrets

from catalog.supabase.shared import VOLUMES
from catalog.supabase_analytics.service import SERVICE as ANALYTICS
from catalog.supabase_auth.service import SERVICE as AUTH
from catalog.supabase_db.service import SERVICE as DB
from catalog.supabase_edge_functions.service import SERVICE as FUNCTIONS
from catalog.supabase_imgproxy.service import SERVICE as IMGPROXY
from catalog.supabase_kong.service import SERVICE as KONG
from catalog.supabase_meta.service import SERVICE as META
from catalog.supabase_pooler.service import SERVICE as POOLER
from catalog.supabase_realtime.service import SERVICE as REALTIME
from catalog.supabase_rest.service import SERVICE as REST
from catalog.supabase_storage.service import SERVICE as STORAGE
from catalog.supabase_studio.service import SERVICE as STUDIO
from catalog.supabase_vector.service import SERVICE as VECTOR
from homeport.model import jwt
from tests.support.memory import Containers

SERVICES = (DB, META, AUTH, REST, STUDIO, KONG, STORAGE, IMGPROXY, FUNCTIONS, ANALYTICS, VECTOR, POOLER, REALTIME)
SPECS = {spec.name: spec for service in SERVICES for spec in service.secrets}
TEXTS = {
    "origin:supabase": "https://supabase.example.com",
    "domain": "example.com",
    "environment": "test",
}
_MADE = {"hex32": lambda: secrets.token_hex(16), "hex64": lambda: secrets.token_hex(32)}


def values() -> dict[str, str]:
    """A value for each secret, the tokens signed by their key."""
    made = {spec.name: _MADE.get(spec.kind, lambda: "A1" + secrets.token_urlsafe(32))() for spec in SPECS.values()}
    return made | {spec.name: jwt.signed(made[spec.made_of], spec.claims) for spec in SPECS.values() if spec.made_of}


class SupabaseServices(Containers):
    """Its containers, by the names that they call each other by."""

    server = DB.name
    carrier = DB.image

    def __init__(self) -> None:
        super().__init__(values(), TEXTS, VOLUMES)
