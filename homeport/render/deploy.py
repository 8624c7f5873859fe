"""A stack as plain files: a compose file, the files that it mounts, and what the script that deploys them must know.

No secret is in them: files with secrets are templates, which ``deploy.sh`` fills in from ``.env`` on the host. The host name too comes from
``.env``, as ``N8N_HOST`` of the compose file and the Caddyfile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from homeport.model import names, template
from homeport.model.errors import BlueprintError, Problem
from homeport.model.service import SecretFile
from homeport.render import compose, migrations, sql
from homeport.render.caddy import caddyfile, snippets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service

HOST = "N8N_HOST"
NONE = "-"
"""In the manifest, for a variable that is no secret: a field of a line is never empty."""
_HOST_MARK = "host-from-env.invalid"
LOGS = "logs"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A line of ``.env``.

    Attributes:
        name: Its name.
        kind: Its shape, as deploy.sh knows them: ``hex64``, ``password``, ``n8n-password``, ``token``, ``host``.
        need: ``required``, ``optional`` or ``generated``: made by deploy.sh where it is missing.
        secret: The secret's name in the blueprint; ``NONE``: it is none.
        words: What it is for.
    """

    name: str
    kind: str
    need: str
    secret: str
    words: str


VARIABLES = (
    Variable(
        name="POSTGRES_PASSWORD",
        kind="password",
        need="required",
        secret="postgres-password",  # noqa: S106 - its name
        words="Database password of ai_user: openssl rand -base64 32",
    ),
    Variable(
        name="N8N_ENCRYPTION_KEY",
        kind="hex64",
        need="required",
        secret="n8n-encryption-key",  # noqa: S106 - its name
        words="n8n encrypts its credentials with it; lost, they are unreadable: openssl rand -hex 32",
    ),
    Variable(
        name="N8N_BASIC_AUTH_PASSWORD",
        kind="n8n-password",
        need="required",
        secret="n8n-owner-password",  # noqa: S106 - its name
        words="n8n admin password, at the door (user admin) and in n8n: openssl rand -base64 32",
    ),
    Variable(
        name="N8N_WEBHOOK_API_KEY",
        kind="hex64",
        need="required",
        secret="n8n-webhook-api-key",  # noqa: S106 - its name
        words="Webhook API key, header X-API-Key: openssl rand -hex 32",
    ),
    Variable(name=HOST, kind="host", need="required", secret=NONE, words="Your domain, such as n8n.example.com"),
    Variable(
        name="N8N_DATABASE_PASSWORD",
        kind="password",
        need="generated",
        secret="n8n-database-password",  # noqa: S106 - its name
        words="Database password of n8n's own role; made and kept by deploy.sh unless you set it",
    ),
    Variable(
        name="REDIS_PASSWORD",
        kind="password",
        need="generated",
        secret="redis-password",  # noqa: S106 - its name
        words="Password of the cache; made and kept by deploy.sh unless you set it",
    ),
    Variable(
        name="EMBEDDING_KEY",
        kind="token",
        need="optional",
        secret="embedding-api-key",  # noqa: S106 - its name
        words="Key of the embedding provider, where the stack's settings name one",
    ),
)


def tree(blueprint: Blueprint, sources: Mapping[str, Mapping[str, tuple[str, bytes]]]) -> dict[str, bytes]:
    """Path below the export's folder to content.

    Args:
        blueprint: The system.
        sources: Service name to its static files: target below ``files_at`` to path below the project and content.

    Raises:
        BlueprintError: A secret of the blueprint has no variable in ``.env``.
    """
    _refuse_strangers(blueprint)
    # Its hosts' names come from .env, so that the same files serve any domain.
    blueprint = replace(blueprint, hostnames={route.name: _HOST_MARK for route in blueprint.routes})
    made: dict[str, bytes] = {}
    whole = compose.model(blueprint)
    folders = _folders(blueprint)
    for service in blueprint.services:
        given = whole["services"][service.name]
        given["volumes"] = _data_mounts(service)
        for target, (_, content) in sorted(sources[service.name].items()):
            path = place(service, target, folders)
            made[path] = content
            given["volumes"].append(f"./{path}:{service.files_at}/{target}:ro")
        for file in _secret_files(blueprint, service):
            path = f"{service.name}/{file.target}"
            made[f"templates/{path}"] = file.template.encode()
            given["volumes"].append(f"./secrets/{path}:{service.files_at}/{file.target}:ro")
        if service.edge:
            made["Caddyfile"] = caddyfile(blueprint).replace(_HOST_MARK, f"{{${HOST}}}").encode()
            given["volumes"].append(f"./Caddyfile:{service.files_at}/Caddyfile:ro")
            given["environment"] = {**given.get("environment", {}), HOST: _HOST_MARK}
    del whole["volumes"]
    made["docker-compose.yml"] = compose.text(whole).replace(_HOST_MARK, f"${{{HOST}}}").encode()
    return made


