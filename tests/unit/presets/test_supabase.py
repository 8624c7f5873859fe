"""Supabase's services in the catalog, read as data: what upstream's compose file has, and what is harder here."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache

import pytest
import yaml

from catalog.presets import registry
from catalog.supabase.shared import NETWORK, VOLUMES
from homeport.model import fixes, jwt
from homeport.model.errors import BlueprintError
from homeport.model.template import fill, names
from homeport.plan.resolve import resolve
from homeport.settings import load
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT, text
from tests.support.supabase import DB, KONG, POOLER, REALTIME, SERVICES, SPECS, STUDIO, VECTOR, values

BY_NAME = {service.name: service for service in SERVICES}
UPSTREAM = {
    f"supabase-{part}"
    for part in (
        *("db", "kong", "auth", "rest", "storage", "imgproxy", "meta", "studio", "edge-functions", "analytics"),
        *("vector", "pooler"),
    )
} | {"realtime-dev.supabase-realtime"}
OPTIONAL = {"supabase-analytics", "supabase-vector", "supabase-pooler", "supabase-imgproxy", REALTIME.name}


@pytest.mark.req("S1-18")
def test_the_thirteen_containers_of_upstream_are_there_under_its_names_on_one_network():
    assert (13, UPSTREAM) == (len(SERVICES), set(BY_NAME)), "docker/docker-compose.yml of supabase/supabase"
    assert {(NETWORK,)} == {service.networks for service in SERVICES}, "supabase_default"


@pytest.mark.req("S1-18")
def test_what_may_be_switched_off_is_needed_by_nothing_that_stays():
    asked = {name: set(service.needs) & OPTIONAL for name, service in BY_NAME.items() if name not in OPTIONAL}

    assert {} == {name: needs for name, needs in asked.items() if needs}, "settings.services.<name>.enabled: false"
    assert ("supabase-analytics",) == VECTOR.needs, "it has nobody else to tell"


@pytest.fixture
def planned(monkeypatch):
    """Supabase alone with these services switched off."""
    monkeypatch.setitem(registry._BUILT, "supabase-alone", "tests.unit.presets.supabase_preset")
    monkeypatch.setattr(load, "PRESETS", (*load.PRESETS, "supabase-alone"))

    def run(*off):
        settings = {"services": {name: {"enabled": False} for name in off}}
        values = {"homeport:preset": "supabase-alone", "homeport:settings": json.dumps(settings)}
        return resolve(Configuration("dev", values))

    return run


@pytest.mark.req("S1-18")
@pytest.mark.parametrize("name", sorted(OPTIONAL - {"supabase-analytics"}))
def test_each_of_them_is_switched_off_by_its_name(planned, name):
    assert UPSTREAM - {name} == {service.name for service in planned(name).blueprint.services}


@pytest.mark.req("S1-18")
def test_the_log_service_goes_with_its_collector_or_is_refused_in_words(planned):
    whole = planned("supabase-analytics", "supabase-vector")
    with pytest.raises(BlueprintError, match="supabase-analytics is not part of this stack"):
        planned("supabase-analytics")

    assert 11 == len(whole.blueprint.services)
    assert {"anon-key", "service-role-key"} == set(whole.derived)


def test_a_fix_for_a_service_with_a_dot_in_its_name_names_one_part_of_the_path():
    path = fixes.of_service(REALTIME.name, "enabled")

    assert 'homeport:settings.services["realtime-dev.supabase-realtime"].enabled' == path
    assert "homeport:settings.services.n8n.memory" == fixes.of_service("n8n", "memory")


@pytest.mark.req("S1-18")
def test_each_need_is_one_of_them_and_the_database_comes_first():
    before, waves = set(), []
    while len(before) < len(SERVICES):
        waves.append({name for name, service in BY_NAME.items() if name not in before and set(service.needs) <= before})
        assert waves[-1], "a circle, or a need that nobody is"
        before |= waves[-1]

    assert "supabase-db" in waves[0]
    assert {"supabase-auth", "supabase-rest", "supabase-meta"} <= waves[1], "each makes its tables there"


@pytest.mark.req("S1-18")
def test_all_of_them_fit_a_machine_of_eight_gigabytes_with_room_for_others():
    assert sum(service.limits.memory for service in SERVICES) <= 5000, "MB, the most that all use at once"


@pytest.mark.req("S1-19", "S1-20", "S1-22")
def test_two_ports_are_published_and_both_on_the_loopback_address():
    published = {
        name: [(port.inside, port.outside, port.at) for port in service.ports]
        for name, service in BY_NAME.items()
        if service.ports
    }

    assert {"supabase-kong": [(8000, 8000, "here")], "supabase-studio": [(3000, 3000, "here")]} == published, (
        "the database and its pooler answer inside alone"
    )


@pytest.mark.req("S1-19")
def test_the_databases_files_are_on_a_protected_volume_of_one_major_version():
    (volume,) = DB.volumes.values()

    assert volume.data, "protected where the environment says so"
    assert DB.env["PGDATA"].startswith(f"{volume.path}/")
    assert ("15", "17") == (DB.data_major(DB.image), DB.data_major("supabase/postgres:17.6.1.136@sha256:abc")), (
        "another major cannot read the data, and is refused"
    )


@pytest.mark.req("S1-20")
def test_studio_is_asked_for_its_profile():
    assert any("/api/platform/profile" in word for word in STUDIO.health.test)


@pytest.mark.req("S1-21")
def test_the_sql_is_in_the_databases_container_before_it_starts_and_holds_no_secret():
    files = sorted((ROOT / "catalog/supabase_db/files/sql").glob("*.sql"))
    whole = "".join(path.read_text() for path in files)

    assert "catalog/supabase_db/files/sql/*.sql" in {file.source for file in DB.files}
    for words in ("jwt_exp", "_realtime", "_analytics", "_supavisor", "supabase_functions.hooks", "_supabase"):
        assert words in whole, "what upstream's docker/volumes/db has"
    assert "jwt_secret" not in whole, "whoever may run SQL could ask for it"
    assert {file.target for file in DB.secret_files if file.target.startswith("passwords/")} >= {
        f"passwords/{name}" for name in ("admin", "authenticator", "supabase_auth_admin", "supabase_storage_admin")
    }


@pytest.mark.req("S1-41", "S1-42")
def test_everything_secret_is_made_by_the_program():
    assert {"generated", "derived"} == {spec.policy for spec in SPECS.values()}, "nobody has to supply one"
    assert {"anon-key": "anon", "service-role-key": "service_role"} == {
        name: spec.claims["role"] for name, spec in SPECS.items() if spec.policy == "derived"
    }
    assert {("jwt-secret", "supabase")} == {
        (spec.made_of, spec.claims["iss"]) for spec in SPECS.values() if spec.made_of
    }
    upstream = {
        *("POSTGRES_PASSWORD", "JWT_SECRET", "ANON_KEY", "SERVICE_ROLE_KEY", "DASHBOARD_PASSWORD", "SECRET_KEY_BASE"),
        *("VAULT_ENC_KEY", "PG_META_CRYPTO_KEY", "LOGFLARE_PUBLIC_ACCESS_TOKEN", "LOGFLARE_PRIVATE_ACCESS_TOKEN"),
        *("S3_PROTOCOL_ACCESS_KEY_ID", "S3_PROTOCOL_ACCESS_KEY_SECRET"),
    }
    assert upstream <= {spec.env_name for spec in SPECS.values()}, "each by its name in upstream's .env"
    made = values()
    assert (64, 32, 32) == tuple(len(made[name]) for name in ("secret-key-base", "vault-enc-key", "realtime-enc-key"))
    for name in ("anon-key", "service-role-key"):
        assert "" == jwt.misfit(made[name], made["jwt-secret"], SPECS[name].claims, 1_900_000_000), "for decades"


SHARED = {
    # One system's own, as upstream has it: who reads it, and why no other will do.
    "jwt-secret": "who makes tokens, and each who checks one",
    "anon-key": "public",
    "service-role-key": "who acts as the server, and the gateway that knows it",
    "supabase-postgres-password": "who administers: Studio and its interface, logs, pooler, realtime; the database",
    "supabase-auth-password": "the role and the database",
    "supabase-authenticator-password": "the role and the database",
    "supabase-storage-password": "the role and the database",
    "supabase-pooler-password": "the role and the database",
    "pg-meta-crypto-key": "Studio encrypts, its interface decrypts",
    "logflare-public-token": "the log service and who sends and asks",
    "logflare-private-token": "the log service and Studio",
}


@pytest.mark.req("S1-44")
def test_no_secret_is_two_services_unless_it_is_what_they_have_in_common():
    readers = defaultdict(set)
    for service in SERVICES:
        for file in service.secret_files:
            for name in file.secrets:
                readers[name].add(service.name)

    assert set(SHARED) == {name for name, who in readers.items() if len(who) > 1}
    roles = ("auth", "authenticator", "storage", "pooler")
    assert [{"supabase-db"}] * 4 == [readers[f"supabase-{role}-password"] & {"supabase-db"} for role in roles]
    assert {2} == {len(readers[f"supabase-{role}-password"]) for role in roles}, "a role, one service, one password"


def changed(**new):
    """Which services' files are others once these secrets are."""
    before = values()
    after = before | {name.replace("_", "-"): value for name, value in new.items()}
    after |= {name: jwt.signed(after["jwt-secret"], spec.claims) for name, spec in SPECS.items() if spec.made_of}
    return {
        service.name
        for service in SERVICES
        if any(
            fill(file.template, before, file.syntax) != fill(file.template, after, file.syntax)
            for file in service.secret_files
        )
    }


