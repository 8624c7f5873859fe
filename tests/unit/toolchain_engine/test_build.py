import os
import subprocess
import sys

import pytest

from toolchain.engine.build import ensure_engine
from toolchain.engine.errors import EngineError

# A compiler that notes each call, takes its time, and writes what it was told to.
COMPILER = 'echo "$*" >> {log}; sleep 0.3; while [ "$1" != -o ]; do shift; done; echo engine > "$2"'


@pytest.fixture
def calls(tmp_path):
    return tmp_path / "calls"


def with_compiler(script, body, monkeypatch):
    monkeypatch.setenv("PATH", f"{script('go/go', body).parent}:{os.defpath}")


def test_the_engine_is_built_once_by_the_line_of_the_design(places, script, calls, monkeypatch):
    with_compiler(script, COMPILER.format(log=calls), monkeypatch)
    assert "engine\n" == ensure_engine(places).read_text()
    ensure_engine(places)
    (line,) = calls.read_text().splitlines()
    flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={places.version}"
    assert line.startswith(f"build -mod=readonly -ldflags {flags} -o "), "without the flag the Automation API fails"
    assert line.endswith(" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")


def test_a_failed_build_leaves_nothing_that_looks_finished(places, script, monkeypatch):
    half = 'while [ "$1" != -o ]; do shift; done; echo half > "$2"; echo "go: proxy refused" >&2; exit 1'
    with_compiler(script, half, monkeypatch)
    with pytest.raises(EngineError, match="go: proxy refused"):
        ensure_engine(places)
    left = [path.name for path in places.engine.parent.parent.parent.iterdir()]
    assert [f"{places.engine.parent.parent.name}.lock"] == left


def test_without_go_the_error_says_what_to_install(places, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="install Go"):
        ensure_engine(places)


def test_two_processes_build_one_engine(places, script, calls, monkeypatch):
    with_compiler(script, COMPILER.format(log=calls), monkeypatch)
    code = (
        "import sys; from pathlib import Path; from toolchain.engine.places import Places; "
        "from toolchain.engine.build import ensure_engine; "
        "print(ensure_engine(Places(cache=Path(sys.argv[1]))).read_text())"
    )
    argv = [sys.executable, "-c", code, str(places.cache)]
    both = [subprocess.Popen(argv, cwd=places.checkout, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert ["engine\n\n"] * 2 == [process.communicate()[0] for process in both]
    assert 1 == len(calls.read_text().splitlines()), "the second waits for the first, and builds nothing"


def test_another_go_mod_is_another_engine(places, tmp_path):
    from dataclasses import replace

    module = tmp_path / "module"
    module.mkdir()
    for name in ("go.mod", "go.sum"):
        (module / name).write_bytes((places.module / name).read_bytes())
    same = replace(places, module=module).engine
    assert places.engine == same, "the folder's own name decides nothing"
    (module / "go.sum").write_text("other\n")
    assert same != replace(places, module=module).engine
