"""Supabase's own server, made by the catalog's files: dumped, lost, restored on a fresh one, drilled."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.support.backups import held
from tests.support.memory import docker
from tests.support.supabase import DB, SupabaseServices
from toolchain.images.ensure import ensure

pytestmark = pytest.mark.docker

CONTENTS = Path(__file__).with_name("supabase.sql").read_text(encoding="utf-8")
ALICE, BOB = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
FOR_BOB = "INSERT INTO public.notes VALUES ('22222222-2222-4222-8222-222222222222', 'x')"
# Their passwords are files of the stack, which every server is given anew, with another salt.
OWN = (
    *("supabase_admin", "postgres", "supabase_auth_admin", "authenticator", "supabase_storage_admin", "pgbouncer"),
    *("supabase_functions_admin", "supabase_replication_admin", "supabase_read_only_user"),
)


class Supabase(SupabaseServices):
    """The database alone, which can be lost."""

    def new(self):
        """A server as the stack makes it on a new host: roles, schemas and passwords, and nobody's data."""
        docker("rm", "--force", "--volumes", self.name(DB.name))
        volumes = docker("volume", "ls", "--quiet", "--filter", f"label={self.label}").split()
        if volumes:
            docker("volume", "rm", *volumes)
        self.start(DB, seconds=DB.health.gate)

    def ask(self, text, database="postgres"):
        return self.sql(text, user="supabase_admin", database=database)

    def all(self):
        return held(self.ask, OWN)

    def api(self, role, text, subject=""):
        """What PostgREST's login gets that has become a role, for the bearer of a token."""
        claims = f'{{"sub": "{subject}", "role": "{role}"}}'
        begin = f"SET SESSION AUTHORIZATION authenticator; SET ROLE {role}; SET request.jwt.claims = '{claims}';"
        return self.psql(f"{begin}\n{text}", user="supabase_admin", database="postgres")

    def seen(self, role, subject="", table="public.notes"):
        lines = self.api(role, f"TABLE {table}", subject).stdout.decode().splitlines()
        return sorted(line.split("|")[1] for line in lines)


@pytest.fixture
def supabase(host):
    ensure([DB.image], pull=False)
    services = Supabase()
    try:
        services.new()
        services.ask(CONTENTS)
        host.settings["PG_SERVERS"] = f"{services.name(DB.name)}=supabase_admin"
        yield services
    finally:
        services.close()


def guarded(supabase):
    """Who sees and may do what, as row security has it."""
    return {
        "alice": supabase.seen("authenticated", ALICE),
        "bob": supabase.seen("authenticated", BOB),
        "nobody signed in": supabase.seen("anon"),
        "the service": supabase.seen("service_role"),
        "forced": supabase.seen("authenticated", ALICE, "private.ledger"),
        "another's row": supabase.api("authenticated", FOR_BOB, ALICE).returncode,
    }


@pytest.mark.req("S1-65")
def test_all_databases_of_supabase_are_on_a_fresh_server_as_they_were_and_row_security_holds(host, supabase):
    before, access = supabase.all(), guarded(supabase)
    assert {"alice": ["a1", "a2"], "bob": ["b1"], "nobody signed in": ["public"]} == {
        key: access[key] for key in ("alice", "bob", "nobody signed in")
    }, "policies are at work"
    assert (["a1", "a2", "b1", "public"], [], 3) == (
        access["the service"],
        access["forced"],
        access["another's row"],
    ), "the service sees all, a forced table shows nothing, and nobody writes for another"
    container = supabase.name(DB.name)
    line = host.run("databases")["servers"][container]
    assert 4 == line["databases"], "Supabase's two, and two of applications"
    files = list((host.backups / "databases" / container / line["set"]).iterdir())
    text = "".join(gzip.decompress(path.read_bytes()).decode() for path in files if path.suffix == ".gz")
    assert [] == [name for name, value in supabase.secrets.items() if value in text], "no secret of the stack is in it"
    assert "c4nary-of-n8n" not in text, "nor another role's password"

    drill = host.run("verify")["servers"][container]["contents"]
    assert {"postgres", "_supabase", "n8n", "analytics"} == set(drill), "every one of them can be loaded"
    assert 3 == drill["n8n"]["rows"], "with its rows"
    assert before == supabase.all(), "the drill has left the server alone"

    supabase.new()
    assert before != supabase.all(), "a new one has none of it"
    errors = host.run("restore", "databases", container, code=1)
    assert "--replace" in errors, "what Supabase's own SQL has made is not replaced unasked"
    done = host.run("restore", "databases", container, "--replace")
    assert 4 == done["databases"], "one command"
    assert before == supabase.all(), "roles, schemas, extensions, policies, rights and rows: all as it was"
    assert access == guarded(supabase), "row security is not only there, it holds"
    for role, secret in (("authenticator", "supabase-authenticator-password"), ("n8n", None)):
        password = supabase.secrets[secret] if secret else "c4nary-of-n8n"
        argv = ("exec", "-e", f"PGPASSWORD={password}", container, "psql", "-XAtq", "-h", supabase.address(DB))
        database = "n8n" if role == "n8n" else "postgres"
        assert role == docker(*argv, "-U", role, "-d", database, "-c", "SELECT current_user").strip(), "and they log in"

    again = supabase.all()
    docker("restart", container)
    supabase.until_healthy(DB, seconds=DB.health.gate)
    assert again == supabase.all(), "the SQL that runs at each start finds nothing to change"
