"""Images of our own: the registry's name, and what is in them, are their names."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from catalog.ai_dev_server.service import SERVICE
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.network import Network
from homeport.model.route import Guard, Route
from homeport.model.service import Build
from homeport.plan import built
from tests.support.checkout import ROOT

OPEN = Guard(kind="open", because="a test")


def blueprint(*services, registry=True):
    routes = (Route(name="registry", service=services[0].name, port=5000, guards=(OPEN,)),) if registry else ()
    return Blueprint(
        preset="test",
        environment="dev",
        domain="example.com",
        services=services,
        networks=(Network(name="front", subnet="172.30.90.0/24"),),
        routes=routes,
        edge=Edge(bind="127.0.0.1", ports={"http": 80, "https": 443}, public=True),
        exposure="direct",
    )


@pytest.mark.req("S1-16")
def test_the_name_begins_with_the_registrys_host_and_ends_with_what_is_in_it():
    (service,) = built.named(blueprint(SERVICE)).services
    registry, _, rest = service.image.partition("/")
    name, _, tag = rest.partition(":")

    assert ("registry.example.com", "ai-dev-server") == (registry, name), "deployments push there"
    assert len(tag) == 12 and int(tag, 16) >= 0
    (alone,) = built.named(blueprint(SERVICE, registry=False)).services
    assert f"homeport/ai-dev-server:{tag}" == alone.image, "without a registry it has no registry's name"


def test_another_file_is_another_name_and_another_test_is_not(monkeypatch, tmp_path):
    monkeypatch.setattr(built, "_ROOT", tmp_path)
    shutil.copytree(ROOT / "apps/ai_dev_server", tmp_path / "program", ignore=shutil.ignore_patterns("__pycache__"))
    service = replace(SERVICE, build=Build(folder="program", registry="registry"))

    def name():
        return built.named(blueprint(service)).services[0].image

    first = name()
    (tmp_path / "program/tests/test_more.py").write_text("# more\n")
    (tmp_path / "program/README.md").write_text("# More\n")
    assert first == name(), "what is not in the image does not name it"
    (tmp_path / "program/ai_dev_server/more.py").write_text("# more\n")
    assert first != name()


def test_images_of_others_keep_their_names_and_what_ours_stand_on_is_known():
    other = replace(SERVICE, name="other", image="caddy:2", build=None)
    system = built.named(blueprint(SERVICE, other))

    assert "caddy:2" == system.services[1].image
    assert (built.runtime("apps/ai_dev_server"),) == built.runtimes(system)


def test_a_dockerfile_that_names_nothing_to_stand_on_is_a_defect(monkeypatch, tmp_path):
    monkeypatch.setattr(built, "_ROOT", tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    with pytest.raises(ValueError, match="names no image in ARG RUNTIME="):
        built.runtime(".")
