"""The environment in which `pulumi` runs. What the user has set always wins."""

import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from toolchain.engine.choice import Choice
from toolchain.engine.errors import EngineError
from toolchain.engine.places import Places, default_home, private_folder, write_atomically

VIRTUALENV = ".venv"
"""What Pulumi.yaml names, and .gitignore too."""
_ALWAYS = {
    # The stack's own state holds the salt of its secrets, so a committed stack file need not: see ADR 0002.
    "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
}
_REGISTRIES = {
    # A missing plugin is an error that names it, never a download behind the user's back.
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
}


def additions(places: Places, choice: Choice, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables to set on top of `environ`, by name; applying them twice changes nothing."""
    added = {"PATH": _path(places, choice, environ.get("PATH", os.defpath))}
    variables = dict(_ALWAYS)
    if not choice.official:
        variables |= _REGISTRIES
        variables["PULUMI_HOME"] = str(places.pulumi_home)
        login = _login_folder(environ)
        if login is not None and "PULUMI_HOME" not in environ:
            variables["PULUMI_CREDENTIALS_PATH"] = str(login)
    backend = _backend(places, environ)
    if backend is not None:
        variables["PULUMI_BACKEND_URL"] = backend
    address = environ.get("PULUMI_BACKEND_URL") or backend or ""
    # Elsewhere (a login, a bucket) the passphrase is the user's affair: ours would only keep Pulumi from asking for it.
    if address.startswith("file://") and "PULUMI_CONFIG_PASSPHRASE" not in environ:
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(places.passphrase)
    # Set by whoever started us, which the shell that reads this has not been (homeport/cli/bootstrap.py).
    near = {name: environ[name] for name in ("no_proxy", "NO_PROXY") if name in environ}
    return added | near | {name: value for name, value in variables.items() if name not in environ}


def pulumi_home(places: Places, choice: Choice, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder in which the engine will look for plugins."""
    named = environ.get("PULUMI_HOME")
    if named:
        return Path(named)
    return default_home() if choice.official else places.pulumi_home


def prepare(places: Places, added: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> None:
    """Makes the state folder and the passphrase that `added` points at, readable by nobody else.

    Raises:
        EngineError: The passphrase is gone, and there are stacks whose secrets nobody can read without it.
    """
    _refuse_lost_passphrase(places, added, environ)
    private_folder(places.cache)
    if added.get("PULUMI_BACKEND_URL") == _url(places.state):
        private_folder(places.state)
    if added.get("PULUMI_CONFIG_PASSPHRASE_FILE") == str(places.passphrase) and not places.passphrase.exists():
        write_atomically(places.passphrase, secrets.token_urlsafe(32) + "\n", 0o600)


def _refuse_lost_passphrase(places: Places, added: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Nothing is run without it: a new one would read no secret, and Pulumi says so only on its way."""
    variable = "PULUMI_CONFIG_PASSPHRASE_FILE"
    named = environ.get(variable) if "PULUMI_CONFIG_PASSPHRASE" not in environ else None
    if named and not Path(named).expanduser().exists():
        what = f"is not there, and {variable} names it: no stack's secrets can be read; nothing was changed"
        raise EngineError(named, what, f"put the passphrase of your stacks there, or name its file: {variable}=…")
    address = environ.get("PULUMI_BACKEND_URL") or added.get("PULUMI_BACKEND_URL", "")
    stacks = Path(unquote(address.removeprefix("file://").partition("?")[0])).expanduser() / ".pulumi" / "stacks"
    ours = added.get(variable) == str(places.passphrase) and not places.passphrase.exists()
    if ours and address.startswith("file://") and any(stacks.glob("*/*.json")):
        what = f"is gone, and {stacks} has stacks whose secrets nobody can read without it; nothing was changed"
        fix = f"put it back from your backup, or name the file that has it: export {variable}=…"
        raise EngineError(str(places.passphrase), what, fix)


def link_virtualenv(project: Path, python: Path) -> None:
    """Gives Pulumi's own language host the environment that it looks for in the checkout.

    One that `pulumi install` made is left alone.

    Args:
        project: The folder of Pulumi.yaml, whose option `virtualenv` is `VIRTUALENV`.
        python: The interpreter of the environment that is there already.
    """
    link = project / VIRTUALENV
    home = python.parent.parent
    if link.is_symlink() and link.readlink() != home:
        link.unlink()
    if not link.exists():
        link.symlink_to(home)


def _path(places: Places, choice: Choice, path: str) -> str:
    """PATH with launcher, engine and the program's Python first, each once."""
    first = [str(places.shell), str(choice.binary.parent), str(places.python.parent)]
    rest = [p for p in path.split(os.pathsep) if p not in first]
    return os.pathsep.join([*first, *rest])


def _url(folder: Path) -> str:
    return folder.as_uri()


def _backend(places: Places, environ: Mapping[str, str]) -> str | None:
    """The file backend in the cache, unless the user keeps state elsewhere."""
    project = places.checkout / "Pulumi.yaml"
    chosen = (
        environ.get("PULUMI_ACCESS_TOKEN")
        or _login_folder(environ) is not None
        or (project.is_file() and re.search(r"^backend:", project.read_text(), re.MULTILINE))
    )
    return None if chosen else _url(places.state)


def _login_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder whose `credentials.json` says that the user is logged in, or None."""
    folder = Path(environ.get("PULUMI_CREDENTIALS_PATH") or environ.get("PULUMI_HOME") or default_home())
    try:
        login = json.loads((folder / "credentials.json").read_text())
    except (OSError, ValueError):
        return None
    return folder if isinstance(login, dict) and login.get("current") else None
