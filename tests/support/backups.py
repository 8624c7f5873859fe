"""A host with apps/host_scripts on it and containers of the tests, whose names stay when they are made anew."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import uuid
from typing import TYPE_CHECKING

from tests.support import subnets
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.waits import until

if TYPE_CHECKING:
    from pathlib import Path

APP = ROOT / "apps" / "host_scripts"
LABEL = ("--label", "homeport.test=backup")


class Host:
    """A checkout with the programs, its backups' folder, a network, and what runs in it.

    Args:
        folder: For checkout and backups.
        internal: Whether nobody outside reaches the network.
    """

    def __init__(self, folder: Path, *, internal: bool = True):
        self.name = f"backup-{uuid.uuid4().hex[:6]}"
        self.folder, self.backups, self.checkout = folder, folder / "backups", folder / "platform"
        self.new_checkout()
        self.settings: dict[str, str] = {}
        self._containers: set[str] = set()
        self.block = subnets.network(self.name, *(["--internal"] if internal else []), *LABEL)

    def new_checkout(self):
        shutil.rmtree(self.checkout, ignore_errors=True)
        (self.checkout / "host-scripts").mkdir(parents=True)
        for name in ("backup-n8n-workflows.sh", "backup.sh"):
            shutil.copy(APP / name, self.checkout)
        shutil.copy(APP / "backup.py", self.checkout / "host-scripts")
        shutil.copytree(APP / "host_scripts", self.checkout / "host-scripts" / "host_scripts")

    def start(self, part, image, *flags, command=()):
        """A new container under a name that it shares with the one that it replaces."""
        name = f"{self.name}-{part}"
        self.stop(part)
        self._containers.add(name)
        docker("run", "--detach", "--name", name, "--network", self.name, *LABEL, *flags, image, *command)
        return name

    def stop(self, part):
        docker("rm", "--force", "--volumes", f"{self.name}-{part}", check=False)

    def popen(self, *words, script="backup.sh", **more):
        env = {**os.environ, "BACKUP_DIR": str(self.backups), **self.settings}
        argv = ["sh", str(self.checkout / script), *words]
        return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def run(self, *words, code=0, script="backup.sh"):
        """A work to its end: its line, or what it said of errors where another end than 0 is awaited."""
        process = self.popen(*words, script=script)
        output, errors = process.communicate(timeout=900)
        assert code == process.returncode, f"{words}: {output}{errors}"
        assert "Traceback" not in errors, errors
        return json.loads(output.splitlines()[-1]) if not code else errors

    def killed(self, seconds, *words, power=False):
        """Starts a work and kills it after that time; whether it was still at it.

        Args:
            seconds: When.
            words: The work.
            power: Whether all that it has started, in Docker too, is killed with it, as when the host loses its power;
                without, that goes on.
        """
        process = self.popen(*words, start_new_session=power)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            if power:
                os.killpg(process.pid, signal.SIGKILL)
                docker("rm", "--force", *self.left(), check=False)
            process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def left(self):
        """What runs in Docker for its works: containers."""
        return docker("ps", "--all", "--quiet", f"--filter=label=homeport.backup={self.backups.resolve()}").split()

    def close(self):
        for name in (*self._containers, *self.left()):
            docker("rm", "--force", "--volumes", name, check=False)
        docker("network", "rm", self.name, check=False)


class Postgres:
    """A server in a container of a host.

    Args:
        host: The host.
        image: The server's image.
    """

    def __init__(self, host, image):
        self.host, self.image = host, image
        self.container = f"{host.name}-db"
        self.new()

    def new(self):
        """A server in which nothing is, under the same name."""
        auth = "POSTGRES_HOST_AUTH_METHOD=scram-sha-256"
        trust = "POSTGRES_INITDB_ARGS=--auth-local=trust"
        flags = ("-e", "POSTGRES_PASSWORD=only-of-this-server", "-e", auth, "-e", trust, "--network-alias", "db")
        self.host.start("db", self.image, *flags)
        argv = ["docker", "exec", self.container, "pg_isready", "-q", "-h", "127.0.0.1"]
        until(lambda: subprocess.run(argv, check=False).returncode == 0, "the server answers")

    def sql(self, text, database="postgres"):
        argv = ("exec", "-i", self.container, "psql", "-XqAt", "-U", "postgres", "-v", "ON_ERROR_STOP=1")
        # A name with = in it is taken for a connection's parameters.
        name = "dbname='" + database.replace("'", "\\'") + "'"
        return docker(*argv, "-d", name, input=text)

    def databases(self):
        return self.sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1").splitlines()

    def all(self):
        return held(self.sql)


def held(sql, own=("postgres",)):
    """All that a server holds, as lines that two servers can be compared by.

    Args:
        sql: Asks the server: a script, and the database that it is for.
        own: Roles whose passwords each server has of its own.
    """
    names = sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1", "postgres").splitlines()
    cluster = f"{_ROLES % ', '.join(map(repr, own))}{_DATABASES}"
    texts = {"": sql(cluster, "postgres"), **{name: sql(_CONTENTS, name) for name in names}}
    return [line for name, text in texts.items() for line in (f"-- {name}", *text.splitlines())]


_ROLES = """
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
  rolconnlimit, CASE WHEN rolname IN (%s) THEN '' ELSE rolpassword END FROM pg_authid ORDER BY 1;
