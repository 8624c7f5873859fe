"""n8n on PostgreSQL 18 and Redis: its owner is made on the first start, and stays as it is on later ones."""

import json
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from catalog.n8n.service import OWNED_ONCE
from homeport.model.service import StaticFile
from tests.rehearsal.vpai_services.conftest import PASSWORDS
from tests.support.catalog_containers import ensure, healthy
from tests.support.containers import docker

pytestmark = pytest.mark.docker
PRESET = "catalog/presets/vps_infrastructure/n8n"
SERVICE = replace(
    OWNED_ONCE,
    files=(
        *OWNED_ONCE.files,
        StaticFile(source=f"{PRESET}/credentials.json", target="credentials.json"),
        StaticFile(source=f"{PRESET}/workflows/*.json", target="workflows"),
    ),
)
VALUES = {
    **PASSWORDS,
    "n8n-short-encryption-key": "1a" * 16,
    "n8n-owner-password": "Canary1-of-the-first-start",
    "n8n-webhook-api-key": "2b" * 32,
}
TEXTS = {
    "origin:n8n": "https://n8n.example.com",
    "host:n8n": "n8n.example.com",
    "owner-email": "owner@example.com",
    "owner-first-name": "Jane",
    "owner-last-name": "O'Neil-Roe",
}


def sign_in(container, password):
    host = docker("port", container, "5678/tcp").splitlines()[0]
    body = json.dumps({"emailOrLdapLoginId": TEXTS["owner-email"], "password": password}).encode()
    request = urllib.request.Request(f"http://{host}/rest/login", data=body)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the test's own container
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.req("S5-27", "S5-28")
def test_its_owner_is_of_the_first_start_and_no_later_one_changes_it(place, postgresql, redis):
    assert redis
    ensure(SERVICE.image)
    start = {"texts": TEXTS, "publish": ("--publish", "127.0.0.1::5678")}
    container = healthy(place.start(SERVICE, VALUES, **start), SERVICE.health.gate)
    assert 200 == sign_in(container, VALUES["n8n-owner-password"]), "the owner of the stack signs in"
    names = """SELECT "firstName" || ' ' || "lastName" FROM "user" WHERE email = 'owner@example.com'"""
    assert "Jane O'Neil-Roe" == postgresql.query(names, database="n8n"), "by the names that are chosen"
    clients = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'n8n' AND usename = 'n8n'"
    assert "t" == postgresql.query(clients), "its store is its own database"

    later = VALUES | {"n8n-owner-password": "Canary1-of-a-later-start"}
    container = healthy(place.replace(SERVICE, later, **start), SERVICE.health.gate)
    codes = [sign_in(container, values["n8n-owner-password"]) for values in (later, VALUES)]
    assert [401, 200] == codes, "what the owner has by now is the owner's"
