"""Supabase's containers, made once: the database and postgres-meta are real, all others hold their image's contract."""

from __future__ import annotations

import pytest

from tests.support.memory import missing_images
from tests.support.supabase import SERVICES, SupabaseServices


@pytest.fixture(scope="session")
def supabase():
    missing = missing_images(*SERVICES)
    assert not missing, f"build the images first: python -m toolchain.images ensure {' '.join(missing)}"
    services = SupabaseServices()
    try:
        for service in SERVICES:
            services.start(service)
        yield services
    finally:
        services.close()
