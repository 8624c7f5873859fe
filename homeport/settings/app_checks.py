"""What an app may not say by itself: each part is right, and both cannot be.

The checks read the plain data, as those of ``homeport.settings.checks`` do. What an app says with its preset is looked
at in ``homeport.plan.apps``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from homeport.model import fixes
from homeport.model.errors import Problem
from homeport.model.service import ALLOWED_CAPABILITIES
from homeport.settings.apps import FILES_AT, RUNS_AT, SUPPLIED, TOOLS_AT, capability, secret_name
from homeport.settings.findings import at, drop
from homeport.settings.friendly import is_plain, path_of, remove_command, set_command
from homeport.settings.section import section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.settings.friendly import Loc

    Data = dict[str, Any]
    Findings = Iterator[tuple[Loc, Problem]]

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|JWT|CREDENTIALS?|PASSPHRASE"
    r"|(?:API|ACCESS|SECRET|PRIVATE|ENCRYPTION|SIGNING|AUTH|LICENSE|APP|MASTER)_?KEY)$",
    re.IGNORECASE,
)
_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s:]*:[^/?#@\s]+@")
_NO_SECRET = re.compile(r"|true|false|yes|no|on|off|none|[0-9]{1,6}|/[^\s]*|\{[^{}]*\}", re.IGNORECASE)
_KERNEL = ("/proc", "/sys", "/dev")
_DOCKERS = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
"""Files that Docker mounts into every container (moby, daemon/container/container_unix.go, NetworkMounts)."""
_SYSTEMS = re.compile(
    r"|/(?:bin|boot|etc|home|lib(?:32|64|x32)?|opt|root|run|sbin|tmp|usr|var)|/var/(?:cache|lib|log|run|spool|tmp)"
    r"|/usr(?:/local)?/(?:bin|etc|include|lib(?:32|64|x32|exec)?|local|sbin|share|src)"
)
"""Folders that programs of images find their own things in (hier(7))."""
_SAY_WHY = "<a sentence of 10 to 500 characters>"


def app_checks(data: Data) -> Findings:
    """Every contradiction within an app, and among apps, with where it is."""
    apps = {name: app for name, app in section(data, "apps").items() if isinstance(name, str) and isinstance(app, dict)}
    for name, app in apps.items():
        where: Loc = ("apps", name)
        for check in (_listens, _asked, _rights, _programs, _paths, _variables, _secrets):
            yield from check(where, app)
        yield from _opened(where, app, data.get("environment"))
    yield from _needs(apps)


def _listens(where: Loc, app: Data) -> Findings:
    """What needs a port has one; what runs at times needs none."""
    if app.get("schedule") is not None:
        for part in ("port", "route", "health"):
            if part in app:
                yield drop((*where, part), "goes with a program that always runs; with a schedule it runs at times")
        if "health" in section(app, "waivers"):
            yield drop((*where, "waivers", "health"), "waives nothing: its last run's success is its health")
        if not app.get("command") and not app.get("entrypoint"):
            what = "is needed: what runs at those times, the whole of it"
            yield _program(where, app, "command", what)
        return
    health = section(app, "health")
    wants = "route" in app or "http" in health or health.get("tcp") is True
    if wants and "port" not in app:
        yield at((*where, "port"), "is needed: where it listens, inside of its container", "<a port>")


def _asked(where: Loc, app: Data) -> Findings:
    """One way to ask it, or a reason why nobody does."""
    health, waived = app.get("health"), "health" in section(app, "waivers")
    ways = [way for way in ("http", "tcp", "command") if section(app, "health").get(way)]
    for way in ways[1:]:
        yield drop((*where, "health", way), f"asks in another way than {ways[0]}: one of them is enough")
    if waived and health is not None and app.get("schedule") is None:
        yield drop((*where, "waivers", "health"), "gives a reason why nobody asks it, and health says how it is asked")
    silent = not ways and not {"port", "route", "schedule"} & set(app)
    if silent and not waived:
        what = "nobody could tell whether it works: give it a port, health.command, or here the reason why nobody asks"
        yield at((*where, "waivers", "health"), what, _SAY_WHY)


def _rights(where: Loc, app: Data) -> Findings:
    waivers = section(app, "waivers")
    root = re.fullmatch(r"0+(?::.*)?", str(app.get("user", ""))) is not None
    if root and "root" not in waivers:
        yield drop((*where, "user"), "is root, which needs a reason in waivers.root")
    if not root and "root" in waivers:
        yield drop((*where, "waivers", "root"), "waives nothing: it runs as another user")
    read_only = app.get("read_only")
    if read_only is False and "writable_root" not in waivers:
        yield drop((*where, "read_only"), "is false, which needs a reason in waivers.writable_root")
    if read_only is True and "writable_root" in waivers:
        yield drop((*where, "waivers", "writable_root"), "waives nothing: read_only is true")
    kept: set[str] = set()
    for name in section(app, "capabilities"):
        whole = capability(str(name))
        loc = (*where, "capabilities", name)
        if whole in kept:
            yield drop(loc, "is named twice")
        elif whole not in ALLOWED_CAPABILITIES:
            allowed = ", ".join(sorted(ALLOWED_CAPABILITIES))
            yield drop(loc, f"is none that a container may keep here; those are {allowed}")
        kept.add(whole)
    sizes = [size for size in section(app, "tmpfs").values() if isinstance(size, int)]
    memory = app.get("memory", 256)
    if isinstance(memory, int) and sum(sizes) >= memory:
        what = f"is less than its folders in memory alone may take, {sum(sizes)} MB"
        yield at((*where, "memory"), what, sum(sizes) + memory)


def _programs(where: Loc, app: Data) -> Findings:
    """What is started is called something: Docker takes an empty first word for none at all."""
    whole = {("entrypoint",): app.get("entrypoint"), ("health", "command"): section(app, "health").get("command")}
    if app.get("schedule") is not None:
        whole["command",] = app.get("command") if not app.get("entrypoint") else None
    for loc, words in whole.items():
        if isinstance(words, list) and words and words[0] == "":
            yield at((*where, *loc, 0), "is empty, and is the program", "<the program>")


def _paths(where: Loc, app: Data) -> Findings:
    """Nothing is mounted over something else of ours, or where the kernel has its own."""
    files = _folder(app) if app.get("secrets") or app.get("database") else ""
    taken: dict[str, str] = {}
    mounts = [(("volumes", name), _path(volume)) for name, volume in section(app, "volumes").items()]
    mounts += [(("tmpfs", path), path) for path in section(app, "tmpfs")]
    for (kind, name), path in mounts:
        loc = (*where, kind, name)
        if not isinstance(path, str):
            continue
        if path in taken:
            yield drop(loc, f"is mounted where {taken[path]} is")
        elif path in _KERNEL or path.startswith(tuple(f"{top}/" for top in _KERNEL)):
            yield drop(loc, f"is mounted where the kernel has its own: {', '.join(_KERNEL)}")
        elif any(_within(path, file) for file in _DOCKERS):
            yield drop(loc, f"is mounted where Docker has files of its own: {', '.join(_DOCKERS)}")
        elif _within(path, TOOLS_AT) or _within(path, RUNS_AT) or (files and _within(path, files)):
            yield drop(loc, "is mounted where homeport puts files of its own, which nobody writes to")
        elif is_plain(str(name)) or kind == "tmpfs":
            taken[path] = f"{kind}.{name}"


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_others(folder: str) -> bool:
    """Whether a folder is mounted by somebody else, or is one that an image needs what it has in."""
    ours = (TOOLS_AT, RUNS_AT, *_KERNEL, *_DOCKERS)
    return any(_within(folder, other) for other in ours) or _SYSTEMS.fullmatch(folder) is not None


def _path(volume: Any) -> Any:
    return volume.get("path") if isinstance(volume, dict) else volume


def _folder(app: Data) -> str:
    """The folder with the secrets: the one that the app names files in."""
    paths = [secret.get("path") for secret in section(app, "secrets").values() if isinstance(secret, dict)]
    return next((path.rpartition("/")[0] for path in paths if isinstance(path, str)), FILES_AT)


def _variables(where: Loc, app: Data) -> Findings:
    """No secret in the environment, which everybody may read who may read the settings."""
    for name, value in section(app, "env").items():
        if not isinstance(name, str) or not isinstance(value, str) or not is_plain(name):
            continue
        if (_SECRET_NAME.search(name) and not _NO_SECRET.fullmatch(value)) or _WITH_PASSWORD.match(value):
            what = "looks like a secret, and settings are stored and shown in plain"
            loc, app_name = (*where, "env", name), str(where[1])
            kind = set_command(path_of((*where, "secrets", name, "kind")), "text").removeprefix("Run: ")
            own = fixes.keep(secret_name(app_name, name))
            yield loc, Problem(path_of(loc), what, f"{remove_command(loc)}; {kind}; {own}")


def _secrets(where: Loc, app: Data) -> Findings:
    secrets = {name: secret for name, secret in section(app, "secrets").items() if isinstance(secret, dict)}
    folder = _folder(app)
    for name, secret in secrets.items():
        loc = (*where, "secrets", name)
        if secret.get("kind") in SUPPLIED and secret.get("supplied") is False:
            yield drop((*loc, "supplied"), f"is false, and nobody but its issuer can make a {secret['kind']}")
        if "path" in secret and secret.get("deliver") == "environment":
            yield drop((*loc, "path"), "is a file's, and the program gets this secret in its environment")
        path = secret.get("path")
        if isinstance(path, str) and path.rpartition("/")[0] != folder:
            yield drop((*loc, "path"), f"is in another folder than {folder}; an app's secrets are in one")
        elif isinstance(path, str) and path.startswith("/") and _is_others(folder):
            what = f"would hide what the image has in {folder or '/'}: nothing but secrets is in their folder"
            yield at((*loc, "path"), what, f"{FILES_AT}{path[len(folder) :]}")
    yield from _delivered(where, app, secrets)


def _delivered(where: Loc, app: Data, secrets: Data) -> Findings:
    """Each variable comes from one place; one that holds a secret itself needs to know what to start."""
    database = section(app, "database")
    wanted: dict[Loc, tuple[str, Any]] = {
        ("secrets", name): (str(name), secret.get("deliver")) for name, secret in secrets.items()
    }
    named: dict[Loc, Any] = {("secrets", name): secret["path"] for name, secret in secrets.items() if "path" in secret}
    if app.get("database"):
        wanted["database", "url"] = (str(database.get("url", "DATABASE_URL")), database.get("deliver"))
        if "password" in database:
            wanted["database", "password"] = (str(database["password"]), database.get("deliver"))
    env = section(app, "env")
    files: dict[str, Loc] = {}
    for loc, (variable, deliver) in wanted.items():
        own = variable if deliver == "environment" else f"{variable}_FILE"
        for name in {variable, own} & set(env):
            yield drop((*where, "env", name), "is said here, and comes from a secret as well")
        file = str(named.get(loc, variable.lower())).rpartition("/")[2]
        if (other := files.setdefault(file, loc)) != loc:
            yield drop((*where, *loc), f"is the same file as {'.'.join(map(str, other))}")
        if deliver == "environment" and not app.get("entrypoint") and app.get("schedule") is None:
            what = "is needed: a secret in the environment is put there before the program starts"
            yield _program(where, app, "entrypoint", what)


def _program(where: Loc, app: Data, part: str, what: str) -> tuple[Loc, Problem]:
    """What is started has to be said; the image's own is shown."""
    image, loc = app.get("image"), (*where, part)
    shown = image if isinstance(image, str) and re.fullmatch(r"[\w./:@-]+", image) else "<image>"
    look = f"docker image inspect -f '{{{{json .Config.Entrypoint}}}} {{{{json .Config.Cmd}}}}' {shown}"
    first = f"See it by {look}; it needs its arguments as well."
    return loc, Problem(path_of(loc), what, fixes.put(path_of((*loc, 0)), "<the program>", first=first))


