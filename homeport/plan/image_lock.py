"""The lock of a stack's images: what each tag meant when it was first brought up.

A file beside the stack's own, ``images.<stack>.lock.json``, to be kept with it. The program asks for the locked digest;
a tag that was moved since changes nothing until somebody renews it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from homeport.model.errors import BlueprintError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint

Origin = Literal["catalog", "registry", "daemon", "promoted", "substitute"]
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """What one tag meant.

    Attributes:
        digest: Of the image's index in its registry; of a substitute: the id of the image that was built here.
        origin: Who said so: the catalog, the registry, the daemon that had pulled it, another stack's lock; or a
            ``substitute``, whose digest no registry knows, so that it goes by its tag.
        day: When, as in ``2026-11-29``.
    """

    digest: str
    origin: Origin
    day: str


def path(root: Path, stack: str) -> Path:
    """Where a stack's lock lies."""
    return root / f"images.{stack}.lock.json"


def read(root: Path, stack: str) -> dict[str, Pin]:
    """The pins by image as the catalog or the settings name it; none where there is no lock.

    Raises:
        BlueprintError: The file is no lock.
    """
    file = path(root, stack)
    if not file.is_file():
        return {}
    try:
        pins = {image: Pin(**values) for image, values in json.loads(file.read_text(encoding="utf-8")).items()}
        right = all(map(_right, pins.values()))
    except (ValueError, TypeError, AttributeError):
        right = False
    if not right:
        fix = (
            f"fix: put back the {file.name} that was there: git checkout {file.name}. Without it each tag is asked anew"
        )
        raise BlueprintError((Problem(file.name, "is no lock of images", fix),))
    return pins


def _right(pin: Pin) -> bool:
    texts = all(isinstance(text, str) for text in (pin.digest, pin.origin, pin.day))
    return texts and bool(_DIGEST.fullmatch(pin.digest) and _DAY.fullmatch(pin.day)) and pin.origin in get_args(Origin)


def text(pins: Mapping[str, Pin]) -> str:
    """The file's content."""
    return json.dumps({image: asdict(pins[image]) for image in sorted(pins)}, indent=2) + "\n"


def reference(image: str, pins: Mapping[str, Pin]) -> str:
    """The image by its locked digest, where there is one that a registry knows."""
    pin = pins.get(image)
    return image if "@" in image or pin is None or pin.origin == "substitute" else f"{image}@{pin.digest}"


def applied(blueprint: Blueprint, pins: Mapping[str, Pin]) -> Blueprint:
    """The blueprint with every image by its locked digest."""
    return replace(
        blueprint,
        services=tuple(
            # The name of one that is built says already what is in it.
            service if service.build else replace(service, image=reference(service.image, pins))
            for service in blueprint.services
        ),
        tools={name: reference(image, pins) for name, image in blueprint.tools.items()},
    )
