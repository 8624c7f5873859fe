"""The command: what it does, and how each of its works ends."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_scripts import workflows
from host_scripts.common import FAILED, BackupError, Settings, finish, lock, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Work = dict[str, Any]


def main(argv: Sequence[str], scripts: Path | None = None) -> int:
    """Runs one work under its lock; its exit code."""
    words = _parser().parse_args(argv)
    # systemd ends a run that way: what is under way is cleaned up as after any other failure.
    signal.signal(signal.SIGTERM, _stop)
    try:
        chosen = settings(scripts or Path(__file__).resolve().parents[1])
    except BackupError as error:
        print(error, file=sys.stderr)
        return error.code
    return _run(chosen, words.name, lambda: words.work(chosen, words))


def _run(chosen: Settings, name: str, work: Callable[[], Work]) -> int:
    started, code = time.monotonic(), 0
    try:
        with lock(chosen.folder, name):
            try:
                result = {"status": "ok", **work()}
            except BackupError as error:
                print(error, file=sys.stderr)
                code = error.code
                result = {"status": "error", "exit_code": code, **error.partly}
            except OSError as error:
                print(f"{error.filename or name}: {error.strerror}\nfix: df -h {chosen.folder}", file=sys.stderr)
                code = FAILED
                result = {"status": "error", "exit_code": code}
            finish(chosen.folder, name, result, started)
    except BackupError as error:
        print(error, file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"{error.filename}: {error.strerror}\nfix: ls -ld {chosen.folder}", file=sys.stderr)
        return FAILED
    return code


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup.sh", description="Backups of this host, restores and drills.")
    verbs = parser.add_subparsers(required=True, metavar="WORK")
    _verb(verbs, "workflows", "n8n's workflows into the Git repository", lambda chosen, _: workflows.backup(chosen))
    restores = verbs.add_parser("restore", help="bring something back").add_subparsers(required=True, metavar="WHAT")
    verb = _verb(
        restores,
        "workflows",
        "n8n's workflows out of the Git repository",
        lambda chosen, words: workflows.restore(chosen, words.revision, replace=words.replace),
    )
    verb.add_argument("--revision", default="HEAD", help="a commit of the repository; HEAD")
    verb.add_argument("--replace", action="store_true", help="overwrite workflows that look different in n8n")
    return parser


def _verb(verbs: Any, name: str, help_text: str, work: Callable[[Settings, Any], Work]) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help_text, description=help_text)
    verb.set_defaults(name=name, work=work)
    return verb
