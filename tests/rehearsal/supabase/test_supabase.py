"""Supabase's database with what its other services expect of it, on the real server; and the others at its side."""

from __future__ import annotations

import base64
import hmac
import json
import subprocess

import pytest

from tests.support.memory import docker
from tests.support.supabase import AUTH, DB, KONG, META, REST, SERVICES, STUDIO

pytestmark = pytest.mark.docker

API = ("anon", "authenticated", "service_role")
LOGINS = {
    "supabase_admin": "supabase-postgres-password",
    "postgres": "supabase-postgres-password",
    "supabase_auth_admin": "supabase-auth-password",
    "authenticator": "supabase-authenticator-password",
    "supabase_storage_admin": "supabase-storage-password",
    "pgbouncer": "supabase-pooler-password",
}


def admin(supabase, text, database="postgres"):
    return supabase.sql(text, user="supabase_admin", database=database)


def over_network(supabase, role, password, text, *, become="", database="postgres"):
    """What a role is told that logs in over TCP with a password."""
    script = (f"SET ROLE {become};\n" if become else "") + text
    return subprocess.run(
        [
            *("docker", "exec", "-i", "-e", "PGPASSWORD", supabase.name(DB.name), "psql", "-XAtq"),
            *("-h", supabase.address(DB), "-U", role, "-d", database, "-v", "ON_ERROR_STOP=1", "-f", "-"),
        ],
        input=script.encode(),
        capture_output=True,
        check=False,
        env={"PGPASSWORD": password, "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )


@pytest.mark.req("S1-18")
def test_all_thirteen_are_healthy_hardened_and_show_no_secret_to_docker_inspect(supabase):
    for service in SERVICES:
        shown = docker("inspect", supabase.name(service.name))
        facts = json.loads(shown)[0]

        supabase.until_healthy(service)
        assert facts["HostConfig"]["ReadonlyRootfs"]
        assert [] == [name for name, value in supabase.secrets.items() if value in shown], "files of mode 0400 alone"


@pytest.mark.req("S1-21")
def test_each_role_logs_in_with_its_own_password_and_with_no_other(supabase):
    for role, secret in LOGINS.items():
        right = over_network(supabase, role, supabase.secrets[secret], "SELECT current_user")
        wrong = over_network(supabase, role, supabase.secrets["jwt-secret"], "SELECT 1")

        assert role == right.stdout.decode().strip(), right.stderr.decode()
        assert b"password authentication failed" in wrong.stderr, role
    administrators = supabase.secrets["supabase-postgres-password"]
    for role in sorted(LOGINS.keys() - {"supabase_admin", "postgres"}):
        assert over_network(supabase, role, administrators, "SELECT 1").returncode, "one password is not everybody's"


@pytest.mark.req("S1-21")
def test_roles_have_upstreams_attributes_and_search_paths(supabase):
    flags = dict(
        line.split("|", 1)
        for line in admin(
            supabase,
            "SELECT rolname, concat_ws(',', CASE WHEN rolsuper THEN 'super' END,"
            " CASE WHEN rolcanlogin THEN 'login' END,"
            " CASE WHEN rolbypassrls THEN 'bypass' END, CASE WHEN rolinherit THEN 'inherit' END,"
            " CASE WHEN rolcreaterole THEN 'createrole' END) FROM pg_roles WHERE rolname !~ '^pg_'",
        ).splitlines()
    )

    assert ["supabase_admin"] == [name for name, flag in flags.items() if "super" in flag.split(",")], "one superuser"
    assert {
        "anon": "inherit",
        "authenticated": "inherit",
        "service_role": "bypass,inherit",
        "authenticator": "login",
        "supabase_auth_admin": "login",
        "supabase_storage_admin": "login",
        "postgres": "login,bypass,inherit,createrole",
    }.items() <= flags.items()
    paths = admin(
        supabase, "SELECT rolname || ' ' || unnest(rolconfig) FROM pg_roles WHERE rolname !~ '^pg_'"
    ).splitlines()
    assert {
        "supabase_auth_admin search_path=auth",
        "supabase_storage_admin search_path=storage",
        "supabase_functions_admin search_path=supabase_functions",
        'postgres search_path="$user", public, extensions',
        "anon statement_timeout=3s",
    } <= set(paths)


@pytest.mark.req("S1-21")
def test_schemas_the_database_of_the_services_own_and_jwt_settings_are_there(supabase):
    schemas = set(admin(supabase, "SELECT nspname FROM pg_namespace").split())
    own = set(admin(supabase, "SELECT nspname FROM pg_namespace", "_supabase").split())

    assert {"auth", "storage", "realtime", "_realtime", "extensions", "supabase_functions", "pgbouncer"} <= schemas
    assert {"_analytics", "_supavisor"} <= own
    assert "3600" == admin(supabase, 'SHOW "app.settings.jwt_exp"')
    assert "logical" == admin(supabase, "SHOW wal_level"), "what realtime reads"
    assert "supabase_realtime" == admin(supabase, "SELECT pubname FROM pg_publication")
    assert "this image has not: pg_graphql, pg_net, pgsodium, supabase_vault" in supabase.logs(DB)


@pytest.mark.req("S1-19")
def test_a_dump_is_what_the_documented_command_prints(supabase):
    admin(supabase, "CREATE TABLE IF NOT EXISTS public.kept (word text); INSERT INTO public.kept VALUES ('kept')")
    for database in ("postgres", "_supabase"):
        dump = docker("exec", supabase.name(DB.name), "pg_dump", "-U", "postgres", database)
        assert "PostgreSQL database dump complete" in dump, "as postgres, who is no superuser"
    assert "kept" in docker("exec", supabase.name(DB.name), "pg_dump", "-U", "postgres", "postgres")


@pytest.mark.req("L-03")
@pytest.mark.parametrize("role", API)
@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("ALTER ROLE {role} SUPERUSER", "must be superuser"),
        ("SET ROLE supabase_admin", "permission denied to set role"),
        ("SET SESSION AUTHORIZATION supabase_admin", "permission denied to set session authorization"),
        ("CREATE ROLE mine SUPERUSER", "must be superuser"),
        ("COPY (SELECT 1) TO PROGRAM 'id'", "pg_execute_server_program"),
        ("COPY public.kept FROM '/etc/passwd'", "pg_read_server_files"),
        ("SELECT pg_read_file('/etc/homeport/passwords/admin')", "permission denied for function pg_read_file"),
        ("SELECT passwd FROM pg_shadow", "permission denied for view pg_shadow"),
        ("SELECT rolpassword FROM pg_authid", "permission denied for table pg_authid"),
        ("SELECT pgbouncer.get_auth('supabase_admin')", "permission denied"),
        ("SELECT current_setting('app.settings.jwt_secret')", "unrecognized configuration parameter"),
        ("CREATE EXTENSION dblink", "permission denied to create extension"),
        ("ALTER SYSTEM SET log_statement = 'all'", "must be superuser"),
        ("CREATE SCHEMA mine", "permission denied for database"),
        ("GRANT service_role TO anon", "must have admin option"),
        ("ALTER ROLE supabase_auth_admin PASSWORD 'x'", "must have CREATEROLE"),
    ],
)
def test_what_the_api_becomes_gets_no_further(supabase, role, attack, words):
    admin(supabase, "CREATE TABLE IF NOT EXISTS public.kept (word text)")
    password = supabase.secrets["supabase-authenticator-password"]
    done = over_network(supabase, "authenticator", password, attack.format(role=role), become=role)
    # A few are refused with other words for some roles: that they are is what counts.
    refused = done.stderr.decode()

    assert done.returncode, f"{role}: {attack} was let through"
    assert words in refused or "permission denied" in refused or "must be" in refused, refused


