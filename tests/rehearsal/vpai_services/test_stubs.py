"""Sure and CouchDB as stubs that hold their images' contracts: what each must be handed, it is."""

from dataclasses import replace

import pytest

from catalog.couchdb.service import SERVICE as COUCHDB
from catalog.sure.service import SERVICE as SURE
from catalog.sure.service import STORAGE, WORKER
from tests.rehearsal.vpai_services.conftest import PASSWORDS
from tests.support.catalog_containers import ensure, healthy, logs, shown
from tests.support.containers import docker

pytestmark = pytest.mark.docker
VALUES = {
    **PASSWORDS,
    "sure-secret-key-base": "b6" * 64,
    "couchdb-admin-password": "Canary1-of-couchdbs-administrator",
    "couchdb-obsidian-password": "Canary1-of-obsidian",
    "couchdb-session-secret": "c7" * 32,
}
TEXTS = {"host:sure": "money.example.com", "couchdb-user": "admin", "couchdb-obsidian-user": "obsidian"}
OF_SURE = {"volumes": {"files": STORAGE["sure-storage"]}}
STUBS = (replace(SURE, **OF_SURE), replace(WORKER, **OF_SURE), COUCHDB)


@pytest.mark.parametrize("service", STUBS, ids=lambda service: service.name)
def test_it_starts_with_what_its_image_asks_for_and_shows_no_secret(place, service):
    ensure(service.image)
    container = healthy(place.start(service, VALUES, texts=TEXTS))
    facts = "{{.Config.User}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}"
    assert f"{service.user} [ALL] []" == docker("inspect", "--format", facts, container), "it has no rights"
    seen = shown(container) + docker("top", container) + logs(container)
    assert [] == [name for name, word in VALUES.items() if word in seen], "its secrets are files"
