import json
import shlex
import subprocess
import sys

import pytest


@pytest.fixture
def engine(places, environ, script):
    """Runs `python -m toolchain.engine` with a made-up engine in place; `ready=False` leaves that out."""

    def run(*verb, ready=True, **more):
        if ready:
            script(str(places.engine.relative_to(places.cache.parent)), "echo 3.255.0")
        asked = environ | {"HOMEPORT_CACHE": str(places.cache), "HOMEPORT_ENGINE": "registries"} | more
        argv = [str(places.python), "-m", "toolchain.engine", *verb]
        return subprocess.run(argv, cwd=places.checkout, env=asked, capture_output=True, text=True, check=False)

    return run


def test_env_is_shell_that_can_be_evaluated(engine, places):
    done = engine("env")
    exports = dict(shlex.split(line)[1].split("=", 1) for line in done.stdout.splitlines())
    assert str(places.pulumi_home) == exports["PULUMI_HOME"], done.stderr
    assert exports["PATH"].startswith(f"{places.shell}:{places.engine.parent}:")


def test_exec_runs_the_command_in_that_environment_and_gives_back_its_code(engine, places):
    done = engine("exec", "--", "sh", "-c", "echo $PULUMI_HOME; exit 7")
    assert (f"{places.pulumi_home}\n", 7) == (done.stdout, done.returncode), done.stderr


def test_without_an_engine_every_verb_says_what_fixes_it(engine):
    for verb in (["env"], ["exec", "--", "true"], ["init-stack", "dev"]):
        done = engine(*verb, ready=False)
        assert 1 == done.returncode
        assert "fix: python -m toolchain.engine ensure" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_engine_that_was_there_already_is_named_only_to_who_asks(engine):
    assert "engine: ready:" in engine("ensure").stdout, "who calls for the engine hears which it is"
    silent = engine("ensure", "--changes")
    assert (0, "") == (silent.returncode, silent.stdout), f"each update says it otherwise; {silent.stderr}"


def test_an_unknown_command_is_no_traceback(engine):
    done = engine("exec", "--", "no-such-command")
    assert "no-such-command: cannot be run (No such file or directory)" in done.stderr


def test_the_report_names_engine_reason_and_each_plugin(engine, places):
    report = engine("report").stdout
    assert str(places.engine) in report
    assert "HOMEPORT_ENGINE=registries asks for it" in report
    for name in ("docker", "random", "command"):
        assert f"plugin {name} " in report, "each installed SDK's plugin has a line, present or not"


def test_env_and_exec_import_nothing_heavy(places):
    code = "import sys, toolchain.engine.cli; print(__import__('json').dumps(sorted(sys.modules)))"
    argv = [sys.executable, "-c", code]
    loaded = json.loads(subprocess.run(argv, cwd=places.checkout, capture_output=True, check=True).stdout)
    heavy = {"pulumi", "grpc", "google.protobuf", "urllib.request", "ssl", "yaml", "pydantic"}
    assert set() == heavy & set(loaded), "they run before each pulumi command"
