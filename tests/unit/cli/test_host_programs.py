"""How programs of hosts are: what a host answers, in words, and what `homeport status` makes of it."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from homeport.cli import daemon, host_programs, look, status
from homeport.model.host_program import HostProgram, ProgramFile
from tests.support.checkout import ROOT

NOW = 1_800_000_000
DECLARED = {
    "agent": {"host": "main", "units": ["agent.service"], "health": "http://127.0.0.1:9000/health", "works": ""},
    "backups": {"host": "main", "units": ["dump.timer"], "health": "", "works": "/var/lib/backups"},
}
ENVIRONMENT = {"HOMEPORT_SSH": "root@192.0.2.1", "HOMEPORT_SSH_OPTS": ""}


def unit(name, state="active", since=NOW - 7200, **more):
    return {"unit": name, "state": state, "since": since, "failed": "", "starts": "", **more}


def answer(agent=None, backups=None, works=(), wrong=""):
    return {
        "now": NOW,
        "programs": [
            {
                "name": "agent",
                "units": [agent or unit("agent.service")],
                "wrong": wrong,
                "version": "1a2b",
                "works": [],
            },
            {
                "name": "backups",
                "units": [backups or unit("dump.timer", starts="dump@databases.service")],
                "wrong": "",
                "version": "",
                "works": list(works),
            },
        ],
    }


@pytest.fixture
def asked(monkeypatch):
    """What the host says, and how often it was asked."""
    state = SimpleNamespace(answer=answer(), calls=[])

    def as_root(where, command, text):
        state.calls.append((where, command, json.loads(text)))
        if isinstance(state.answer, str):
            return state.answer
        return subprocess.CompletedProcess([], 0, json.dumps(state.answer), "")

    monkeypatch.setattr(look, "as_root", as_root)
    monkeypatch.setattr(daemon, "inspect", lambda *_: [{"Name": "/web", "State": {"Status": "running"}}])
    return state


def stack(declared=DECLARED):
    row = {
        "urn": "urn:pulumi:dev::homeport::homeport:host:Reach::reach",
        "type": "homeport:host:Reach",
        "outputs": {"environment": ENVIRONMENT},
    }
    outputs = {"preset": "p", "environment": "prod", "services": {"web": {"container": "web"}}, "programs": declared}
    return SimpleNamespace(
        stack=SimpleNamespace(name="dev", plan=SimpleNamespace(hosts={})),
        outputs=lambda: outputs,
        state=lambda: {"resources": [row]},
        daemons=lambda: [{}],
    )


def test_units_works_and_versions_stand_in_the_table_and_the_host_is_asked_once(asked, capsys):
    works = [
        {"work": "databases", "status": "ok", "finished": NOW - 60, "last_good": NOW - 10800},
        {"work": "copies", "status": "ok", "finished": NOW - 60, "last_good": NOW - 120},
        {"work": "verify", "status": "ok", "finished": None, "last_good": None},
        {"work": "state", "status": "ok", "finished": NOW - 60, "last_good": NOW + 86400},
    ]
    asked.answer = answer(works=works)
    current = status.status(stack())
    status.show(current)
    said = capsys.readouterr()

    assert current.healthy, said.err
    assert [("root@192.0.2.1", ["agent", "backups"])] == [
        (where["HOMEPORT_SSH"], [program["name"] for program in wanted]) for where, _, wanted in asked.calls
    ]
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "agent main agent.service active 2 h 1a2b" in lines
    assert "backups main dump.timer active 2 h -" in lines
    assert ["state in the future", "copies 2 min ago", "databases 3 h ago", "verify never"] == [
        " ".join(line.split()[2:-1]) for line in lines if line.endswith(" ok")
    ], "the newest backup is the first, and a clock that was wrong is no age"


@pytest.mark.parametrize(
    ("change", "says", "fix"),
    [
        ({"agent": unit("agent.service", "failed")}, "agent: agent.service is failed", "journalctl -n 50 -u agent.se"),
        ({"agent": unit("agent.service", "inactive")}, "agent: agent.service is inactive", "-u agent.service"),
        ({"agent": unit("agent.service", "gone", None)}, "agent: agent.service is gone", "-u agent.service"),
        (
            {"wrong": "http://127.0.0.1:9000/health answers 503"},
            "agent: http://127.0.0.1:9000/health answers 503",
            "-u agent.service",
        ),
        (
            {"backups": unit("dump.timer", failed="exit-code", starts="dump@databases.service")},
            "backups: dump@databases.service, which it starts, failed last (exit-code)",
            "journalctl -n 50 -u dump@databases.service",
        ),
        (
            {"works": [{"work": "databases", "status": "error", "finished": NOW, "last_good": NOW - 90_000}]},
            "backups: databases failed last, and went well 1 d ago",
            "-u dump@databases.service",
        ),
        (
            {"works": [{"work": "state", "status": "error", "finished": NOW, "last_good": None}]},
            "backups: state failed last, and went well never",
            "--since -2d",
        ),
    ],
)
def test_what_is_not_well_is_said_with_the_journal_that_says_why(asked, capsys, change, says, fix):
    asked.answer = answer(**change)
    current = status.status(stack())
    status.show(current)
    said = capsys.readouterr().err

    assert not current.healthy, "status ends with 1"
    assert current.updated, "the update itself went well: what a program does at times is no word on that"
    assert says in said, said
    assert fix in said, said


def test_a_host_that_does_not_answer_is_said_and_the_services_are_shown_all_the_same(asked, capsys):
    asked.answer = "no answer within 60 s"
    current = status.status(stack())
    status.show(current)
    said = capsys.readouterr()

    assert "web" in said.out
    assert {"not known"} == {unit.state for unit in current.programs}
    assert "agent: host main does not answer: no answer within 60 s" in said.err, said.err
    assert "fix: bin/homeport preflight --stack dev" in said.err
    assert not current.healthy


def test_what_ssh_says_is_why_nobody_answers(monkeypatch):
    refused = subprocess.CompletedProcess([], 255, "", "ssh: connect to host 192.0.2.1 port 22: Connection refused\n")
    monkeypatch.setattr(look, "as_root", lambda *_: refused)
    units, works = host_programs.ask(stack(), DECLARED)

    assert () == works
    assert units[0].words.endswith("Connection refused"), units[0].words


def test_a_stack_without_such_programs_asks_no_host(asked):
    current = status.status(stack(declared={}))

    assert () == current.programs == current.works
    assert [] == asked.calls


def test_units_that_a_set_up_makes_are_watched_too_and_templates_are_not():
    program = HostProgram(
        name="x",
        purpose="test",
        files=(ProgramFile(target="/x", text="x"),),
        units=("x.timer",),
        also=("/etc/systemd/system/x.service", "/etc/systemd/system/x@.socket", "/etc/x.conf"),
    )
    assert ("x.timer", "x.service") == program.watched


SYSTEMCTL = """#!/bin/sh
case "$*" in
  *"dump@databases.service"*)
    echo Id=dump@databases.service; echo LoadState=loaded; echo ActiveState=failed; echo Result=exit-code ;;
  *)
    echo Id=agent.service; echo LoadState=loaded; echo ActiveState=active; echo ActiveEnterTimestamp=@1700000000; echo
    echo Id=dump.timer; echo LoadState=loaded; echo ActiveState=active; echo ActiveEnterTimestamp=@1700000000
    echo Unit=dump@databases.service; echo
    echo Id=away.service; echo LoadState=not-found; echo ActiveState=inactive; echo ActiveEnterTimestamp= ;;
