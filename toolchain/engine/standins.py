"""Installs the stand-in plugins and our language host as small scripts that the engine can start."""

import json
import shlex
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from toolchain.engine.places import Places, write_atomically

MARK = "# homeport stand-in"
_MADE = "made by `python -m toolchain.engine ensure`"
# PYTHONPATH would reach the commands that the program runs, so the checkout goes on sys.path instead; -P keeps the
# program's folder, which may hold any module name, off it.
_PLUGIN = (
    "import runpy, sys; sys.path.insert(0, {checkout!r}); sys.argv = ['toolchain.plugins', {name!r}, *sys.argv[1:]]; "
    "runpy.run_module('toolchain.plugins', run_name='__main__')"
)
_HOST = "import sys; sys.path.insert(0, {checkout!r}); from toolchain.engine.langhost import main; main()"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A provider plugin that an installed SDK asks for.

    Args:
        name: The plugin's name, as `docker`.
        version: The version that the SDK names in its `pulumi-plugin.json`, without the `v`.
    """

    name: str
    version: str

    @property
    def binary(self) -> Path:
        """Where the engine looks for it below `$PULUMI_HOME/plugins`."""
        return Path(f"resource-{self.name}-v{self.version}") / f"pulumi-resource-{self.name}"


def sdk_plugins(site: Path | None = None) -> list[Plugin]:
    """The plugins of all provider SDKs in `site` (default: this interpreter's own packages), by name."""
    plugins = []
    for facts in sorted((site or Path(sysconfig.get_path("purelib"))).glob("*/pulumi-plugin.json")):
        package = json.loads(facts.read_text())
        if package.get("resource"):
            plugins.append(Plugin(name=package["name"], version=package["version"].removeprefix("v")))
    return plugins


def provided(places: Places) -> list[Plugin]:
    """The SDKs' plugins for which `toolchain.plugins` has a stand-in."""
    folder = places.checkout / "toolchain" / "plugins"
    return [plugin for plugin in sdk_plugins() if (folder / plugin.name / "provider.py").is_file()]


def is_standin(binary: Path) -> bool:
    """Whether this plugin is one of ours; a file that cannot be read is not."""
    try:
        with binary.open("rb") as file:
            return MARK.encode() in file.read(200)
    except OSError:
        return False


def install(places: Places, home: Path) -> list[Path]:
    """Writes the stand-ins and our language host below `home`; returns the stand-ins' paths.

    A plugin that somebody else installed there is left alone: the official one always wins.
    """
    _write(language_host(places, home), places, _HOST.format(checkout=str(places.checkout)))
    binaries = []
    for plugin in provided(places):
        binary = home / "plugins" / plugin.binary
        if binary.exists() and not is_standin(binary):
            continue
        _write(binary, places, _PLUGIN.format(checkout=str(places.checkout), name=plugin.name))
        binaries.append(binary)
    return binaries


def language_host(places: Places, home: Path) -> Path:
    """Where the engine looks for the language host; one on PATH would be used too, but with a warning each time."""
    return home / "plugins" / f"language-python-v{places.version}" / "pulumi-language-python"


def install_launcher(places: Places) -> Path:
    """Puts the launcher `pulumi` (see `launcher.py`) into the folder that `env` puts on PATH."""
    path = places.shell / "pulumi"
    words = (places.python, "-IS", places.module / "launcher.py", places.shell, places.stack_files)
    line = " ".join(shlex.quote(str(word)) for word in words)
    write_atomically(path, f'#!/bin/sh\n{MARK}: {_MADE}\nexec {line} "$@"\n', 0o755)
    return path


def _write(path: Path, places: Places, code: str) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    line = f"exec {shlex.quote(str(places.python))} -P -c {shlex.quote(code)}"
    write_atomically(path, f'#!/bin/sh\n{MARK}: {_MADE}\n{line} "$@"\n', 0o755)
