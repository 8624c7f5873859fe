"""The repository itself: who imports whom, how long things may be, and what has to stay plain data."""

import ast
import sys

import pytest

from tests import checkout
from tests.checkout import OURS, PYTHON, layer, name, text

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
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
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
    for path in PYTHON:
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