SELECT r.rolname, m.rolname, admin_option FROM pg_auth_members
  JOIN pg_roles r ON r.oid = roleid JOIN pg_roles m ON m.oid = member ORDER BY 1, 2;
SELECT rolname, setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole WHERE setdatabase = 0 ORDER BY 1;
"""
_DATABASES = """
SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit,
  (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) a),
  shobj_description(oid, 'pg_database') FROM pg_database WHERE NOT datistemplate ORDER BY 1;
SELECT d.datname, r.rolname, setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
  LEFT JOIN pg_roles r ON r.oid = setrole ORDER BY 1, 2;
"""
# Rows in an order of their own content, each table's as one checksum.
_CONTENTS = """
SELECT format('SELECT %L, count(*), encode(sha256(convert_to(coalesce(
  string_agg(t::text, chr(10) ORDER BY t::text), ''''), ''UTF8'')), ''hex'')
  FROM %I.%I t', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1 \\gexec
SELECT schemaname, sequencename, last_value, start_value, increment_by, cycle FROM pg_sequences ORDER BY 1, 2;
SELECT extname, extversion FROM pg_extension ORDER BY 1;
SELECT l.oid, pg_get_userbyid(lomowner), encode(sha256(lo_get(l.oid)), 'hex') FROM pg_largeobject_metadata l ORDER BY 1;
SELECT c.oid::regclass, pg_get_userbyid(relowner), relkind, relrowsecurity, relforcerowsecurity,
  (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(relacl) a) FROM pg_class c
  JOIN pg_namespace n ON n.oid = relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ORDER BY c.oid::regclass::text;
SELECT indexdef FROM pg_indexes WHERE schemaname !~ '^pg_' ORDER BY 1;
SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace <> 'pg_catalog'::regnamespace
  ORDER BY conrelid::regclass::text, 2;
SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  ORDER BY tgrelid::regclass::text, 2;
SELECT pg_get_functiondef(p.oid), pg_get_userbyid(proowner), (SELECT string_agg(a::text, ' ' ORDER BY a::text)
  FROM unnest(proacl) a) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND prokind = 'f' ORDER BY 1;
SELECT * FROM pg_policies ORDER BY schemaname, tablename, policyname;
SELECT nspname, pg_get_userbyid(nspowner), (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(nspacl) a)
  FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1;
SELECT pg_get_userbyid(defaclrole), defaclnamespace::regnamespace, defaclobjtype, (SELECT string_agg(a::text, ' '
  ORDER BY a::text) FROM unnest(defaclacl) a) FROM pg_default_acl ORDER BY 1, defaclnamespace::regnamespace::text, 3;
SELECT pubname, pg_get_userbyid(pubowner), puballtables FROM pg_publication ORDER BY 1;
SELECT * FROM pg_publication_tables ORDER BY 1, 2, 3;
"""
