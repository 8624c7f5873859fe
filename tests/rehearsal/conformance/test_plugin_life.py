"""How a plugin starts, works for many at once, is cancelled and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from tests.rehearsal.conformance.plugin_process import ROOT, PluginProcess
from tests.support.waits import until

LOCAL = "command:local:Command"


def urn(token, name="r"):
    return f"urn:pulumi:dev::p::{token}::{name}"


def create(plugin, token, properties, **more):
    return plugin.call("Create", {"urn": urn(token), "type": token, "properties": properties, **more})


def gone(pid):
    return until(lambda: not Path(f"/proc/{pid}").exists(), f"process {pid} does not end")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_plugin_ends_without_a_word_when_the_engine_signals_it(number):
    process = subprocess.Popen(
        [sys.executable, "-m", "toolchain.plugins", "random"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    port = process.stdout.readline()
    process.send_signal(number)
    rest, errors = process.communicate(timeout=180)
    assert port.strip().isdigit(), "the first line must be the port and nothing else"
    assert (0, b"", b"") == (process.returncode, rest, errors), "a plugin that is told to stop must leave no trace"


def test_a_plugin_ends_when_the_engine_dies_without_telling_it():
    # The engine here is a shell that starts the plugin, says its id and port, and is then killed.
    script = f'{sys.executable} -m toolchain.plugins random & echo "$!"; wait'
    parent = subprocess.Popen(["/bin/sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert parent.stdout.readline().strip().isdigit()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid), "an orphaned plugin would stay for ever and hold its connections"


def test_an_unknown_name_is_refused_with_the_names_there_are():
    done = subprocess.run(
        [sys.executable, "-m", "toolchain.plugins", "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 2 == done.returncode
    assert "nonsense" in done.stderr
    assert "random, command" in done.stderr
    assert "Traceback" not in done.stderr


def test_thirty_two_long_creates_run_side_by_side(command_plugin, tmp_path):
    # Each waits for all others: one after the other, the first would wait for ever.
    meet = f"touch {tmp_path}/$$; while [ $(ls {tmp_path} | wc -l) -lt 32 ]; do sleep 0.2; done"
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: create(command_plugin, LOCAL, {"create": meet}), range(32)))
    assert {"OK"} == {answer.code for answer in answers}


def test_cancel_interrupts_what_is_under_way(engine):
    plugin = PluginProcess.stand_in("command", engine.address)
    try:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(create, plugin, LOCAL, {"create": "sleep 600 & echo $!; wait"})
            until(lambda: engine.lines or waiting.done(), "the plugin does not read the line")
            plugin.stub.Cancel(empty_pb2.Empty())
            answer = waiting.result(120)
        assert "Unknown" == answer.code
        assert answer.error.startswith("signal: killed: running ")
        assert gone(int(answer.error.split("\n")[1])), "what the command started must not outlive it"
    finally:
        plugin.stop()


def test_a_custom_timeout_ends_a_create(command_plugin):
    answer = create(command_plugin, LOCAL, {"create": "sleep 600"}, timeout=1)
    assert answer.error.startswith("signal: killed"), answer


def test_messages_far_beyond_the_default_limit_of_grpc_pass(command_plugin):
    text = "x" * 40_000_000
    answer = command_plugin.call("Check", {"urn": urn(LOCAL), "type": LOCAL, "news": {"stdin": text}})
    assert text == answer.response["inputs"]["stdin"]


def test_output_is_shown_line_by_line_beside_the_resource(command_plugin, engine):
    command_plugin.stub.Attach(plugin_pb2.PluginAttach(address=engine.address))
    create(command_plugin, LOCAL, {"create": "echo one; echo two >&2; printf three"})
    assert {"one", "two", "three"} == {line.message for line in engine.lines}
    assert {(urn(LOCAL), True)} == {(line.urn, line.ephemeral) for line in engine.lines}


@pytest.mark.parametrize(
    ("logging", "shown"),
    [("none", set()), ("stdout", {"out"}), ("stderr", {"err"}), ("stdoutAndStderr", {"out", "err"})],
)
def test_logging_chooses_what_is_shown_but_not_what_is_kept(engine, logging, shown):
    plugin = PluginProcess.stand_in("command", engine.address)
    try:
        answer = create(plugin, LOCAL, {"create": "echo out; echo err >&2", "logging": logging})
    finally:
        plugin.stop()
    assert shown == {line.message for line in engine.lines}
    assert ("out", "err") == (answer.response["properties"]["stdout"], answer.response["properties"]["stderr"])


@pytest.mark.parametrize("name", ["random", "command"])
def test_a_plugin_says_what_it_is(name):
    plugin = PluginProcess.stand_in(name)
    try:
        version = plugin.stub.GetPluginInfo(empty_pb2.Empty()).version
        schema = json.loads(plugin.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
        configured = plugin.configure({})
    finally:
        plugin.stop()
    assert {"random": "4.21.4", "command": "1.2.1"}[name] == version == schema["version"]
    assert schema["resources"], "the schema must say what is covered"
    for token, resource in schema["resources"].items():
        assert set(resource["requiredInputs"]) <= set(resource["inputProperties"]), token
        assert set(resource["required"]) <= set(resource["properties"]), token
    assert configured.response["supportsPreview"]


def test_unknown_types_functions_and_methods_are_named(random_plugin):
    missing = create(random_plugin, "random:index/randomDice:RandomDice", {})
    assert ("NotFound", True) == (missing.code, "random:index/randomDice:RandomDice" in missing.error)
    missing = random_plugin.call("Invoke", {"tok": "random:index:roll", "args": {}})
    assert ("NotFound", True) == (missing.code, "random:index:roll" in missing.error)


def test_a_setting_that_no_provider_has_is_refused(random_plugin, command_plugin):
    for plugin in (random_plugin, command_plugin):
        answer = plugin.call(
            "CheckConfig", {"urn": "urn:pulumi:dev::p::pulumi:providers:x::x", "news": {"colour": "red"}}
        )
        assert "colour" in str(answer.response["failures"])


def test_the_environment_of_the_engine_is_what_commands_see():
    plugin = PluginProcess.stand_in("command", env={**os.environ, "FROM_ENGINE": "yes"})
    try:
        answer = create(plugin, LOCAL, {"create": "echo $FROM_ENGINE"})
    finally:
        plugin.stop()
    assert "yes" == answer.response["properties"]["stdout"]
