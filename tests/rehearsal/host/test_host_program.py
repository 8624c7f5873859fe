"""Programs of a host on a real machine: one of a few lines, and HostAgent with its sandbox, its tasks and deploy.sh."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from catalog.presets.vps_infrastructure.host_agent import HOST_AGENT
from homeport.model.host_program import HostFolder, HostProgram, HostUser, ProgramFile
from homeport.model.template import ENV
from homeport.render import host_programs as render
from tests.support import host_programs
from tests.support.host import Server
from tests.support.waits import until

pytestmark = pytest.mark.docker
USER = "deploy"
CHECKOUT = f"/home/{USER}/platform"
TEXTS = {"user": USER, "checkout": CHECKOUT, "greeting": "hello"}
TOKEN = "8f1d6c0b5a2e47938b7ad4c1e0f52a968f1d6c0b5a2e47938b7ad4c1e0f52a96"
BEACON = """
import http.server, os, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if {well} else 500); self.end_headers()
        self.wfile.write(open("/etc/beacon/env").read().encode())
    def log_message(self, *a): pass
http.server.HTTPServer(("127.0.0.1", 9901), H).serve_forever()
"""
UNIT = (
    "[Service]\nUser=beacon\nExecStart=/usr/bin/python3 /opt/beacon/beacon.py\n[Install]\nWantedBy=multi-user.target\n"
)


def beacon(well="True", gate=60):
    return HostProgram(
        name="beacon",
        purpose="test",
        users=(HostUser(name="beacon"),),
        folders=(
            HostFolder(path="/var/lib/beacon", owner="beacon:beacon", mode=0o700),
            HostFolder(path="/srv/beacon-data", owner="beacon:beacon", data=True),
        ),
        files=(
            ProgramFile(target="/opt/beacon/beacon.py", text=BEACON.replace("{well}", well)),
            ProgramFile(
                target="/etc/beacon/env", text="A={greeting}\nB={word}\n", syntax=ENV, mode=0o600, owner="beacon:beacon"
            ),
            ProgramFile(target="/etc/systemd/system/beacon.service", text=UNIT),
        ),
        setup="echo {greeting} >/var/lib/beacon/set-up",
        units=("beacon.service",),
        health="http://127.0.0.1:9901/",
        gate=gate,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("program"))
    try:
        made.pinned()
        made.inside("getent group docker >/dev/null || groupadd --system docker")
        yield made
    finally:
        made.remove()


def ground(server, *programs, keep=False):
    host_programs.ground(server, *programs, texts=TEXTS, keep=keep)


def lay(server, program, **secrets):
    return host_programs.lay(server, program, TEXTS, **secrets)


def drop(server, program):
    """The end of its unit, as the provider runs it: with the bundle that it was laid with."""
    more = {"also": render.also(program, TEXTS), "units": program.watched, "texts": TEXTS}
    text = server.whole((), ":", render.remove(program, TEXTS), **more)
    done = server.script("components/scripts/host.sh", "remove", f"program-{program.name}", "0", stdin=text)
    assert done.returncode == 0, done.stderr


def end(server, *programs, keep=False):
    text = server.whole((), ":", render.ground_removed(programs, TEXTS, "programs-ground", keep=keep))
    done = server.script("components/scripts/host.sh", "remove", "programs-ground", "0", stdin=text)
    assert done.returncode == 0, done.stderr


def test_a_program_comes_with_user_folders_files_and_unit_and_a_broken_version_is_taken_back(server):
    ground(server, beacon())
    done = lay(server, beacon(), word="C4nary-of-a-program")
    assert 0 == done.returncode, done.stderr
    assert "A=hello\nB=C4nary-of-a-program\n" == server.inside("curl -s http://127.0.0.1:9901/"), "as its own user"
    assert "600 beacon:beacon" == server.inside("stat -c '%a %U:%G' /etc/beacon/env").strip()
    assert "700 beacon:beacon" == server.inside("stat -c '%a %U:%G' /var/lib/beacon").strip()
    assert "hello" == server.inside("cat /var/lib/beacon/set-up").strip()
    assert "enabled" == server.inside("systemctl is-enabled beacon.service").strip(), "it comes back after a reboot"

    broken = lay(server, beacon("False", gate=8), word="C4nary-of-a-program")
    assert 1 == broken.returncode
    assert "http://127.0.0.1:9901/ does not answer after 8 s" in broken.stderr, broken.stderr
    assert "everything is as it was" in broken.stderr and "C4nary" not in broken.stderr, broken.stderr
    assert "A=hello\nB=C4nary-of-a-program\n" == server.inside("curl -sf http://127.0.0.1:9901/"), "the one before runs"


def test_its_removal_leaves_nothing_but_data_that_is_protected(server):
    drop(server, beacon())
    end(server, beacon(), keep=True)
    left = server.inside(
        "ls -d /opt/beacon/beacon.py /etc/beacon/env /etc/systemd/system/beacon.service /var/lib/beacon "
        "/etc/systemd/system/*.wants/beacon.service /srv/beacon-data /var/lib/homeport/units/* 2>/dev/null; "
        "systemctl is-active beacon.service",
        check=False,
    )
    assert ["/srv/beacon-data", "inactive"] == left.split(), left
    assert "beacon" in server.inside("id -un beacon"), "whose data it is"
    server.inside("userdel beacon; rm -rf /srv/beacon-data")
    ground(server, beacon())
    end(server, beacon())
    assert "" == server.inside(
        "ls -d /srv/beacon-data /var/lib/beacon 2>/dev/null; id -u beacon 2>/dev/null", check=False
    )


# systemd puts another socket over one that is not to be reached: to be there says nothing.
ASKS = "import os, sys; sys.exit(os.stat('/run/docker.sock').st_mode & 0o666 == 0)"
TASKS = {
    "tasks": {
        "whoami": {"argv": ["/usr/bin/id", "-un"]},
        "socket": {"argv": ["/usr/bin/python3", "-c", ASKS]},
        "docker": {"argv": ["/usr/bin/python3", "-c", ASKS], "docker": "the test asks for it"},
        "escape": {"argv": ["/usr/bin/setsid", "--fork", "/usr/bin/setsid", "--fork", "/usr/bin/sleep", "4242"]},
        "slow": {"argv": ["/bin/sh", "-c", "setsid sleep 4343 & exec sleep 4343"]},
    }
}
BACKUP = """#!/bin/sh
test -S /run/docker.sock || { echo 'no docker' >&2; exit 2; }
echo '{"workflows": 2, "changed": true, "commit": "abc", "pushed": false}'
"""


@pytest.fixture(scope="module")
def agent(server):
    server.inside(
        "[ -e /run/docker.sock ] || python3 -c 'import socket; s=socket.socket(1); s.bind(\"/run/docker.sock\")'"
    )
    ground(server, HOST_AGENT)
    done = lay(server, HOST_AGENT, **{"host-agent-bearer-token": TOKEN})
    assert done.returncode == 0, done.stderr
    server.inside(f"cat >{CHECKOUT}/backup-n8n-workflows.sh <<'END'\n{BACKUP}END")
    server.inside(f"chmod 755 {CHECKOUT}/backup-n8n-workflows.sh && chown {USER}: {CHECKOUT}/backup-n8n-workflows.sh")
    return server


def ask(server, method, path, token=TOKEN):
    header = f"-H 'Authorization: Bearer {token}'" if token else ""
    said = server.inside(
        f"curl -s -m 300 -w '\\n%{{http_code}}' -X {method} {header} http://127.0.0.1:9000{path} || true"
    )
    text, _, status = said.rpartition("\n")
    return int(status), json.loads(text or "null")


def deploy(server, user=USER):
    """Run by hand, by the checkout's owner; the exit code and all that it says."""
    said = server.inside(f"runuser -u {user} -- {CHECKOUT}/deploy.sh 2>&1; echo code=$?", check=False)
    text, _, code = said.rpartition("code=")
    return int(code), text


