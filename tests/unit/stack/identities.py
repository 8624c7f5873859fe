"""`python -m tests.unit.stack.identities` adds what is new to the lists of identities in `tests/golden`.

A line that is no longer registered stays, and the test stays red: such a resource needs an alias, or an entry in the
changelog.
"""

from __future__ import annotations

from tests.unit.stack.recorded import built
from tests.unit.stack.test_graph import GOLDEN, STACKS


def main() -> None:
    """Writes each list with the identities of today added."""
    for name, (preset, settings, secrets) in STACKS.items():
        stack = "prod" if settings else "dev"
        graph = built({"preset": preset, "settings": settings, "secrets": secrets, "stack": stack, "presets": {}})
        path = GOLDEN / f"identities.{name}.txt"
        former = path.read_text().splitlines() if path.is_file() else []
        today = {f"{resource['type']} {resource['name']}" for resource in graph["resources"]}
        path.write_text("".join(f"{line}\n" for line in sorted({*former, *today})))
        print(f"{path.name}: {len(today - {*former})} new, {len({*former} - today)} no longer registered")


if __name__ == "__main__":
    main()
