"""PostgreSQL roles, databases and migrations as values."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_OWN = frozenset({"public", "none"})


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role.

    Attributes:
        name: The role's name.
        secret: Name of the secret that is its password; None: it cannot log in.
        connection_limit: Most connections at once.
    """

    name: str
    secret: str | None = None
    connection_limit: int = 50


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database on one server.

    Attributes:
        name: The database's name.
        server: The service that is the PostgreSQL server.
        owner: The role that owns it.
        roles: All roles it needs, the owner included.
        connect: Roles that may connect, besides the owner.
        image_roles: Those of them that the server's own image makes.
        extensions: Extensions created in it, as superuser.
        migrations: Folder below the project root with numbered SQL files, run as the owner.
        variables: psql variables for the migrations; ``{setting}`` is filled in.
        users: The services that it is for: where none of them runs it is left alone, and so are its roles. Empty: it is
            there for others as well.
    """

    name: str
    server: str
    owner: str
    roles: tuple[Role, ...]
    connect: tuple[str, ...] = ()
    image_roles: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    migrations: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    users: tuple[str, ...] = ()


def database_name_problem(name: str) -> str:
    """Why PostgreSQL would refuse, or cut, the name of a role or database; nothing where it takes it as it is.

    Source: PostgreSQL, "Identifiers and Key Words", CREATE ROLE; src/backend/catalog/catalog.c,
    ``IsReservedName``.
    """
    if not _NAME.fullmatch(name):
        return "is no name of at most 63 lower-case letters, digits and _"
    return "PostgreSQL keeps for itself" if name.startswith("pg_") or name in _OWN else ""
