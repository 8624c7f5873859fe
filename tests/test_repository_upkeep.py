"""The repository's upkeep.

Every test is run, every cited row exists, generated pages are fresh, no name hides another.
"""

import ast
import os
import re
import subprocess
import sys
import tokenize

import pytest

from tests.support.checkout import FILES, OURS, PYTHON, ROOT, name, text

STDLIB_FOLDERS = {"platform", "secrets", "types", "site", "operator", "cmd", "profile", "code"}


def test_no_folder_hides_a_standard_module():
    folders = {part for path in FILES for part in path.relative_to(ROOT).parts[:1] if path.parent != ROOT}
    modules = {path.stem for path in ROOT.glob("*.py")} - {"__main__"}

    assert set() == (folders | modules) & (set(sys.stdlib_module_names) | STDLIB_FOLDERS), (
        "the project root is first on sys.path"
    )


def test_every_file_is_text():
    binary = [name(path) for path in FILES if b"\0" in path.read_bytes()]

    assert [] == binary, "what others built is fetched, and never committed"


def test_every_test_file_is_one_that_pytest_collects():
    strays = []
    for path in PYTHON:
        has_tests = re.search(r"^(?:async )?def test_", text(path), re.MULTILINE)
        collected = path.name.startswith("test_") and (
            path.is_relative_to(ROOT / "tests") or path.match("apps/*/tests/**/*.py") or path.match("apps/*/tests/*.py")
        )
        if has_tests and not collected:
            strays.append(name(path))

    assert [] == strays, "pytest would never run these"


def test_every_test_file_belongs_to_a_stage_of_make_test():
    from homeport.cli.testing import STAGES

    staged = [ROOT / one for one in (*STAGES["unit"], *STAGES["engine"]) if (ROOT / one).exists()]
    strays = [
        name(path)
        for path in PYTHON
        if path.name.startswith("test_") and not any(path == one or path.is_relative_to(one) for one in staged)
    ]

    assert [] == strays, "make test would never run what is neither docker nor world in these"


@pytest.mark.req("P-23")
def test_every_program_of_ours_has_tests_of_its_own_and_needs_no_pulumi():
    programs = sorted({path.relative_to(ROOT).parts[1] for path in PYTHON if path.is_relative_to(ROOT / "apps")})
    untested = [program for program in programs if not [*(ROOT / "apps" / program).glob("tests/test_*.py")]]
    asking = [
        name(path)
        for path in PYTHON
        if path.is_relative_to(ROOT / "apps") and re.search(r"^\s*(?:import|from) pulumi", text(path), re.MULTILINE)
    ]

    assert len(programs) >= 2, "the executor and the heartbeat client"
    assert ([], []) == (untested, asking), "whoever has one of them alone can run and test it"


def test_the_generated_pages_are_fresh():
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "homeport.cli", "docs", "--check"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr), "run: make docs"


@pytest.mark.req("P-01")
def test_the_top_level_is_as_designed():
    wanted = (
        "Pulumi.yaml",
        "Pulumi.dev.yaml",
        "Pulumi.preprod.yaml",
        "Pulumi.prod.yaml",
        "__main__.py",
        "components",
        "tests",
        "LICENSE",
        "README.md",
    )

    assert [] == [one for one in wanted if not (ROOT / one).exists()], "docs/architecture.md names them"


def _comments(path):
    with tokenize.open(path) as file:
        return [token for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT]


def test_every_noqa_and_type_ignore_says_which_rule():
    bare = re.compile(r"#\s*(?:noqa(?!:)|type:\s*ignore(?!\[))")
    found = [
        f"{name(path)}:{comment.start[0]}"
        for path in PYTHON
        for comment in _comments(path)
        if bare.match(comment.string)
    ]

    assert [] == found, "a suppression without its rule hides the next mistake too"


_UNEXPLAINED = re.compile(r"#\s*noqa:(?:\s*[A-Z]+\d+,?)*?\s*S\d+(?:,?\s*[A-Z]+\d+)*\s*")
"""A comment that switches one of ruff's rules on security off, and says nothing else."""
FINGERPRINTED = ("toolchain/images/recipes", "toolchain/images/sources")
"""Their text is in the images' fingerprints: another is another image."""