esac
"""


@pytest.fixture
def on_host(tmp_path):
    """Runs what a host runs, with a systemctl of the test's own; what it prints."""
    (tmp_path / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "systemctl").chmod(0o755)
    script = (ROOT / "components/scripts/programs.py").read_text()

    def run(*programs):
        done = subprocess.run(
            [sys.executable, "-E", "-s", "-c", script],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "http_proxy": "http://127.0.0.1:1"},
            input=json.dumps(programs),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["programs"]

    return run


def test_a_host_tells_units_what_their_timers_start_and_what_works_left(on_host, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "databases.json").write_text('{"status": "ok", "finished": 5, "last_good": 4, "more": 1}')
    (folder / "spoilt.json").write_text("{")
    agent, backups = on_host(
        {"name": "agent", "units": ["agent.service", "away.service"], "health": "", "works": ""},
        {"name": "backups", "units": ["dump.timer"], "health": "", "works": str(folder)},
    )

    assert [("active", 1_700_000_000), ("gone", None)] == [(row["state"], row["since"]) for row in agent["units"]]
    assert ("exit-code", "dump@databases.service") == (backups["units"][0]["failed"], backups["units"][0]["starts"])
    assert [("databases", "ok", 4), ("spoilt", "unreadable", None)] == [
        (row["work"], row["status"], row["last_good"]) for row in backups["works"]
    ]


@pytest.mark.parametrize(
    ("code", "text", "wrong", "version"),
    [(200, b'{"version": "1a2b"}', "", "1a2b"), (200, b"ok", "", ""), (503, b"", "answers 503", "")],
)
def test_a_host_asks_the_health_address_past_every_proxy(on_host, code, text, wrong, version):
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/health"
        (program,) = on_host({"name": "agent", "units": [], "health": url, "works": ""})

    assert version == program["version"]
    assert program["wrong"].endswith(wrong) and bool(wrong) == bool(program["wrong"]), program


def test_a_health_address_where_nobody_listens_is_said(on_host):
    (program,) = on_host({"name": "agent", "units": [], "health": "http://127.0.0.1:1/health", "works": ""})

    assert "http://127.0.0.1:1/health does not answer" in program["wrong"], program
