"""The command stand-in where the recordings do not go: local commands."""

from __future__ import annotations

import pytest

from tests.rehearsal.conformance.normalise import SECRET, SIGNATURE

LOCAL = "command:local:Command"
REMOTE = "command:remote:Command"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def secret(value):
    return {SIGNATURE: SECRET, "value": value}


def call(plugin, method, token=LOCAL, **request):
    return plugin.call(method, {"urn": f"urn:pulumi:dev::p::{token}::r", "type": token, **request})


def create(plugin, **properties):
    return call(plugin, "Create", properties=properties)


def test_a_preview_runs_nothing_and_knows_no_output(command_plugin, tmp_path):
    inputs = {"create": f"touch {tmp_path}/made", "environment": {"A": UNKNOWN}, "triggers": [UNKNOWN]}
    answer = call(command_plugin, "Create", properties=inputs, preview=True)
    assert {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN} == answer.response["properties"]
    state = {**inputs, "stdout": "old", "stderr": ""}
    call(command_plugin, "Update", id="r1", olds=state, news=inputs, preview=True)
    assert [] == list(tmp_path.iterdir())


def test_an_update_in_a_preview_keeps_the_outputs_only_while_the_inputs_are_the_same(command_plugin):
    state = {"create": "echo a", "stdout": "a", "stderr": ""}

    def stdout(news):
        return call(command_plugin, "Update", id="r1", olds=state, news=news, preview=True).response["properties"][
            "stdout"
        ]

    assert "a" == stdout({"create": "echo a"})
    assert UNKNOWN == stdout({"create": "echo b"})
    assert UNKNOWN == stdout({"create": UNKNOWN})
    assert "a" == stdout({"create": "echo a", "stdin": "new"}), (
        "as officially: an input that is only added does not count"
    )


def test_secret_inputs_stay_secret_and_output_does_not_become_secret(command_plugin):
    inputs = {"create": secret("cat"), "stdin": secret("word"), "environment": {"A": secret("b")}}
    assert inputs == call(command_plugin, "Check", news=inputs).response["inputs"]
    answer = create(command_plugin, **inputs)
    assert {**inputs, "stdout": "word", "stderr": ""} == answer.response["properties"]