def test_whoever_switches_a_rule_on_security_off_says_why():
    found = [
        f"{name(path)}:{comment.start[0]}"
        for path in OURS
        if not name(path).startswith(FINGERPRINTED)
        for comment in _comments(path)
        if _UNEXPLAINED.fullmatch(comment.string)
    ]

    assert [] == found, "the next reader has to find out again whether it is a mistake"


@pytest.mark.parametrize(
    ("comment", "unexplained"),
    [
        ("# noqa: S310", True),
        ("# noqa: S104, SLF001", True),
        ("# noqa: PT018, S101", True),
        ("# noqa: S310  # https", False),
        ("# noqa: S104 - compared, not bound", False),
        ("# noqa: SLF001", False),
    ],
)
def test_a_suppression_without_a_reason_is_seen(comment, unexplained):
    assert unexplained is bool(_UNEXPLAINED.fullmatch(comment))


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "catalog/README.md",
    "docs/architecture.md",
    "docs/rehearsal.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_in_the_checkout_is_there(page):
    # Paths of files in a container, on a host or of a pattern are not the checkout's.
    paths = re.findall(r"`((?:[\w.-]+/)+[\w.-]*\.(?:py|sh|md|toml|json|yaml))`", (ROOT / page).read_text())
    below = re.findall(
        r"`((?:homeport|components|catalog|toolchain|rehearsal|tests|docs|apps)/[\w./-]*)`", (ROOT / page).read_text()
    )

    assert paths or below, f"{page} names nothing; take it off the list"
    assert [] == sorted({path for path in {*paths, *below} if not (ROOT / path).exists()}), f"{page} leads nowhere"


_SECRET = re.compile(r"(?:.*_)?(?:token|bearer|password|api_key|signature|presented|credentials?)")


def _compared(path):
    """Comparisons by == or in, of something that is named like a secret with something that is no literal."""
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            sides = [node.left, *node.comparators]
            words = {getattr(side, "id", getattr(side, "attr", "")).lower() for side in sides}
            literal = any(isinstance(side, ast.Constant) for side in sides)
            if any(map(_SECRET.fullmatch, words)) and not literal:
                yield f"{name(path)}:{node.lineno} {ast.unparse(node)}"


@pytest.mark.req("H-02")
def test_no_program_compares_a_token_in_a_time_that_tells_of_it():
    programs = [path for path in PYTHON if path.is_relative_to(ROOT / "apps") and "tests" not in path.parts]

    assert [] == [found for path in programs for found in _compared(path)], "use hmac.compare_digest, on digests"


@pytest.mark.parametrize("line", ["sent == token", "a.token != b", "settings.api_key in given", "x == self._password"])
def test_such_a_comparison_is_seen(tmp_path, monkeypatch, line):
    file = tmp_path / "program.py"
    file.write_text(f"if {line}:\n    pass\n")
    monkeypatch.setitem(_compared.__globals__, "name", str)

    assert 1 == len([*_compared(file)]), f"{line}: the rule does not see it"


def test_the_readme_says_how_long_rehearsals_took_as_their_table_does():
    table = text(ROOT / "docs/rehearsal.md").partition("\n## The five systems\n")[2].partition("\n\n## ")[0]
    rows = [line.split(" | ")[2] for line in table.splitlines() if line.startswith("| `")]
    minutes = [int(whole) + int(rest) / 60 for row in rows for whole, rest in re.findall(r"(\d+) min (\d+) s", row)]
    said = re.search(
        r"in (\d+) to (\d+) minutes \(\[[^]]+\]\(docs/rehearsal\.md#the-five-systems\)", text(ROOT / "README.md")
    )

    assert 5 == len(rows), "all five systems"
    assert (round(min(minutes)), round(max(minutes))) == (int(said[1]), int(said[2])), "the shortest and the longest"
