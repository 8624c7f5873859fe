"""The memory's PostgreSQL with its roles, schema and functions: one for all modules of this folder."""

from __future__ import annotations

import pytest

from catalog.presets.ai_orchestrator.services import POSTGRES
from tests.support.memory import SERVICES, MemoryServices, missing_images


@pytest.fixture(scope="session")
def world():
    missing = missing_images(*SERVICES)
    assert not missing, f"build the images first: python -m toolchain.images ({', '.join(missing)})"
    services = MemoryServices()
    try:
        services.start(POSTGRES)
        services.databases()
        yield services
    finally:
        services.close()
