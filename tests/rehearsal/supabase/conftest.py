"""Supabase's containers, made once: the database and postgres-meta are real, all others hold their image's contract."""

from __future__ import annotations

import pytest

from tests.support.supabase import SERVICES, SupabaseServices
from toolchain.images.ensure import ensure


@pytest.fixture(scope="session")
def supabase():
    ensure([service.image for service in SERVICES], pull=False)
    services = SupabaseServices()
    try:
        for service in SERVICES:
            # As long as an update waits for it.
            services.start(service, seconds=service.health.gate)
        yield services
    finally:
        services.close()
