"""PostgreSQL servers in containers: dumps of every database, their restore, and its drill in a throw-away container.

A set holds the server's roles, each database as SQL, and each database's own settings apart: a database is loaded under
another name, and takes the place of the old one, by a rename, when all of it is there.

A run that is killed leaves sessions that go on at the server. They bear a name, and the next run ends them first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
import re
import subprocess
import time
import urllib.parse
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from host_scripts import sets
from host_scripts.common import BackupError, Server, Settings, docker, each, image_of, run, tail, throw_away, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAINTENANCE: Final = "template1"
_ROLES: Final = "roles.sql.gz"
_END: Final = b"PostgreSQL database dump complete"
_END_ROLES: Final = b"PostgreSQL database cluster dump complete"
_LIST: Final = """
SELECT coalesce(json_agg(datname ORDER BY datname), '[]') FROM pg_database
WHERE datallowconn AND NOT datistemplate AND datname !~ '^homeport_(restored|replaced)_'
"""
# Nobody can dump what allows no connections.
_CLOSED: Final = """
SELECT coalesce(json_agg(datname ORDER BY datname), '[]') FROM pg_database WHERE NOT datallowconn AND NOT datistemplate
"""
# What a restore that was killed has left: a draft, a replaced database, a database that was to be replaced.
_TIDY: Final = """
SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE datname ~ '^homeport_(restored|replaced)_' \\gexec
SELECT format('ALTER DATABASE %I WITH ALLOW_CONNECTIONS true', datname) FROM pg_database
WHERE NOT datallowconn AND NOT datistemplate \\gexec
"""
# What a person or an application has made: nothing of PostgreSQL's own, nothing that an extension brought.
_CONTENTS: Final = """
SELECT json_build_object(
  'tables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')),
  'large_objects', (SELECT count(*) FROM pg_largeobject_metadata))
