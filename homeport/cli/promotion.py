"""Promotion: the next environment gets the very images that ran in the one before, and ran well.

What is moved are digests, into the next stack's lock, and the images that the settings name themselves. Whatever else
a preset consists of comes from the program, so that must be the one that the source was brought up with.
"""

from __future__ import annotations

import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from homeport.cli import image_lock, settled, stack_file
from homeport.cli.consent import answer
from homeport.cli.output import print_json
from homeport.cli.phases import counted, say
from homeport.cli.stack import ROOT, path_of
from homeport.cli.status import status
from homeport.model.errors import ToolError
from homeport.model.fixes import both, put_command
from homeport.plan.image_lock import path as lock_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.cli.stack import Stack

_IMAGE = "docker:index/remoteImage:RemoteImage"
_SHORT = 12


@dataclass(frozen=True, kw_only=True)
class Change:
    """An image that the next environment gets.

    Attributes:
        image: As the catalog or the settings name it; of a setting its path, as ``apps.hello.image``.
        before: What it is there now; empty where nothing is locked yet.
        after: What it becomes.
    """

    image: str
    before: str
    after: str


def promote(source: PulumiCli, target: Stack, *, yes: bool, json: bool, root: Path = ROOT) -> bool:
    """Shows what promotion changes, asks, and writes the lock and the settings of the target; whether it did.

    Args:
        source: The stack where it was tried.
        target: The stack that gets it.
        yes: Nobody is asked.
        json: The changes are printed as one document.
        root: The folder of the locks.

    Raises:
        ToolError: The source is not fit to be promoted; all reasons are named.
    """
    locked = image_lock.promotable(source.stack.name, target, root=root)
    wrong = [*refusals(source, target)]
    if not locked:
        lock = lock_path(root, source.stack.name).name
        what = f"{lock} has no digest of an image that {target.name} needs"
        wrong.append((what, f"where its registries can be reached: {both('up', source.stack.name)}"))
    if wrong:
        reasons = "".join(f"\n  - {what}\n    fix: {fix}" for what, fix in wrong)
        raise ToolError(f"promotion from {source.stack.name} to {target.name} is refused{reasons}")
    chosen = _chosen(source.stack, target)
    named = {".".join(path): pair for path, pair in chosen.items()}
    changes = [
        Change(image=image, before=before, after=after)
        for image, (before, after) in {**named, **locked}.items()
        if before != after
    ]
    if json:
        document = [asdict(change) for change in changes]
        print_json({"from": source.stack.name, "stack": target.name, "changes": document})
    for line in _shown(changes):
        say(line)
    question = f"==> promote to {target.name}? Type yes, anything else changes nothing"
    if changes and not yes and answer(question).lower() != "yes":
        return False
    if chosen:
        file = path_of(target.name)
        text = stack_file.with_values(
            file.read_text(encoding="utf-8"), {path: after for path, (_, after) in chosen.items()}, file.name
        )
        stack_file.write(file, text)
    digests = {image: after for image, (before, after) in locked.items() if before != after}
    if digests:
        image_lock.promote(digests, target, root=root)
    say(f"  next: {both('up', target.name)}")
    return True


def refusals(source: PulumiCli, target: Stack) -> Iterator[tuple[str, str]]:
    """Why a stack cannot be promoted, and what mends each."""
    name = source.stack.name
    up = both("up", name)
    if source.stack.preset != target.preset:
        yield f"{name} is {source.stack.preset}, {target.name} is {target.preset}", "name two stacks of one preset"
        return
    last = source.last_change()
    if last.get("kind") != "update":
        yield f"{name} is not up: {'it was taken down' if last else 'it was never brought up'}", up
        return
    if last.get("result") != "succeeded":
        yield f"the last update of {name} ended as {last.get('result')!r}, at {last.get('endTime')}", up
    state = source.state()
    if state.get("pending_operations"):
        yield f"an update of {name} was cut off, and nobody knows what it did", both("repair", name)
    yield from _other_images(source.stack, state, up)
    yield from _other_program(name, last, up)
    if unhealthy := status(source).unhealthy:
        yield f"not everything of {name} is healthy: {', '.join(unhealthy)}", both("status", name)


def _other_images(stack: Stack, state: Mapping[str, Any], up: str) -> Iterator[tuple[str, str]]:
    """Images that the lock or the settings name and that did not run."""
    ran = {(item.get("inputs") or {}).get("name") for item in state.get("resources") or [] if item["type"] == _IMAGE}
    services = stack.plan.blueprint.services
    untried = sorted({service.image for service in services if not service.build} - ran)
    if untried:
        yield f"{stack.name} was not brought up with what its files name now: {', '.join(untried)}", up


def _other_program(stack: str, last: Mapping[str, Any], up: str) -> Iterator[tuple[str, str]]:
    """Whether the program is another one than at the source's last update, by what `up` notes with each."""
    if last.get("message") == settled.message():
        return
    environment = last.get("environment") or {}
    commit = str(environment.get("git.head") or "")
    files = _changed_since(commit)
    more = f" and {counted(len(files) - 3, 'other')}" if len(files) > 3 else ""  # noqa: PLR2004
    named = f": {', '.join(files[:3])}{more}" if files else ""
    committed = commit and environment.get("git.dirty") != "true"
    back = f", or git checkout {commit[:_SHORT]}" if committed else ""
    yield f"{stack} was brought up with another program than this checkout's, or not by homeport{named}", f"{up}{back}"


def _changed_since(commit: str) -> list[str]:
    """The program's files that are other ones than in a commit; none where it is not known here."""
    if not commit:
        return []
    argv = ["git", "diff", "--name-only", commit, "--", *settled.PROGRAM]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()


def _chosen(source: Stack, target: Stack) -> dict[tuple[str, ...], tuple[str, str]]:
    """By path the images that the target's settings name and for which the source's name another one."""
    theirs, ours = (dict(_named(stack.settings)) for stack in (source, target))
    for path in theirs.keys() - ours.keys():
        if path[0] == "services":
            say(f"    {source.name} alone names {'.'.join(path)}: {put_command(_whole(path), theirs[path])}")
    return {path: (ours[path], theirs[path]) for path in ours if path in theirs and ours[path] != theirs[path]}


def _named(settings: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for section in ("apps", "services"):
        for name, values in (settings.get(section) or {}).items():
            if isinstance(values, dict) and isinstance(values.get("image"), str):
                yield (section, str(name), "image"), values["image"]


def _whole(path: tuple[str, ...]) -> str:
    return ".".join(("homeport:settings", *path))


def _shown(changes: list[Change]) -> Iterator[str]:
    if not changes:
        yield "==> nothing changes: the same images are there already"
        return
    yield f"==> promotion of {counted(len(changes), 'image')}"
    for change in changes:
        yield f"    {change.image}: {change.before or 'none yet'} becomes {change.after}"