@pytest.mark.req("S1-47", "S1-48", "S1-52", "S1-60", "FP-01", "FP-03")
def test_host_agent_is_a_service_as_a_user_of_its_own_that_comes_back(agent):
    assert (200, "ok") == ((answer := ask(agent, "GET", "/health", ""))[0], answer[1]["status"])
    shown = agent.inside("systemctl show host-agent -p User -p UnitFileState -p ActiveState -p Restart")
    assert {"User=host-agent", "UnitFileState=enabled", "ActiveState=active", "Restart=on-failure"} == {*shown.split()}
    assert "host-agent" == agent.inside("id -Gn host-agent").strip(), "of no other group, so not of Docker's"
    for verb in ("stop", "start", "restart", "status"):
        agent.inside(f"systemctl {verb} host-agent --no-pager")
    pid = agent.inside("systemctl show host-agent -p MainPID --value").strip()
    agent.inside(f"kill -9 {pid}")
    until(lambda: ask(agent, "GET", "/health", "")[0] == 200, "it is started again after a crash")
    assert "listens on 0.0.0.0 port 9000" in agent.inside("journalctl -u host-agent -o cat --no-pager")
    assert TOKEN not in agent.inside(
        "journalctl -o cat --no-pager; systemctl show host-agent; cat /proc/[0-9]*/cmdline"
    )


