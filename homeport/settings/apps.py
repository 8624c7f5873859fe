"""Services of one's own, as data: ``homeport:settings.apps``. docs/apps.md teaches it.

What an app becomes in a preset is in ``homeport.plan.apps``. What reads plain data here speaks even where another field
is wrong; what it cannot read it leaves to the schema.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from homeport.model import template
from homeport.model.schedule import schedule
from homeport.settings.kinds import Cores, Image, Memory, Name, Port, RouteHost, Text, digits
from homeport.settings.section import LONGEST_TEXT, Section, key

AccessClass = Literal["public", "login", "api-key", "vpn"]
SecretKind = Literal["password", "account-password", "hex64", "token", "text"]
SUPPLIED: frozenset[str] = frozenset({"token", "text"})
"""Kinds of secrets that only their issuer can make."""
FILES_AT = "/run/secrets"
"""Where an app finds its secrets, unless it says otherwise: where compose puts them as well."""
TOOLS_AT = "/.homeport"
"""Where an app finds the program that its health check, or its start with secrets in the environment, is made of."""
RUNS_AT = "/.homeport-runs"
"""Where an app that runs at times notes how its last run ended, in memory."""
_PATH = re.compile(r"(?:/[A-Za-z0-9._@+-]+)+")
_USER = re.compile(r"(0|[1-9][0-9]{0,8})(?::(0|[1-9][0-9]{0,8}))?")
_HTTP_PATH = re.compile(r"/[!-~]{0,255}")


def _path(text: str) -> str:
    if not _PATH.fullmatch(text) or any(part in {".", ".."} for part in text.split("/")):
        raise ValueError("must be a path in the container such as /data, whole and without steps upwards")
    return text


def _http_path(text: str) -> str:
    if not _HTTP_PATH.fullmatch(text) or re.search(r"[\"'\\`]", text):
        raise ValueError("must be a path such as /healthz, as it stands in a URL")
    return text


def _template(text: str) -> str:
    if not template.names(text) or len(text) > LONGEST_TEXT:
        raise ValueError(
            "must name a secret by its config key in braces, as in mysql://shop:{db-password}@db:3306/shop"
        )
    return text


def _user(value: Any) -> Any:
    text = digits(value)
    if not isinstance(text, str) or not _USER.fullmatch(text):
        raise ValueError("must be a uid such as 1000, or uid and gid such as 1000:1000; names are the image's own")
    return text


AppName = Annotated[str, Field(pattern=r"^[a-z](?:[a-z0-9-]{0,29}[a-z0-9])?$")]
Value = Annotated[Text, Field(max_length=LONGEST_TEXT)]
Words = Annotated[tuple[Value, ...], Field(max_length=64)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Path = Annotated[str, AfterValidator(_path)]
Part = Annotated[str, Field(pattern=r"^[a-z](?:[a-z0-9_-]{0,38}[a-z0-9])?$")]
Reason = Annotated[str, Field(min_length=10, max_length=500)]
MOST_PIDS, MOST_TMPFS, MOST_RETRIES = 4_194_304, 65_536, 100
_REASON = "a sentence of 10 to 500 characters"
_VARIABLE_SHAPE = "that of a variable: at most 64 letters, digits and '_', no digit first"
APP_SHAPE = "at most 31 lower-case letters, digits and '-', beginning with a letter: it is a host name as well"


def _off_is_none(value: Any) -> Any:
    return None if value is False else value


def _schedule(text: str) -> str:
    schedule(text)
    return text


def _listed(value: Any) -> Any:
    """A list as what it becomes: behind a validator that comes first, pydantic no longer reads JSON."""
    return tuple(value) if isinstance(value, list) else value


class AppRoute(Section):
    """Where people and programs reach an app, and what they are asked."""

    host: RouteHost | None = key(
        "Its host name: a label, which stands below the stack's domain, or a whole name.",
        shape="a label such as hello, or a host name such as hello.example.com",
        example="hello",
        default=None,
        says="the app's name",
    )
    access: AccessClass = key(
        "Who may come in: public (everybody), login (people: by Cloudflare Access in a tunnel, else by user and "
        "password), api-key (programs: by a header, in a tunnel by a service token), vpn (no route: a port for "
        "members of the VPN alone, on this machine on the loopback address).",
        shape="one of public, login, api-key, vpn",
        example="login",
        default="login",
    )
    because: Reason | None = key(
        "Why everybody may come in; needed for public outside of dev.",
        shape=_REASON,
        example="a page for everybody, with nothing behind it",
        default=None,
        says="none",
    )
    port: Port | None = key(
        "The number of its own port on the host, where it has one: with access vpn, or in a preset without a proxy or "
        "with one in the host's network.",
        shape="a whole number from 1 to 65535",
        example=8000,
        default=None,
        says="the app's port; in the last case one that is made of its name",
    )
    max_body: Annotated[int, Field(ge=1, le=1_048_576)] = key(
        "The largest request that it takes, in MB.",
        shape="a whole number of MB from 1 to 1048576",
        example=100,
        default=10,
    )


class AppVolume(Section):
    """A named volume of an app. A text is short for its path."""

    path: Path = key("Where it appears in the container.", shape="a path such as /data", example="/data")
    data: bool = key(
        "Whether losing it loses what people made: it is asked for by name before it goes.",
        shape="true or false",
        example=True,
        default=True,
    )
    owner: Annotated[str, BeforeValidator(_user)] | None = key(
        "Who owns its root folder: uid, or uid:gid.",
        shape="a uid such as 1000, or 1000:1000",
        example="1000:1000",
        default=None,
        says="the app's user",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data


class AppSecret(Section):
    """A secret of an app; its value is in a config key of its own, ``homeport:<app>-<name>``."""

    kind: SecretKind = key(
        "What it must look like: password, account-password (for sign-in pages), hex64 (64 hexadecimal digits), token "
        "or text (as their issuer gave them).",
        shape="one of password, account-password, hex64, token, text",
        example="password",
        default="password",
    )
    supplied: bool | None = key(
        "Whether you give it; else it is made when it is missing.",
        shape="true or false",
        example=True,
        default=None,
        says="true for token and text, else false",
    )
    deliver: Literal["file", "environment"] = key(
        "How it comes to the program. file: as a file of mode 0400, whose path is in <NAME>_FILE. environment: in "
        "<NAME>, for an image that takes no file; needs the app's entrypoint, and `docker inspect` does not show it.",
        shape="one of file, environment",
        example="file",
        default="file",
    )
    path: Path | None = key(
        "The file that the program reads it from; there is no <NAME>_FILE then.",
        shape="a path such as /run/secrets/password",
        example="/run/secrets/password",
        default=None,
        says=f"a file in {FILES_AT}",
    )
    shared_as: Name | None = key(
        "Its config key, where two apps share one secret.",
        shape="a name such as shop-session-key",
        example="shop-session-key",
        default=None,
        says="<app>-<name>",
    )
    template: Annotated[str, AfterValidator(_template)] | None = key(
        "A text around other secrets, each by its config key in braces, as a connection string; it has no value of "
        "its own.",
        shape="a text such as mysql://shop:{db-password}@db:3306/shop",
        example="mysql://shop:{db-password}@db:3306/shop",
        default=None,
        says="none",
    )
    encrypts: bool = key(
        "Whether stored data is encrypted with it: another value loses that data.",
        shape="true or false",
        example=True,
        default=False,
    )


class AppDatabase(Section):
    """A database of the app's own on the stack's PostgreSQL. ``true`` is short for one with what is said here."""

    url: Variable = key(
        "The variable with the connection string; with deliver file <url>_FILE names the file.",
        shape="a name of a variable such as DATABASE_URL",
        example="DATABASE_URL",
        default="DATABASE_URL",
    )
    password: Variable | None = key(
        "The variable with the password alone; with deliver file <password>_FILE names the file.",
        shape="a name of a variable such as DB_PASSWORD",
        example="DB_PASSWORD",
        default=None,
        says="none",
    )
    scheme: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+]{0,31}$")] = key(
        "How the connection string begins.",
        shape="a word such as postgresql, or postgresql+asyncpg",
        example="postgresql",
        default="postgresql",
    )
    deliver: Literal["file", "environment"] = key(
        "How the connection string comes to the program, as with a secret.",
        shape="one of file, environment",
        example="file",
        default="file",
    )
    extensions: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")], ...],
        BeforeValidator(_listed),
        Field(max_length=16),
    ] = key("Extensions created in it.", shape="a list of names such as pg_trgm", example=["pg_trgm"], default=())

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {} if data is True else data


class AppHealth(Section):
    """How Docker finds out whether an app works: one of http, tcp and command."""

    http: Annotated[str, AfterValidator(_http_path)] | None = key(
        "A path that answers 200 on the app's port, inside the container.",
        shape="a path such as /healthz",
        example="/healthz",
        default=None,
        says="none",
    )
    tcp: bool = key(
        "Whether it is enough that something listens on the app's port.",
        shape="true or false",
        example=True,
        default=False,
        says="true, where there is a port and nothing else is said",
    )
    command: Words = key(
        "A program of the image that ends with 0, with its arguments.",
        shape="a list of words such as [my-app, check]",
        example=["my-app", "check"],
        default=(),
        says="none",
    )
    interval: Annotated[int, Field(ge=1, le=3600)] = key(
        "Seconds between two probes.", shape="a whole number from 1 to 3600", example=10, default=10
    )
    timeout: Annotated[int, Field(ge=1, le=600)] = key(
        "Seconds that one may take.", shape="a whole number from 1 to 600", example=5, default=5
    )
    start: Annotated[int, Field(ge=0, le=3600)] = key(
        "Seconds after the start in which a failure does not count.",
        shape="a whole number from 0 to 3600",
        example=30,
        default=30,
    )
    retries: Annotated[int, Field(ge=1, le=MOST_RETRIES)] = key(
        "Failures in a row that make it unhealthy.", shape="a whole number from 1 to 100", example=3, default=3
    )
    gate: Annotated[int, Field(ge=1, le=3600)] = key(
        "Seconds that an update waits for health before it fails.",
        shape="a whole number from 1 to 3600",
        example=120,
        default=120,
    )


class AppWaivers(Section):
    """Weakened defaults of an app, each with its reason."""

    root: Reason | None = key(
        "Why it runs as root (user 0).", shape=_REASON, example="the image starts as root and drops it", default=None
    )
    writable_root: Reason | None = key(
        "Why it may write to its own image's files; goes with read_only false.",
        shape=_REASON,
        example="the image writes its settings beside its program",
        default=None,
    )
    health: Reason | None = key(
        "Why nobody asks it how it is.", shape=_REASON, example="a program that only waits for work", default=None
    )


class App(Section):
    """A service of one's own: a container with the same hardening, names, routes and checks as the catalog's."""

    image: Image = key(
        "The image, by tag or digest.",
        shape="an image reference such as registry.example.com/app:1.4",
        example="<image:tag>",
    )
    enabled: bool = key(
        "Whether it runs; off, its data and keys are kept.", shape="true or false", example=True, default=True
    )
    purpose: Annotated[Text, Field(min_length=1, max_length=200)] | None = key(
        "What it is for, in one sentence.",
        shape="a text of at most 200 characters",
        example="Answers the telephone",
        default=None,
        says="its image's name",
    )
    command: Words = key(
        "Arguments after the image's entry point; replaces the image's own.",
        shape="a list of words such as [serve, --port, '8000']",
        example=["serve"],
        default=(),
        says="the image's",
    )
    entrypoint: Words = key(
        "Replaces the image's entry point; the image's own command is then left out too.",
        shape="a list of words such as [/usr/bin/app]",
        example=["/usr/bin/app"],
        default=(),
        says="the image's",
    )
    user: Annotated[str, BeforeValidator(_user)] | None = key(
        "Whom it runs as: uid, or uid:gid; root needs waivers.root.",
        shape="a uid such as 1000, or 1000:1000",
        example="1000:1000",
        default=None,
        says="10001",
    )
    port: Port | None = key(
        "The port that it listens on, inside.", shape="a whole number from 1 to 65535", example=8000, default=None
    )
    route: AppRoute | None = key(
        "Where it is reached from outside.", shape="a mapping", example={}, default=None, says="nowhere"
    )
    env: Annotated[dict[Variable, Value], Field(max_length=128)] = key(
        "Its environment; no secret. {origin:<app>} and {host:<app>} stand for a route's URL and host name, {domain} "
        "for the domain, {db:host}, {db:port}, {db:name} and {db:user} for its database.",
        shape="a text, a number or a truth value",
        example="info",
        default={},
        names=_VARIABLE_SHAPE,
    )
    secrets: Annotated[dict[Variable, AppSecret], Field(max_length=64)] = key(
        "Its secrets, by the name of the variable.",
        shape="a mapping of names to secrets",
        example={},
        default={},
        names=_VARIABLE_SHAPE,
    )
    volumes: Annotated[dict[Part, AppVolume], Field(max_length=32)] = key(
        "Its volumes, by name.", shape="a mapping of names to paths", example={}, default={}
    )
    database: Annotated[AppDatabase | None, BeforeValidator(_off_is_none)] = key(
        "A database of its own on the stack's PostgreSQL.",
        shape="true, or a mapping",
        example={},
        default=None,
        says="none",
    )
    health: AppHealth | None = key(
        "How it is asked whether it works.",
        shape="a mapping",
        example={},
        default=None,
        says="something listens on its port",
    )
    memory: Memory = key(
        "Its memory limit, in MB.", shape="a whole number of MB from 16 to 1048576", example=256, default=256
    )
    cpus: Cores = key("Its limit of processor cores.", shape="a number from 0.1 to 256", example=1.5, default=1.0)
    pids: Annotated[int, Field(ge=1, le=MOST_PIDS)] = key(
        "Its limit of processes and threads.", shape="a whole number from 1 to 4194304", example=256, default=256
    )
    needs: Annotated[tuple[Name, ...], Field(max_length=32)] = key(
        "Apps and services of the preset that must work before it starts; it reaches them by their names.",
        shape="a list of names of apps or services",
        example=["cache"],
        default=(),
    )
    schedule: Annotated[str, Field(max_length=128), AfterValidator(_schedule)] | None = key(
        "When its command runs, as a line of cron: minute, hour, day of the month, month, day of the week, in UTC; "
        "instead of a port. The last run's success is its health.",
        shape="five fields of cron such as 30 3 * * *, or @daily",
        example="30 3 * * *",
        default=None,
        says="it runs always",
    )
    role: Name | None = key(
        "The host with this role runs it.", shape="a role of a host", example="web", default=None, says="the first host"
    )
    internet: bool = key(
        "Whether it may open connections to the outside.", shape="true or false", example=True, default=False
    )
    tmpfs: Annotated[dict[Path, Annotated[int, Field(ge=1, le=MOST_TMPFS)]], Field(max_length=16)] = key(
        "Folders in memory that it may write to, and their sizes in MB; they count as its memory.",
        shape="a whole number of MB from 1 to 65536",
        example=64,
        default={},
        says="/tmp, 32 MB",  # noqa: S108  # in a container of its own
        names="a path in the container such as /run",
    )
    read_only: bool | None = key(
        "Whether it may write to nothing but volumes and tmpfs; false needs waivers.writable_root.",
        shape="true or false",
        example=True,
        default=None,
        says="true",
    )
    capabilities: Annotated[
        dict[Annotated[str, Field(pattern=r"^(CAP_)?[A-Z_]{2,32}$")], Reason], Field(max_length=8)
    ] = key(
        "Rights of root that it keeps, each with its reason.",
        shape=_REASON,
        example="binds port 80",
        default={},
        names="a capability such as CAP_CHOWN",
    )
    waivers: AppWaivers = key("Weakened defaults.", shape="a mapping", example={}, default=AppWaivers(), says="none")


def capability(name: str) -> str:
    """A capability as the catalog spells it: ``CHOWN`` is ``CAP_CHOWN``."""
    return f"CAP_{name.removeprefix('CAP_')}"


def secret_name(app: str, name: str, own: str | None = None) -> str:
    """The config key of an app's secret."""
    return own or f"{app}-{name.lower().replace('_', '-')}"


def login_password(app: str) -> str:
    """The config key of the password of an app's route, where the proxy asks for one."""
    return f"{app}-login-password"


def api_key(app: str) -> str:
    """The config key of what programs show to the proxy."""
    return f"{app}-api-key"


def database_password(app: str) -> str:
    """The config key of the password of an app's role in PostgreSQL."""
    return f"{app}-database-password"
