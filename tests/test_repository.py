"""The repository itself: who imports whom, how long things may be, and what has to stay plain data."""

import ast
import sys

import pytest

from homeport.cli import imports as drawn
from tests.support import checkout
from tests.support.checkout import OURS, layer, name, text

LAYERS = (
    "homeport.model",
    "homeport.render",
    "homeport.settings",
    "homeport.plan",
    "homeport.stack",
    "homeport.cli",
    "homeport",
    "catalog",
    "components",
    "toolchain",
    "rehearsal",
    "apps",
    "bench",
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

# Who may import whom (docs/architecture.md).
# Of the layers above, and of packages from outside; None stands for any of them.
MAY = {
    "homeport": (set(), set()),
    "homeport.model": (set(), set()),
    "homeport.render": ({"homeport.model"}, {"bcrypt"}),
    "catalog": ({"homeport.model"}, set()),
    "homeport.settings": ({"homeport.model"}, {"pydantic", "pydantic_core", "pulumi"}),
    "homeport.plan": ({"homeport.model", "homeport.settings", "catalog"}, set()),
    "components": ({"homeport.model", "homeport.render"}, SDKS),
    "homeport.stack": (
        {"components", "catalog", "homeport.model", "homeport.render", "homeport.settings", "homeport.plan"},
        SDKS,
    ),
    "__main__": ({"homeport.model", "homeport.settings", "homeport.plan", "homeport.stack"}, set()),
    # YAML, because a stack's images must be known before Pulumi reads the stack's file.
    "homeport.cli": (
        {"catalog", "homeport.model", "homeport.render", "homeport.settings", "homeport.plan"},
        {"yaml", "typer", "rich", "hcloud", "cloudflare", "httpx", "cryptography", "segno"},
    ),
    # Measures the whole program beside others, on the same services;
    # and a small one of its own, on a machine of the rehearsal.
    "bench": (
        {
            "homeport.model",
            "catalog",
            "homeport.render",
            "homeport.settings",
            "homeport.plan",
            "homeport.stack",
            "components",
            "toolchain",
            "rehearsal",
        },
        {"yaml", "pulumi", "pulumi_docker"},
    ),
    # An emulator that shares our model shares our mistakes.
    "toolchain": (set(), None),
    "rehearsal": ({"toolchain"}, None),
    # Those of one program are the clients of the clouds that it works on, or what it is made of; DAGs are for Airflow.
    "apps": (
        set(),
        {
            *("airflow", "cloudflare", "infisical_sdk", "requests", "urllib3", "jwt", "litellm", "pg8000", "redis"),
            *("anyio", "fastapi", "httpx2", "mcp", "mcp_types", "pydantic", "starlette", "uvicorn"),
        },
    ),
}
SHARED_VOCABULARY = {"host", "container", "connection", "host_unit", "cloud", "random_secret", "data_folder"}
"""Of components, what others are made of. The rest knows no sibling.

The handle of a host, what every container gets, how ssh gets to a host, files on it, a cloud's SDK, secret bytes, a
folder with data.
"""


def imports(path):
    """Every module that a file imports, with its line; the own package's short form is spelled out."""
    found = []
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def layer_of(module):
    """The layer that a module belongs to; nothing for a package from outside."""
    first, _, rest = module.partition(".")
    inner = f"{first}.{rest.partition('.')[0]}"
    return next((known for known in (inner, first) if known in LAYERS), None)


def refused(path):
    """What a file imports though its layer may not."""
    here = layer(path)
    layers, packages = MAY[here]
    beside = [*path.parent.glob("*.py"), *path.parent.glob("*/"), path.parent]
    own_modules = {one.stem for one in beside} if here == "apps" else set()
    for module, line in imports(path):
        first, _, rest = module.partition(".")
        second = rest.partition(".")[0]
        where, there = f"{name(path)}:{line} imports {module}", layer_of(module)
        if there == here:
            if here == "components" and second not in SHARED_VOCABULARY:
                yield f"{where}: a component knows no sibling"
        elif there is not None:
            if there not in layers:
                yield f"{where}: {here} may not import {there}"
        elif (
            first not in sys.stdlib_module_names
            and first not in own_modules
            and packages is not None
            and first not in packages
        ):
            yield f"{where}: {here} may not import the package {first}"


@pytest.mark.parametrize("path", [path for path in OURS if layer(path) in MAY], ids=name)
def test_a_file_imports_only_what_its_layer_may(path):
    assert [] == list(refused(path)), "the table in docs/architecture.md keeps the layers apart"


def test_the_import_table_refuses_what_it_should(tmp_path, monkeypatch):
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    cases = {
        "homeport/model/one.py": "import pulumi",
        "homeport/render/one.py": "from catalog.redis import service",
        "components/one.py": "from components.volumes import SharedVolumes",
        "components/two.py": "def f():\n    from homeport.settings import load",
        "rehearsal/one.py": "from homeport.model.service import Service",
        "homeport/cli/one.py": "from components.volumes import SharedVolumes",
    }
    for where, code in cases.items():
        path = tmp_path / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        assert 1 == len(list(refused(path))), f"{where} holds `{code}`"


def test_no_room_imports_in_a_circle():
    assert [] == drawn.circle(drawn.rooms()), "docs/architecture.md draws who imports whom"


def test_a_circle_is_seen():
    assert ["a", "b", "c", "a"] == drawn.circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}), (
        "each imports the next"
    )
    assert [] == drawn.circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}), "two ways to one room are no circle"


def test_every_python_file_outside_the_tests_belongs_to_a_layer():
    strangers = [name(path) for path in OURS if layer(path) not in MAY]

    assert [] == strangers, "a new folder needs a row in the import table"


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
        if layer(path) == "catalog" and path.name not in {"registry.py", "__init__.py"}
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, logic) and hasattr(node, "lineno")
    ]

    assert [] == found, (
        "services and presets are data: what has to be decided is decided in homeport/model/ or components/"
    )


def test_no_component_asks_which_service_it_has():
    found = [
        f"{name(path)}:{node.lineno}"
        for path in OURS
        if layer(path) in {"components", "homeport.stack"}
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Compare)
        and any(
            isinstance(one, ast.Attribute) and one.attr == "name" and getattr(one.value, "id", "") == "service"
            for one in (node.left, *node.comparators)
        )
        and any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in (node.left, *node.comparators))
    ]

    assert [] == found, "a third service that needs something special gives Service a field"