def _opened(where: Loc, app: Data, environment: Any) -> Findings:
    route = section(app, "route")
    if route.get("access") == "public" and environment in {"preprod", "prod"} and "because" not in route:
        what = "is needed outside of dev: why everybody may come in"
        yield at((*where, "route", "because"), what, _SAY_WHY)


def _needs(apps: dict[str, Data]) -> Findings:
    listed = {
        name: [need for need in app["needs"] if isinstance(need, str)]
        for name, app in apps.items()
        if isinstance(app.get("needs"), list)
    }
    for name, needs in listed.items():
        for index, need in enumerate(needs):
            loc = ("apps", name, "needs", index)
            if need == name:
                yield drop(loc, "is the app itself")
            elif need in needs[:index]:
                yield drop(loc, "is named twice")
            elif apps.get(need, {}).get("schedule") is not None:
                yield drop(loc, "runs at times only: nothing can wait for it")
            elif name == min(
                (other for other in _reached(need, listed) if name in _reached(other, listed)), default=""
            ):
                yield drop(loc, f"needs {name} in its turn: neither could start first")


def _reached(start: str, listed: dict[str, list[str]]) -> set[str]:
    """All that an app needs, near or far, itself among them."""
    found, left = set[str](), [start]
    while left:
        here = left.pop()
        if here not in found:
            found.add(here)
            left += listed.get(here, [])
    return found
