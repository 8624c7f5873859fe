"""The program in its hardened container: what it does there."""

from __future__ import annotations

import json
import os
from contextlib import suppress

import pytest
from executor_containers import ask, docker, health, wait

pytestmark = pytest.mark.docker


@pytest.mark.req("S3-15", "S3-18", "S3-19", "FP-09")
def test_the_line_of_the_readme_is_answered(executor):
    status, answer, stderr = ask(executor, b'{"type":"ping","message":"test"}\n')
    duration = answer.pop("duration_ms")

    assert (0, {"ok": True, "type": "ping", "result": {"message": "test"}}, b"") == (status, answer, stderr), (
        "FP-09's answer"
    )
    assert 0 <= duration < 60_000, "milliseconds"


@pytest.mark.req("S3-20", "S3-21", "FP-09")
def test_refusals_have_their_codes_and_exit_status_in_the_container(executor):
    inputs = [b"{", b"[]", b'{"type":"rm"}', b"x" * 65_537, b'{"type":"embed_local","text":"ok"}']
    expected = [(2, "invalid_json"), (2, "invalid_input"), (2, "not_allowed"), (2, "too_large"), (0, None)]
    answers = [ask(executor, stdin) for stdin in inputs]

    assert expected == [(status, answer.get("error", {}).get("code")) for status, answer, _ in answers], (
        "distinct answers"
    )


@pytest.mark.req("S3-22", "FP-09")
@pytest.mark.usefixtures("executor")
def test_n8n_hands_in_a_request_and_fetches_the_result(as_n8n):
    program = """
import json, time
path = "/exchange/requests/n8n-1.json"
with open(path, "w") as file:
    file.write('{"id":"n8n-1","task":{"type":"hash",'); file.flush(); time.sleep(0.5); file.write('"text":"abc"}}')
result = "/exchange/results/n8n-1.json"
for _ in range(600):
    if os.path.exists(result): break
    time.sleep(0.1)
answer = json.load(open(result))
os.unlink(result)
results = "/exchange/results"
print(json.dumps([answer["result"]["digest"][:8], os.path.exists(path), os.listdir(results), os.stat(results).st_gid]))
"""

    assert ["ba7816bf", False, [], 10002] == json.loads(as_n8n(program)), (
        "SHA-256 of abc; request gone, result read and deleted"
    )


@pytest.mark.req("S3-22")
@pytest.mark.usefixtures("executor")
def test_a_request_that_only_its_writer_may_read_is_answered_with_what_to_change(as_n8n):
    program = """
import time
os.umask(0o077)
open("/exchange/requests/private.json", "w").write('{"id":"private","task":{"type":"ping"}}')
for _ in range(100):
    if os.path.exists("/exchange/results/private.json"): break
    time.sleep(0.1)
print(open("/exchange/results/private.json").read())
"""
    answer = json.loads(as_n8n(program))

    assert (2, "invalid_input") == (answer["exit_code"], answer["error"]["code"]), answer
    assert "readable for the group" in answer["error"]["message"], answer


@pytest.mark.req("S3-17", "S3-22")
@pytest.mark.usefixtures("executor")
def test_the_other_side_reaches_nothing_of_the_worker_but_requests_and_results(as_n8n):
    program = """
def refused(action, *args):
    try: action(*args)
    except OSError: return True
    return False
alive = "/exchange/.alive"
print([refused(os.listdir, "/exchange/.work"), refused(os.utime, alive), refused(open, alive, "a")])
"""

    assert b"[True, True, True]\n" == as_n8n(program), "no look into .work, no faked sign of life"


@pytest.mark.req("S3-23")
def test_a_killed_worker_comes_back_and_answers_what_was_waiting(executor, as_n8n):
    def pid():
        return docker("inspect", "-f", "{{.State.Running}} {{.State.Pid}}", executor).stdout.decode().split()

    before = pid()
    os.kill(int(before[1]), 9)

    assert wait(lambda: pid()[0] == "true" and pid() != before), "the restart policy starts it again"
    answer = as_n8n("""
import time
open("/exchange/requests/after.json", "w").write('{"id":"after","task":{"type":"ping"}}')
for _ in range(100):
    if os.path.exists("/exchange/results/after.json"): break
    time.sleep(0.1)
print(open("/exchange/results/after.json").read())
""")

    assert json.loads(answer)["ok"], "dispatch works again"
    assert 0 == ask(executor, b'{"type":"ping"}')[0], "and docker exec"
    assert wait(lambda: health(executor) == "healthy"), "and the health check"


@pytest.mark.req("S3-23")
def test_the_first_process_collects_what_others_leave(executor):
    orphan = "import os\nif os.fork() == 0:\n    if os.fork() == 0: os._exit(0)\n    os._exit(0)\nos._exit(0)"
    for _ in range(5):
        docker("exec", executor, "python", "-c", orphan)
    zombies = (
        "import os\ncount = 0\n"
        "for p in filter(str.isdigit, os.listdir('/proc')):\n"
        "    try: count += 'State:\\tZ' in open(f'/proc/{p}/status').read()\n"
        "    except OSError: pass\n"  # it ended while the list was read
        "print(count)"
    )

    assert wait(lambda: b"0\n" == docker("exec", executor, "python", "-c", zombies).stdout), "no zombie stays"


@pytest.mark.req("S3-23")
def test_docker_stop_ends_it_with_status_0(executor):
    docker("stop", executor)

    assert b"0" == docker("inspect", "-f", "{{.State.ExitCode}}", executor).stdout.strip(), "SIGTERM, not SIGKILL"
    with suppress(Exception):
        docker("start", executor)
