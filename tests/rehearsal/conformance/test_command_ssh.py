"""The command stand-in's remote types on a rented server: what they do on loopback, they do there."""

from __future__ import annotations

import threading

import pytest

from bench.relay import Relay
from tests.rehearsal.conformance.ssh_machine import USER, absence

# The same tests by another `ssh_server`: whatever does not look at the server's files from here.
from tests.rehearsal.conformance.test_command_remote import (  # noqa: F401
    call,
    copy,
    run,
    test_a_command_gets_its_input_and_gives_its_output,
    test_a_failure_says_what_and_how_in_the_official_words,
    test_a_key_with_a_passphrase_needs_it,
    test_a_proxy_carries_the_connection_and_is_named_when_it_fails,
    test_a_variable_that_the_server_refuses_fails_the_command,
    test_a_variable_that_the_server_takes_arrives_whole,
    test_an_agent_can_hold_the_key,
    test_nothing_is_left_behind_and_no_key_lies_about_while_connected,
    test_the_output_before_is_handed_over_and_a_refusal_only_warns,
    text,
)
from tests.support.waits import until

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]


@pytest.fixture(scope="module")
def ssh_server(machine):
    return machine


def test_another_host_key_than_the_pinned_one_is_refused(command_plugin, machine):
    refused = run(command_plugin, machine.connection(hostKey=machine.text("other.pub")), "touch /tmp/never")
    assert "after 2 failed attempts: ssh: handshake failed: ssh: host key mismatch" == refused.error
    assert machine.inside("test -e /tmp/never").returncode, "nothing ran there"


@pytest.mark.req("E-05")
def test_a_command_whose_connection_is_cut_says_so_and_the_next_one_runs(command_plugin, machine):
    with Relay(machine.address, 22) as relay:
        where = machine.connection(host="127.0.0.1", port=relay.port)

        def cut_once_it_runs():
            until(lambda: machine.inside("test -e /tmp/begun").returncode == 0, "it does not begin")
            relay.cut()

        soon = threading.Thread(target=cut_once_it_runs)
        soon.start()
        cut = run(command_plugin, where, "echo begun >/tmp/begun; sleep 600; echo done")
        soon.join()
        assert cut.error.startswith("wait: remote command exited without exit status or exit signal"), cut.error
        ended = run(command_plugin, where, "exit 255")
        assert ended.error.startswith("Process exited with status 255"), "a command of its own may end so too"
        assert "again" == run(command_plugin, where, "echo again").response["properties"]["stdout"]


def test_a_text_and_a_file_arrive_whole_in_the_users_name(command_plugin, machine, tmp_path):
    assert "OK" == copy(command_plugin, machine, text("hello\n"), "/tmp/sent/text").code
    (tmp_path / "file").write_bytes(bytes(range(256)) * 1000)
    inputs = {"connection": machine.connection(), "localPath": str(tmp_path / "file"), "remotePath": "/tmp/sent/file"}
    assert "OK" == call(command_plugin, "Create", "command:remote:CopyFile", properties=inputs).code
    assert b"hello\n" == machine.inside("cat /tmp/sent/text").stdout
    assert (tmp_path / "file").read_bytes() == machine.inside("cat /tmp/sent/file").stdout
    assert f"{USER}\n".encode() == machine.inside("stat -c %U /tmp/sent/file").stdout


def test_a_local_command_reaches_the_host_by_ssh_with_the_pinned_key(command_plugin, machine):
    words = " ".join(f"-o '{option}'" for option in machine.options())
    inputs = {"create": f'ssh {words} "$TARGET" "cat; id -un"', "stdin": "sent\n"}
    inputs["environment"] = {"TARGET": f"{USER}@{machine.address}"}
    answer = command_plugin.call(
        "Create",
        {
            "urn": "urn:pulumi:dev::p::command:local:Command::r",
            "type": "command:local:Command",
            "properties": inputs,
        },
    )
    assert f"sent\n{USER}" == answer.response["properties"]["stdout"]
