"""The general code knows services by what they declare: nothing of it names one."""

import ast
import re

import pytest

from catalog.presets import registry
from tests.support.checkout import ROOT, name, text

ROOMS = ("homeport", "components")
"""The general code.

Rehearsal and toolchain are no part of it: what they expect and build is named after images and presets.
"""
ORDINARY = {"registry", "postgresql", "sure"}
"""Names of containers that are words as well.

Images come from a registry, and presets are listed in one; a URL of a database begins with postgresql; who is sure is.
"""
NAMES = sorted(
    (
        {path.parent.name.replace("_", "-") for path in (ROOT / "catalog").glob("*/service.py")}
        | {service.name for preset in registry._BUILT for service in registry.preset(preset).services}
        | set(registry.declared().groups)
    )
    - ORDINARY
)
LAYERS = {
    "caddy": {
        "components/scripts/routes.sh",
        "homeport/render/caddy.py",
        "homeport/render/files.py",
        "homeport/render/export/tree.py",
    },
    "cloudflared": {
        "homeport/model/check.py",
        "homeport/render/cloudflared.py",
        "homeport/render/host/cloudflared/apply.sh",
        "homeport/render/host/cloudflared/cloudflared.service",
        "homeport/render/host/cloudflared/remove.sh",
        "homeport/cli/adoption.py",
        "homeport/cli/cloudflare.py",
        "homeport/stack/ingress.py",
        "components/tunnel.py",
    },
    "headscale": {
        "homeport/render/headscale.py",
        "components/mesh.py",
        "components/scripts/mesh.sh",
        "homeport/render/files.py",
    },
    "offsite": {
        "homeport/cli/verbs/backup.py",
        "homeport/cli/verbs/restore.py",
    },
    "postgres": {
        "homeport/plan/compose/companion.py",
        "homeport/render/databases.py",
        "homeport/render/export/deploy.sh",
        "components/database.py",
        "components/scripts/query.sh",
        "components/scripts/ask.sh",
    },
}
"""A layer that drives a piece of software speaks its language.

The proxy Caddy's, the tunnel cloudflared's, the mesh headscale's, databases PostgreSQL's, and who has backups made that
of apps/host_scripts, which calls one of its works as presets call the section with its settings.
"""
GUESSED = "homeport/settings/strength.py"
"""Words that people make passwords of: names of software are among them, whether the catalog has it or not."""
PATTERN = re.compile(rf"(?<![a-z0-9])({'|'.join(map(re.escape, sorted(NAMES, key=len, reverse=True)))})(?![a-z0-9])")


def code(path):
    """Line and text of everything in a file that is no comment and no docstring."""
    if path.suffix != ".py":
        return [(number, line) for number, line in enumerate(text(path).splitlines(), 1) if not comment(line)]
    tree = ast.parse(text(path))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, str(word))
        for node in ast.walk(tree)
        if id(node) not in prose
        for word in words(node)
        if hasattr(node, "lineno")
    ]


def comment(line):
    return line.lstrip().startswith(("#", "//"))


def words(node):
    """What a node names: text, a variable, an attribute, a function, a keyword, a module."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(alias.name for alias in node.names)]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [found for field in ("id", "attr", "arg", "name") if isinstance(found := getattr(node, field, None), str)]


def services_named(path):
    """Place and name of every service that a file names though it may not."""
    where = name(path)
    return [
        f"{where}:{line} names {match[1]}"
        for line, word in code(path)
        for match in PATTERN.finditer(word.lower().replace("_", "-"))
        if where != GUESSED and where not in LAYERS.get(match[1], ())
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_the_general_code_names_no_service_of_the_catalog(room):
    files = [path for path in (ROOT / room).rglob("*") if path.is_file() and path.suffix not in {".pyc", ".md"}]
    found = [place for path in files for place in services_named(path)]

    assert files, "the room is there"
    assert [] == found, "what a service needs is a field of Service or Preset, and stands in its folder"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("if service.name == 'n8n': pass", 1),
        ("KEY = 'portainer-admin-password'", 1),
        ("def redis_users(): pass", 1),
        ("from catalog.qdrant import service", 1),
        ("settings.embedding.url", 1),
        ("'''Docstring about n8n.'''\n# and redis\nfrom concurrent.futures import ThreadPoolExecutor", 0),
    ],
)
def test_a_named_service_is_seen_in_code_and_not_in_prose(tmp_path, monkeypatch, code, expected):
    path = tmp_path / "homeport" / "one.py"
    path.parent.mkdir()
    path.write_text(code)
    monkeypatch.setattr("tests.support.checkout.ROOT", tmp_path)

    assert expected == len(services_named(path)), code


def test_every_exception_is_used():
    unused = [
        f"{where}: {service}"
        for service, files in LAYERS.items()
        for where in files
        if (ROOT / where).is_file() and service not in text(ROOT / where).lower()
    ]

    assert [] == unused, "an exception that nothing needs hides the next mistake"
