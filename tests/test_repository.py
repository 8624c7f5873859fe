"""The repository itself: who imports whom, how long things may be, and what must never be in a file."""

import ast
import hashlib
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = (
    "model",
    "render",
    "catalog",
    "presets",
    "settings",
    "components",
    "ctl",
    "rehearsal",
    "apps",
    "bench",
    "export",
    "program",
    "wiring",
    "__main__",
)
SDKS = {
    "pulumi",
    "pulumi_docker",
    "pulumi_command",
    "pulumi_random",
    "pulumi_hcloud",
    "pulumi_cloudflare",
    "cryptography",
}

# design.md, "Who may import whom". Of the layers above, and of packages from outside; None stands for any of them.
MAY = {
    "model": (set(), set()),
    "render": ({"model"}, set()),
    "catalog": ({"model"}, set()),
    "presets": ({"model", "catalog"}, set()),
    "settings": ({"model"}, {"pydantic", "pydantic_core", "pulumi"}),
    "components": ({"model", "render"}, SDKS),
    # program.py hands a component the SQL of the migrations, which only it knows the folder of.
    "program": ({"components", "settings", "model", "render", "wiring"}, SDKS),
    # The parts of program.py for each host and each door; 200 lines did not hold them.
    "wiring": ({"components", "settings", "model", "render"}, SDKS),
    # The preset's module and the settings are chosen here; program.py is imported after both hold.
    "__main__": ({"program", "settings", "catalog", "presets", "model"}, set()),
    # YAML, because a stack's images must be known before Pulumi reads the stack's file.
    "ctl": ({"model", "catalog", "presets", "render", "settings"}, {"yaml"}),
    # Measures the whole program beside others, on the same services; and a small one of its own, on a machine of the rehearsal.
    "bench": (
        {"model", "catalog", "presets", "render", "settings", "components", "program", "wiring", "rehearsal"},
        {"yaml", "pulumi", "pulumi_docker"},
    ),
    # A process of its own: it reads a stack's settings, which ctl does not.
    "export": ({"model", "catalog", "presets", "render", "settings"}, set()),
    # An emulator that shares our model shares our mistakes.
    "rehearsal": (set(), None),
    "apps": (set(), set()),
}
SHARED_VOCABULARY = {"handle", "container", "connection", "host_unit", "cloud", "drawn"}
"""Of components, what others are made of: the handle of a host, what every container gets, how ssh gets to a host, files on it, a cloud's SDK, secret bytes. The rest knows no sibling."""

FILE, CONSTRUCTOR, FUNCTION, SERVICE = 250, 60, 40, 60
FILE_BUDGETS = {
    "program.py": 200,
    "__main__.py": 25,
}
STDLIB_FOLDERS = {"platform", "secrets", "types", "site", "operator", "cmd", "profile", "code"}


def tracked():
    """All files that are committed or could be: tracked, or new and not ignored."""
    argv = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return sorted({ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()})


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]
OURS = [path for path in PYTHON if "tests" not in path.relative_to(ROOT).parts]


def name(path):
    return str(path.relative_to(ROOT))


def text(path):
    """A file's text, or nothing for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def layer(path):
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(path):
    """Every module that a file imports, with its line; the own package's short form is spelled out."""
    found = []
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def refused(path):
    """What a file imports though its layer may not."""
    here = layer(path)
    layers, packages = MAY[here]
    own_modules = {one.stem for one in path.parent.glob("*.py")} if here == "apps" else set()
    for module, line in imports(path):
        first, _, rest = module.partition(".")
        second = rest.partition(".")[0]
        where = f"{name(path)}:{line} imports {module}"
        if first in LAYERS and first not in STDLIB_ONLY:
            if first == here:
                if here == "components" and second not in SHARED_VOCABULARY:
                    yield f"{where}: a component knows no sibling"
            elif first not in layers:
                yield f"{where}: {here} may not import {first}"
            elif here == "ctl" and first == "settings" and second != "schema":
                yield f"{where}: ctl may import of settings only the schema"
        elif (
            first not in sys.stdlib_module_names
            and first not in own_modules
            and packages is not None
            and first not in packages
        ):
            yield f"{where}: {here} may not import the package {first}"


STDLIB_ONLY = {"__main__"}


