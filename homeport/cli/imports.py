"""Who imports whom, read from the code: the drawing in docs/architecture.md, and the test that it has no circle."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from homeport.cli.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BEGIN, END = "<!-- made by make docs: begin -->", "<!-- made by make docs: end -->"
_PAGE = ROOT / "docs" / "architecture.md"
_ROOMS = ("homeport", "components", "catalog", "toolchain", "rehearsal", "bench", "__main__.py")


def room(module: str) -> str:
    """The part of the project that a module is in: ``homeport.model``, ``components``; empty for what is not ours."""
    first, *rest = module.split(".")
    if first == "homeport" and rest:
        return f"homeport.{rest[0]}"
    return first if first in {name.removesuffix(".py") for name in _ROOMS} else ""


def rooms(root: Path = ROOT) -> dict[str, set[str]]:
    """Each room, and the rooms whose modules it imports."""
    edges: dict[str, set[str]] = {}
    for path in _files(root):
        here = room(".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))
        targets = edges.setdefault(here, set())
        for module in _imports(path):
            there = room(module)
            if there not in {"", "homeport", here}:
                targets.add(there)
    edges.pop("homeport", None)
    return edges


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """Rooms that import each other round and round, in their order; empty where there is no circle."""
    done: set[str] = set()

    def walk(here: str, way: list[str]) -> list[str]:
        if here in way:
            return [*way[way.index(here) :], here]
        if here in done:
            return []
        for there in sorted(edges.get(here, ())):
            if round_trip := walk(there, [*way, here]):
                return round_trip
        done.add(here)
        return []

    return next((trip for start in sorted(edges) if (trip := walk(start, []))), [])


def drawing() -> str:
    """The rooms as a Mermaid flow chart; an arrow points at what is imported."""
    edges = rooms()
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {_id(name)}["{name}"]' for name in sorted(edges)]
    lines += [f"    {_id(here)} --> {_id(there)}" for here in sorted(edges) for there in sorted(edges[here])]
    return "\n".join([*lines, "```"])


def page() -> str:
    """docs/architecture.md as it is, with the drawing made anew."""
    text = _PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{drawing()}\n\n{END}{after}"


def _id(name: str) -> str:
    return name.replace(".", "_").strip("_")


def _files(root: Path) -> Iterator[Path]:
    for name in _ROOMS:
        path = root / name
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
