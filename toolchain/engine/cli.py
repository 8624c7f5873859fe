"""`python -m toolchain.engine`: which engine runs here, getting it, and running things in its environment."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from toolchain.engine import standins
from toolchain.engine.choice import Choice, choose, ensure_choice
from toolchain.engine.environment import additions, link_virtualenv, prepare, pulumi_home
from toolchain.engine.errors import EngineError
from toolchain.engine.places import Places


def main(argv: list[str] | None = None) -> None:
    """Runs one verb; a failure that a person can fix ends the process with its message and code 1."""
    asked = _parser().parse_args(argv)
    try:
        asked.verb(Places.from_environ(), asked)
    except EngineError as error:
        sys.exit(f"homeport: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m toolchain.engine", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    report = verbs.add_parser("report", help="say which engine and plugins are in use, and why")
    report.add_argument("--json", action="store_true", help="as JSON")
    report.set_defaults(verb=_report)
    ensure = verbs.add_parser("ensure", help="fetch or build what is missing, and say which engine it is")
    ensure.add_argument("--changes", action="store_true", help="say it only where something was missing")
    ensure.set_defaults(verb=_ensure)
    verbs.add_parser("env", help="print the environment as shell exports").set_defaults(verb=_env)
    run = verbs.add_parser("exec", help="run a command in the environment: exec -- pulumi up")
    run.add_argument("command", nargs=argparse.REMAINDER)
    run.set_defaults(verb=_exec)
    init = verbs.add_parser("init-stack", help="make a stack if it is not there; none is selected")
    init.add_argument("name")
    init.set_defaults(verb=_init_stack)
    return parser


def _report(places: Places, asked: argparse.Namespace) -> None:
    from toolchain.engine import report  # noqa: PLC0415 the other verbs must start fast

    rows = report.rows(places, choose(places))
    print(json.dumps(dict(rows), indent=2) if asked.json else report.as_text(rows))


def _ensure(places: Places, asked: argparse.Namespace) -> None:
    silent = asked.changes and choose(places).ready
    choice = ensure_choice(places)
    _install(places, choice, os.environ)
    if not silent:
        print(f"engine: ready: {choice.binary}, {choice.binary.stat().st_size / 1e6:.0f} MB ({choice.why})", flush=True)


def _env(places: Places, _: argparse.Namespace) -> None:
    for name, value in sorted(_ready(places).items()):
        print(f"export {name}={shlex.quote(value)}")


def _exec(places: Places, asked: argparse.Namespace) -> None:
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    if not command:
        raise EngineError("exec", "was given no command", "python -m toolchain.engine exec -- pulumi version")
    environ = os.environ | _ready(places)
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 the user's own command, as argv
    except OSError as error:
        raise EngineError(command[0], f"cannot be run ({error.strerror})", "check the command after --") from error


def _init_stack(places: Places, asked: argparse.Namespace) -> None:
    from toolchain.engine.stacks import init_stack  # noqa: PLC0415

    created = init_stack(asked.name, Path.cwd(), os.environ | _ready(places), places.cache)
    print(f"stack {asked.name}: {'made' if created else 'is there already'}")


def _ready(places: Places) -> dict[str, str]:
    """The environment's additions, with everything in place that they point at."""
    choice = choose(places)
    if not choice.ready:
        raise EngineError(str(choice.binary), "is not built yet", "python -m toolchain.engine ensure")
    _install(places, choice, os.environ)
    added = additions(places, choice)
    prepare(places, added)
    if choice.official:
        link_virtualenv(places.checkout, places.python)
    return added


def _install(places: Places, choice: Choice, environ: Mapping[str, str]) -> None:
    standins.install_launcher(places)
    if not choice.official:
        standins.install(places, pulumi_home(places, choice, environ))
