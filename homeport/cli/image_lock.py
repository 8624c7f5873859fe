"""Writing a stack's lock of images: from the catalog, from the daemon that has them, or from their registries."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeport.cli import daemon, stack_file
from homeport.cli.phases import counted, say
from homeport.cli.pulumi_cli import ensure
from homeport.cli.stack import ROOT
from homeport.model.errors import ToolError
from homeport.model.image import parts
from homeport.plan import image_lock
from homeport.plan.image_lock import Pin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from homeport.cli.stack import Stack

OLD = timedelta(days=90)
_SUBSTITUTE = "homeport.image.kind"
"""Label of an image that was built here in place of the registry's."""


def settle(stack: Stack, *, root: Path = ROOT, renew: bool = False) -> None:
    """Resolves what no digest is locked for, and writes the lock; what changed is said.

    Args:
        stack: Its images are here, where it is a stack of this machine.
        root: The folder of the stacks' files.
        renew: Resolve all of them anew: a tag that means another image now is named.

    Raises:
        ToolError: In prod, an image has no digest, and no waiver lets it float.
    """
    if stack.plan.endpoints:
        return  # a rehearsal: its machines have images that were built here
    before = image_lock.read(root, stack.name)
    wanted = [image for image in stack.plan.named if "@" not in image]
    here = _inspected(stack, wanted) if stack.local else {}
    pins = {image: pin for image, pin in before.items() if image in wanted and _holds(image, pin, here, renew=renew)}
    pins |= _resolved(stack, [image for image in wanted if image not in pins], here)
    for image, pin in pins.items():
        if image in before and before[image].digest != pin.digest:
            was, now = before[image], pin
            say(f"    {image} is another image now: {was.digest} ({was.origin}), then {now.digest} ({now.origin})")
    if pins != before:
        file = image_lock.path(root, stack.name)
        stack_file.write(file, image_lock.text(pins))
        say(f"    {file.name}: {_counted(pins)}")
        vars(stack).pop("plan", None)
    floating = [image for image in wanted if image not in pins]
    if floating and stack.environment == "prod" and not _may_float(stack):
        what = f"no digest is known for {', '.join(floating)}: a tag can mean another image tomorrow"
        ways = f"`homeport promote --from preprod --stack {stack.name}`, or name it by digest in homeport:settings"
        raise ToolError(f"images of {stack.name}: {what}\n  fix: run it where the registry can be reached, or {ways}")
    if floating:
        say(f"    by tag alone, since no digest is known: {', '.join(floating)}")
    if stack.local and (pulled := [image for image in stack.images() if "@" in image and image not in here]):
        ensure(pulled, engine=False)


def show(stack: Stack, *, root: Path = ROOT) -> None:
    """Says by which digests a stack's images go, and which the next `up` resolves."""
    if stack.plan.endpoints:
        return
    pins = image_lock.read(root, stack.name)
    open_ = [image for image in stack.plan.named if "@" not in image and image not in pins]
    if pins:
        say(f"    {image_lock.path(root, stack.name).name}: {_counted(pins)}")
    if open_:
        say(f"    the first `up` resolves to a digest: {', '.join(open_)}")


def promotable(source: str, stack: Stack, *, root: Path = ROOT) -> dict[str, tuple[str, str]]:
    """By image of a stack the digest that its lock has (empty: none) and the one that another stack's lock has.

    An image that was built on this machine has a digest that no other machine knows, so it is none.
    """
    theirs, ours = image_lock.read(root, source), image_lock.read(root, stack.name)
    known = [image for image in stack.plan.named if image in theirs and theirs[image].origin != "substitute"]
    return {image: (ours[image].digest if image in ours else "", theirs[image].digest) for image in known}


def promote(digests: Mapping[str, str], stack: Stack, *, root: Path = ROOT) -> None:
    """Writes digests of another stack into this one's lock."""
    day = _today().isoformat()
    taken = {image: Pin(digest=digest, origin="promoted", day=day) for image, digest in digests.items()}
    pins = {**image_lock.read(root, stack.name), **taken}
    stack_file.write(image_lock.path(root, stack.name), image_lock.text(pins))