def manifest(blueprint: Blueprint) -> str:
    """What deploy.sh reads: one fact a line, its kind first."""
    lines = [f"variable {one.name} {one.kind} {one.need} {one.secret}" for one in VARIABLES]
    lines += [f"folder {path} {owner} {mode}" for path, (owner, mode) in sorted(_folders(blueprint).items())]
    for service in sorted(blueprint.services, key=lambda one: one.name):
        lines.append(f"container {names.physical(blueprint.namespace, service.name)} {service.name}")
        for file in _secret_files(blueprint, service):
            path = f"{service.name}/{file.target}"
            owner = f"{service.uid}:{service.uid}"
            lines.append(f"secret templates/{path} secrets/{path} {owner} {file.mode:o}")
    lines += [
        f"sql {server} templates/sql/{server}.sql" for server in sorted({one.server for one in blueprint.databases})
    ]
    edge = blueprint.edge
    address = "127.0.0.1" if edge.bind in {"0.0.0.0", "::"} else edge.bind  # noqa: S104 - compared only
    lines.append(f"door {address} {edge.ports['https']} {'public' if edge.public else 'local'}")
    return "".join(f"{line}\n" for line in lines)


def databases(blueprint: Blueprint, files: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
    """The SQL of each server below ``templates/sql/``: roles (passwords as ``{secret}``), databases, schemas; safe to run again.

    Args:
        blueprint: The system.
        files: Database name to its migrations: file name to SQL.

    Raises:
        BlueprintError: Something in the SQL looks like a secret's place and is none.
    """
    made: dict[str, str] = {}
    for one in blueprint.databases:
        passwords = {role.secret: f"{{{role.secret}}}" for role in one.roles if role.secret}
        variables = tuple((name, template.fill(text, blueprint.texts())) for name, text in one.variables)
        schema = migrations.script(one.owner, files[one.name], variables) if one.migrations else ""
        if template.names(schema):
            what = f"its migrations hold {{{template.names(schema)[0]}}}, which deploy.sh would fill in"
            raise BlueprintError((Problem(f"database {one.name}", what, "write it another way"),))
        roles = f"\\connect postgres\n{sql.roles(one, passwords)}{sql.database(one)}"
        text = f"{roles}\\connect {one.name}\n{sql.extensions(one)}{schema}\nRESET ROLE;\n"
        made[one.server] = made.get(one.server, "") + text
    return {f"templates/sql/{server}.sql": text.encode() for server, text in made.items()}


def example() -> str:
    """``.env.example``: every variable, the required ones to be filled in, the others commented out."""
    lines = ["# cp .env.example .env, replace every CHANGE_ME, keep .env out of Git.\n"]
    for one in VARIABLES:
        mark = "" if one.need == "required" else "# "
        lines.append(f"\n# {one.words}\n{mark}{one.name}=CHANGE_ME\n")
    return "".join(lines)


def ignored(blueprint: Blueprint) -> str:
    """``.gitignore``: secrets, keys and runtime data."""
    runtime = sorted({PurePosixPath(path).parts[0] for path in _folders(blueprint)})
    lines = [".env", ".env.*", "!.env.example", "/secrets/", *(f"/{path}/" for path in runtime)]
    lines += ["/.deployed", "*.pem", "*.key", "*.crt", "id_rsa*", "id_ed25519*", "__pycache__/"]
    return "# What holds a secret or is made at run time.\n" + "".join(f"{line}\n" for line in lines)


def place(service: Service, target: str, runtime: Mapping[str, Any]) -> str:
    """Where a static file is in the export; never in a folder of runtime data."""
    short = service.name.removeprefix("ai-")
    return f"config/{short}/{target}" if short in runtime else f"{short}/{target}"


def _refuse_strangers(blueprint: Blueprint) -> None:
    known = {one.secret for one in VARIABLES}
    strange = [name for name in blueprint.secrets() if name not in known]
    if strange or len(blueprint.routes) != 1:
        what = f"needs {', '.join(strange)}" if strange else f"has {len(blueprint.routes)} routes"
        fix = "export a stack of preset ai-orchestrator"
        raise BlueprintError((Problem(f"preset {blueprint.preset}", f"{what}, which the export cannot carry", fix),))


def _secret_files(blueprint: Blueprint, service: Service) -> tuple[SecretFile, ...]:
    doors = snippets(blueprint.routes) if service.edge else {}
    return (*service.secret_files, *(SecretFile(target=path, template=text) for path, text in sorted(doors.items())))


def _folder(service: Service, key: str) -> str:
    return f"{service.name.removeprefix('ai-')}_data" if key == "data" else key


def _folders(blueprint: Blueprint) -> dict[str, tuple[str, str]]:
    """Runtime directories: path to owner and mode."""
    found = {LOGS: ("0:0", "750")}
    own = [
        (_folder(service, key), volume)
        for service in blueprint.services
        for key, volume in service.volumes.items()
        if volume.shared is None
    ]
    for path, volume in (*own, *blueprint.shared_volumes.items()):
        uid, gid = volume.owner or (0, 0)
        for inner in (path, *(f"{path}/{one}" for one in volume.folders)):
            found[inner] = (f"{uid}:{gid}", f"{volume.mode:o}")
    return found


def _data_mounts(service: Service) -> list[str]:
    return [
        f"./{volume.shared or _folder(service, key)}:{volume.path}" for key, volume in sorted(service.volumes.items())
    ]
