"""`python -m tests.unit.cli.compose_cases` writes what each compose file of tests/cases/compose becomes."""

from __future__ import annotations

from homeport.cli import compose_files, importing
from homeport.plan.compose.services import translate
from homeport.plan.compose.shapes import Choices
from tests.support.checkout import ROOT

CASES = sorted(path for path in (ROOT / "tests/cases/compose").iterdir() if path.is_dir())
GOLDEN = ROOT / "tests/golden/compose"
CHOICES = {
    "stacks-database": {"database": "sql"},
    "proxy-labels": {"taken": frozenset({"front"})},
    "anchors": {"profiles": ("other",)},
    "hostile": {"taken": frozenset({"localhost"})},
    "built": {"images": {"front": "registry.example.com/front:1"}},
}


def read(case):
    """A case's compose file, with its variables."""
    variables = case / "variables.env"
    return compose_files.read(case / "compose.yaml", (variables,) if variables.is_file() else ())


def imported(case):
    """What a case becomes."""
    content = read(case)
    choices = Choices(project=content.project, **CHOICES.get(case.name, {}))
    return translate(content.tree, content.env_files, choices, content.variables)


def text(case):
    """The report, and what is to be decided or supplied."""
    result = imported(case)
    more = [f"open: {problem.path}: {problem.what}\n  {problem.fix}" for problem in result.open]
    more += [f"supplied: {key}: {what}" for key, what in result.supplied.items()]
    return "\n".join([importing.report(result), *([""] if more else []), *more, ""])


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for one in CASES:
        (GOLDEN / f"{one.name}.txt").write_text(text(one), encoding="utf-8")