"""
_COUNTS: Final = """
SELECT format('SELECT count(*) FROM ONLY %I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \\gexec
"""
_END_SESSIONS: Final = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :'name';"
_DUMPS: Final = "homeport-dump"
_RESTORES: Final = "homeport-restore"
_END_NAMED: Final = """
SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
WHERE application_name = :'name' AND pid <> pg_backend_pid();
"""
_END_SECONDS: Final = 300
_ROLE: Final = re.compile(r"(?:CREATE ROLE (?P<new>.+)|ALTER ROLE (?P<old>.+?) WITH (?P<options>.+));")
_PASSWORD: Final = re.compile(r" PASSWORD '[^']*'")
_CREATE: Final = re.compile(r"CREATE DATABASE .+ WITH TEMPLATE = template0(?P<rest>.*);")
_SETTING: Final = re.compile(
    r"(?:ALTER DATABASE|ALTER ROLE .+ IN DATABASE|COMMENT ON DATABASE|(?:GRANT|REVOKE) .+ ON DATABASE) "
)
# pg_dump writes strings without backslash escapes: standard_conforming_strings is on in what it writes.
_STATEMENT: Final = re.compile(r"""(?:--|\\).*\n|\s+|((?:[^'";]|'(?:[^']|'')*'|"(?:[^"]|"")*")+;)""")


def backup(settings: Settings) -> dict[str, Any]:
    """Dumps every database of every server; a server's set counts if all of it could be dumped.

    Raises:
        BackupError: A server could not be dumped; the others are, all the same.
    """
    dumps = {
        server.container: partial(_dump, server, sets_of(settings, server), settings.keep)
        for server in settings.servers
    }
    return each("servers", dumps)


def sets_of(settings: Settings, server: Server) -> Path:
    """Where a server's sets are."""
    return settings.folder / "databases" / server.container


def _dump(server: Server, folder: Path, keep: int) -> dict[str, Any]:
    server = _alone(server, _DUMPS)
    names = json.loads(_ask(server, _MAINTENANCE, _LIST))
    version = _ask(server, _MAINTENANCE, "SHOW server_version")
    size, databases = 0, []
    with sets.new(folder, keep) as draft:
        roles = [*_program(server, "pg_dumpall"), "--globals-only"]
        draft.stream(_ROLES, roles, _END_ROLES)
        for name in names:
            file = urllib.parse.quote(name, safe="")
            dump = [*_program(server, "pg_dump"), "--lock-wait-timeout=60s", f"--dbname={_connection(name)}"]
            size += draft.stream(f"{file}.sql.gz", dump, _END)
            # Of no schema at all: what is left are the database's own settings.
            settings = [*dump, "--create", "--schema-only", "--exclude-schema=*"]
            draft.stream(f"{file}.settings.sql.gz", settings, _END)
            databases.append({"name": name, "file": file})
        draft.finish({"container": server.container, "version": version, "databases": databases})
    newest = sets.all_in(folder)[-1]
    stored = sum(path.stat().st_size for path in newest.iterdir())
    done = {"set": newest.name, "databases": len(names), "bytes": size, "stored": stored}
    if closed := json.loads(_ask(server, _MAINTENANCE, _CLOSED)):
        # Left so by a restore whose host lost its power, or by a person: either way no backup has it.
        what = f"{server.container}: in no backup, for they allow no connections: {', '.join(closed)}"
        raise BackupError(what, "ALTER DATABASE … WITH ALLOW_CONNECTIONS true, or drop what nobody needs", partly=done)
    return done


def restore(settings: Settings, container: str, name: str, only: str, *, replace: bool) -> dict[str, Any]:
    """Brings a set's databases into its server.

    Args:
        settings: The settings.
        container: The server's.
        name: The set's; empty: the newest.
        only: The one database to bring; empty: all.
        replace: Whether databases that hold something are replaced.

    Raises:
        BackupError: The set is damaged, or a database holds something, or could not be loaded: the server is as it was.
    """
    server = next((one for one in settings.servers if one.container == container), None)
    if server is None:
        known = ", ".join(one.container for one in settings.servers)
        raise BackupError(f"{container} is no server of PG_SERVERS: {known}", "name one of them")
    folder = sets.chosen(sets_of(settings, server), name)
    return _restore(server, folder, only, replace=replace)


def _restore(server: Server, folder: Path, only: str = "", *, replace: bool) -> dict[str, Any]:
    manifest = sets.checked(folder)
    wanted = [one for one in manifest["databases"] if only in {"", one["name"]}]
    if not wanted:
        raise BackupError(f"{folder.name} holds no database {only}", f"cat {folder / sets.MANIFEST}")
    server = _alone(server, _RESTORES)
    _tell(server, _MAINTENANCE, _TIDY)
    there = json.loads(_ask(server, _MAINTENANCE, _LIST))
    if not replace:
        for one in wanted:
            held = json.loads(_ask(server, one["name"], _CONTENTS)) if one["name"] in there else {}
            if any(held.values()):
                what = f"{server.container}: database {one['name']} holds {held['tables']} tables"
                fix = f"./backup.sh restore databases {server.container} --replace puts the dump in their place"
                raise BackupError(what, fix)
    _load_roles(server, folder)
    loaded = []
    try:
        for one in wanted:
            draft = f"homeport_restored_{uuid.uuid4().hex[:8]}"
            loaded.append((one["name"], draft, _settings(folder / f"{one['file']}.settings.sql.gz")))
            _load(server, draft, folder, one["file"], loaded[-1][2][0])
            _check(server, one["name"], draft)
        for database, draft, (_, lines) in loaded:
            _swap(server, database, draft, lines, there)
    except BaseException:  # Ctrl-C and SIGTERM too: drafts would fill the disk
        for _, draft, _ in loaded:
            _tell(server, _MAINTENANCE, f"DROP DATABASE IF EXISTS {draft};", check=False)
        raise
    return {"set": folder.name, "databases": len(wanted)}


def _load_roles(server: Server, folder: Path) -> None:
    """Makes the roles that are missing. Roles that are there keep their passwords: the stack has given them these."""
    there = set(json.loads(_ask(server, _MAINTENANCE, "SELECT json_agg(quote_ident(rolname)) FROM pg_roles")))
    kept = []
    for statement in _statements(folder / _ROLES):
        role = _ROLE.fullmatch(statement)
        if role and role["new"] in there:
            continue
        kept.append(_PASSWORD.sub("", statement) if role and role["old"] in there else statement)
    _tell(server, _MAINTENANCE, "\n".join(kept))


def _settings(file: Path) -> tuple[str, list[str]]:
    """How a database is created, and what is set on it afterwards."""
    statements = _statements(file)
    create = next(match for statement in statements if (match := _CREATE.fullmatch(statement)))
    return create["rest"], [statement for statement in statements if _SETTING.match(statement)]


def _statements(file: Path) -> list[str]:
    """The statements of a dump, without comments and psql's own commands; values may be of several lines."""
    text = gzip.decompress(file.read_bytes()).decode()
    return [match[1] for match in _STATEMENT.finditer(text) if match[1]]


def _load(server: Server, draft: str, folder: Path, file: str, options: str) -> None:
    _tell(server, _MAINTENANCE, f"CREATE DATABASE {draft} WITH TEMPLATE = template0{options};")
    with gzip.open(folder / f"{file}.sql.gz") as dump, _session(server, draft) as process:
        assert process.stdin is not None  # noqa: S101  # it was asked for
        # It says why it stopped.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"\\o /dev/null\n")
            while block := dump.read(1 << 20):
                process.stdin.write(block)
        _, errors = process.communicate()
    if process.returncode:
        what = f"{server.container}: {urllib.parse.unquote(file)} could not be loaded: {tail(errors)}"
        raise BackupError(what, "nothing was replaced; take another set, or mend what it says")


def _check(server: Server, database: str, draft: str) -> None:
    """Asks what the settings want asked of a database that was loaded.

    Raises:
        BackupError: One of the functions found something.
    """
    for function in (function for name, function in server.checks if name == database):
        if found := _ask(server, draft, f"SELECT {function}();"):
            what = f"{server.container}: {database} is not as it was written: {function} found {found}"
            raise BackupError(what, "nothing was replaced; take another set: --set NAME")


def _swap(server: Server, database: str, draft: str, settings: list[str], there: list[str]) -> None:
    """Puts a loaded database in the place of another of its name, and then removes that."""
    name = '"' + database.replace('"', '""') + '"'
    old = f"homeport_replaced_{draft.rpartition('_')[2]}"
    rename = [f"ALTER DATABASE {draft} RENAME TO {name};"]
    try:
        if database in there:
            # Nobody connects to a database that allows no connections, so its name is free when those of today have
            # ended.
            _tell(server, _MAINTENANCE, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false;")
            _tell(server, _MAINTENANCE, _END_SESSIONS, name=database)
            rename.insert(0, f"ALTER DATABASE {name} RENAME TO {old};")
        _tell(server, _MAINTENANCE, "\n".join(["BEGIN;", *rename, *settings, "COMMIT;"]))
    except BaseException:  # Ctrl-C and SIGTERM too: closed, it would stay so, and no backup would have it
        if database in there:
            _tell(server, _MAINTENANCE, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true;", check=False)
        raise
    _tell(server, _MAINTENANCE, f"DROP DATABASE IF EXISTS {old};", check=False)
    _tell(server, database, "ANALYZE;", check=False)


def verify(settings: Settings) -> dict[str, Any]:
    """The drill: loads the newest set of each server into a throw-away container of the server's image.

    Raises:
        BackupError: A set is missing, damaged, or cannot be loaded; the others are tried all the same.
    """
    return each("servers", {server.container: partial(_newest, settings, server) for server in settings.servers})


def _newest(settings: Settings, server: Server) -> dict[str, Any]:
    return drill(server, sets.chosen(sets_of(settings, server), ""))


def drill(server: Server, folder: Path) -> dict[str, Any]:
    """Loads a set into a throw-away container of the server's image.

    Raises:
        BackupError: The set is damaged, or cannot be loaded.
    """
    sets.checked(folder)
    started = time.monotonic()
    config = json.loads(docker("inspect", "--type=image", "--format={{json .Config}}", image_of(server.container)))
    data = dict(line.split("=", 1) for line in config["Env"])["PGDATA"]
    # On no network: whoever is in it may do anything, and nobody comes in.
    flags = ("--network=none", "--pids-limit=200", "--env=POSTGRES_HOST_AUTH_METHOD=trust")
    # With the file that initdb has written: an image's own may ask superusers for a password, or be laid by whoever
    # runs it (supabase/postgres, ansible/files/postgresql_config/pg_hba.conf.j2).
    command = (*config["Cmd"], "-c", f"hba_file={data}/pg_hba.conf")
    with throw_away(server.container, *flags, f"--env=POSTGRES_USER={server.user}", command=command) as name:
        docker("start", name)
        copy = dataclasses.replace(server, container=name)
        # Over TCP: while the image makes the cluster, the server is on its socket alone.
        ready = ["docker", "exec", name, "pg_isready", "-q", "-h", "127.0.0.1"]
        wait(name, lambda: run(ready, seconds=10).returncode == 0, "./backup.sh verify once the machine has less to do")
        done = _restore(copy, folder, replace=True)
        counts = {one: _counted(copy, one) for one in json.loads(_ask(copy, _MAINTENANCE, _LIST))}
    seconds = round(time.monotonic() - started, 1)
    return {**done, "age_hours": sets.age_hours(folder), "seconds": seconds, "contents": counts}


def _counted(server: Server, database: str) -> dict[str, int]:
    held = json.loads(_ask(server, database, _CONTENTS))
    rows = [int(line) for line in _ask(server, database, _COUNTS).split()]
    return {**held, "rows": sum(rows)}


def _alone(server: Server, session: str) -> Server:
    """The server as a work sees it whose sessions bear that name, once none of an earlier run is left.

    Whoever calls holds the work's lock, so other sessions of that name are of a run that was killed.

    Raises:
        BackupError: One of them does not end.
    """
    server = dataclasses.replace(server, session=session)
    ends = time.monotonic() + _END_SECONDS
    while left := int(_tell(server, _MAINTENANCE, _END_NAMED, name=session)):
        if time.monotonic() > ends:
            what = f"{server.container}: {left} sessions of an earlier run do not end"
            raise BackupError(what, f"docker restart {server.container}")
    return server


def _program(server: Server, program: str, *flags: str) -> list[str]:
    host = [f"--host={server.host}"] if server.host else []
    named = ["--env", f"PGAPPNAME={server.session}"]
    return ["docker", "exec", *flags, *named, server.container, program, f"--username={server.user}", *host]


def _connection(database: str) -> str:
    """A database's name as it cannot be read as anything else: with = in it, PostgreSQL's programs take it for more."""
    return "dbname='" + database.replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextlib.contextmanager
def _session(server: Server, database: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program psql, which is told nothing before its session is there.

    Docker starts a program even after its client was killed: that one then finds nothing to do, and whatever does
    something can be seen, and ended, by its session's name.
    """
    argv = [*_program(server, "psql", "-i"), "-XqAt", "-v", "ON_ERROR_STOP=1", *words]
    argv.append(f"--dbname={_connection(database)}")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  # they were asked for
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(b"\\echo\n")
                process.stdin.flush()
            process.stdout.readline()
            yield process
        except BaseException:
            process.kill()
            raise


def _tell(server: Server, database: str, sql: str, *, check: bool = True, name: str = "") -> str:
    with _session(server, database, "-v", f"name={name}") as process:
        output, errors = process.communicate(sql.encode())
    if process.returncode and check:
        what = f"{server.container}: {tail(errors)}"
        raise BackupError(what, f"docker logs --tail 50 {server.container}")
    return output.decode()


def _ask(server: Server, database: str, sql: str) -> str:
    return _tell(server, database, sql).strip()
