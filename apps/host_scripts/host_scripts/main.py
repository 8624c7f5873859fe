"""The command: what it does, and how each of its works ends."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_scripts import copies, databases, messages, offsite, snapshot, stores, workflows
from host_scripts.common import (
    FAILED,
    BackupError,
    Settings,
    each,
    finish,
    first_run,
    go_on,
    last_good,
    lock,
    outcome,
    settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Work = dict[str, Any]
# A day, and time for a run that is late; the drill is weekly.
_HOURS = {"verify": 8 * 24}
# Seconds by which a clock may have been put back since, as one that is corrected.
_AHEAD = 300
# One of them at a time: each ends what a killed one has left at a server, and tries sets in containers of one name.
_RESTORES = "restore or verify"
# A copy takes away what it keeps no longer: who reads meanwhile would find parts missing, and call that damage.
_REPOSITORY = "the repository"
# Both are started by timers, and a restore by somebody who needs it: seconds for which each waits for another.
_PATIENCE = 3 * 3600
# What lets a container go on that stood still in such a run.
_STANDING = {"copies": "unpause", _RESTORES: "start"}
# A person who runs something else sees how it ended.
_ALARMS = ("offsite", "verify")


def main(argv: Sequence[str], scripts: Path | None = None) -> int:
    """Runs one work under its lock; its exit code."""
    words = _parser().parse_args(argv)
    # So systemd ends a run, and a line that drops: what is under way is cleaned up as after any other failure.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _stop)
    try:
        chosen = settings(scripts or Path(__file__).resolve().parents[1])
    except BackupError as error:
        print(error, file=sys.stderr)
        return error.code
    if words.work is None:
        return _status(chosen)
    return _run(chosen, words.name, lambda: words.work(chosen, words), words.lock)


def _run(chosen: Settings, name: str, work: Callable[[], Work], one_of: str = "") -> int:
    started, code = time.monotonic(), 0
    try:
        with lock(chosen.folder, one_of or name):
            if going := _STANDING.get(one_of or name):
                go_on(chosen.folder, going)
            try:
                done = {"status": "ok", **work()}
            except BackupError as error:
                print(error, file=sys.stderr)
                code = error.code
                done = {"status": "error", "exit_code": code, **error.partly}
            except OSError as error:
                print(f"{error.filename or name}: {error.strerror}\nfix: df -h {chosen.folder}", file=sys.stderr)
                code = FAILED
                done = {"status": "error", "exit_code": code}
            if code and name in _ALARMS:
                messages.alarm(chosen, f"{name} ended with {code}: journalctl -n 50 -u 'host-backup@{name}'")
            finish(chosen.folder, name, done, started)
    except BackupError as error:
        print(error, file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"{error.filename}: {error.strerror}\nfix: ls -ld {chosen.folder}", file=sys.stderr)
        return FAILED
    return code


def _offsite(chosen: Settings) -> Work:
    """Dumps every store, and copies all of it; what could not be dumped fails the run, and the rest is copied."""
    done = offsite.prepared(chosen)
    dumps: dict[str, tuple[bool, Callable[[Settings], Work]]] = {
        "workflows": (bool(chosen.n8n), workflows.backup),
        "databases": (bool(chosen.servers), databases.backup),
        "stores": (bool(chosen.stores), stores.backup),
        "copies": (bool(chosen.copies), copies.backup),
        "state": (True, lambda each: snapshot.take(each, None)),
    }
    failed = [name for name, (used, work) in dumps.items() if used and _run(chosen, name, partial(work, chosen))]
    with lock(chosen.folder, _REPOSITORY, _PATIENCE):
        done |= offsite.backup(chosen)
    if failed:
        what = f"not dumped: {', '.join(failed)}; of these the copy holds what was dumped before"
        raise BackupError(what, f"./backup.sh {failed[0]} says why", partly=done)
    heard = messages.heartbeat(chosen)
    if heard is False:
        print("heartbeat-url: nobody took the heartbeat; the backup itself is good", file=sys.stderr)
    return {**done, "heartbeat": heard}


def _verify(chosen: Settings) -> Work:
    if chosen.offsite:
        with lock(chosen.folder, _REPOSITORY, _PATIENCE):
            return offsite.verify(chosen)
    drills = {"databases": databases.verify, "stores": stores.verify, "copies": copies.verify}
    done: dict[str, Work] = each("drills", {name: partial(drill, chosen) for name, drill in drills.items()})["drills"]
    return {kind: outcomes for drill in done.values() for kind, outcomes in drill.items()}


def _restored(chosen: Settings, words: argparse.Namespace) -> Work:
    with lock(chosen.folder, _REPOSITORY, _PATIENCE):
        if words.to:
            return offsite.to_folder(chosen, words.snapshot, words.to)
        return offsite.restore(chosen, words.snapshot, replace=words.replace)


def _status(chosen: Settings) -> int:
    """A line for each work: when it went well last, and what is wrong."""
    works = {"workflows": bool(chosen.n8n), "databases": bool(chosen.servers), "stores": bool(chosen.stores)}
    works |= {"copies": bool(chosen.copies), "state": True, "offsite": bool(chosen.offsite)}
    works |= {"verify": bool(chosen.servers or chosen.stores or chosen.copies or chosen.offsite)}
    code, first, wrong = 0, first_run(chosen.folder), []
    for name in (name for name, used in works.items() if used):
        good, last = last_good(chosen.folder, name), outcome(chosen.folder, name).get("status", "never ran")
        # What is weekly has not run in the first days.
        since = good or first
        # A time that lies ahead is of a clock that was wrong: it says nothing, and would hide for as long what does.
        ahead = since is not None and since - time.time() > _AHEAD
        late = since is None or ahead or time.time() - since > _HOURS.get(name, 26) * 3600
        age = "never" if good is None else f"{(time.time() - good) / 3600:.1f} h ago"
        mark = "  IN THE FUTURE" if ahead else "  TOO OLD" if late else ""
        print(f"{name:10} last good: {age:12} last run: {last}{mark}")
        if late or last == "error":
            code = FAILED
            wrong.append(f"{name}: last good {age.strip()}, last run: {last}")
    if wrong:
        messages.alarm(chosen, "\n".join(wrong))
    return code


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backup.sh", description="Backups of this host, restores and drills.")
    verbs = parser.add_subparsers(required=True, metavar="WORK")
    _verb(verbs, "workflows", "n8n's workflows into the Git repository", lambda chosen, _: workflows.backup(chosen))
    _verb(verbs, "databases", "a dump of every database", lambda chosen, _: databases.backup(chosen))
    _verb(verbs, "copies", "the folders of volumes that are kept", lambda chosen, _: copies.backup(chosen))
    _verb(verbs, "stores", "a snapshot of every store that writes one", lambda chosen, _: stores.backup(chosen))
    _verb(
        verbs,
        "offsite",
        "a dump of every store, and all of it encrypted to the bucket",
        lambda chosen, _: _offsite(chosen),
    )
    _verb(verbs, "list", "the copies that are in the bucket", lambda chosen, _: offsite.listing(chosen))
    verb = _verb(verbs, "state", "what runs here, as text", lambda chosen, words: snapshot.take(chosen, words.folder))
    verb.add_argument("folder", nargs="?", type=Path, help="where docker-images.txt and the others go")
    _verb(
        verbs,
        "verify",
        "the drill: the newest dumps, of the copy elsewhere if there is one, restored into throw-away containers",
        lambda chosen, _: _verify(chosen),
    ).set_defaults(lock=_RESTORES)
    verbs.add_parser("status", help="when each of them went well last; fails where that is too long ago").set_defaults(
        name="status", work=None
    )
    restores = verbs.add_parser("restore", help="bring something back").add_subparsers(required=True, metavar="WHAT")
    verb = _restore(
        restores,
        "workflows",
        "n8n's workflows out of the Git repository",
        lambda chosen, words: workflows.restore(chosen, words.revision, replace=words.replace),
    )
    verb.add_argument("--revision", default="", help="a commit of the repository; the newest")
    verb = _restore(
        restores,
        "databases",
        "a server's databases out of a set",
        lambda chosen, words: databases.restore(
            chosen, words.container, words.set, words.database, replace=words.replace
        ),
    )
    _of_a_set(verb)
    verb.add_argument("--database", default="", help="one of them; all")
    verb = _restore(
        restores,
        "copies",
        "a container's files out of a set",
        lambda chosen, words: copies.restore(chosen, words.container, words.set, replace=words.replace),
    )
    _of_a_set(verb)
    verb = _restore(
        restores,
        "stores",
        "a store's snapshot out of a set",
        lambda chosen, words: stores.restore(chosen, words.container, words.set, replace=words.replace),
    )
    _of_a_set(verb)
    verb = _restore(restores, "offsite", "everything out of the bucket, on a new host too", _restored)
    verb.add_argument("--snapshot", default="", help="a copy of the list; the newest")
    verb.add_argument("--to", type=Path, help="an empty folder that it is written into; into what runs here")
    return parser


def _restore(verbs: Any, name: str, help_text: str, work: Callable[[Settings, Any], Work]) -> argparse.ArgumentParser:
    verb = _verb(verbs, name, help_text, work)
    verb.set_defaults(name=f"restore-{name}", lock=_RESTORES)
    verb.add_argument("--replace", action="store_true", help="put it in the place of what is there")
    return verb


def _of_a_set(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("container", help="whose")
    verb.add_argument("--set", default="", help="the set's name; the newest")


def _verb(verbs: Any, name: str, help_text: str, work: Callable[[Settings, Any], Work]) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help_text, description=help_text)
    verb.set_defaults(name=name, lock=name, work=work)
    return verb