@pytest.mark.parametrize("path", [path for path in OURS if layer(path) in MAY], ids=name)
def test_a_file_imports_only_what_its_layer_may(path):
    assert [] == list(refused(path)), "the table in design.md keeps the layers apart"


def test_the_import_table_refuses_what_it_should(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    cases = {
        "model/one.py": "import pulumi",
        "render/one.py": "from catalog.services import ai_redis",
        "components/one.py": "from components.proxy import edge_files",
        "components/two.py": "def f():\n    from settings import load",
        "rehearsal/one.py": "from model.service import Service",
        "ctl/one.py": "from settings.load import load",
    }
    for where, code in cases.items():
        path = tmp_path / where
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        assert 1 == len(list(refused(path))), f"{where} holds `{code}`"


def test_every_python_file_outside_the_tests_belongs_to_a_layer():
    strangers = [name(path) for path in OURS if layer(path) not in MAY]

    assert [] == strangers, "a new folder needs a row in the import table"


def test_no_file_is_longer_than_its_budget():
    over = []
    for path in OURS:
        usual = SERVICE if path.match("catalog/services/*.py") else FILE
        budget, length = FILE_BUDGETS.get(name(path), usual), len(text(path).splitlines())
        if length > budget:
            over.append(f"{name(path)}: {length} lines, {budget} allowed")

    assert [] == over, "split the file; a budget is raised only in the commit that says why"


def test_no_function_is_longer_than_its_budget():
    over = []
    for path in OURS:
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                budget = CONSTRUCTOR if node.name == "__init__" else FUNCTION
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > budget:
                    over.append(f"{name(path)}:{node.lineno} {node.name}: {length} lines, {budget} allowed")

    assert [] == over, "split the function"


def test_services_and_presets_are_literals():
    logic = (
        ast.FunctionDef,
        ast.Lambda,
        ast.If,
        ast.For,
        ast.While,
        ast.comprehension,
        ast.IfExp,
        ast.Try,
        ast.With,
        ast.JoinedStr,
    )
    found = [
        f"{name(path)}:{node.lineno} {type(node).__name__}"
        for path in OURS
        if (path.match("catalog/services/*.py") or path.match("presets/*.py"))
        and path.name not in {"registry.py", "__init__.py"}
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, logic) and hasattr(node, "lineno")
    ]

    assert [] == found, "services and presets are data: what has to be decided is decided in model/ or components/"


def test_no_component_asks_which_service_it_has():
    found = [
        f"{name(path)}:{node.lineno}"
        for path in OURS
        if layer(path) in {"components", "program"}
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Compare)
        and any(
            isinstance(one, ast.Attribute) and one.attr == "name" and getattr(one.value, "id", "") == "service"
            for one in (node.left, *node.comparators)
        )
        and any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in (node.left, *node.comparators))
    ]

    assert [] == found, "a third service that needs something special gives Service a field"


def test_no_folder_hides_a_standard_module():
    folders = {part for path in FILES for part in path.relative_to(ROOT).parts[:1] if path.parent != ROOT}
    modules = {path.stem for path in ROOT.glob("*.py")} - {"__main__"}

    assert set() == (folders | modules) & (set(sys.stdlib_module_names) | STDLIB_FOLDERS), (
        "the project root is first on sys.path"
    )


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
    from ctl.testing import STAGES

    staged = [ROOT / one for one in (*STAGES["unit"], *STAGES["apps"], *STAGES["engine"]) if (ROOT / one).exists()]
    strays = [
        name(path)
        for path in PYTHON
        if path.name.startswith("test_") and not any(path == one or path.is_relative_to(one) for one in staged)
    ]

    assert [] == strays, "make test would never run what is neither docker nor world in these"


