"""A database server of the compose file whose place the stack's PostgreSQL takes: who used it gets a database there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from homeport.plan.compose.document import items, listed, named_files, pairs, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.plan.compose.account import Account
    from homeport.plan.compose.document import Node
    from homeport.plan.compose.shapes import Secret, Service

_USER = re.compile(r"USER|LOGIN|ROLE", re.IGNORECASE)
_NAME = re.compile(r"(^|_)(DB|DATABASE|DBNAME|DB_?NAME|NAME|SCHEMA)(_NAME)?$", re.IGNORECASE)
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+]*)://")


@dataclass(frozen=True, kw_only=True)
class Companion:
    """What the file's own server is called, and what it is told.

    Attributes:
        hosts: The names that others reach it by.
        user: Its user.
        name: Its database.
        password: The value of its password.
        variable: The variable of compose that its password comes from.
    """

    hosts: frozenset[str]
    user: str = ""
    name: str = ""
    password: str = field(default="", repr=False)
    variable: str = ""

    @classmethod
    def of(cls, service: str, keys: Mapping[str, Node], env_files: Mapping[str, Mapping[str, str] | None]) -> Self:
        """The server that a service is."""
        told: dict[str, tuple[str, str]] = {}
        for path, _ in named_files(keys.get("env_file")):
            told |= {name: (value, "") for name, value in (env_files.get(path) or {}).items()}
        for pair in pairs(keys.get("environment")):
            if pair.value is not None:
                told[pair.name] = (pair.value.value, "".join((*pair.value.variables, *pair.value.unset)[:1]))
        hosts = {service, said(keys.get("container_name")), said(keys.get("hostname"))} - {""}
        password = told.get("POSTGRES_PASSWORD", ("", ""))
        user = told.get("POSTGRES_USER", ("", ""))[0] or "postgres"  # the image's own
        return cls(
            hosts=frozenset(hosts),
            user=user,
            name=told.get("POSTGRES_DB", ("", ""))[0] or user,
            password=password[0],
            variable=password[1],
        )

    def replaced(self, service: Service, account: Account) -> None:
        """Makes a service that used it use a database of its own on the stack's PostgreSQL."""
        env: dict[str, str] = service.block.get("env", {})
        filled = dict(self._filled(env))
        mine = [secret for secret in service.secrets if self._is_password(secret)]
        urls = [secret for secret in service.secrets if self._is_url(secret.value)]
        urls_in_plain = [name for name, value in env.items() if self._is_url(value)]
        waits = any(said(node) in self.hosts for node in listed(service.keys.get("depends_on")))
        waits = waits or bool(self.hosts & set(items(service.keys.get("depends_on"))))
        if not (filled or urls or urls_in_plain or waits):
            return
        if not (filled or urls or urls_in_plain):
            what = "the file does not say how it is told of its database: DATABASE_URL_FILE names the connection string"
            account.note("left", None, what, about=service.about)
        database: dict[str, Any] = {}
        inside = "entrypoint" in service.block
        for name in [*(secret.name for secret in urls), *urls_in_plain]:
            value = env.get(name) or next(secret.value for secret in urls if secret.name == name)
            if "url" not in database:
                database["url"] = name
                scheme = _SCHEME.match(value)
                if scheme and scheme["scheme"] != "postgresql":
                    database["scheme"] = scheme["scheme"]
                leaf = service.lines.get(name) or _leaf(urls, name)
                account.note("hardened", leaf, f"{name} is the connection string of the app's own database")
                env.pop(name, None)
            else:
                account.note("left", None, f"{name}: an app has one connection string", about=service.about)
        if mine:
            database["password"] = mine[0].name
            account.note("hardened", mine[0].leaf or {}, f"{mine[0].name} is the password of the app's own database")
            if len(mine) > 1:
                account.note("left", None, f"{mine[1].name}: an app has one such variable", about=service.about)
        gone = {secret.name for secret in (*mine[:1], *urls)}
        service.secrets = [secret for secret in service.secrets if secret.name not in gone]
        env |= filled
        for name, text in filled.items():
            what = f"{name} is {text}: of the app's own database"
            account.note("hardened", service.lines.get(name), what, about=service.about)
        if inside and database:
            database["deliver"] = "environment"
        service.block["database"] = database or True

    def _is_password(self, secret: Secret) -> bool:
        if secret.around:
            return False
        return bool(
            (self.variable and secret.variable == self.variable) or (self.password and secret.value == self.password)
        )

    def _is_url(self, text: str) -> bool:
        return bool(_SCHEME.match(text)) and any(
            re.search(rf"(?://|@){re.escape(host)}(?=[:/?]|$)", text) for host in self.hosts
        )

    def _filled(self, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """The variables that name it, with what stands for the app's own database."""
        reaches = any(value.partition(":")[0] in self.hosts for value in env.values())
        for name, value in env.items() if reaches else ():
            host, colon, port = value.partition(":")
            if host in self.hosts and not (colon and port != "5432"):
                yield name, "{db:host}:{db:port}" if colon else "{db:host}"
            elif value == self.user and _USER.search(name):
                yield name, "{db:user}"
            elif value == self.name and _NAME.search(name):
                yield name, "{db:name}"


def _leaf(secrets: list[Secret], name: str) -> Node:
    return next((secret.leaf for secret in secrets if secret.name == name and secret.leaf is not None), {})