@pytest.mark.req("L-03")
@pytest.mark.parametrize("role", [*API, "authenticator", "supabase_auth_admin", "supabase_storage_admin", "pgbouncer"])
def test_no_role_but_the_administrators_connects_to_the_services_own_database(supabase, role):
    if role in LOGINS:
        done = over_network(supabase, role, supabase.secrets[LOGINS[role]], "SELECT 1", database="_supabase")
        assert b"permission denied for database" in done.stderr
    allowed = admin(supabase, f"SELECT has_database_privilege('{role}', '_supabase', 'CONNECT')")
    assert "f" == allowed, role


@pytest.mark.req("L-03")
def test_a_services_role_reads_no_other_services_tables(supabase):
    password = supabase.secrets["supabase-storage-password"]
    admin(
        supabase, "CREATE TABLE IF NOT EXISTS auth.probe (x int); ALTER TABLE auth.probe OWNER TO supabase_auth_admin"
    )
    done = over_network(supabase, "supabase_storage_admin", password, "SELECT * FROM auth.probe")

    assert b"permission denied" in done.stderr, done.stderr.decode()


@pytest.mark.req("S1-18")
def test_postgres_meta_lists_what_is_in_the_database(supabase):
    admin(supabase, "CREATE TABLE IF NOT EXISTS public.kept (word text)")
    asked = "fetch('http://supabase-meta:8080/tables').then((r) => r.text()).then((t) => console.log(t))"
    tables = json.loads(docker("exec", supabase.name(META.name), "node", "-e", asked))

    assert {("public", "kept"), ("supabase_functions", "hooks")} <= {(one["schema"], one["name"]) for one in tables}, (
        "the real software, over the real server, by container name"
    )


