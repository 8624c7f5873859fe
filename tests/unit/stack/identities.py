"""`python -m tests.unit.stack.identities [PRESET…]` adds what is new to the lists of identities in `tests/golden`.

A line that is no longer registered stays, and the test stays red: such a resource needs an alias, or an entry in the
changelog. The lists of the presets' examples are written anew: nobody has such a stack.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from homeport.cli import example
from homeport.cli.invented import invented
from tests.unit.stack.recorded import built
from tests.unit.stack.test_graph import GOLDEN, STACKS

if TYPE_CHECKING:
    from pathlib import Path


def main(*presets: str) -> None:
    """Writes each list with the identities of today added; of these presets, or of all."""
    for name, (preset, settings, secrets) in STACKS.items():
        if presets and preset not in presets:
            continue
        stack = "prod" if settings else "dev"
        graph = built({"preset": preset, "settings": settings, "secrets": secrets, "stack": stack, "presets": {}})
        path = GOLDEN / f"identities.{name}.txt"
        former = path.read_text().splitlines() if path.is_file() else []
        today = {f"{resource['type']} {resource['name']}" for resource in graph["resources"]}
        path.write_text("".join(f"{line}\n" for line in sorted({*former, *today})))
        print(f"{path.name}: {len(today - {*former})} new, {len({*former} - today)} no longer registered")
    for name in example.names():
        if not presets or name.partition("/")[0] in presets:
            path = example_list(name)
            path.write_text("".join(f"{line}\n" for line in example_lines(name)))
            print(path.name)


def example_list(name: str) -> Path:
    """The file that has what an example is made of, a line each: type and name."""
    return GOLDEN / "examples" / f"{name.replace('/', '.')}.txt"


def example_lines(name: str) -> list[str]:
    """What the engine's preview of an example lists too (tests/rehearsal/test_examples.py)."""
    stack = example.example(name)
    supplied = {key: invented(spec) for key, spec in stack.plan.secrets.items() if spec.policy == "supplied"}
    case = {"preset": stack.preset, "stack": stack.name, "settings": stack.settings, "secrets": supplied, "presets": {}}
    rows = [row for row in built(case)["resources"] if row["type"] != "pulumi:pulumi:Stack"]
    return sorted(f"{row['type']} {row['name']}" for row in rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
