"""The export of a stack with apps, made of what the catalog's services are made of."""

from __future__ import annotations

import json

import pytest

from catalog.presets import registry
from homeport.plan.resolve import resolve
from homeport.render.export.tree import Export
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT

APP = {
    "image": "shop:1.0",
    "port": 3000,
    "route": {"access": "login"},
    "health": {"http": "/healthz"},
    "volumes": {"files": "/files", "data": "/data", "secrets": "/secrets"},
    "database": True,
    "secrets": {"MAIL": {"kind": "text"}},
}


@pytest.mark.req("OS-10")
def test_an_exported_app_has_its_program_for_health_its_database_and_folders_of_its_own():
    values = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps({"apps": {"shop": APP}})}
    plan = resolve(Configuration("dev", values), sealed=True)
    preset = registry.preset("ai-orchestrator")
    export = Export(blueprint=plan.blueprint, preset=preset, specs=plan.secrets, root=ROOT)
    manifest = export.manifest().splitlines()
    volumes = {line.split()[1]: line.split()[2] for line in manifest if line.startswith("volume ")}

    assert "program busybox/busybox busybox:1.37.0-musl /bin/busybox" in manifest, "what asks for its health is laid"
    assert {"shop_files", "shop_data", "shop_secrets"} == {volumes[f"shop-{name}"] for name in APP["volumes"]}, (
        "files and secrets are folders of the export's own, and hold those of all containers"
    )
    assert "variable SHOP_MAIL text required shop-mail" in manifest, "nobody but you can give it"
    assert "variable SHOP_DATABASE_PASSWORD password generated shop-database-password" in manifest
    assert "shared-busybox:/.homeport:ro" in export.compose_file()
    assert "app_shop" in dict(export.tree())["templates/sql/ai-postgres.sql"].decode()