@pytest.mark.req("S1-49", "S1-51", "S1-52")
def test_the_backup_runs_as_the_checkout_s_owner_with_docker_and_the_agent_has_none(agent):
    assert 401 == ask(agent, "POST", "/backup/n8n", "")[0]
    status, body = ask(agent, "POST", "/backup/n8n")
    assert (200, 2, True) == (status, body.get("workflows"), body.get("changed")), body


@pytest.mark.req("H-13", "S1-52")
def test_the_unit_is_as_closed_as_the_tools_of_systemd_can_tell(agent):
    for unit in ("host-agent.service", "host-agent-task@x.service"):
        said = agent.inside(f"systemd-analyze security --no-pager {unit}")
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
        assert found, said
        print(unit, found[1])
        assert float(found[1]) <= 1.5, said


PROBE = r"""
import ctypes, json, os, socket, sys
def no(act):
    try:
        act()
    except BaseException as error:
        return ""
    return "did it"
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    if libc.syscall(*words) < 0:
        raise OSError(ctypes.get_errno(), "")
def seen():
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and os.stat(f"/proc/{pid}").st_uid != os.getuid()]
    if not others:
        raise OSError
attempts = {
    "write /etc": lambda: open("/etc/x", "w"),
    "write /usr": lambda: open("/usr/local/bin/x", "w"),
    "write its own code": lambda: open("/opt/host-agent/current/host_agent.py", "a"),
    "write /run": lambda: open("/run/x", "w"),
    "write /var/lib": lambda: open("/var/lib/x", "w"),
    "read a home": lambda: os.listdir("/home"),
    "read /root": lambda: os.listdir("/root"),
    "read /etc/shadow": lambda: open("/etc/shadow").read(),
    "read the file of settings": lambda: open("CHECKOUT/host-agent/.env").read(),
    "Docker's socket": lambda: socket.socket(socket.AF_UNIX).connect("/run/docker.sock"),
    "load a module": lambda: call(175, 0, 0, b""),
    "ptrace init": lambda: call(101, 16, 1, 0, 0),
    "a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "others' processes": seen,
    "mount": lambda: call(165, b"x", b"/tmp", b"tmpfs", 0, 0),
    "a namespace": lambda: call(272, 0x10000000),
    "set the clock": lambda: __import__("time").clock_settime(0, 0),
    "set the host's name": lambda: socket.sethostname("x"),
    "a kernel setting": lambda: open("/proc/sys/kernel/core_pattern", "w").write("x"),
    "become root": lambda: os.setuid(0),
    "a port of its own": lambda: socket.socket().bind(("0.0.0.0", 9777)),
    "read the kernel's log": lambda: open("/dev/kmsg").read(1),
    "a device": lambda: os.mknod("/tmp/x", 0o20666, os.makedev(1, 1)),
    "a control group": lambda: os.mkdir("/sys/fs/cgroup/x"),
}
print("PROBED " + json.dumps({name: no(act) for name, act in attempts.items()}))
"""


