"""`python -m tests.unit.cli.image_cases` writes the blocks that `add` makes of the images of tests/cases/images."""

from __future__ import annotations

import yaml

from homeport.cli import adding, stack_file
from homeport.cli.image_facts import Image
from homeport.plan.compose.shapes import Known
from tests.support.checkout import ROOT

FOLDER = ROOT / "tests/cases/images"
CASES = sorted(path for path in FOLDER.glob("[0-9]*.yaml"))
BLOCKS = FOLDER / "blocks.txt"


def case(path):
    """A case as its file says it."""
    return yaml.safe_load(path.read_text())


def image(said):
    """What Docker would say of the image, its user as the number that its own /etc/passwd has."""
    says = dict(said["says"])
    user = says.pop("user", "")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in says.items() if key != "uid"}
    return Image(known=Known(user=says.get("uid", user), **values), here=True)


def added(said, *, asks=None):
    """The block that `homeport add` makes, with the flags that the case names."""
    flags = dict(said.get("asks", {}) if asks is None else asks)
    if isinstance(flags.get("secrets"), list):
        flags["secrets"] = tuple(flags["secrets"])
    return adding.block(adding.Asked(image=said["image"], **flags), image(said), frozenset(), None)


def text():
    """All blocks, and what is to be said of each."""
    lines = []
    for path in CASES:
        result = added(case(path))
        lines += [f"# {path.stem}", stack_file.shown({result.name: result.block}).rstrip()]
        lines += [*(f"  # {warning}" for warning in result.warnings), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    BLOCKS.write_text(text(), encoding="utf-8")
