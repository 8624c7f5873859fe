"""The command stand-in's remote types against a real OpenSSH server on the loopback address."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.rehearsal.conformance.plugin_process import PluginProcess
from tests.support.waits import until

COMMAND, FILE, COPY = "command:remote:Command", "command:remote:CopyFile", "command:remote:CopyToRemote"
SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET, ARCHIVE = "c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7"


def call(plugin, method, token, **request):
    return plugin.call(method, {"urn": f"urn:pulumi:dev::p::{token}::r", "type": token, **request})


def run(plugin, connection, command, **inputs):
    return call(plugin, "Create", COMMAND, properties={"connection": connection, "create": command, **inputs})


def test_a_command_gets_its_input_and_gives_its_output(command_plugin, ssh_server):
    answer = run(command_plugin, ssh_server.connection(), "cat; echo err >&2; printf 'a\\n\\n'", stdin="in\n")
    properties = answer.response["properties"]
    assert ("in\na\n", "err") == (properties["stdout"], properties["stderr"])
    assert ssh_server.connection() == properties["connection"]


def test_a_failure_says_what_and_how_in_the_official_words(command_plugin, ssh_server):
    answer = run(command_plugin, ssh_server.connection(), "echo out; exit 3")
    expected = 'Process exited with status 3: running "echo out; exit 3":\nout\n'
    assert ("Unknown", expected) == (answer.code, answer.error)


def test_a_variable_that_the_server_takes_arrives_whole(command_plugin, ssh_server):
    answer = run(
        command_plugin, ssh_server.connection(), 'printf %s "$ACCEPTED"', environment={"ACCEPTED": "a b\n'c\""}
    )
    assert "a b\n'c\"" == answer.response["properties"]["stdout"]


def test_a_variable_that_the_server_refuses_fails_the_command(command_plugin, ssh_server):
    answer = run(command_plugin, ssh_server.connection(), "true", environment={"REFUSED": "1"})
    assert 'could not set environment variable "REFUSED": ssh: setenv failed' == answer.error


def test_the_output_before_is_handed_over_and_a_refusal_only_warns(ssh_server, engine):
    plugin = PluginProcess.stand_in("command", engine.address)
    state = {"connection": ssh_server.connection(), "stdout": "before", "stderr": "trouble"}
    news = {"connection": ssh_server.connection(), "update": 'echo "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR"'}
    try:
        answer = call(plugin, "Update", COMMAND, id="r1", olds=state, news=news)
    finally:
        plugin.stop()
    assert "before/" == answer.response["properties"]["stdout"], "the server takes PULUMI_COMMAND_STDOUT only"
    warnings = [line.message for line in engine.lines if line.severity == 2]
    assert ["Unable to set 'PULUMI_COMMAND_STDERR'."] == [text.split(" This")[0] for text in warnings]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"privateKey": "nonsense"}, "ssh: no key found"),
        ({"hostKey": "nonsense"}, "failed to parse host key: ssh: no key found"),
        ({"port": 1}, "after 2 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused"),
        ({"privateKey": None, "agentSocketPath": "/no/such"}, "dial unix /no/such: connect: no such file or directory"),
        (
            {"privateKey": None},
            (
                "after 2 failed attempts: ssh: handshake failed: ssh: unable to authenticate, "
                "attempted methods [none], no supported methods remain"
            ),
        ),
    ],
)
def test_a_connection_that_fails_says_why(command_plugin, ssh_server, change, error, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    answer = run(command_plugin, ssh_server.connection(**change), "true")
    assert ("Unknown", error) == (answer.code, answer.error)


def test_a_server_with_another_key_is_refused_only_when_a_key_is_named(command_plugin, ssh_server):
    other = (ssh_server.folder / "user.pub").read_text()
    refused = run(command_plugin, ssh_server.connection(hostKey=other), "true")
    assert "after 2 failed attempts: ssh: handshake failed: ssh: host key mismatch" == refused.error
    assert "OK" == run(command_plugin, ssh_server.connection(hostKey=None), "true").code


def test_a_key_with_a_passphrase_needs_it(command_plugin, ssh_server):
    key = (ssh_server.folder / "locked").read_text()
    assert (
        "OK"
        == run(
            command_plugin, ssh_server.connection(privateKey=key, privateKeyPassword=ssh_server.PASSPHRASE), "true"
        ).code
    )
    without = run(command_plugin, ssh_server.connection(privateKey=key), "true")
    assert "ssh: this private key is passphrase protected" == without.error
    wrong = run(command_plugin, ssh_server.connection(privateKey=key, privateKeyPassword="wrong"), "true")
    assert "x509: decryption password incorrect" == wrong.error


def test_an_agent_can_hold_the_key(command_plugin, ssh_server, tmp_path):
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        added = ["ssh-add", "-q", str(ssh_server.folder / "user")]
        there = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        until(lambda: subprocess.run(added, check=False, env=there).returncode == 0, "the agent takes the key")
        answer = run(command_plugin, ssh_server.connection(privateKey=None, agentSocketPath=str(socket)), "echo in")
    finally:
        agent.terminate()
        agent.wait()
    assert "in" == answer.response["properties"]["stdout"]


def test_a_proxy_carries_the_connection_and_is_named_when_it_fails(command_plugin, ssh_server):
    answer = run(command_plugin, ssh_server.connection(proxy=ssh_server.connection()), "echo there")
    assert "there" == answer.response["properties"]["stdout"]
    answer = run(command_plugin, ssh_server.connection(proxy=ssh_server.connection(port=1)), "echo there")
    where = ssh_server.connection()["host"]
    assert f"proxy: after 2 failed attempts: dial tcp {where}:1: connect: connection refused" == answer.error


def test_a_dial_is_tried_as_often_as_asked_and_tells_so(ssh_server, engine):
    plugin = PluginProcess.stand_in("command", engine.address)
    try:
        run(plugin, ssh_server.connection(port=1, dialErrorLimit=3), "true")
    finally:
        plugin.stop()
    assert [f"Dial {number}/3 failed: retrying" for number in (1, 2, 3)] == [line.message for line in engine.lines]


def test_a_custom_timeout_ends_endless_dialling_and_a_long_command(command_plugin, ssh_server):
    endless = {"connection": ssh_server.connection(port=1, dialErrorLimit=-1), "create": "true"}
    assert "context deadline exceeded" == call(command_plugin, "Create", COMMAND, properties=endless, timeout=1).error
    long = {"connection": ssh_server.connection(), "create": "sleep 600"}
    assert "context deadline exceeded" == call(command_plugin, "Create", COMMAND, properties=long, timeout=3).error


def test_nothing_is_left_behind_and_no_key_lies_about_while_connected(ssh_server):
    private = (ssh_server.folder / "user").read_text()

    # Its own, for others have theirs in the usual one; and short, for the name of a socket has little room.
    with tempfile.TemporaryDirectory(prefix="hp") as own:
        plugin = PluginProcess.stand_in("command", env={**os.environ, "TMPDIR": own})
        run(plugin, ssh_server.connection(), "true")
        run(plugin, ssh_server.connection(proxy=ssh_server.connection()), "true")
        held = list(Path(own).glob("homeport-*/"))
        texts = [path.read_text() for folder in held for path in folder.iterdir() if path.is_file()]
        plugin.stop()
        until(lambda: not list(Path(own).iterdir()), "nothing is left")
    assert held, "as officially, a connection stays until the plugin ends"
    assert private not in texts


def test_a_file_is_copied_in_place(command_plugin, ssh_server, tmp_path):
    (tmp_path / "a").write_bytes(os.urandom(300_000))
    inputs = {
        "connection": ssh_server.connection(),
        "localPath": str(tmp_path / "a"),
        "remotePath": str(tmp_path / "b"),
    }
    answer = call(command_plugin, "Create", FILE, properties=inputs)
    assert inputs == answer.response["properties"]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    missing = call(command_plugin, "Create", FILE, properties={**inputs, "localPath": "/no/such"})
    assert "open /no/such: no such file or directory" == missing.error
    nowhere = call(command_plugin, "Create", FILE, properties={**inputs, "remotePath": f"{tmp_path}/no/such"})
    assert "file does not exist" == nowhere.error


def text(content):
    return {SIGNATURE: ASSET, "text": content, "hash": content}


def copy(plugin, server, source, target, method="Create", **more):
    inputs = {"connection": server.connection(), "source": source, "remotePath": str(target)}
    return call(plugin, method, COPY, **{"news" if method != "Create" else "properties": inputs}, **more)


def test_a_text_is_written_where_it_belongs(command_plugin, ssh_server, tmp_path):
    assert "OK" == copy(command_plugin, ssh_server, text("hello"), tmp_path / "new" / "deep" / "file").code
    assert "hello" == (tmp_path / "new" / "deep" / "file").read_text()
    refused = copy(command_plugin, ssh_server, text("hello"), tmp_path)
    assert (
        f"remote path {tmp_path} is a directory; when using a text asset, remotePath must be a file path"
        == refused.error
    )


@pytest.mark.parametrize(("slash", "there"), [("", "tree/source/sub/b"), ("/", "tree/sub/b")])
def test_a_folder_goes_into_the_target_and_its_content_only_with_a_slash(
    command_plugin, ssh_server, tmp_path, slash, there
):
    (tmp_path / "source" / "sub").mkdir(parents=True)
    (tmp_path / "source" / "sub" / "b").write_text("B")
    source = {SIGNATURE: ARCHIVE, "path": f"{tmp_path}/source{slash}", "hash": "1"}
    answer = copy(command_plugin, ssh_server, source, tmp_path / "tree")
    assert "OK" == answer.code, answer.error
    assert "B" == (tmp_path / there).read_text()


def test_an_update_copies_only_when_content_or_path_have_changed(command_plugin, ssh_server, tmp_path):
    target = tmp_path / "file"
    old = {"connection": ssh_server.connection(), "source": text("one"), "remotePath": str(target)}
    same = copy(
        command_plugin, ssh_server, text("one"), target, "Update", id="1", olds={**old, "connection": {"host": "x"}}
    )
    assert ("OK", False) == (same.code, target.exists())
    assert "OK" == copy(command_plugin, ssh_server, text("two"), target, "Update", id="1", olds=old).code
    assert "two" == target.read_text()


def test_a_source_from_elsewhere_is_refused(command_plugin, ssh_server, tmp_path):
    remote = {SIGNATURE: ASSET, "uri": "http://127.0.0.1:1/x", "hash": "1"}
    answer = copy(command_plugin, ssh_server, remote, tmp_path / "x", "Check")
    assert [
        {"property": "asset", "reason": "asset must be a path-based file asset or a text asset"}
    ] == answer.response["failures"]