@pytest.mark.req("H-13")
def test_from_inside_nothing_is_written_seen_or_opened_that_it_does_not_need(agent):
    agent.inside(f"cat >/opt/host-agent/probe.py <<'END'\n{PROBE.replace('CHECKOUT', CHECKOUT)}END")
    # The same unit with another program in it.
    agent.inside(
        "sed -e 's|^ExecStart=.*|ExecStart=/usr/bin/python3 /opt/host-agent/probe.py|' -e '/^ExecStartPre/d' "
        "-e 's|^Type=.*|Type=oneshot|' -e '/^WatchdogSec/d' -e '/^Restart/d' -e '/^MemoryDenyWriteExecute/d' "
        "/etc/systemd/system/host-agent.service >/run/systemd/system/host-agent-probe.service; systemctl daemon-reload"
    )
    agent.inside("systemctl start host-agent-probe.service", check=False)
    said = "journalctl -u host-agent-probe -o cat --no-pager | grep '^PROBED '"
    found = json.loads(until(lambda: agent.inside(said), "it says nothing").removeprefix("PROBED "))
    agent.inside("rm /run/systemd/system/host-agent-probe.service /opt/host-agent/probe.py; systemctl daemon-reload")
    # systemd needs the kernel's hooks of control groups for it, which a machine in a container may not have: a control.
    bound = agent.inside(
        "systemd-run -q --wait -p SocketBindDeny=any python3 -c "
        "'import socket; socket.socket().bind((\"0.0.0.0\", 9777))' && echo bound || true"
    )
    allowed = {"a port of its own"} if bound.strip() == "bound" else set()
    assert len(found) >= 20
    assert set() == {name for name, what in found.items() if what} - allowed, found


@pytest.mark.req("S1-45", "S1-60", "S1-61", "H-04", "FP-03")
def test_deploy_sh_by_hand_is_refused_by_a_wrong_env_and_changes_nothing(agent):
    version = ask(agent, "GET", "/health", "")[1]["version"]
    env = f"{CHECKOUT}/host-agent/.env"
    assert f"600 {USER}:{USER}" == agent.inside(f"stat -c '%a %U:%G' {env}").strip(), "written from the stack's secrets"
    agent.inside(f"cp -p {env} {env}.kept")
    variable = "HOST_AGENT_BEARER_TOKEN"
    spoilt = {
        f"sed -i 's/^{variable}=.*/{variable}=your-secure-token/' {env}": variable,
        f"chmod 644 {env}": f"fix: chmod 600 {env}",
        f"rm {env}": "fix: install -m 600",
        f"echo 'PORT=none' >>{env}": "PORT is no whole number",
    }
    for spoil, word in spoilt.items():
        agent.inside(spoil)
        code, said = deploy(agent)
        assert (1, True) == (code, word in said), f"{spoil}: {code} {said}"
        assert "your-secure-token" not in said, "a value is not shown"
        agent.inside(f"rm -f {env}; cp -p {env}.kept {env}")
    assert version == ask(agent, "GET", "/health", "")[1]["version"], "it ran all the time"
    agent.inside(f"chmod 640 {env}")
    assert "" == agent.inside("systemctl restart host-agent && echo started", check=False), "nor does it start with it"
    said = "journalctl -u host-agent -n 20 -o cat --no-pager"
    until(lambda: "fix: chmod 600" in agent.inside(said), "it does not say what to do")
    agent.inside(f"chmod 600 {env}; rm {env}.kept; systemctl reset-failed host-agent; systemctl start host-agent")


