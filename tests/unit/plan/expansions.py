"""`python -m tests.unit.plan.expansions` writes what each app of tests/cases/apps becomes into tests/golden/apps."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import yaml

from homeport.model.container import container_spec
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

CASES = Path(__file__).parents[2] / "cases" / "apps"
GOLDEN = Path(__file__).parents[2] / "golden" / "apps"
TODAY = date(2026, 11, 29)


def case(path):
    """A case as its file says it."""
    return yaml.safe_load(path.read_text())


def planned(preset, said):
    """The plan of a case with one of its presets."""
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(said["settings"])}
    values |= {f"homeport:{name}": value for name, value in said.get("secrets", {}).items()}
    encrypted = frozenset(f"homeport:{name}" for name in said.get("secrets", {}))
    return resolve(Configuration(said["stack"], values, encrypted), today=TODAY, sealed=said.get("sealed", False))


def accepted():
    """Every case that is planned, with each of its presets."""
    every = [(path, preset) for path in sorted(CASES.glob("*.yaml")) for preset in case(path)["presets"]]
    return [(path, preset) for path, preset in every if "refused" not in case(path)]


def expansion(preset, said):
    """What the apps of a case become: all that differs from the preset without them, as JSON."""
    plan = planned(preset, said)
    blueprint, apps = plan.blueprint, set(said["settings"]["apps"])
    without = planned(preset, {**said, "secrets": {}, "settings": {**said["settings"], "apps": {}}}).blueprint
    services = [service for service in blueprint.services if service.name in apps]
    parts = {
        "containers": [asdict(container_spec(blueprint, service)) for service in services],
        "files": {
            service.name: [asdict(file) | {"syntax": file.syntax.name} for file in service.secret_files]
            for service in services
        },
        "volumes": {
            service.name: {key: asdict(volume) for key, volume in service.volumes.items()} for service in services
        },
        "networks": [asdict(network) for network in blueprint.networks if network not in without.networks],
        "routes": [
            {**asdict(route), "host": blueprint.host(route), "origin": blueprint.origin(route)}
            for route in blueprint.routes
            if route not in without.routes
        ],
        "databases": [asdict(database) for database in blueprint.databases if database not in without.databases],
        "secrets": {
            name: f"{plan.secrets[name].policy} {plan.secrets[name].kind}: needed {plan.secrets[name].purpose}"
            for name in plan.secrets
            if name not in without.secrets()
        },
        "resting": [service.name for service in blueprint.resting],
        "others": [service.name for service in without.services if service not in blueprint.services],
    }
    return json.dumps({key: value for key, value in parts.items() if value}, indent=2, default=str) + "\n"


def main() -> None:
    """Writes all of them."""
    for path, preset in accepted():
        (GOLDEN / f"{path.stem}.{preset}.json").write_text(expansion(preset, case(path)))


if __name__ == "__main__":
    main()
