"""The SDK in parts: the same to the engine, less to the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def test_the_engine_is_told_the_same_as_by_the_whole_sdk(register):
    light, full = register("light"), register("full")

    assert len(light.requests) > 20, "all layers, all types"
    assert full.requests == light.requests, "inputs, secrets, aliases, versions and dependencies"


def test_it_costs_a_fraction_of_the_whole_sdk(register):
    light, full = register("light").told, register("full").told

    assert light["seconds"] < full["seconds"] / 2, f"{light['seconds']:.2f} s of {full['seconds']:.2f} s"
    assert light["megabytes"] < full["megabytes"] / 2, f"{light['megabytes']} MB of {full['megabytes']} MB"


def python(text: str) -> str:
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_class_that_is_not_listed_is_refused_by_name():
    printed = python(
        "from components.cloud import cloudflare\ntry: cloudflare.Zone\nexcept AttributeError as error: print(error)"
    )

    assert "pulumi_cloudflare.Zone is not loaded: add it to _USED in components/cloud.py" == printed, "not a riddle"


def test_a_package_that_is_laid_out_otherwise_is_imported_whole():
    printed = python(
        "import re, sys, types\n"
        "compiled = re.compile\n"
        "usual = rb'\\n(?=@pulumi\\.(?:in|out)put_type\\nclass )'\n"
        "re.compile = lambda text, *more: compiled(rb'never' if text == usual else text, *more)\n"
        "from components.cloud import cloudflare\n"
        "print(cloudflare.Zone.__name__, cloudflare is sys.modules['pulumi_cloudflare'])"
    )

    assert "Zone True" == printed, "slower, and right"


def test_it_is_compiled_once_and_again_when_the_package_is_another(tmp_path):
    printed = python(
        "import sys\n"
        f"sys.dont_write_bytecode, sys.pycache_prefix = False, {str(tmp_path)!r}\n"
        "from components import cloud\n"
        "compiled = []\n"
        "def parts():\n"
        "    for name, also in (('_inputs', '_utilities'), ('outputs', '_utilities, outputs')):\n"
        "        part = cloud._Part(cloud.cloudflare, name, also)\n"
        "        part.source_to_code = lambda *of, **how: compiled.append(name) or compile('', '', 'exec')\n"
        "        part.get_code(part.name)\n"
        "    print(*compiled or ['nothing'])\n"
        "parts()\n"
        "stats = cloud._Part.path_stats\n"
        "cloud._Part.path_stats = lambda self, path: stats(self, path) | {'mtime': 1.0}\n"
        "parts()"
    )

    assert "nothing | _inputs outputs" == printed.replace("\n", " | "), (
        "the second program takes what the first one left"
    )


def test_a_program_that_has_imported_it_whole_goes_on_with_that():
    printed = python(
        "import pulumi_cloudflare as whole\nfrom components.cloud import cloudflare\nprint(cloudflare is whole)"
    )

    assert "True" == printed, "one package under one name"
