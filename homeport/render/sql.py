"""SQL for roles, databases and extensions, written so that running it again changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.database import Database

# A password in a statement would otherwise be copied into the server's log (log_statement = ddl,
# log_min_error_statement).
_QUIET = "SET log_statement = 'none';\nSET log_min_error_statement = 'panic';\nSET log_min_duration_statement = -1;\n"


def identifier(name: str) -> str:
    """The name quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """The value quoted as an SQL literal.

    Raises:
        ValueError: It holds a NUL, which PostgreSQL's text cannot.
    """
    if "\0" in value:
        raise ValueError("a value for SQL must not hold NUL")
    escaped = value.replace("'", "''").replace("\\", "\\\\")
    return f"E'{escaped}'" if "\\" in value else f"'{escaped}'"


def roles(database: Database, passwords: Mapping[str, str]) -> str:
    """Makes the database's roles, or gives them their present passwords and rights."""
    lines = [_QUIET]
    for role in database.roles:
        name = identifier(role.name)
        login = f"LOGIN PASSWORD {literal(passwords[role.secret])}" if role.secret else "NOLOGIN PASSWORD NULL"
        lines.append(
            f"SELECT 'CREATE ROLE {name}' WHERE NOT EXISTS "
            f"(SELECT FROM pg_roles WHERE rolname = {literal(role.name)}) \\gexec\n"
            f"ALTER ROLE {name} WITH {login} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
            f"CONNECTION LIMIT {role.connection_limit};\n"
        )
    return "".join(lines)


def database(database: Database) -> str:
    """Makes the database if it is not there, and lets only its own roles connect."""
    name, owner = identifier(database.name), identifier(database.owner)
    lines = [
        (
            f"SELECT 'CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8''' "
            f"WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {literal(database.name)}) \\gexec\n"
        ),
        f"ALTER DATABASE {name} OWNER TO {owner};\n",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;\n",
    ]
    lines += [f"GRANT CONNECT ON DATABASE {name} TO {identifier(role)};\n" for role in database.connect]
    return "".join(lines)


def extensions(database: Database) -> str:
    """Makes the extensions, and closes the public schema to all but the owner."""
    owner = identifier(database.owner)
    lines = [f"CREATE EXTENSION IF NOT EXISTS {identifier(extension)};\n" for extension in database.extensions]
    lines.append(f"REVOKE ALL ON SCHEMA public FROM PUBLIC;\nALTER SCHEMA public OWNER TO {owner};\n")
    lines += [f"GRANT USAGE ON SCHEMA public TO {identifier(role)};\n" for role in database.connect]
    return "".join(lines)