@pytest.mark.req("S1-41")
def test_the_keys_are_signed_as_the_database_and_its_services_check_them(supabase):
    for name, role in (("anon-key", "anon"), ("service-role-key", "service_role")):
        text, _, signature = supabase.secrets[name].rpartition(".")
        mine = hmac.digest(supabase.secrets["jwt-secret"].encode(), text.encode(), "sha256")
        claims = json.loads(base64.urlsafe_b64decode(text.partition(".")[2] + "=="))

        assert base64.urlsafe_b64encode(mine).decode().rstrip("=") == signature
        assert (role, "supabase") == (claims["role"], claims["iss"])


ASK = """
import http.client, json, sys
answers = []
for method, path, headers in json.load(sys.stdin):
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=120)
    connection.request(method, path, headers=headers)
    answers.append(connection.getresponse().status)
print(json.dumps(answers))
"""


@pytest.mark.req("S1-22", "S1-35")
def test_the_gateway_lets_in_who_has_a_key_for_that_path_and_shows_studio_to_no_public_name(supabase):
    anon, server = ({"apikey": supabase.secrets[name]} for name in ("anon-key", "service-role-key"))
    login = base64.b64encode(f"supabase:{supabase.secrets['dashboard-password']}".encode()).decode()
    public, here = {"Host": "supabase.example.com"}, {"Host": "localhost:8000"}
    asked = [
        (401, "GET", "/rest/v1/ready", public),
        (401, "GET", "/rest/v1/ready", {**public, "apikey": anon["apikey"][:-1] + "_"}),
        (200, "GET", "/rest/v1/ready", {**public, **anon}),
        (200, "GET", f"/rest/v1/ready?apikey={anon['apikey']}", public),
        (200, "GET", "/auth/v1/health", {**public, **anon}),
        (401, "GET", "/auth/v1/health", public),
        (403, "GET", "/pg/tables", {**public, **anon}),
        (200, "GET", "/pg/tables", {**public, **server}),
        (403, "GET", "/realtime/v1/api/tenants/realtime-dev", {**public, **server}),
        (200, "GET", "/storage/v1/status", public),
        (404, "GET", "/", public),
        (404, "GET", "/api/platform/profile", {**public, "Authorization": f"Basic {login}"}),
        (404, "GET", "/api/platform/profile", {**public, "X-Forwarded-Host": "localhost"}),
        (401, "GET", "/api/platform/profile", here),
        (200, "GET", "/api/platform/profile", {**here, "Authorization": f"Basic {login}"}),
    ]
    done = subprocess.run(
        ["docker", "exec", "-i", supabase.name(KONG.name), "python3", "-Ic", ASK],
        input=json.dumps([question for _, *question in asked]).encode(),
        capture_output=True,
        check=False,
    )

    answers = json.loads(done.stdout or b"[]")
    assert [code for code, *_ in asked] == answers, (list(zip(asked, answers, strict=False)), done.stderr.decode())


@pytest.mark.req("S1-46")
def test_a_rotated_password_is_taken_at_the_start_that_the_new_file_causes(supabase):
    before = supabase.secrets["supabase-auth-password"]
    supabase.secrets["supabase-auth-password"] = before[::-1]
    docker("rm", "-f", supabase.name(DB.name))
    docker("volume", "rm", supabase.name(f"{DB.name}-config"))
    supabase.start(DB, seconds=DB.health.gate)

    assert over_network(supabase, "supabase_auth_admin", before, "SELECT 1").returncode, "the old one is nobody's"
    done = over_network(supabase, "supabase_auth_admin", before[::-1], "SELECT 1")
    assert b"1\n" == done.stdout, done.stderr.decode()
    assert "kept" in admin(supabase, "SELECT word FROM public.kept"), "the data is as it was"


@pytest.mark.parametrize("service", [AUTH, REST, STUDIO, KONG], ids=lambda service: service.name)
def test_a_stub_without_its_secrets_ends_as_the_image_would(supabase, service):
    flags = [flag for key, value in service.env.items() for flag in ("-e", f"{key}={value}")]
    paths = (*service.tmpfs, *(volume.path for volume in service.volumes.values()))
    flags += [flag for path in paths for flag in ("--tmpfs", f"{path}:mode=1777")]
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--label", supabase.label, *flags, service.image],
        capture_output=True,
        check=False,
        timeout=180,
    )

    assert done.returncode, "a missing secret is seen before the real image is there"
    assert b"is missing" in done.stderr or b"names no file" in done.stderr, done.stderr.decode()


def test_the_gateway_has_its_configuration_as_a_file(supabase):
    said = docker("exec", supabase.name(KONG.name), "sh", "-c", "stat -c '%a %u' /etc/homeport/kong.yml")

    assert f"400 {KONG.uid}" == said.strip()
