"""`python -m homeport.cli`: one verb, one exit code; what a person can mend ends with a sentence, never with a traceback."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from homeport.cli.stack import read
from homeport.model.errors import HomeportError

if TYPE_CHECKING:
    from collections.abc import Callable


def main(argv: list[str] | None = None) -> int:
    """Runs one verb; its exit code, 130 when it was interrupted."""
    arguments, rest = _parser().parse_known_args(argv)
    if rest and arguments.verb is not _preview:
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    verb: Callable[[argparse.Namespace], int] = arguments.verb
    try:
        return verb(arguments)
    except HomeportError as error:
        sys.stdout.flush()
        print(f"homeport: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("homeport: interrupted\n  mend it: make up (it takes up where this ended)", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m homeport.cli", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb, words in (
        ("up", _up, "bring the stack up"),
        ("down", _down, "remove the stack"),
        ("preview", _preview, "show what up would change; further flags go to pulumi preview"),
        ("repair", _repair, "clear what a killed run left"),
        ("status", _status, "table of services, health and addresses"),
        ("credentials", _credentials, "the stack's passwords and keys"),
        ("images", _images, "the images that the stack needs"),
        ("report", _report, "engine, plugins and images in use, and why"),
        ("export", _export, "write the stack as files for docker compose"),
    ):
        one = verbs.add_parser(name, help=words)
        one.add_argument("--stack", default="dev", help="dev, preprod or prod")
        one.set_defaults(verb=verb)
        if name in {"up", "down"}:
            one.add_argument("--yes", action="store_true", help="do it without asking (dev never asks)")
        if name == "credentials":
            one.add_argument("--show", action="store_true", help="show the values")
            one.add_argument("--only", metavar="NAME", default="", help="print one value and nothing else")
        if name == "export":
            one.add_argument("--to", metavar="DIR", default="", help="the folder to write")
        if name == "images":
            one.add_argument("--ensure", action="store_true", help="pull or build them")
    verbs.add_parser("check", help="style, types and unit tests").set_defaults(verb=_check)
    test = verbs.add_parser("test", help="all tests, or one stage of them")
    test.add_argument(
        "stage", nargs="*", help="check, unit, apps, engine, system, long; or docker or world, parts of system"
    )
    test.set_defaults(verb=_test)
    _rehearsals(verbs)
    docs = verbs.add_parser("docs", help="write the generated pages below docs/")
    docs.add_argument("--check", action="store_true", help="only say which are out of date")
    docs.set_defaults(verb=_docs)
    return parser


def _rehearsals(verbs: Any) -> None:
    for name, words in (
        ("rehearse", "stand an environment up on emulated clouds, on this machine"),
        ("rehearse-down", "remove a rehearsal"),
        ("rehearse-destroy", "destroy a rehearsed stack as one would in production; its world stays"),
        ("rehearse-shell", "a shell in which plain pulumi works on a rehearsal"),
    ):
        one = verbs.add_parser(name, help=words)
        one.add_argument("--preset", default="jett", help="which system")
        one.add_argument("--env", default="prod", help="preprod or prod")
        if name == "rehearse":
            one.add_argument("--no-claims", action="store_true", help="do not check the claims afterwards")
        one.set_defaults(verb=_rehearse, what=name)


def _up(asked: argparse.Namespace) -> int:
    from homeport.cli.bring import up  # noqa: PLC0415  # each verb loads its own part only

    return up(read(asked.stack), yes=asked.yes)


def _down(asked: argparse.Namespace) -> int:
    from homeport.cli.bring import down  # noqa: PLC0415

    return down(read(asked.stack), yes=asked.yes)


def _preview(asked: argparse.Namespace) -> int:
    from homeport.cli.bring import preview  # noqa: PLC0415

    return preview(read(asked.stack), asked.rest)


def _repair(asked: argparse.Namespace) -> int:
    from homeport.cli.bring import mend  # noqa: PLC0415

    return mend(read(asked.stack))


def _status(asked: argparse.Namespace) -> int:
    from homeport.cli import engine, status  # noqa: PLC0415

    return 0 if status.show(engine.prepared(read(asked.stack))) else 1


def _credentials(asked: argparse.Namespace) -> int:
    from homeport.cli import engine, status  # noqa: PLC0415

    ready = engine.prepared(read(asked.stack))
    return status.one_secret(ready, asked.only) if asked.only else status.credentials(ready, shown=asked.show)


def _images(asked: argparse.Namespace) -> int:
    from homeport.cli import engine  # noqa: PLC0415

    wanted = read(asked.stack).images()
    if asked.ensure:
        engine.module("toolchain.images", "ensure", *wanted)
    else:
        print("\n".join(wanted))
    return 0


def _report(asked: argparse.Namespace) -> int:
    from homeport.cli import engine  # noqa: PLC0415

    engine.module("toolchain.engine", "report")
    print(flush=True)
    engine.module("toolchain.images", "report", *read(asked.stack).images())
    return 0


def _export(asked: argparse.Namespace) -> int:
    from homeport.cli.export import export  # noqa: PLC0415

    return export(read(asked.stack), asked.to)


def _check(_: argparse.Namespace) -> int:
    from homeport.cli.testing import check  # noqa: PLC0415

    return check()


def _test(asked: argparse.Namespace) -> int:
    from homeport.cli.testing import run  # noqa: PLC0415

    return run(tuple(asked.stage))


def _rehearse(asked: argparse.Namespace) -> int:
    from homeport.cli import rehearse  # noqa: PLC0415

    what = rehearse.Rehearsal(preset=asked.preset, environment=asked.env)
    if asked.what == "rehearse":
        return rehearse.up(what, claimed=not asked.no_claims)
    verbs = {"rehearse-down": rehearse.down, "rehearse-destroy": rehearse.destroy, "rehearse-shell": rehearse.shell}
    return verbs[asked.what](what)


def _docs(asked: argparse.Namespace) -> int:
    from homeport.cli.docs import write  # noqa: PLC0415

    return write(only_check=asked.check)


if __name__ == "__main__":
    sys.exit(main())