def old_pins(stack: Stack, today: date, *, root: Path = ROOT) -> list[dict[str, str]]:
    """Pins and facts that are older than 90 days: of the stack's lock, and of the catalog."""
    from catalog.registry import facts  # noqa: PLC0415  # all services of the catalog

    pins = image_lock.read(root, stack.name)
    days = {f"{image_lock.path(root, stack.name).name}: {image}": pin.day for image, pin in pins.items()}
    used = {parts(image)[0] for image in stack.plan.named}
    days |= {f"catalog: facts of {name}": one.read for name, one in facts().items() if name in used}
    return [{"pin": what, "day": day} for what, day in sorted(days.items()) if today - date.fromisoformat(day) > OLD]


def _today() -> date:
    return datetime.now(UTC).date()


def _counted(pins: Mapping[str, Pin]) -> str:
    substitutes = sum(pin.origin == "substitute" for pin in pins.values())
    counts = {"by digest": len(pins) - substitutes, "by the ids that they have here": substitutes}
    return ", ".join(f"{counted(count, 'image')} {how}" for how, count in counts.items() if count)


def _may_float(stack: Stack) -> bool:
    from homeport.settings.checks import waived  # noqa: PLC0415

    return waived(stack.settings, "floating-image", _today())


def _inspected(stack: Stack, images: list[str]) -> dict[str, dict[str, Any]]:
    """What this machine's Docker has under these names."""
    printed = daemon.run("image", "inspect", *images, where=stack.docker, check=False).stdout if images else ""
    found = {tag: item for item in json.loads(printed or "[]") for tag in item.get("RepoTags") or ()}
    return {image: found[image] for image in images if image in found}


def _holds(image: str, pin: Pin, here: Mapping[str, dict[str, Any]], *, renew: bool) -> bool:
    """Whether a pin still says what is meant: not where an image that was built here is another one by now."""
    if pin.origin != "substitute":
        return not renew
    return image in here and here[image]["Id"] == pin.digest and _is_substitute(here[image])


def _is_substitute(inspected: dict[str, Any]) -> bool:
    return _SUBSTITUTE in (inspected.get("Config", {}).get("Labels") or {})


def _resolved(stack: Stack, images: list[str], here: Mapping[str, dict[str, Any]]) -> dict[str, Pin]:
    if not images:
        return {}
    from catalog.registry import known_digests  # noqa: PLC0415  # all services of the catalog
    from homeport.cli import registry  # noqa: PLC0415  # TLS and HTTP, which a stack with a lock does not need

    known, day, pins = known_digests(tuple(images)), _today().isoformat(), {}
    for image in images:
        pulled = _pulled_digest(image, here.get(image))
        if image in here and _is_substitute(here[image]):
            pins[image] = Pin(digest=here[image]["Id"], origin="substitute", day=day)
        elif image in known:
            pins[image] = Pin(digest=known[image], origin="catalog", day=day)
            if pulled and pulled != known[image]:
                say(f"    {image} is {pulled} in its registry today; the catalog's {known[image]} is used")
        elif pulled:
            pins[image] = Pin(digest=pulled, origin="daemon", day=day)
        elif not stack.local:
            try:
                pins[image] = Pin(digest=registry.digest(image), origin="registry", day=day)
            except (OSError, ValueError) as problem:
                say(f"    {image}: its registry does not say its digest ({problem})")
    return pins


def _pulled_digest(image: str, inspected: dict[str, Any] | None) -> str:
    """The digest by which the daemon pulled it; empty where it did not."""
    names = {parts(image)[0], f"docker.io/{parts(image)[0]}", f"docker.io/library/{parts(image)[0]}"}
    found = (name.partition("@") for name in (inspected or {}).get("RepoDigests") or ())
    return next((digest for name, _, digest in found if name in names), "")
