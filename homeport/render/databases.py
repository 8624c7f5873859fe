"""The whole SQL of one PostgreSQL server as one psql script: for whoever has no component that runs it in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.model import template
from homeport.render import migrations, sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.database import Database


def script(blueprint: Blueprint, server: str, root: Path, passwords: Mapping[str, str]) -> str:
    """Roles, databases, extensions and migrations on a server, safe to run again; empty where it has none.

    Args:
        blueprint: The system.
        server: The service that is the server.
        root: The project's folder, below which the migrations are.
        passwords: Secret's name to the role's password.
    """
    texts = blueprint.texts()
    return "".join(
        _database(database, root, passwords, texts) for database in blueprint.databases if database.server == server
    )


def _database(database: Database, root: Path, passwords: Mapping[str, str], texts: Mapping[str, str]) -> str:
    schema = sql.extensions(database)
    if database.migrations:
        folder = root / database.migrations
        files = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}
        variables = tuple((name, template.fill(text, texts, template.LINE)) for name, text in database.variables)
        schema += migrations.script(database.owner, files, variables)
    roles = f"\\connect postgres\n{sql.roles(database, passwords)}{sql.database(database)}"
    return f"{roles}\\connect {database.name}\n{schema}\nRESET ROLE;\n"