def test_every_cited_requirement_is_one():
    """Each has the shape of a row's id; where the requirements are beside the checkout, it is one of theirs."""
    shared = ROOT.parent / "shared"
    tables = [shared / name for name in ("requirements.md", "reliability.md")]
    # The latter's attacks and faults are A-01 to O-07.
    row_id = r"(?:S[1-5]|P|U[1-8]|FP|[A-O])-[0-9]{2}"
    known = {
        row
        for table in tables
        if table.is_file()
        for row in re.findall(rf"(?:^(?:\| |#+ |\*\*)|; |\. |^)({row_id})\b", table.read_text(), re.MULTILINE)
    }
    cited = {}
    for path in PYTHON:
        for rows in re.findall(r"mark\.req\(([^)]*)\)", text(path)):
            for row in re.findall(r"\"([^\"]+)\"", rows):
                cited.setdefault(row, name(path))
    strange = {row: where for row, where in cited.items() if row not in known} if known else {}

    assert cited, "tests cite what they prove"
    assert {} == strange | {row: where for row, where in cited.items() if not re.fullmatch(row_id, row)}, "no such rows"


# Names of people, machines and places that must never be a default here. Kept as hashes, so that this file does not name them.
FORBIDDEN = {
    "291caeae3c017da7",
    "c0d51764fd2c6244",
    "7403ad2b46427df7",
    "fadb90c7a20b54bc",
    "a1ba893191fc9557",
    "7c5f2f9dec53dcd6",
    "2b6d300293d973c8",
    "95e83b473dc7ea28",
}


