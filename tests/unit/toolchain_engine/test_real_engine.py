"""The real engine, with a program of a few lines: what the rest of the rehearsal stands on."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolchain.engine.choice import ensure_choice
from toolchain.engine.places import Places, default_home

pytestmark = pytest.mark.world

PROGRAM = """import pulumi

config = pulumi.Config()
pulumi.export("word", config.get("word"))
pulumi.export("hidden", pulumi.Output.secret("canary-7f3a"))
"""
SLEEPER = """import os, time

with open({note!r}, "w") as note:
    note.write(f"{{os.getpid()}} {{os.getppid()}}")
time.sleep(600)
"""
PLUGINLESS = """import pulumi

pulumi.CustomResource("none:index:Thing", "a", {}, pulumi.ResourceOptions(version="1.0.0"))
"""
PATIENCE = 120.0
"""Seconds after which something that is waited for is a failure, on a machine with much else to do."""
SETTINGS = "# kept as written\nconfig:\n  tiny:word:   hello   # a note\n"


class World:
    """A project under git with an engine whose cache is the test's own, apart from the binary."""

    def __init__(self, folder):
        shared = Places.from_environ()
        ensure_choice(shared, os.environ | {"HOMEPORT_ENGINE": "registries"})
        self.project = folder / "project"
        self.variables = {}
        self.places = Places(cache=folder / "cache", python=shared.python)
        built = self.places.engine.parent.parent
        built.parent.mkdir(parents=True)
        built.symlink_to(shared.engine.parent.parent)
        self.project.mkdir()
        self.write("Pulumi.yaml", "name: tiny\nruntime: python\n")
        self.write("Pulumi.dev.yaml", SETTINGS)
        self.write("__main__.py", PROGRAM)
        self.write(".gitignore", "__pycache__/\n")
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "project")

    @property
    def environ(self):
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("PULUMI_", "HOMEPORT_"))}
        more = {
            "HOMEPORT_CACHE": str(self.places.cache),
            "HOMEPORT_ENGINE": "registries",
            "HOME": str(self.project.parent),
        }
        return kept | more | {"PYTHONPATH": str(self.places.checkout)}

    def write(self, name, text):
        (self.project / name).write_text(text)

    def git(self, *argv):
        return subprocess.run(["git", *argv], cwd=self.project, capture_output=True, text=True, check=True).stdout

    def start(self, *argv):
        """Starts a command in the engine's environment; both streams come out of one pipe."""
        line = [sys.executable, "-m", "toolchain.engine", *argv]
        return subprocess.Popen(
            line,
            cwd=self.project,
            env=self.environ | self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def engine(self, *argv, code=0):
        running = self.start(*argv)
        output, _ = running.communicate(timeout=120)
        assert code == running.returncode, output
        return output

    def pulumi(self, *argv, code=0):
        return self.engine("exec", "--", "pulumi", *argv, "--non-interactive", code=code)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    running = World(tmp_path_factory.mktemp("world"))
    running.engine("init-stack", "dev")
    running.pulumi("stack", "select", "dev")
    yield running
    running.pulumi("destroy", "--yes", "--stack", "dev")


@pytest.fixture(autouse=True)
def program(world):
    """Each test begins with the committed program and settings, and leaves them."""
    yield world
    world.git("checkout", "-q", ".")
    world.variables = {}


def test_a_life_from_preview_to_no_changes_leaves_the_checkout_as_it_was(world):
    assert "is there already" in world.engine("init-stack", "dev"), "a second init is no error"
    assert 'word  : "hello"' in world.pulumi("preview", "--stack", "dev")
    world.pulumi("up", "--yes", "--stack", "dev")
    world.pulumi("preview", "--expect-no-changes", "--stack", "dev")
    world.pulumi("preview", "--expect-no-changes")
    world.pulumi("refresh", "--yes", "--stack", "dev")
    assert "hello" in world.pulumi("config")
    assert "hello\n" == world.pulumi("config", "get", "word")
    assert "canary-7f3a" in world.pulumi("stack", "output", "--show-secrets")
    world.pulumi("stack", "history", "--show-secrets")
    assert "" == world.git("status", "--porcelain"), "the engine writes the salt into the committed file"
    assert SETTINGS == (world.project / "Pulumi.dev.yaml").read_text()


def test_secrets_are_encrypted_in_the_state(world):
    world.pulumi("up", "--yes", "--stack", "dev")
    state = (world.places.state / ".pulumi" / "stacks" / "tiny" / "dev.json").read_text()
    assert "ciphertext" in state
    assert "canary-7f3a" not in state


def test_a_secret_setting_brings_its_salt_into_the_file_and_works_from_there(world):
    world.pulumi("config", "set", "--secret", "key", "sesame", "--stack", "dev")
    text = (world.project / "Pulumi.dev.yaml").read_text()
    assert re.search(r"^encryptionsalt: v1:", text, re.MULTILINE)
    world.write("__main__.py", PROGRAM + "pulumi.export('key', config.require_secret('key'))\n")
    world.pulumi("up", "--yes", "--stack", "dev")
    assert "sesame" == json.loads(world.pulumi("stack", "output", "--json", "--show-secrets"))["key"]
    assert text == (world.project / "Pulumi.dev.yaml").read_text(), "the user's own file is used as it is"


def test_a_state_that_was_copied_elsewhere_goes_on_there_with_its_passphrase(world, tmp_path):
    world.pulumi("up", "--yes", "--stack", "dev")
    shutil.copytree(world.places.state, tmp_path, dirs_exist_ok=True)
    passphrase = world.places.passphrase.read_text().strip()
    world.variables = {"PULUMI_BACKEND_URL": tmp_path.as_uri(), "PULUMI_CONFIG_PASSPHRASE": passphrase}
    world.pulumi("preview", "--expect-no-changes", "--stack", "dev")

    assert "canary-7f3a" in world.pulumi("stack", "output", "--show-secrets", "--stack", "dev")
    assert "" == world.git("status", "--porcelain"), "the salt went with the state"


@pytest.mark.req("NW-11")
def test_a_stack_that_keeps_a_salt_in_its_file_is_made_with_it_and_the_selection_stays(world):
    world.pulumi("config", "set", "--secret", "key", "sesame", "--stack", "dev")
    text = (world.project / "Pulumi.dev.yaml").read_text()
    (world.project / "Pulumi.own.yaml").write_text(text)
    assert "stack own: made" in world.engine("init-stack", "own")
    assert "hello\n" == world.pulumi("config", "get", "word"), "what is selected is the user's affair"
    assert "sesame\n" == world.pulumi("config", "get", "key", "--stack", "own")
    assert text == (world.project / "Pulumi.own.yaml").read_text()
    world.pulumi("stack", "rm", "own", "--yes", "--preserve-config")
    (world.project / "Pulumi.own.yaml").unlink()
    world.pulumi("stack", "select", "dev")


def test_an_exception_shows_the_users_line_once_and_nothing_of_ours(world):
    world.write("__main__.py", "import pulumi\n\nraise ValueError('bad thing')\n")
    output = world.pulumi("preview", "--stack", "dev", code=1)
    details = output.split("Diagnostics:")[1]
    assert '__main__.py", line 3, in <module>' in details
    assert 1 == details.count("ValueError: bad thing")
    assert "rehearsal" not in details, "our own frames help nobody"
    assert "an unhandled error occurred" not in details, "it has been reported already"


def test_the_program_runs_in_a_fresh_interpreter_each_time(world):
    world.write("__main__.py", "import os, sys, pulumi\npulumi.export('seen', [os.getpid(), sys.path[0]])\n")
    pids = set()
    for _ in range(2):
        world.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")
        pid, first = json.loads(world.pulumi("stack", "output", "--json"))["seen"]
        pids.add(pid)
        assert str(world.project) == first, "the program's folder comes first, as with Pulumi's own host"
    assert 2 == len(pids)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_command_leaves_no_process_behind(world, number, tmp_path):
    note = tmp_path / "pid"
    world.write("__main__.py", SLEEPER.format(note=str(note)))
    running = world.start("exec", "--", "pulumi", "preview", "--stack", "dev", "--non-interactive")
    wait_until(
        lambda: running.poll() is not None or (note.is_file() and len(note.read_text().split()) == 2),
        "the program starts",
    )
    assert running.poll() is None, f"the program starts: {running.communicate()[0]}"
    family = [int(pid) for pid in note.read_text().split()]
    running.send_signal(number)
    output, _ = running.communicate(timeout=PATIENCE)
    wait_until(lambda: not any(alive(pid) for pid in family), f"program and host end after {number.name}")
    assert "Traceback" not in output, "an interrupt is no failure of the program"
    assert 0 != running.returncode


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_missing_plugin_is_an_error_that_names_it_and_no_download(world):
    world.write("__main__.py", PLUGINLESS)
    assert "no resource plugin 'pulumi-resource-none' found" in world.pulumi("preview", "--stack", "dev", code=1)


def test_the_automation_api_works_on_this_engine_and_leaves_the_checkout_clean(world):
    script = (
        "from pulumi import automation; "
        f"stack = automation.create_or_select_stack('dev', work_dir={str(world.project)!r}); "
        "print(stack.up().summary.result)"
    )
    assert "succeeded" in world.engine("exec", "--", sys.executable, "-c", script)
    assert "" == world.git("status", "--porcelain")


def test_dependencies_and_interpreter_are_told_to_pulumi_about(world):
    about = json.loads(world.pulumi("about", "--json", "--stack", "dev"))
    assert str(world.places.python) == about["runtime"]["executable"]
    assert {"name": "pulumi", "version": world.places.version} not in about["dependencies"], "the SDKs require it"
    assert "pulumi_docker" in {entry["name"] for entry in about["dependencies"]}


def test_nothing_is_written_into_the_users_own_pulumi_home(world):
    before = set(default_home().rglob("*"))
    world.engine("report")
    world.pulumi("version")
    assert before == set(default_home().rglob("*")), "even `pulumi version` writes a log into PULUMI_HOME"
    assert {"cache", "project"} == {path.name for path in world.project.parent.iterdir()}
