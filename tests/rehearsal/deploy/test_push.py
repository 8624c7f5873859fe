"""A push to an emulated GitHub deploys a service on a real machine: a runner as a systemd unit, Docker, a registry.

The runner's own program is a stand-in, and so is the registry; scripts, units, workflow and deployment are what hosts
get.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from contextlib import contextmanager

import pytest

from rehearsal.clouds.github.program import archive, checksum
from tests.support.checkout import ROOT
from tests.support.deployments import source
from tests.support.deployments import template as lay_template
from tests.support.github import NAME, GitHub
from tests.support.mesh import CADDY, Machine, MeshNetwork, docker
from tests.support.waits import until

pytestmark = pytest.mark.docker
HOST, PASSWORD, SERVICE = "git.example.com", "C4naryREGISTRYPASSWORD", "ai-dev-server"
REGISTRY, PORT, EDGE = "127.0.0.1:5000", 8080, 8081
PROGRAMS, SCRIPTS = "/usr/local/lib/homeport/deployments", "/srv/github-runner"
UNIT = "actions.runner.owner-platform.vps.service"
SERVE = """
import base64, sys, time
from small_registry import SmallRegistry
word = "Basic " + base64.b64encode(f"deploy:{open('/srv/registry-password').read()}".encode()).decode()
SmallRegistry(word, port=5000)
time.sleep(1e9)
"""
CALLS = """
import json, sys
sys.path.insert(0, "/srv")
from callers import Callers
with Callers(8081, "app.example.com") as callers:
    open("/srv/calling", "w").close()
    sys.stdin.read()
print(json.dumps({"answers": callers.answers, "longest": callers.longest}))
"""
# As the proxy of a stack has it: what refuses a connection is tried again.
CADDYFILE = f"""{{
  admin off
  auto_https off
}}
:{EDGE} {{
  reverse_proxy 127.0.0.1:{PORT} {{
    lb_try_duration 30s
    lb_try_interval 100ms
  }}
}}
"""


class Host:
    """The machine, its registry, its proxy, and who calls."""

    def __init__(self, machine, github):
        self.machine, self.github = machine, github
        self.run = machine.run

    def docker(self, *argv):
        return docker("exec", self.machine.container, "docker", *argv).strip()

    def copy(self, files, folder):
        """Files by name, with mode 0755, as root has them."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name, content in files.items():
                raw = content.encode() if isinstance(content, str) else content
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(raw), 0o755
                tar.addfile(entry, io.BytesIO(raw))
        self.run(f"mkdir -p {folder}")
        docker("exec", "-i", self.machine.container, "tar", "-C", folder, "-xf", "-", stdin=packed.getvalue())

    def script(self, line, **environ):
        """A command as the user deploy types it, with what is in its environment."""
        words = "".join(f"export {name}='{value}'; " for name, value in environ.items())
        argv = [
            "docker",
            "exec",
            "-i",
            "--user",
            "deploy",
            self.machine.container,
            "sh",
            "-c",
            f"{words}cd {SCRIPTS}; {line}",
        ]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)

    @contextmanager
    def calls(self):
        """Somebody asks by the proxy as long as the block lasts; what came is in the list afterwards."""
        self.run("rm -f /srv/calling")
        argv = ["docker", "exec", "-i", self.machine.container, "python3", "-c", CALLS]
        answers = {}
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            until(lambda: "yes" in self.run("test -e /srv/calling && echo yes || echo no"), "nobody calls")
            yield answers
            answers |= json.loads(process.communicate(timeout=60)[0])

    def live(self):
        return self.run(f"curl -s http://127.0.0.1:{PORT}/version")

    def deployed(self, files, **more):
        """The run of a push, once it has ended, its job and its log."""
        commit = self.github.push({f"{SERVICE}/{name}": text for name, text in files.items()} | more)
        [run] = until(lambda: self.github.ended(commit), "the run does not end", 180)
        assert "note" not in run, run
        [job] = self.github.jobs(run)
        return commit, run, job, self.github.log(job)


