"""The wrapper as a process: what it answers, with which status, and what it never does."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import executor_api
import pytest
import run_task
from executor_json import OUTPUT_LIMIT

APP = Path(__file__).resolve().parents[1]
ALLOWED = ["echo", "embed_local", "hash", "json_transform", "ping", "text_stats"]


@pytest.mark.req("S3-19", "S3-20", "S3-21", "FP-09", "I-01", "I-07")
def test_every_input_gets_its_one_line_answer_and_exit_status(api_case, build, run_api):
    status, stdout, stderr = run_api(build(api_case["stdin"]))
    answer = json.loads(stdout)
    because = f"{api_case['because']}; got {stdout[:300]!r}"

    assert (api_case["exit"], b"") == (status, stderr), because
    assert (1, True) == (stdout.count(b"\n"), stdout.isascii() and stdout.endswith(b"\n")), "one line of ASCII"
    assert len(stdout) <= OUTPUT_LIMIT, "the answer is bounded"
    if api_case["exit"] == 0:
        assert ["ok", "type", "result", "duration_ms"] == list(answer), because
        assert (True, api_case["type"]) == (answer["ok"], answer["type"]), because
        assert api_case.get("result", answer["result"]) == answer["result"], because
    else:
        assert ["ok", "error", "allowed"] == list(answer), because
        assert (False, ALLOWED, api_case["code"]) == (answer["ok"], answer["allowed"], answer["error"]["code"]), because
        assert api_case.get("says", "") in answer["error"]["message"], because


@pytest.mark.req("S3-20", "I-01")
def test_a_refused_task_starts_no_process(api_case, build, monkeypatch):
    started = []
    monkeypatch.setattr(executor_api, "run", lambda *args: started.append(args) or pytest.fail("a process was started"))
    if api_case["starts_process"]:
        with pytest.raises(pytest.fail.Exception):
            executor_api.answer(build(api_case["stdin"]))

        assert 1 == len(started), "the control: an accepted task does reach the start of a process"
        return
    executor_api.answer(build(api_case["stdin"]))

    assert [] == started, api_case["because"]


@pytest.mark.req("S3-20", "FP-09")
def test_the_child_checks_the_allowlist_again(workspace):
    argv = [sys.executable, "-I", "-S", "-B", str(workspace / "run_task.py")]
    done = subprocess.run(argv, input=b'{"type":"rm"}', capture_output=True, check=True)

    assert "not_allowed" == json.loads(done.stdout)["error"]["code"], "the list binds whoever starts run_task.py"


@pytest.mark.req("FP-09")
def test_the_list_is_the_contracts():
    assert ALLOWED == sorted(run_task.TASKS), "a new type is a reviewed change, here and in README.md"


OPENS_A_WAY_OUT = {"__import__", "breakpoint", "compile", "eval", "exec", "getattr", "globals", "input", "open", "vars"}
HARMLESS_MODULES = {"__future__", "collections.abc", "dataclasses", "hashlib", "itertools", "json", "math", "sys"}
HARMLESS_MODULES |= {"typing", "unicodedata"}


@pytest.mark.req("FP-09")
def test_a_task_is_code_that_imports_by_no_name_starts_no_program_and_evaluates_no_text():
    named, modules, of_sys, read = set(), set(), set(), {"run_task"}
    waiting = [*read]
    while waiting:
        for node in ast.walk(ast.parse((APP / f"{waiting.pop()}.py").read_text())):
            if isinstance(node, ast.Name):
                named.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
                of_sys.add(node.attr)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found = {node.module} if isinstance(node, ast.ImportFrom) else {alias.name for alias in node.names}
                own = {name for name in found if name.startswith("executor_")} - read
                modules |= found
                read |= own
                waiting += own

    assert {"run_task", "executor_embedding", "executor_json", "executor_schema", "executor_transform"} == read
    assert HARMLESS_MODULES == modules - read, "no os, no subprocess, no importlib"
    assert {"exit", "path", "stdin", "stdout"} == of_sys, "nor a module that another has imported"
    assert set() == named & OPENS_A_WAY_OUT
    assert {"TASKS", "loads"} <= named, "the control: names are seen"


@pytest.mark.req("FP-09")
def test_a_task_runs_under_limits_of_processor_memory_files_and_processes(workspace, mutate, run_api):
    mutate(workspace / "run_task.py", r'"message": given\["message"\]', '"limits": open("/proc/self/limits").read()')
    status, stdout, _ = run_api(b'{"type":"ping"}', workspace)
    lines = json.loads(stdout)["result"]["limits"].splitlines()[1:]
    found = {line[:26].strip(): tuple(line[26:].split()[:2]) for line in lines}

    assert 0 == status, stdout
    assert {
        "Max cpu time": ("10", "11"),
        "Max address space": ("268435456", "268435456"),
        "Max open files": ("16", "16"),
        "Max processes": ("0", "0"),
    } == {name: found[name] for name in ("Max cpu time", "Max address space", "Max open files", "Max processes")}


@pytest.mark.req("S3-21", "FP-09")
def test_a_task_that_takes_too_long_is_a_timeout_and_leaves_nothing(workspace, mutate, run_api, processes_of):
    mutate(
        workspace / "run_task.py", r"^def main\(\) -> int:$", "import time\n\n\ndef main() -> int:\n    time.sleep(600)"
    )
    mutate(workspace / "executor_limits.py", r"wall_s: float = 30\.0", "wall_s: float = 1.0")
    status, stdout, _ = run_api(b'{"type":"ping"}', workspace)

    assert (3, "timeout") == (status, json.loads(stdout)["error"]["code"]), stdout
    assert [] == processes_of(workspace), "no process is left"


@pytest.mark.req("S3-21", "FP-09")
def test_the_real_limit_is_thirty_seconds(workspace, mutate, run_api):
    mutate(
        workspace / "run_task.py", r"^def main\(\) -> int:$", "import time\n\n\ndef main() -> int:\n    time.sleep(600)"
    )
    began = time.monotonic()
    status, _, _ = run_api(b'{"type":"ping"}', workspace)
    took = time.monotonic() - began

    assert 3 == status, "exit status of a time-out"
    assert 30 <= took < 150, f"30 s, not the task's 600; took {took:.1f} s"


@pytest.mark.req("I-07")
def test_input_that_never_ends_is_a_timeout(workspace, mutate):
    mutate(workspace / "executor_api.py", r"^INPUT_WAIT_S = 10\.0$", "INPUT_WAIT_S = 0.5")
    argv = [sys.executable, "-B", str(workspace / "executor_api.py")]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b'{"type":')
    process.stdin.flush()
    line = process.stdout.readline()
    status = process.wait(180)
    process.stdin.close()
    process.stdout.close()

    assert (3, "timeout") == (status, json.loads(line)["error"]["code"]), (
        "a caller that holds the pipe does not hold us"
    )


SABOTAGE = {
    "raises": ("raise ValueError('secret')", 4, "internal"),
    "exits": ("sys.exit(7)", 4, "internal"),
    "prints-text": ("print('hello'); return 0", 4, "internal"),
    "prints-nothing": ("return 0", 4, "internal"),
    "prints-nan": ("print('{\"result\":NaN}'); return 0", 4, "internal"),
    "prints-two": ('print(\'{"result":1}\\n{"result":1}\'); return 0', 4, "internal"),
    "prints-other-keys": ('print(\'{"result":1,"ok":true}\'); return 0', 4, "internal"),
    "prints-odd-error": ('print(\'{"error":{"code":"fine","message":1}}\'); return 0', 4, "internal"),
    "crashes": ("import os; os.abort()", 4, "internal"),
    "floods": ("import os\n    for _ in range(1024): os.write(1, b'x' * 65536)", 2, "too_large"),
    "eats-memory": ("x = bytearray(1 << 40)", 4, "internal"),
    "spins": ("while True: pass", 3, "timeout"),
}


@pytest.mark.req("S3-19", "FP-09", "I-06")
@pytest.mark.parametrize("name", sorted(SABOTAGE))
def test_whatever_the_task_process_does_the_caller_gets_an_answer(name, workspace, mutate, run_api):
    code, expected_status, expected = SABOTAGE[name]
    mutate(workspace / "run_task.py", r"^def main\(\) -> int:$", f"def main() -> int:\n    {code}")
    mutate(workspace / "executor_limits.py", r"cpu_s: int = 10", "cpu_s: int = 1")
    status, stdout, stderr = run_api(b'{"type":"ping"}', workspace)

    assert (expected_status, expected) == (status, json.loads(stdout)["error"]["code"]), stdout
    assert b"" == stderr, "no traceback"
    assert b"secret" not in stdout, "nor its text"


def test_a_task_that_needs_too_much_memory_is_told_so(workspace, mutate, run_api):
    mutate(workspace / "run_task.py", r"run=_embed\)", "run=lambda given: bytearray(1 << 40))")
    status, stdout, _ = run_api(b'{"type":"embed_local","text":""}', workspace)

    assert (2, "too_large") == (status, json.loads(stdout)["error"]["code"]), stdout


@pytest.mark.req("FP-09", "I-01", "I-08")
def test_the_callers_environment_does_not_reach_the_task(workspace, mutate, run_api, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(9)")
    mutate(workspace / "run_task.py", r'"message": given\["message"\]', '"env": open("/proc/self/environ").read()')
    hostile = {"PYTHONHASHSEED": "0", "PYTHONINSPECT": "", "LD_LIBRARY_PATH": str(tmp_path), "TOKEN": "x"}
    status, stdout, _ = run_api(b'{"type":"ping"}', workspace, env=hostile)

    assert (0, {"env": ""}) == (status, json.loads(stdout)["result"]), "the task's process has no environment at all"


def test_a_closed_output_is_no_traceback(workspace):
    argv = [sys.executable, "-B", str(workspace / "executor_api.py")]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(argv, input=b'{"type":"ping"}', stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)

    assert (4, b"") == (done.returncode, done.stderr), "nobody listens, so only the status tells"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_answered_and_ends_the_task(number, workspace, mutate, processes_of):
    mutate(
        workspace / "run_task.py", r"^def main\(\) -> int:$", "import time\n\n\ndef main() -> int:\n    time.sleep(600)"
    )
    argv = [sys.executable, "-B", str(workspace / "executor_api.py")]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b'{"type":"ping"}')
    process.stdin.close()
    process.stdin = None
    deadline = time.monotonic() + 180
    while len(processes_of(workspace)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=180)

    assert (4, b"") == (process.returncode, stderr), stdout
    assert [] == processes_of(workspace), "the task's process went with it"