@pytest.mark.req("S1-46")
def test_a_rotated_secret_is_another_file_for_its_users_alone():
    other = "B2" * 24

    assert {"supabase-db", "supabase-auth"} == changed(supabase_auth_password=other)
    assert {"supabase-storage"} == changed(s3_protocol_access_key_secret=other)
    assert {
        *("supabase-auth", "supabase-rest", "supabase-storage", "supabase-studio", "supabase-edge-functions"),
        *("supabase-pooler", REALTIME.name, "supabase-kong"),
    } == changed(jwt_secret=other), "who checks a token, and who knows the two keys that are made of it"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_no_secret_is_where_docker_inspect_shows_it(service):
    inspected = [*service.env.values(), *service.command, *service.entrypoint, *service.health.test]

    assert [] == [word for word in inspected if set(names(word)) & set(SPECS)], "files of mode 0400 alone"
    assert {0o400} >= {file.mode for file in service.secret_files}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_none_has_a_path_of_the_host_nor_a_writable_root(service):
    assert {} == dict(service.binds), "upstream's log collector has Docker's socket, and with it the host"
    assert "writable_root" not in service.waivers
    assert service.name == "supabase-db" or {} == dict(service.capabilities)
    assert set(service.waivers) <= {"root"}
    assert {volume.shared for volume in service.volumes.values()} - {None} <= set(VOLUMES)


