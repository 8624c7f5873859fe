"""One database on a server: its roles, itself, its extensions, its migrations; safe to run at every update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command

from components.host import QUERY
from homeport.model import template
from homeport.render import migrations
from homeport.render.sql import database as database_sql
from homeport.render.sql import extensions as extensions_sql
from homeport.render.sql import roles as roles_sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.host import Host
    from homeport.model.database import Database as Model


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """What a database needs.

    Attributes:
        host: Where its server runs.
        database: The database.
        container: The server's container name.
        container_id: The server's container id: a new container may have a new, empty volume.
        passwords: Secret name to value, for the roles that log in.
        root: The project's folder, below which the migrations are.
        texts: What ``{name}`` in the migrations' variables stands for.
        after: The server's health gate.
    """

    host: Host
    database: Model
    container: pulumi.Input[str]
    container_id: pulumi.Input[str]
    passwords: Mapping[str, pulumi.Output[str]]
    root: Path
    texts: Mapping[str, str]
    after: pulumi.Resource


class Database(pulumi.ComponentResource):
    """A database with its roles.

    Attributes:
        ready: The resource to depend on: it exists once the schema is up to date.
    """

    ready: pulumi.Resource

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:database:Database", name, None, opts)
        self._args = args
        model = args.database
        passwords = pulumi.Output.all(**args.passwords)
        roles = self._run(
            f"{name}-roles", "postgres", passwords.apply(lambda values: roles_sql(model, values)), args.after
        )
        database = self._run(f"{name}-database", "postgres", database_sql(model), roles)
        schema = extensions_sql(model) + _migrations(model, args)
        self.ready = self._run(f"{name}-schema", model.name, schema, database)
        self.register_outputs({})

    def _run(self, name: str, database: str, sql: pulumi.Input[str], after: pulumi.Resource) -> pulumi.Resource:
        run: pulumi.Resource = command.local.Command(
            name,
            create=pulumi.Output.format("{0} {1} {2}", QUERY, self._args.container, database),
            stdin=sql,
            environment=dict(self._args.host.environment),
            triggers=[self._args.container_id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[after]),
        )
        return run


def _migrations(model: Model, args: DatabaseArgs) -> str:
    if not model.migrations:
        return ""
    files = {path.name: path.read_text() for path in (args.root / model.migrations).glob("*.sql")}
    variables = tuple((name, template.fill(value, args.texts, template.LINE)) for name, value in model.variables)
    return migrations.script(model.owner, files, variables)
