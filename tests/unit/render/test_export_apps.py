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


@pytest.mark.req("OS-10")
def test_no_two_volumes_of_an_export_are_one_folder_and_none_is_a_folder_of_its_own():
    names = ("exchange", "busybox", "manifest", "n8n", "one", "two_one", "data", "files")
    apps = {
        app: {"image": "x:1.0", "port": 80, "volumes": {name: f"/{name}" for name in names}}
        for app in ("three", "two", "one")
    }
    apps["two"]["volumes"].pop("two_one")
    values = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps({"apps": apps})}
    plan = resolve(Configuration("dev", values), sealed=True)
    preset = registry.preset("ai-orchestrator")
    export = Export(blueprint=plan.blueprint, preset=preset, specs=plan.secrets, root=ROOT)
    volumes = [line.split() for line in export.manifest().splitlines() if line.startswith("volume ")]
    folders = [folder for _, _, folder in volumes]
    mine = {folder for _, name, folder in volumes if name.partition("-")[0] in apps}
    own = {path.partition("/")[0] for path in export.tree()}

    assert sorted(set(folders)) == sorted(folders), "two volumes would hold each other's data"
    assert mine.isdisjoint(own), "a container would write to what deploy.sh reads"
