"""The operations: what each answers when all is well, and when it is not."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.host_agent.tests.conftest import OTHER, write

SAVED = '{"workflows": 3, "changed": true, "commit": "abc", "pushed": false}'
WAITING = (
    "import os, time\n"
    "open('runs', 'a').write('x')\n"
    "while not os.path.exists('go'): time.sleep(0.02)\n"
    f"print('''{SAVED}''')"
)
"""A backup that notes each run, and waits for the file ``go``."""
_PATIENCE = 120


def until(condition, why):
    end = time.monotonic() + _PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, why
        time.sleep(0.02)
    return found


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.req("FP-01", "S1-48")
def test_health_says_who_it_is_to_everybody_and_nothing_more(agent):
    status, body = agent.ask("GET", "/health", token="")

    assert 200 == status
    assert {"status": "ok", "service": "host-agent"} == {key: body[key] for key in ("status", "service")}
    assert {"status", "service", "version"} == set(body), "no secret, no path, no figure"
    assert 200 == agent.ask("GET", "/health", token=OTHER)[0], "nor does it look at a token"


@pytest.mark.req("FP-01")
def test_the_document_and_the_figures(agent):
    status, document = agent.ask("GET", "/openapi.json")
    assert (200, "3.1.0") == (status, document["openapi"])
    status, info = agent.ask("GET", "/system/info")
    assert 200 == status and {"disk", "memory", "load", "cpus", "uptime_s"} == set(info)
    assert 0 < info["disk"]["free"] <= info["disk"]["total"] and 0 < info["memory"]["available"]
    assert 3 == len(info["load"]) and 0 < info["uptime_s"]


@pytest.mark.req("FP-01", "S1-49")
def test_a_backup_is_answered_with_what_the_script_says_in_its_last_line(make):
    agent = make()
    agent.backup(f"print('saving'); print('''{SAVED}''')")
    status, body = agent.ask("POST", "/backup/n8n")

    assert 200 == status, body
    assert {"status": "ok", **json.loads(SAVED)} == {key: body[key] for key in body if key != "duration_s"}
    assert 0 <= body["duration_s"] < _PATIENCE


@pytest.mark.req("FP-01", "S1-49")
@pytest.mark.parametrize(
    ("script", "status", "code", "tail"),
    [
        (
            "import sys; print('n8n: gone\\n  fix: docker start n8n', file=sys.stderr); sys.exit(2)",
            500,
            2,
            "fix: docker start n8n",
        ),
        (
            "import sys; print('https://bob:C4nary@git.example.com refused', file=sys.stderr); sys.exit(3)",
            500,
            3,
            "://…@git.example.com",
        ),
        ("print('done')", 500, 0, "nothing that can be used"),
        ('print(\'{"workflows": "3"}\')', 500, 0, "nothing that can be used"),
        ("import os; os.kill(os.getpid(), 9)", 500, -9, "nothing that can be used"),
        ("import sys; sys.stderr.write('x' * 10**6 + '\\x1b[2Jend'); sys.exit(1)", 500, 1, "?[2Jend"),
    ],
)
def test_a_failed_backup_says_its_exit_code_and_its_last_words(make, script, status, code, tail):
    agent = make()
    agent.backup(script)
    answer, body = agent.ask("POST", "/backup/n8n")

    assert (status, "error", code) == (answer, body["status"], body["exit_code"]), body
    assert tail in body["stderr_tail"] and len(body["stderr_tail"]) <= 2000, body
    assert "C4nary" not in str(body) + agent.logged(), "a password of a URL is not handed on"


@pytest.mark.req("FP-01")
def test_a_backup_that_finds_the_script_s_own_lock_held_runs_already(make):
    agent = make()
    agent.backup("import sys; sys.exit(4)")
    assert 409 == agent.ask("POST", "/backup/n8n")[0]


@pytest.mark.req("FP-01", "H-11", "J-02")
def test_what_takes_too_long_is_ended_with_all_that_it_started_and_the_next_runs(make):
    agent = make(TASK_TIMEOUT="1")
    agent.backup(
        "import os, subprocess, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['/bin/sleep', '600'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(600)"
    )
    status, body = agent.ask("POST", "/backup/n8n")

    assert 504 == status, body
    pids = (agent.repo / "pids").read_text().split()
    assert 2 == len(pids) and not [pid for pid in pids if alive(pid)], "the whole group is gone"
    agent.backup(f"print('''{SAVED}''')")
    until(lambda: agent.ask("POST", "/backup/n8n")[0] == 200, "the lock is free again")


@pytest.mark.req("H-11", "FP-01")
def test_of_fifty_equal_backups_one_runs_and_the_others_are_told_so(make):
    agent = make()
    agent.backup(WAITING)
    # Fewer at once than one source may have connections.
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(agent.ask, "POST", "/backup/n8n") for _ in range(50)]
        until(lambda: sum(one.done() for one in asked) == 49, "all but one are answered while that one runs")
        (agent.repo / "go").touch()
        statuses = sorted(one.result()[0] for one in asked)

    assert [200] + [409] * 49 == statuses
    assert "x" == (agent.repo / "runs").read_text(), "it ran once"


@pytest.mark.req("H-11")
def test_an_agent_that_is_killed_in_the_middle_of_a_backup_finds_it_running_and_then_done(make):
    agent = make()
    agent.backup(WAITING)

    def caller():
        with contextlib.suppress(OSError, http.client.HTTPException):
            agent.ask("POST", "/backup/n8n")

    asked = threading.Thread(target=caller)
    asked.start()
    until((agent.repo / "runs").exists, "it runs")
    assert -signal.SIGKILL == agent.stop(signal.SIGKILL)
    asked.join()
    agent.start()
    assert 409 == agent.ask("POST", "/backup/n8n")[0], "the new agent knows that one runs"
    assert "x" == (agent.repo / "runs").read_text(), "and has not started another"
    (agent.repo / "go").touch()
    until(lambda: agent.ask("POST", "/backup/n8n")[0] == 200, "the lock is free when it has ended")
    agent.stop()
    until(lambda: all(helper.poll() is not None for helper in agent.activator.helpers), "no helper is left")


@pytest.mark.req("FP-01", "S1-51")
def test_tasks_are_those_of_the_list_with_fixed_commands(make):
    agent = make(
        tasks={
            "words": {"argv": ["/usr/bin/printf", "%s|", "a b", "$(id)", "; rm -rf /", "`id`"]},
            "fails": {"argv": ["/bin/false"]},
            "flood": {"argv": ["/usr/bin/head", "-c", "300000000", "/dev/zero"]},
            "where": {"argv": ["/usr/bin/env"]},
        }
    )
    assert (200, {"tasks": ["fails", "flood", "where", "words"]}) == agent.ask("GET", "/tasks")
    status, body = agent.ask("POST", "/tasks/words")
    assert (200, "ok", "a b|$(id)|; rm -rf /|`id`|") == (status, body["status"], body["stdout_tail"]), "no shell"
    assert (500, 1) == ((failed := agent.ask("POST", "/tasks/fails"))[0], failed[1]["exit_code"])
    status, body = agent.ask("POST", "/tasks/flood")
    assert (200, 65536) == (status, len(body["stdout_tail"])), "the end of it, and no more"
    environment = agent.ask("POST", "/tasks/where")[1]["stdout_tail"]
    assert {"PATH", "HOME", "USER", "LC_ALL", "REPO_DIR"} == {line.partition("=")[0] for line in environment.split()}
    assert 404 == agent.ask("POST", "/tasks/nothing")[0]
    for own in ("backup-n8n", "git-pull", "git-status"):
        assert 404 == agent.ask("POST", f"/tasks/{own}")[0], "what has a path of its own has no other"


@pytest.mark.req("S1-51")
@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ({"a": {"argv": ["date"]}}, "no path of a program"),
        ({"a": {"argv": []}}, "no path of a program"),
        ({"A b": {"argv": ["/bin/date"]}}, "is no name of a task"),
        ({"../x": {"argv": ["/bin/date"]}}, "is no name of a task"),
        ({"git-pull": {"argv": ["/bin/date"]}}, "one of the agent's own"),
        ({"a": {"argv": ["/bin/date", 5]}}, "a list of texts"),
        ({"a": {"argv": "/bin/date"}}, "a list of texts"),
        ({"a": "/bin/date"}, "a list of texts"),
        ([5], "is no {"),
    ],
)
def test_a_list_of_tasks_that_is_not_as_it_must_be_is_refused(tmp_path, settings_of, tasks, why):
    import host_agent_task

    settings = settings_of(tmp_path, TASKS_FILE=str(tmp_path / "tasks.json"))
    write(tmp_path / "tasks.json", json.dumps({"tasks": tasks}))
    with pytest.raises(host_agent_task.RefusedError, match=why):
        host_agent_task.commands(settings)


@pytest.mark.req("S1-51")
def test_a_list_or_a_program_that_others_may_write_is_not_believed(make):
    agent = make(tasks={"own": {"argv": ["/bin/true"]}})
    (agent.home / "tasks.json").chmod(0o666)
    status, body = agent.ask("POST", "/tasks/own")
    assert 500 == status and "fix: chmod go-w" in body["stderr_tail"], body
    (agent.repo / "backup-n8n-workflows.sh").chmod(0o777)
    status, body = agent.ask("POST", "/backup/n8n")
    assert 500 == status and "fix: chmod go-w" in body["stderr_tail"], body


@pytest.mark.req("H-08")
def test_a_backup_takes_no_name_no_target_and_no_address(make):
    agent = make()
    agent.backup(f"import sys; open('argv', 'a').write(repr(sys.argv[1:])); print('''{SAVED}''')")
    words = [
        "; id",
        "$(id)",
        "http://169.254.169.254/",
        "--help",
        "../../etc/passwd",
        "http://[::]/",
        "http://2130706433/",
    ]
    for word in words:
        body = json.dumps({"name": word, "target": word, "url": word})
        path = f"/backup/n8n?name={word.replace(' ', '+')}"
        assert 200 == agent.ask("POST", path, body=body, headers={"Content-Type": "application/json"})[0]
    assert "[]" * len(words) == (agent.repo / "argv").read_text(), "no word of a request reaches the command"


def test_a_socket_that_nobody_listens_on_is_named_with_the_way_out(make):
    agent = make()
    (agent.sockets / "git-pull.sock").unlink()
    status, body = agent.ask("POST", "/git/pull")
    assert 503 == status and "fix: sudo systemctl restart host-agent-task@git-pull.socket" in body["detail"]


@pytest.mark.req("S1-47")
def test_it_ends_when_it_is_told_and_says_that_it_lives_until_then(make):
    agent = make()
    assert 0 == agent.stop(), "systemctl stop is no failure"
    assert "listens on 127.0.0.1" in agent.logged()


@pytest.mark.req("FP-01")
def test_every_status_that_it_answers_is_in_its_document(agent):
    document = agent.ask("GET", "/openapi.json")[1]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert {"200", "400", "405", "408", "413", "429", "431"} <= operation["responses"].keys(), (
                f"{method} {path}"
            )
    assert (405, "GET") == ((answer := agent.whole("POST", "/health"))[0], answer[1]["Allow"])
    assert 404 == agent.ask("GET", "/nothing")[0]
