"""Says in one go which engine and which plugins are in use, and why."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from toolchain.engine import standins
from toolchain.engine.choice import Choice
from toolchain.engine.environment import additions, pulumi_home
from toolchain.engine.places import Places


def rows(places: Places, choice: Choice) -> list[tuple[str, str]]:
    """The report, each row with its title; never fails for something missing, which it says instead."""
    kind = "Pulumi's own CLI" if choice.official else "the same engine, built here from Go modules"
    added = additions(places, choice)
    home = pulumi_home(places, choice)
    return [
        ("engine", f"{kind}, {_version(choice, os.environ | added)}"),
        ("binary", str(choice.binary)),
        ("why", choice.why),
        ("language host", "Pulumi's own" if choice.official else f"ours, {standins.language_host(places, home)}"),
        ("python", str(places.python)),
        ("PULUMI_HOME", f"{home}{'' if 'PULUMI_HOME' in added else ' (not ours)'}"),
        ("state", added.get("PULUMI_BACKEND_URL", "where you are logged in, or PULUMI_BACKEND_URL says")),
        *(
            (f"plugin {p.name} {p.version}", _plugin(home / "plugins" / p.binary, choice))
            for p in standins.sdk_plugins()
        ),
    ]


def as_text(report: list[tuple[str, str]]) -> str:
    """The report as a table for people."""
    width = max(len(title) for title, _ in report)
    return "\n".join(f"{title:<{width}}  {value}" for title, value in report)


def _version(choice: Choice, environ: Mapping[str, str]) -> str:
    """What the engine says; even `pulumi version` writes a log into PULUMI_HOME, so it gets the right one."""
    if not choice.ready:
        return "not built yet (run: python -m toolchain.engine ensure)"
    argv = [str(choice.binary), "version"]
    answer = subprocess.run(argv, env=dict(environ), capture_output=True, text=True, check=False)
    return answer.stdout.strip() or f"broken: {answer.stderr.strip()}"


def _plugin(binary: Path, choice: Choice) -> str:
    if not binary.exists():
        return "not installed; Pulumi downloads it when it is needed" if choice.official else "no stand-in"
    return f"{'stand-in' if standins.is_standin(binary) else 'official'}, {binary}"