def test_output_values_count_as_what_they_wrap(command_plugin):
    output = {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": "echo a", "secret": True, "dependencies": []}
    assert secret("echo a") == call(command_plugin, "Check", news={"create": output}).response["inputs"]["create"]
    nothing = {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "dependencies": []}
    assert UNKNOWN == call(command_plugin, "Check", news={"create": nothing}).response["inputs"]["create"]


def test_an_unknown_input_is_refused_by_name_and_without_the_private_key(command_plugin):
    answer = call(command_plugin, "Check", news={"create": "true", "colour": "red"})
    expected = [{"property": "colour", "reason": "Unrecognized field 'colour' on 'local.CommandInputs'"}]
    assert expected == answer.response["failures"]
    connection = {"host": "h", "privateKey": "CANARY", "colour": "red"}
    answer = call(command_plugin, "Check", REMOTE, news={"connection": connection})
    assert "colour" in answer.response["failures"][0]["reason"]
    assert "CANARY" not in str(answer.response["failures"])
    assert SECRET == answer.response["inputs"]["connection"][SIGNATURE], "also refused inputs are shown to the user"


@pytest.mark.parametrize(
    ("news", "reason"),
    [
        ({}, "Missing required field 'connection' on 'remote.CommandInputs'"),
        ({"connection": {}}, "Missing required field 'host' on 'remote.Connection'"),
        (
            {"connection": "h"},
            "Field 'connection' on 'remote.CommandInputs' must be a 'remote.Connection'; got 'string' instead",
        ),
        ({"connection": {"host": 1}}, "Field 'host' on 'remote.Connection' must be a 'string'; got 'float64' instead"),
    ],
)
def test_missing_and_ill_typed_inputs_are_refused(command_plugin, news, reason):
    assert reason in call(command_plugin, "Check", REMOTE, news=news).response["failures"][0]["reason"]


def test_a_connection_gets_its_defaults_and_is_secret(command_plugin):
    connection = {"host": "h", "privateKey": "k", "proxy": {"host": "p", "port": 2222}}
    checked = call(command_plugin, "Check", REMOTE, news={"connection": connection}).response["inputs"]
    defaults = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    expected = {**defaults, "host": "h", "privateKey": secret("k"), "proxy": {**defaults, "host": "p", "port": 2222}}
    assert {"connection": secret(expected)} == checked


def diff(plugin, olds, news, token=LOCAL):
    return call(plugin, "Diff", token, id="r1", olds=olds, news=news).response


def test_differences_are_named_by_path(command_plugin):
    olds = {
        "create": "a",
        "environment": {"A": "1", "x.y": "1"},
        "interpreter": ["sh", "-c"],
        "stdout": "o",
        "stderr": "",
    }
    news = {"environment": {"A": "1", "x.y": "2"}, "interpreter": ["bash"], "stdin": "s"}
    answer = diff(command_plugin, olds, news)
    assert {
        "create": {"kind": "DELETE"},
        'environment["x.y"]': {"kind": "UPDATE"},
        "interpreter[0]": {"kind": "UPDATE"},
        "interpreter[1]": {"kind": "DELETE"},
        "stdin": {},
    } == answer["detailedDiff"]
    assert {"create", "environment", "interpreter", "stdin"} == set(answer["diffs"])
    assert "replaces" not in answer


def test_triggers_that_come_or_go_replace_and_a_changed_one_is_left_to_the_sdk(command_plugin):
    assert ["triggers"] == diff(command_plugin, {"create": "a"}, {"create": "a", "triggers": [1]})["replaces"]
    assert ["triggers"] == diff(command_plugin, {"create": "a", "triggers": [1]}, {"create": "a"})["replaces"]
    changed = diff(command_plugin, {"triggers": [1]}, {"triggers": [2]})
    assert {"triggers[0]": {"kind": "UPDATE"}} == changed["detailedDiff"]


def test_a_connection_that_becomes_secret_is_a_change(command_plugin):
    olds = {"create": "a", "connection": {"host": "h"}}
    news = {"create": "a", "connection": secret({"host": "h"})}
    assert {"connection": {"kind": "UPDATE"}} == diff(command_plugin, olds, news, REMOTE)["detailedDiff"]
    assert "DIFF_NONE" == diff(command_plugin, {**olds, **news}, news, REMOTE)["changes"]


def test_a_copied_file_is_replaced_by_any_change(command_plugin):
    olds = {"connection": secret({"host": "h"}), "localPath": "a", "remotePath": "b"}
    answer = diff(command_plugin, olds, {**olds, "localPath": "c"}, "command:remote:CopyFile")
    assert (["localPath"], {"localPath": {"kind": "UPDATE_REPLACE"}}) == (answer["replaces"], answer["detailedDiff"])


def test_without_update_any_change_runs_create_again_and_sees_the_output_before(command_plugin):
    state = {"create": "echo a", "stdout": "before", "stderr": "trouble"}
    news = {"create": 'echo "$PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR"', "environment": {"NEW": "1"}}
    answer = call(command_plugin, "Update", id="r1", olds=state, news=news)
    assert "before trouble" == answer.response["properties"]["stdout"]
    silent = {**news, "addPreviousOutputInEnv": False}
    answer = call(command_plugin, "Update", id="r1", olds=state, news=silent)
    assert " " == answer.response["properties"]["stdout"]


def test_an_update_that_runs_nothing_keeps_the_output(command_plugin):
    answer = call(command_plugin, "Update", id="r1", olds={"stdout": "o", "stderr": "e"}, news={"delete": "true"})
    assert {"delete": "true", "stdout": "o", "stderr": "e"} == answer.response["properties"]


def test_delete_runs_with_what_the_state_says_and_fails_with_its_command(command_plugin, tmp_path):
    state = {
        "delete": 'echo "$A $PULUMI_COMMAND_STDOUT" > gone',
        "dir": str(tmp_path),
        "environment": {"A": "1"},
        "stdout": "o",
        "stderr": "",
    }
    assert "OK" == call(command_plugin, "Delete", id="r1", properties=state).code
    assert "1 o\n" == (tmp_path / "gone").read_text()
    answer = call(command_plugin, "Delete", id="r1", properties={"delete": "exit 4", "stdout": "", "stderr": ""})
    assert ("Unknown", 'exit status 4: running "exit 4":\n') == (answer.code, answer.error)
    assert "OK" == call(command_plugin, "Delete", id="r1", properties={"stdout": "", "stderr": ""}).code


def test_only_the_last_line_end_is_taken_off(command_plugin):
    properties = create(command_plugin, create=r"printf ' a \n\n'; printf '\n' >&2").response["properties"]
    assert (" a \n", "") == (properties["stdout"], properties["stderr"])


def test_a_refresh_finds_what_the_state_says_and_an_import_nothing(command_plugin):
    state, inputs = {"create": "a", "stdout": "o", "stderr": ""}, {"create": "a"}
    answer = call(command_plugin, "Read", id="r1", properties=state, inputs=inputs)
    assert {"id": "r1", "properties": state, "inputs": inputs} == answer.response
    assert {"id": "r1", "properties": {}, "inputs": {}} == call(command_plugin, "Read", id="r1").response


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"create": 'echo "a\tb"; exit 1'}, 'exit status 1: running "echo \\"a\\tb\\"; exit 1":\na\tb\n'),
        ({"create": "kill -9 $$"}, 'signal: killed: running "kill -9 $$":\n'),
        ({"create": "x", "dir": "/no/such"}, 'chdir /no/such: no such file or directory: running "x":\n'),
        (
            {"create": "x", "interpreter": ["no-such-shell"]},
            'exec: "no-such-shell": executable file not found in $PATH: running "x":\n',
        ),
        ({"create": "x", "interpreter": ["/no/such"]}, 'fork/exec /no/such: no such file or directory: running "x":\n'),
    ],
)
def test_a_failure_says_what_and_how_in_the_official_words(command_plugin, inputs, error):
    answer = create(command_plugin, **inputs)
    assert ("Unknown", error) == (answer.code, answer.error)


def test_an_interpreter_takes_the_command_as_its_last_argument(command_plugin):
    inputs = {"interpreter": ["/bin/sh", "-ec"], "create": "false; echo no"}
    assert create(command_plugin, **inputs).error.startswith("exit status 1")


def test_a_command_need_not_read_its_input(command_plugin):
    assert "OK" == create(command_plugin, create="true", stdin="x" * 1_000_000).code


def test_a_provider_update_is_left_to_the_engine(command_plugin):
    request = {"urn": "urn:pulumi:dev::p::pulumi:providers:command::x", "olds": {}, "news": {}}
    answer = command_plugin.call("DiffConfig", request)
    assert ("Unimplemented", "DiffConfig is not implemented") == (answer.code, answer.error)