@cache
def gateway():
    (file,) = KONG.secret_files
    return yaml.safe_load(fill(file.template, values(), file.syntax))


def routes():
    """Path to what is asked of a caller there, and where it leads."""
    found = {}
    for service in gateway()["services"]:
        plugins = {plugin["name"]: plugin.get("config", {}) for plugin in service.get("plugins", [])}
        for route in service["routes"]:
            for path in route["paths"]:
                found[path] = (plugins, service["url"], route.get("hosts"))
    return found


@pytest.mark.req("S1-22")
def test_the_gateway_asks_for_a_key_wherever_upstream_does():
    keyed = {path: sorted(plugins["acl"]["allow"]) for path, (plugins, _, _) in routes().items() if "acl" in plugins}

    both = ["admin", "anon"]
    assert {
        "/auth/v1/": both,
        "/rest/v1/": both,
        "/graphql/v1": both,
        "/realtime/v1/": both,
        "/realtime/v1/api": both,
        "/pg/": ["admin"],
    } == keyed
    assert all("key-auth" in routes()[path][0] for path in keyed), "a list of groups without a key lets nobody in"
    closed = {path for path, (plugins, _, _) in routes().items() if "request-termination" in plugins}
    assert {"/realtime/v1/api/tenants", "/realtime/v1/api/openapi"} == closed, "a key is no operator's"
    # docker/volumes/api/kong.yml: each checks its callers itself.
    opened = {path for path, (plugins, _, _) in routes().items() if not {"acl", "basic-auth"} & set(plugins)} - closed
    assert {
        "/auth/v1/verify",
        "/auth/v1/callback",
        "/auth/v1/authorize",
        "/auth/v1/.well-known/jwks.json",
        "/storage/v1/",
        "/functions/v1/",
    } == opened


@pytest.mark.req("S1-35")
def test_the_gateway_shows_studio_to_who_comes_by_ssh_alone():
    plugins, url, hosts = routes()["/"]

    assert ("http://supabase-studio:3000/", ["localhost", "127.0.0.1"]) == (url, hosts), "no public name leads there"
    assert "basic-auth" in plugins, "and a password is asked for all the same"
    assert [(url, hosts)] == [(where, who) for _, (_, where, who) in routes().items() if "studio" in where], (
        "no other path leads to it"
    )


@pytest.mark.req("S1-22")
def test_the_gateways_keys_are_those_of_the_two_roles():
    made, config = values(), gateway()

    consumers = {consumer["username"]: consumer for consumer in config["consumers"]}
    for name, group in (("anon", "anon"), ("service_role", "admin")):
        (key,) = consumers[name]["keyauth_credentials"]
        assert jwt.is_token(key["key"])
        assert [{"group": group}] == consumers[name]["acls"]
    (login,) = consumers["dashboard"]["basicauth_credentials"]
    assert (KONG.sign_in.user, len(made["dashboard-password"])) == (login["username"], len(login["password"]))


@pytest.mark.req("S1-12")
def test_they_call_each_other_by_container_name_and_nothing_else():
    words = [
        *(value for service in SERVICES for value in service.env.values()),
        *(file.template for service in SERVICES for file in service.secret_files),
        *(text(path) for path in sorted((ROOT / "catalog").glob("supabase_*/files/**/*")) if path.is_file()),
    ]
    called = {
        match
        for word in words
        for match in re.findall(r"(?:https?|ecto|postgres(?:ql)?)://(?:[^/@\s]*@)?([a-z][\w.-]*):\d+", word)
    }

    assert called <= set(BY_NAME), "names that their network knows"
    assert {"supabase-db", "supabase-rest", "supabase-meta", REALTIME.name} <= called


def test_the_pooler_takes_clients_of_both_kinds_and_knows_its_own_roles_password_alone():
    script = text(ROOT / "catalog/supabase_pooler/files/pooler.exs")

    assert "POOLER_DB_PASSWORD" in script
    assert "POSTGRES_PASSWORD" not in script, "the administrators' is not kept in its tables"
    assert POOLER.env["POOLER_TENANT_ID"] == "homeport"
