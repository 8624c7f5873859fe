"""docs/requirements.md: every row of docs/requirements.toml with the tests and claims that cite it.

Or the reason why none does.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homeport.cli.output import print_json, print_table
from homeport.cli.places import ROOT
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ROW_ID = re.compile(r"(?:S[1-5]|P|FP|RW|CA|CF|NW|NP|AT|OS|[A-O])-\d\d")
_STATES = _PROVED, _OPEN, _NEITHER = "proved", "open", "neither"
_CITING = ("tests", "apps", "rehearsal/claims")
_HEAD = """# Requirements

Made by `make docs` from `docs/requirements.toml` and from the tests and claims that cite its rows; do not edit by hand.
Tests cite a row by `@pytest.mark.req("S2-14")`, claims by their field `rows`. **Open** means that nothing proves the
row whole, with the reason.
"""


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """The rows, who proves them, and why a row is open.

    Attributes:
        groups: Prefix of a row's id to the group's title, in the order of the page.
        rows: Row to its text.
        reasons: Row to the reason why nothing proves it.
        resolved: Contradictions of the descriptions, and how each is resolved.
        proofs: Row to the tests and claims that cite it, as ``file::test``.
    """

    groups: Mapping[str, str]
    rows: Mapping[str, str]
    reasons: Mapping[str, str]
    resolved: Mapping[str, str]
    proofs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def reason(self, row: str) -> str:
        """Why nothing proves the row, empty if something does or nobody said."""
        return "" if row in self.proofs else self.reasons.get(row, "")

    def problems(self) -> Iterator[str]:
        """Rows without proof or reason, reasons without need, and citations of rows that do not exist."""
        for row in self.rows:
            if row not in self.proofs and not self.reason(row):
                yield f"{row}: no test or claim cites it, and docs/requirements.toml gives no reason"
        for row in self.reasons:
            if row in self.proofs:
                yield f"{row}: is proved, but docs/requirements.toml still gives a reason why not"
            elif row not in self.rows:
                yield f"{row}: docs/requirements.toml gives a reason for a row that is not there"
        for row in self.proofs:
            if row not in self.rows:
                yield f"{row}: is cited by {', '.join(self.proofs[row])}, but docs/requirements.toml has no such row"


def read(root: Path = ROOT) -> Requirements:
    """The rows, and what cites them in the checkout at ``root``."""
    tables: dict[str, dict[str, str]] = tomllib.loads((root / "docs" / "requirements.toml").read_text(encoding="utf-8"))
    proofs: dict[str, list[str]] = {}
    for folder in _CITING:
        for path in sorted((root / folder).rglob("*.py")):
            for row, where in _citations(ast.parse(path.read_text(encoding="utf-8"))):
                proofs.setdefault(row, []).append(f"{path.relative_to(root)}::{where}")
    return Requirements(
        groups=tables["groups"],
        rows=tables["rows"],
        reasons=tables["open"],
        resolved=tables["resolved"],
        proofs={row: tuple(dict.fromkeys(citing)) for row, citing in proofs.items()},
    )


def _citations(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each row that a module cites, with the test, class or claim that does.

    A mark of the whole module stands for its file.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for mark in node.decorator_list:
                yield from ((row, node.name) for row in _marked(mark))
        elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "pytestmark" for target in node.targets):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from ((row, "(whole file)") for mark in marks for row in _marked(mark))
        elif isinstance(node, ast.Call):
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            if "rows" in keywords:
                claim = _texts(keywords.get("claim") or keywords.get("name") or (node.args[0] if node.args else None))
                yield from ((row, f"claim {claim[0] if claim else ''}".strip()) for row in _rows(keywords["rows"]))
            yield from (
                (row, "parameter")
                for keyword in node.keywords
                if keyword.arg == "marks"
                for row in _marked(keyword.value)
            )


def _marked(node: ast.AST) -> list[str]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "req"):
        return []
    return [row for argument in node.args for row in _rows(argument)]


def _rows(node: ast.AST) -> list[str]:
    return [text for text in _texts(node) if ROW_ID.fullmatch(text)]


def _texts(node: Any) -> list[str]:
    if node is None:
        return []
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def show(chosen: tuple[str, ...], *, unproved: bool, as_json: bool) -> int:
    """Prints how the rows stand; 1 where one has neither a proof nor a reason, or a citation is wrong.

    Args:
        chosen: Rows, or prefixes of groups; all for none.
        unproved: Only rows that nothing proves.
        as_json: One document instead of tables.

    Raises:
        ToolError: There is no such row or group.
    """
    whole = read()
    for word in chosen:
        if word not in whole.rows and word not in whole.groups:
            groups = ", ".join(whole.groups)
            raise ToolError(
                f"requirements: there is no row or group {word}\n  fix: homeport requirements GROUP, of {groups}"
            )
    rows: list[dict[str, Any]] = [
        {"row": row, "state": _state(whole, row), "by": [*whole.proofs.get(row, ())] or [whole.reason(row)]}
        for row in whole.rows
        if not chosen or row in chosen or row.rpartition("-")[0] in chosen
    ]
    rows = [row for row in rows if not unproved or row["state"] != _PROVED]
    problems = list(whole.problems())
    if as_json:
        print_json({"groups": _counts(whole), "rows": rows, "problems": problems})
    elif chosen or unproved:
        print_table(("row", "state", "by"), [(row["row"], row["state"], "; ".join(row["by"])) for row in rows])
    else:
        counts = [(name, *map(str, each.values()), whole.groups[name]) for name, each in _counts(whole).items()]
        print_table(("group", *_STATES, "what"), counts)
    for line in problems if not as_json else ():
        print(line)
    return 1 if problems else 0


def _state(whole: Requirements, row: str) -> str:
    if row in whole.proofs:
        return _PROVED
    return _OPEN if whole.reason(row) else _NEITHER


def _counts(whole: Requirements) -> dict[str, dict[str, int]]:
    states = {
        name: [_state(whole, row) for row in whole.rows if row.rpartition("-")[0] == name] for name in whole.groups
    }
    return {name: {state: several.count(state) for state in _STATES} for name, several in states.items()}


def page() -> str:
    """The page, in Markdown."""
    requirements = read()
    parts = [_HEAD, _summary(requirements)]
    for prefix, title in requirements.groups.items():
        rows = [row for row in requirements.rows if row.rpartition("-")[0] == prefix]
        parts.append(f"## {title}\n\n| Row | What must hold | Proof |\n|---|---|---|")
        parts[-1] += "".join(
            f"\n| {row} | {_cell(requirements.rows[row])} | {_proof(requirements, row)} |" for row in rows
        )
        parts[-1] += "\n"
    parts.append("## Contradictions and how they are resolved\n\n| Mark | Contradiction and answer |\n|---|---|")
    parts[-1] += "".join(f"\n| {mark} | {_cell(text)} |" for mark, text in requirements.resolved.items()) + "\n"
    return "\n".join(parts)


def _summary(requirements: Requirements) -> str:
    lines = ["| Rows | In all | Proved | Open |", "|---|---|---|---|"]
    for prefix, states in _counts(requirements).items():
        rows, proved = sum(states.values()), states[_PROVED]
        lines.append(f"| {prefix}: {requirements.groups[prefix]} | {rows} | {proved} | {rows - proved} |")
    return "\n".join(lines) + "\n"


def _proof(requirements: Requirements, row: str) -> str:
    if row not in requirements.proofs:
        return f"**Open.** {_cell(requirements.reason(row))}"
    return "<br>".join(f"`{where}`" for where in requirements.proofs[row])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