@pytest.mark.req("S1-61", "S1-51", "FP-01", "H-11", "FP-03")
def test_deploy_sh_again_takes_new_tasks_and_each_has_what_it_says_and_ends_whole(agent):
    version = ask(agent, "GET", "/health", "")[1]["version"]
    agent.inside(f"cat >{CHECKOUT}/host-agent/tasks.json <<'END'\n{json.dumps(TASKS)}\nEND")
    agent.inside(f"sed -i 's/^TASK_TIMEOUT=.*/TASK_TIMEOUT=15/' {CHECKOUT}/host-agent/.env")
    for _ in range(2):
        code, said = deploy(agent)
        assert 0 == code, said
    assert version == ask(agent, "GET", "/health", "")[1]["version"], "the same code is the same version"
    assert sorted(TASKS["tasks"]) == ask(agent, "GET", "/tasks")[1]["tasks"], "those of before are gone"
    status, body = ask(agent, "POST", "/tasks/whoami")
    assert (200, USER) == (status, body.get("stdout_tail")), body
    assert 500 == ask(agent, "POST", "/tasks/socket")[0], "a task that does not say why has no Docker"
    assert 200 == ask(agent, "POST", "/tasks/docker")[0], "one that does has it"
    assert 200 == ask(agent, "POST", "/tasks/escape")[0]
    assert 504 == ask(agent, "POST", "/tasks/slow")[0], "it took longer than TASK_TIMEOUT"
    until(
        lambda: agent.inside("pgrep -f 'sleep 4[23]4[23]' || true") == "",
        "nothing that a task has started is left, whatever it did to get away",
    )
    assert 404 == ask(agent, "POST", "/tasks/disk-usage")[0], "a task of before"


@pytest.mark.req("S1-60", "FP-03")
def test_deploy_sh_brings_the_version_before_back_where_the_new_one_is_not_healthy(agent):
    version = ask(agent, "GET", "/health", "")[1]["version"]
    broken = f"{CHECKOUT}/host-agent/host_agent_api.py"
    agent.inside(f"cp -p {broken} /var/tmp/kept; sed -i 's/status=200/status=503/' {broken}")
    # It asks once a second, each time a line of the journal, of which it shows twenty.
    agent.inside(f"sed -i 's/^patience=.*/patience=12/' {CHECKOUT}/deploy.sh")
    code, said = deploy(agent)
    assert 2 == code, said
    assert "does not answer after 12 s. Its last lines" in said and "listens on" in said, said
    assert f"{version} runs again" in said, said
    assert version == ask(agent, "GET", "/health", "")[1]["version"]
    agent.inside(f"echo 'raise SystemExit(3)' >>{broken}")
    assert 1 == deploy(agent)[0], "one that cannot be read at all is refused before anything changes"
    assert version == ask(agent, "GET", "/health", "")[1]["version"]
    agent.inside(f"cp -p /var/tmp/kept {broken}; sed -i 's/^patience=.*/patience=60/' {CHECKOUT}/deploy.sh")
    assert 0 == deploy(agent)[0]
    assert len(agent.inside("ls /opt/host-agent/releases").split()) <= 2, "what nobody uses is gone"


@pytest.mark.req("FP-01", "S1-60")
def test_pulumi_s_way_takes_a_broken_version_back_too_and_removal_leaves_nothing(agent):
    files = tuple(
        replace(file, source="", text="raise SystemExit(3)\n") if file.target.endswith("openapi.json") else file
        for file in HOST_AGENT.files
    )
    broken = replace(HOST_AGENT, files=(*files, ProgramFile(target=f"{CHECKOUT}/host-agent/openapi.json", text="{")))
    broken = replace(broken, files=tuple(file for file in broken.files if file.source != "apps/host_agent/*.json"))
    done = lay(agent, broken, **{"host-agent-bearer-token": TOKEN})
    assert 1 == done.returncode and "everything is as it was" in done.stderr, done.stderr
    assert TOKEN not in done.stderr
    assert 200 == ask(agent, "GET", "/health", "")[0], "the one before runs"

    drop(agent, HOST_AGENT)
    end(agent, HOST_AGENT)
    left = agent.inside(
        f"ls -d /opt/host-agent /etc/systemd/system/host-agent* /run/host-agent-tasks /var/lib/host-agent {CHECKOUT} "
        "/etc/systemd/system/*.wants/host-agent* 2>/dev/null; id -u host-agent 2>/dev/null; "
        "systemctl is-active host-agent",
        check=False,
    )
    assert ["inactive"] == left.split(), left
    assert USER == agent.inside(f"id -un {USER}").strip(), "who was there before stays"
