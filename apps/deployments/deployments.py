#!/usr/bin/env python3
"""Deploys a service of this host by its image, takes that back, looks whether all is well, cleans the registry."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import deploy_registry
import deploy_verify
from deploy_collect import HERE, Collection, held
from deploy_engine import DeployError, Engine
from deploy_rollout import Rollout, services

if TYPE_CHECKING:
    from collections.abc import Sequence


def deploy(options: argparse.Namespace) -> int:
    """Puts an image live."""
    with held(HERE, fcntl.LOCK_SH):
        print(Rollout(Engine(), options.service).deploy(options.tag))
    return 0


def rollback(options: argparse.Namespace) -> int:
    """Puts an earlier image live, or says which there are."""
    rollout = Rollout(Engine(), options.service)
    if options.list:
        for line in rollout.tags():
            print(line)
        return 0
    with held(HERE, fcntl.LOCK_SH):
        print(rollout.deploy(options.tag))
    return 0


def apply(options: argparse.Namespace) -> int:
    """What Pulumi runs when a template is new."""
    print(Rollout(Engine(), options.service).apply())
    return 0


def end(options: argparse.Namespace) -> int:
    """What Pulumi runs before a template goes."""
    engine = Engine()
    if options.service in services(engine):
        Rollout(engine, options.service).end()
    return 0


def verify(options: argparse.Namespace) -> int:
    """One report; 1 where something in it is wrong."""
    results = [
        *deploy_verify.containers(Engine()),
        *deploy_verify.units(options.unit or deploy_verify.UNITS),
        *deploy_verify.health(options.url or deploy_verify.URLS, options.patience),
    ]
    wrong = [result for result in results if not result.ok]
    for result in results:
        print(result.line())
    for result in wrong:
        print(f"fix: {result.fix}")
    print(f"{len(results) - len(wrong)} of {len(results)} ok")
    return 1 if wrong else 0


def clean(options: argparse.Namespace) -> int:
    """Deletes old images of the registry and frees their space, while nobody pushes."""
    engine, registry = Engine(), deploy_registry.from_environment()
    collection = Collection(engine, options.container, options.idle, options.lock)
    if options.mend:
        print(f"{options.container}: {'runs again' if collection.mend() else 'no collection was killed'}")
    elif options.dry_run:
        listed = {repository: registry.tags(repository) for repository in registry.repositories()}
        for repository, tag in deploy_registry.old(listed, engine, options.keep):
            print(f"would delete {repository}:{tag.name}  {tag.created}")
    else:
        for line in collection.run(registry, options.keep, options.patience):
            print(line, flush=True)
    return 0


def tags(options: argparse.Namespace) -> int:
    """The tags that the registry has of a service, with their days."""
    for tag in deploy_registry.from_environment().tags(options.repository):
        print(f"{tag.name}  {tag.created}  {tag.digest}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deployments", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("deploy", help=deploy.__doc__)
    verb.add_argument("service", help="the container, as docker ps calls it")
    verb.add_argument("tag", help="a tag or digest (sha256:…) of the service's image, in the registry")
    verb.set_defaults(run=deploy)
    verb = verbs.add_parser("rollback", help=rollback.__doc__)
    verb.add_argument("--list", action="store_true", help="say which images there are, newest first, and do nothing")
    verb.add_argument("service", help="the container, as docker ps calls it")
    verb.add_argument("tag", nargs="?", default="", help="a tag or digest; without it what was live before")
    verb.set_defaults(run=rollback)
    for name, run in (("apply", apply), ("end", end)):
        verb = verbs.add_parser(name, help=run.__doc__)
        verb.add_argument("service")
        verb.set_defaults(run=run)
    verb = verbs.add_parser("verify", help=verify.__doc__)
    verb.add_argument("--unit", action="append", help="a unit of systemd, or a pattern; may be given again")
    verb.add_argument("--url", action="append", help="an address that answers 200; may be given again")
    verb.add_argument("--patience", type=int, default=30, help="seconds that the addresses may take altogether")
    verb.set_defaults(run=verify)
    verb = verbs.add_parser("registry-gc", help=clean.__doc__)
    verb.add_argument("--keep", type=_count, default=10, help="tags that stay of each repository, from 1")
    verb.add_argument("--container", default=os.environ.get("REGISTRY_CONTAINER", "registry"))
    verb.add_argument("--idle", type=int, default=10, help="minutes for which nobody may have pushed; 0: nobody can")
    verb.add_argument("--patience", type=int, default=3600, help="seconds that it waits for that")
    verb.add_argument("--lock", type=Path, help="a file that whoever copies the registry's files meanwhile locks")
    only = verb.add_mutually_exclusive_group()
    only.add_argument("--dry-run", action="store_true", help="only say what would go")
    only.add_argument("--mend", action="store_true", help="only start the registry where a collection was killed")
    verb.set_defaults(run=clean)
    verb = verbs.add_parser("registry-tags", help=tags.__doc__)
    verb.add_argument("repository", help="such as ai-dev-server")
    verb.set_defaults(run=tags)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1")
    return int(text)


def _ended(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; 0 done, 1 refused, 2 unhealthy and taken back, 4 somebody else is at it."""
    options = _parser().parse_args(argv)
    # So systemd ends a run, and a line that drops: what is under way is put right as after any other failure.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _ended)
    try:
        code: int = options.run(options)
    except DeployError as problem:
        print(problem, file=sys.stderr)
        return problem.code
    return code


if __name__ == "__main__":
    sys.exit(main())