def load(machine, *images):
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
        argv = ["docker", "exec", "-i", machine.container, "docker", "load", "-q"]
        subprocess.run(argv, stdin=save.stdout, check=True, capture_output=True)
    assert save.returncode == 0, "the images were not saved"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deploy")
    world = MeshNetwork(folder, None)
    github = GitHub(
        folder,
        {"REGISTRY_PASSWORD": PASSWORD},
        {"REGISTRY": REGISTRY, "REGISTRY_USER": "deploy"},
        patience=0.5,
        lock=20.0,
    )
    try:
        world.lay()
        made = Machine(world, "vps")
        made.settle()
        # As every host of a stack has it.
        made.run("mkdir -p /etc/docker; cat >/etc/docker/daemon.json", stdin='{"userland-proxy": false}')
        made.run("systemctl restart docker")
        yield prepared(Host(made, github), world)
    finally:
        github.close()
        world.remove()


def prepared(host, world):
    machine, app = host.machine, ROOT / "apps"
    gateway = docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", world.network).strip()
    certificate = host.github.open_to(gateway, HOST)
    machine.run(
        "cat >/usr/local/share/ca-certificates/git.crt; update-ca-certificates >/dev/null 2>&1", stdin=certificate
    )
    machine.run(f"echo '{gateway} {HOST}' >>/etc/hosts")
    load(machine, CADDY)
    programs = [*(app / "deployments").glob("*.py"), *(app / "deployments").glob("*.sh")]
    host.copy({path.name: path.read_bytes() for path in programs}, PROGRAMS)
    runner = (app / "github_runner").iterdir()
    host.copy({path.name: path.read_bytes() for path in runner if path.is_file()}, SCRIPTS)
    host.copy({"runner.tar.gz": archive()}, "/srv")
    support = ROOT / "tests" / "support"
    registry = (support / "small_registry.py").read_text()
    calling = re.search(r"class Callers:.*", (support / "deployments.py").read_text(), re.DOTALL)[0]
    imports = (
        "from __future__ import annotations\nimport http.client, threading, time\nfrom collections import Counter\n"
    )
    host.copy({"small_registry.py": registry, "callers.py": imports + calling}, "/srv")
    machine.run("cat >/srv/registry-password", stdin=PASSWORD)
    machine.run("cat >/srv/serve.py", stdin=SERVE)
    machine.run("systemd-run --quiet --unit registry --working-directory /srv python3 serve.py")
    until(
        lambda: "401" in machine.run("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:5000/v2/ || true"),
        "no registry",
    )
    first(host)
    machine.run("cat >/etc/Caddyfile", stdin=CADDYFILE)
    host.docker(
        "run", "-d", "--name", "caddy", "--network", "host", "-v", "/etc/Caddyfile:/etc/caddy/Caddyfile:ro", CADDY
    )
    return host


def first(host):
    """The service as Pulumi has it at first: an image that was built on the host, a template, its container."""
    host.copy(source("zero"), "/srv/zero")
    host.docker("build", "-q", "-t", f"{REGISTRY}/{SERVICE}:0", "/srv/zero")
    host.docker("network", "create", "app")
    lay_template(SERVICE, f"{REGISTRY}/{SERVICE}:0", PORT, "app", host.docker)
    assert f"{SERVICE}: {REGISTRY}/{SERVICE}:0 is live" in host.run(
        f"python3 {PROGRAMS}/deployments.py apply {SERVICE}"
    )
    until(lambda: host.live() == "zero", "the first one does not answer")


def setup(host, token, **more):
    settings = {
        "GITHUB_REPO": NAME,
        "GITHUB_SERVER_URL": host.github.url,
        "RUNNER_ARCHIVE": "file:///srv/runner.tar.gz",
        "RUNNER_SHA256": checksum(),
        "RUNNER_TOKEN": token,
    }
    return host.script("./setup-runner.sh", **settings | more)


def changed_hands(answers, old, new):
    """All were answered by the old one or the new one.

    But what is no GET, and was handed to the old one in the moment in which it stopped listening: no proxy may send
    that again, for it may have been done (caddyserver/caddy, reverseproxy.go: only what could not be dialled, or is a
    GET, is tried again).
    """
    lost = {word: count for word, count in answers.items() if word not in {old, new}}
    assert {old, new} <= {*answers} and {*lost} <= {"status 502 to POST"}, answers
    assert sum(lost.values()) <= 8, f"a moment, and four callers: {answers}"