def words(line):
    return {word.lower() for word in re.findall(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", line)}


def digest(word):
    return hashlib.sha256(f"homeport {word}".encode()).hexdigest()[:16]


def test_nothing_of_the_seeds_is_named():
    found = [
        f"{name(path)}:{number}"
        for path in FILES
        if path.name != "requirements.lock"
        for number, line in enumerate(text(path).splitlines(), 1)
        if any(digest(part) in FORBIDDEN for word in words(line) for part in {word, *parents(word)})
    ]

    assert [] == found, "no address, domain, user or repository of a seed document is a default anywhere"


def parents(word):
    """`a.b.c` stands for `b.c` as well."""
    labels = word.split(".")
    return {".".join(labels[at:]) for at in range(1, len(labels) - 1)}


# In an image, /home/node is the home of the image's own user.
MACHINE_PATHS = re.compile(r"(?<![\w.$}~*-])/(?:work|root|home/(?!node\b)[a-z]+)/(?!\.?\.\.)[\w.]")
REGISTRIES = re.compile(
    r"\b(?:" + "|".join(re.escape(".".join(parts)) for parts in (
        ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("proxy", "golang", "org"), ("sum", "golang", "org"),
        ("static", "crates", "io"), ("index", "crates", "io"), ("deb", "debian", "org")
    )) + r")\b"
)  # fmt: skip


def test_no_file_holds_a_path_of_somebodys_machine():
    found = [
        f"{name(path)}:{number}: {match[0]}"
        for path in FILES
        if "cases" not in path.parts  # what an executor's task must not reach
        for number, line in enumerate(text(path).splitlines(), 1)
        if (match := MACHINE_PATHS.search(line))
    ]

    assert [] == found, "a checkout works wherever it is"


def test_no_file_names_the_host_of_a_package_registry():
    found = [
        f"{name(path)}:{number}: {match[0]}"
        for path in FILES
        for number, line in enumerate(text(path).splitlines(), 1)
        if (match := REGISTRIES.search(line))
    ]

    assert [] == found, "which registry is asked is the machine's setting, not the project's"


@pytest.mark.req("P-29", "S3-48")
@pytest.mark.parametrize(
    "path",
    [".env", ".env.prod", "postgres/base/1", "redis/dump.rdb", "logs/a.log", "caddy_data/x", ".vault_password", "a/server.pem", "tls.key", "tls.crt", "id_ed25519", "id_rsa.pub"],
)  # fmt: skip
def test_git_ignores_what_may_hold_a_secret(path):
    done = subprocess.run(["git", "-C", str(ROOT), "check-ignore", "--quiet", "--no-index", path], check=False)

    assert 0 == done.returncode, f"{path} could be committed"


SECRET_WORD = re.compile(r"CHANGE_ME|password|secret", re.IGNORECASE)
ASSIGNED = re.compile(
    r"""(?:^|[\s{,("'])[\w.-]*(?:password|passwd|secret|token|api[_-]?key)["']?\s*[:=]\s*(?P<value>"[^"]*"|'[^']*'|[^\s#,)}]+)""",
    re.IGNORECASE,
)
HIGH_ENTROPY = re.compile(r"(?<![\w/+=:.-])(?:[0-9a-f]{64}|[A-Za-z0-9+/]{43}=)(?![\w/+=])")
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----")
ALLOWED = {
    "settings/secret_specs.py": "describes the shape of each kind of secret, and the command that makes one",
    "settings/strength.py": "recognises private keys by their first line",
}
"""The allow list of both scans: files whose words are about secrets."""
NAMES_ONLY = re.compile(r"""["']?(?:[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*|\{[^}]*\}|<[^>]*>|\$\{?\w+\}?|)["']?""")


@pytest.mark.req("S3-49", "P-29")
def test_no_yaml_or_python_file_holds_a_secret():
    """The seed's grep, with its allow list by rule: a name (of a variable, a secret, a file) is none, a value is."""
    found = []
    for path in FILES:
        if (
            path.suffix not in {".yml", ".yaml", ".toml", ".json", ".conf", ".env", ".example"}
            or "tests" in path.parts
            or path.name.endswith("lock.yaml")
        ):
            continue
        for number, line in enumerate(text(path).splitlines(), 1):
            if (
                SECRET_WORD.search(line)
                and (match := ASSIGNED.search(line))
                and not NAMES_ONLY.fullmatch(match["value"])
            ):
                found.append(f"{name(path)}:{number}: {match['value'][:12]}…")
    for path in OURS:
        if name(path) in ALLOWED:
            continue
        found += [f"{name(path)}:{line}: a literal" for line in secret_literals(path)]

    assert [] == found, "a secret comes from the configuration or is generated; it is in no file"


def secret_literals(path):
    """Lines of a Python file where something named like a secret is given a text that is more than a name."""
    for node in ast.walk(ast.parse(text(path))):
        pairs = []
        if isinstance(node, ast.Assign):
            pairs = [(getattr(target, "id", ""), node.value) for target in node.targets]
        elif isinstance(node, ast.keyword):
            pairs = [(node.arg or "", node.value)]
        elif isinstance(node, ast.Dict):
            pairs = [(getattr(key, "value", ""), value) for key, value in zip(node.keys, node.values, strict=True)]
        for label, value in pairs:
            named = isinstance(label, str) and re.search(
                r"(?:password|passwd|secret|token|api_?key)$", label, re.IGNORECASE
            )
            if (
                named
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
                and not NAMES_ONLY.fullmatch(value.value)
            ):
                yield value.lineno


@pytest.mark.req("P-29")
def test_no_file_holds_a_key():
    found = []
    for path in FILES:
        if (
            path.name in {"requirements.lock", "go.sum", "package-lock.json", "pnpm-lock.yaml"}
            or "cases" in path.parts
            or "tests" in path.parts
            or name(path) in ALLOWED
        ):
            continue
        found += [
            f"{name(path)}:{number}"
            for number, line in enumerate(text(path).splitlines(), 1)
            if PRIVATE_KEY.search(line)
            or (HIGH_ENTROPY.search(line) and "sha256" not in line.lower() and "hash" not in line.lower())
        ]

    assert [] == found, "this looks like a private key or a generated secret"


def test_the_secret_scan_finds_what_is_planted(tmp_path):
    path = tmp_path / "one.py"
    path.write_text(
        'settings = {"postgres_password": "Tr0ub4dor&3 x"}\nrun(api_key="0123 456")\nx = dict(secret="postgres-password")\n'
    )

    assert [1, 2] == sorted(secret_literals(path)), "two values; the third is a secret's name"
    assert ASSIGNED.search("  password: hunter2!")["value"] == "hunter2!", "YAML"


def test_the_generated_pages_are_fresh():
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "ctl", "docs", "--check"],
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

    assert [] == [one for one in wanted if not (ROOT / one).exists()], "design.md names them"


def test_every_noqa_and_type_ignore_says_which_rule():
    bare = re.compile(r"#\s*(?:noqa(?!:)|type:\s*ignore(?!\[))")
    found = []
    for path in PYTHON:
        with tokenize.open(path) as file:
            comments = [one for one in tokenize.generate_tokens(file.readline) if one.type == tokenize.COMMENT]
        found += [f"{name(path)}:{one.start[0]}" for one in comments if bare.match(one.string)]

    assert [] == found, "a suppression without its rule hides the next mistake too"