@pytest.mark.req("S1-69")
def test_a_missing_token_an_expired_one_and_another_checksum_are_refused_with_the_way_out(host):
    done = setup(host, "")
    assert 1 == done.returncode and "there is no registration token" in done.stderr, done.stdout + done.stderr
    assert f"take one from {host.github.url}/{NAME} (Settings, Actions, Runners, New)" in done.stderr, done.stderr

    old = host.github.registration()
    host.github.store.advance(3601)
    done = setup(host, old)
    assert 1 == done.returncode and "a token lasts one hour" in done.stderr, done.stdout + done.stderr
    assert "then: ./setup-runner.sh" in done.stderr and old not in done.stderr + done.stdout, done.stderr

    other = setup(host, host.github.registration(), RUNNER_SHA256="0" * 64, RUNNER_NAME="other")
    assert 1 == other.returncode and "another checksum" in other.stderr, other.stdout + other.stderr
    assert 1 == host.script("./start-runner-service.sh").returncode, "what is not registered does not start"


@pytest.mark.req("S1-69", "S1-70", "S1-71")
def test_the_runner_is_set_up_by_its_scripts_and_is_a_service(host):
    token = host.github.registration()
    done = setup(host, token)
    assert 0 == done.returncode and "now: ./start-runner-service.sh" in done.stdout, done.stdout + done.stderr
    again = setup(host, "")
    assert 0 == again.returncode, "a second time needs no token and changes nothing: " + again.stderr
    started = host.script("./start-runner-service.sh")
    assert 0 == started.returncode and f"{UNIT} runs as homeport-runner" in started.stdout, started.stderr

    place = f"/repos/{NAME}/actions/runners"
    [row] = until(
        lambda: [row for row in host.github.ask("GET", place)[1]["runners"] if row["status"] == "online"], "offline"
    )
    assert {"self-hosted", "vps"} <= {label["name"] for label in row["labels"]}, row
    assert "active" in host.run("systemctl is-active 'actions.runner.*'"), "as runbooks ask"
    assert "homeport-runner" == host.run(f"systemctl show -P User {UNIT}").strip(), "not root"
    assert "Listening for Jobs" in host.run(f"journalctl -u '{UNIT}'"), "its log is in the journal"
    kept = host.run("journalctl --no-pager; cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert token not in kept, "the token is in no log and no argument"


@pytest.mark.req("S1-66", "S1-72", "FP-04")
def test_a_push_is_built_pushed_by_its_commit_live_and_healthy(host):
    workflow = (ROOT / "apps/deployments/workflows/deploy-ai-dev-server.yml").read_text()
    files = {**source("good"), "test.sh": "echo tested\n"}
    with host.calls() as said:
        commit, run, job, log = host.deployed(files, **{f".github/workflows/deploy-{SERVICE}.yml": workflow})

    assert "success" == run["conclusion"], log
    assert "good" == host.live() and "healthy" in host.docker(
        "ps", "--filter", f"name=^{SERVICE}$", "--format", "{{.Status}}"
    )
    changed_hands(said["answers"], "zero", "good")
    words = [step["name"] for step in job["steps"] if step["conclusion"] == "success"]
    order = ["Test", "Build", "Log in to the registry", "Push by the commit", "Redeploy", "Health", "Push as latest"]
    assert order == [word for word in words if word in order], words
    tags = host.run(f"curl -s -u deploy:{PASSWORD} http://{REGISTRY}/v2/{SERVICE}/tags/list")
    assert sorted(["latest", commit]) == json.loads(tags)["tags"][-2:] or {commit, "latest"} <= {
        *json.loads(tags)["tags"]
    }, tags
    assert PASSWORD not in log and "tested" in log, "the password is nowhere in the log"
    assert [] == host.github.runs(host.github.push({"README.md": "words"})), "a push of anything else deploys nothing"
    assert "" == host.run("find /var/lib/homeport-runner -name config.json"), "nor on the disk once the job has ended"
    others = 'for process in /proc/[0-9]*; do [ "$process" = /proc/$$ ] || tr "\\0" " " <"$process/cmdline"; echo; done'
    assert [] == [line for line in host.run(others).splitlines() if PASSWORD in line], "nor in a program's arguments"


@pytest.mark.req("S1-72", "FP-04", "L-06")
@pytest.mark.parametrize("kind", ["broken", "crash"])
def test_a_broken_one_never_takes_over_and_the_old_one_answers_all(host, kind):
    before = host.live()
    with host.calls() as said:
        commit, run, _, log = host.deployed(source(f"bad {kind}"))

    assert "failure" == run["conclusion"] and "the old one was not touched" in log, log
    assert {before} == {*said["answers"]}, f"not one request failed or met the broken one: {said}"
    assert said["answers"][before] > 100, "there were requests"
    assert before == host.live()
    tags = json.loads(host.run(f"curl -s -u deploy:{PASSWORD} http://{REGISTRY}/v2/{SERVICE}/tags/list"))["tags"]
    digest = "curl -sI -u deploy:{0} http://{1}/v2/{2}/manifests/{3} | grep -i docker-content-digest"
    one, other = (host.run(digest.format(PASSWORD, REGISTRY, SERVICE, tag)) for tag in ("latest", commit))
    assert commit in tags and one != other, "it is kept under its commit, and is not the latest"


@pytest.mark.req("S1-74", "L-06")
def test_one_command_takes_a_deployment_back(host):
    before = host.live()
    _, run, _, log = host.deployed(source("newer"))
    assert "success" == run["conclusion"] and "newer" == host.live(), log

    listed = host.run(f"sh {PROGRAMS}/rollback-service.sh --list {SERVICE}")
    assert re.search(r"^[0-9a-f]{40} latest  \d{4}-\d\d-\d\d .*  live$", listed, re.MULTILINE), listed
    with host.calls() as said:
        assert "is live" in host.run(f"sh {PROGRAMS}/rollback-service.sh {SERVICE}")
    assert before == host.live()
    changed_hands(said["answers"], "newer", before)


def test_a_runner_that_is_killed_comes_back_and_takes_the_next_job(host):
    pid = host.run(f"systemctl show -P MainPID {UNIT}").strip()
    host.run(f"kill -9 {pid}")
    until(lambda: host.run(f"systemctl show -P MainPID {UNIT}").strip() not in {pid, "0"}, "it does not come back")

    _, run, _, log = host.deployed(source("after the kill"))
    assert "success" == run["conclusion"] and "after the kill" == host.live(), log


@pytest.mark.req("S1-75")
def test_the_report_after_a_deployment_has_containers_units_and_health(host):
    line = f"sh {PROGRAMS}/verify.sh --unit 'actions.runner.*' --url http://127.0.0.1:{PORT}/health"
    report = host.run(f"{line} --patience 5")
    assert (
        f"ok    unit       {UNIT}: active" in report
        and f"ok    health     http://127.0.0.1:{PORT}/health: 200" in report
    )

    host.run(f"systemctl stop {UNIT}")
    report = host.run(f"{line} --patience 0; echo ended $?")
    assert f"FAIL  unit       {UNIT}: inactive" in report and "ended 1" in report, report


@pytest.mark.req("S1-69")
def test_nothing_is_left_of_it_once_it_is_uninstalled(host):
    assert 0 == host.script("./uninstall.sh", RUNNER_NAME="other").returncode, "one that was never registered"
    done = host.script("./uninstall.sh", RUNNER_TOKEN=host.github.registration("remove"))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert [] == host.github.ask("GET", f"/repos/{NAME}/actions/runners")[1]["runners"], "GitHub is told"
    units = "systemctl list-units -a --plain 'actions.runner.*' | grep -c actions.runner || true"
    left = host.run(f"find /var/lib/homeport-runner /etc/homeport/runner -mindepth 1 2>/dev/null; {units}")
    assert "0" == left.strip(), left
    assert 0 == host.script("./uninstall.sh").returncode, "to remove what is gone is no error"
