"""auto-fix on a real machine with systemd: a real proxy hands on GitHub's webhooks, an agent works in its sandbox.

GitHub is emulated. The agent is a stand-in that is called as Claude Code is: by its name, with its options.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import subprocess
from contextlib import closing
from dataclasses import replace

import pytest

from catalog.auto_fix.program import AUTO_FIX, ROUTE
from catalog.caddy.service import SERVICE
from homeport.model.blueprint import Blueprint, Edge
from homeport.render import packages
from homeport.render.caddy import caddyfile
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.world.authority import archive
from tests.support import host_programs, subnets
from tests.support.auto_fix import SCOPE
from tests.support.containers import docker
from tests.support.github import ADMIN, NAME, GitHub
from tests.support.host import bare
from tests.support.waits import until
from toolchain.images.ensure import ensure

pytestmark = pytest.mark.docker
HOOKS = "autofix.example.com"
PROXY, MACHINE = 3, 2
MEMBERS = "100.79"
"""Where members of the mesh come from: no others come past the receiver's unit."""
SECRETS = {
    "github-webhook-secret": "c4nary-webhook-secret-of-github",
    "auto-fix-github-token": "ghp_C4naryAUTOFIX",
    "auto-fix-agent-key": "c4nary-key-of-the-agent",
    "telegram-monitoring-token": "c4nary-telegram-token",
    "telegram-monitoring-chat": "42",
}
TEXTS = {"autofix-repositories": NAME, "autofix-tests": "python3 -B test.py"}
UNITS = ("auto-fix-receiver.service", "auto-fix-worker.service", "auto-fix-agent.socket")
AGENT = """#!/usr/bin/python3
import json, os, pathlib, sys, time
prompt, places = sys.stdin.read(), {places!r}
def reads(path):
    try:
        return bool(pathlib.Path(path).read_bytes())
    except OSError:
        return False
seen = {{"argv": sys.argv[1:], "env": sorted(os.environ), "reads": [place for place in places if reads(place)]}}
print("SEEN " + json.dumps(seen), flush=True)
while "wait" in prompt and not os.path.exists("/srv/go-on"):
    time.sleep(0.1)
pathlib.Path("app.py").write_text("print(2)\\n")
"""
HIDDEN = (
    *(f"/etc/homeport/auto-fix/{name}" for name in ("webhook-secret", "github-token", "agent-key", "worker.env")),
    *("/var/lib/auto-fix/queue.db", "/run/auto-fix-worker/token", "/run/auto-fix-receiver/secret", "/etc/shadow"),
)
EMULATED = """[Service]
Environment=API_URL={url}/api/v3 GIT_URL={url} PAUSE=0.2
EnvironmentFile=/etc/emulated.env
"""


class Place:
    """The machine, GitHub, and the proxy that hands on its webhooks.

    Attributes:
        server: The machine, a member of the network that stands for the mesh.
        github: The emulated GitHub.
        hook: Path of the webhook's deliveries.
    """

    def __init__(self, folder):
        self.server = bare(folder / "server")
        self.github, self._api = None, None
        self.network = f"{self.server.ground.network}-members"
        self.block = subnets.block(MEMBERS)
        self.proxy = f"{self.network}-proxy"
        self._folder = folder

    def stand(self):
        self.server.pinned()
        docker("network", "create", "--subnet", f"{self.block}.0/24", self.network)
        docker("network", "connect", "--ip", f"{self.block}.{MACHINE}", self.network, self.server.container)
        self.github = GitHub(self._folder)
        self.github.store.put(
            "tokens", SECRETS["auto-fix-github-token"], {"kind": "personal", "repositories": {NAME: SCOPE}}
        )
        self.github.push({"app.py": "print(1)\n", "test.py": "import app\n"})
        self._api = ApiServer(self.github.service, f"{self.server.ground.gateway}:0", machines=True).start()
        url = f"http://{self.server.ground.gateway}:{self._api.server_port}"
        self.write("/usr/local/bin/claude", AGENT.format(places=HIDDEN), 755)
        self.write("/etc/systemd/system/auto-fix-worker.service.d/emulated.conf", EMULATED.format(url=url))
        # Nobody listens there: a notice that does not arrive holds nothing up.
        self.write("/etc/emulated.env", f"TELEGRAM_URL=http://{self.server.ground.gateway}:9\n")
        done = self.server.unit("packages", apply=packages.install(AUTO_FIX.packages))
        assert done.returncode == 0, done.stderr
        host_programs.ground(self.server, AUTO_FIX, texts=TEXTS)
        done = host_programs.lay(self.server, AUTO_FIX, TEXTS, **SECRETS)
        assert done.returncode == 0, done.stderr
        self._open()

    def write(self, path, text, mode=644):
        script = f"mkdir -p $(dirname {path}) && cat >{path} && chmod {mode} {path}"
        argv = ["docker", "exec", "-i", self.server.container, "sh", "-c", script]
        subprocess.run(argv, input=text.encode(), check=True, timeout=300)

    def _open(self):
        """The proxy with the files of the route, at the address that the name stands for."""
        ensure([SERVICE.image], pull=False)
        blueprint = Blueprint(
            preset="case",
            environment="prod",
            domain="example.com",
            services=(replace(SERVICE, name="hub-caddy", networks=("front",)),),
            networks=(),
            routes=(replace(ROUTE, proxy="hub-caddy"),),
            edge=Edge(bind=f"{self.block}.{PROXY}", ports={"http": 80, "https": 443}, public=False),
            homes={"hub-caddy": "vpn"},
            values={"mesh:workstation": f"{self.block}.{MACHINE}"},
        )
        at = ("--network", self.network, "--ip", f"{self.block}.{PROXY}")
        command = ("caddy", "run", "--adapter", "caddyfile", "--config", "/Caddyfile")
        docker("create", "--name", self.proxy, *at, SERVICE.image, *command)
        files = archive({"Caddyfile": caddyfile(blueprint).encode()})
        subprocess.run(["docker", "cp", "-", f"{self.proxy}:/"], input=files, check=True, capture_output=True)
        docker("start", self.proxy)
        root = "/data/caddy/pki/authorities/local/root.crt"
        text = until(lambda: docker("exec", self.proxy, "cat", root, check=False), "the proxy makes its authority")
        self.root = self._folder / "root.pem"
        self.root.write_text(text)
        until(self.healthy, "the proxy leads to the receiver")

    def healthy(self):
        try:
            return self.asked("POST", "/webhooks/github")[0] == 401
        except OSError:
            return False

    def asked(self, method, path, body=b"", **headers):
        """Status and body of the proxy's answer to a stranger."""
        context = ssl.create_default_context(cafile=self.root)
        with closing(http.client.HTTPSConnection(HOOKS, context=context, timeout=120)) as line:
            line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            with line.getresponse() as answer:
                return answer.status, answer.read()

    def jobs(self):
        said = self.server.inside("runuser -u auto-fix -- python3 -B /opt/auto-fix/auto_fix.py jobs")
        return [json.loads(line) for line in said.splitlines()]

    def issue(self, title):
        about = {"title": title, "body": "It has to print 2", "labels": ["auto-fix"]}
        status, issue = self.github.ask("POST", f"/repos/{NAME}/issues", about, token=ADMIN)
        assert status == 201, issue
        return issue["number"]

    def pulls(self):
        return self.github.ask("GET", f"/repos/{NAME}/pulls?state=all")[1]

    def seen(self):
        """What each start of the agent has seen."""
        # Of units that have not run yet it knows nothing, and fails.
        journal = self.server.inside("journalctl -u 'auto-fix-agent@*' -o cat --no-pager", check=False)
        return [json.loads(line.removeprefix("SEEN ")) for line in journal.splitlines() if line.startswith("SEEN ")]

    def close(self):
        docker("rm", "--force", "--volumes", self.proxy, check=False)
        if self._api:
            self._api.stop()
        if self.github:
            self.github.close()
        self.server.remove()
        docker("network", "rm", self.network, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auto-fix")
    (folder / "server").mkdir()
    made = Place(folder)
    resolve = socket.getaddrinfo
    try:
        with pytest.MonkeyPatch.context() as patched:
            # GitHub finds the proxy by its name, and believes its certificate.
            named = {HOOKS: f"{made.block}.{PROXY}"}
            patched.setattr(
                socket, "getaddrinfo", lambda host, *more, **rest: resolve(named.get(host, host), *more, **rest)
            )
            patched.setenv("SSL_CERT_FILE", str(folder / "root.pem"))
            made.stand()
            config = {"url": f"https://{HOOKS}/webhooks/github", "content_type": "json"}
            config["secret"] = SECRETS["github-webhook-secret"]
            status, hook = made.github.ask("POST", f"/repos/{NAME}/hooks", {"config": config, "events": ["issues"]})
            assert status == 201, hook
            made.hook = f"/repos/{NAME}/hooks/{hook['id']}/deliveries"
            yield made
    finally:
        made.close()


def answered(place):
    """GitHub's deliveries that have an answer."""
    return [row for row in place.github.ask("GET", place.hook)[1] if row["status_code"]]


@pytest.mark.req("S5-83", "S5-95", "FP-19")
def test_its_units_run_are_right_and_are_shut_in(place):
    server = place.server
    assert ["active"] * len(UNITS) == server.inside(f"systemctl is-active {' '.join(UNITS)}").split()
    assert ["enabled"] * len(UNITS) == server.inside(f"systemctl is-enabled {' '.join(UNITS)}").split()
    paths = [f"/etc/systemd/system/{unit}" for unit in (*UNITS, "auto-fix-agent@.service")]
    assert "" == server.inside(f"systemd-analyze verify {' '.join(paths)} 2>&1")
    for unit in ("auto-fix-receiver.service", "auto-fix-worker.service", "auto-fix-agent@1.service"):
        said = server.inside(f"systemd-analyze security --no-pager {unit} | tail -n 1")
        assert float(re.search(r"([\d.]+) OK", said)[1]) <= 2.5, f"{unit}: {said}"
    listed = server.inside("stat -c '%a %U %n' /etc/homeport/auto-fix/*").splitlines()
    public = {line.rpartition("/")[2] for line in listed if not line.startswith("400 root ")}
    assert {"receiver.env", "agent.env"} == public, "what is secret is root's alone"
    for word in SECRETS.values():
        if len(word) > 2:
            assert "" == server.inside(f"grep -rl {word} /opt /etc/systemd || true"), "and nowhere else"


@pytest.mark.req("S5-84", "FP-19")
def test_a_wrong_signature_and_another_path_come_no_further(place):
    body, signed = b'{"action": "labeled"}', {"Content_Type": "application/json", "X_GitHub_Event": "issues"}

    for signature in ({}, {"X_Hub_Signature_256": f"sha256={'0' * 64}"}, {"X_Hub_Signature": "sha1=0"}):
        status, said = place.asked("POST", "/webhooks/github", body, X_GitHub_Delivery="one", **signed, **signature)
        assert (401, "the signature is missing or wrong") == (status, json.loads(said)["error"])
    for path in ("/", "/health", "/webhooks/github/x", "/webhooks/../health", "/webhooks"):
        assert (404, b"") == place.asked("GET", path), f"{path}: the proxy's own answer"
    assert [] == place.jobs(), "nothing was begun"


@pytest.mark.req("S5-83", "FP-19")
def test_a_labelled_issue_becomes_a_pull_request_and_a_delivery_that_comes_again_none(place):
    number = place.issue("It prints 1")
    pull = until(place.pulls, "there is no pull request", 180)[0]

    assert (f"auto-fix/{number}", True) == (pull["head"]["ref"], f"Closes #{number}" in pull["body"])
    [job] = until(lambda: [job for job in place.jobs() if job["state"] == "done"], "the job does not end")
    assert (pull["number"], 1) == (job["pull"], job["attempts"])
    # That it was opened, and that it was labelled.
    told = until(lambda: answered(place)[1:] and answered(place), "it is not answered")
    assert [200, 202] == sorted(row["status_code"] for row in told), "one of them is queued, the other finds a job"
    delivery = next(row for row in told if row["status_code"] == 202)
    place.github.ask("POST", f"{place.hook}/{delivery['id']}/attempts")
    again = until(lambda: [row for row in answered(place) if row["redelivery"]], "it is not delivered again")
    assert [200] == [row["status_code"] for row in again], "known"
    assert (1, 1) == (len(place.jobs()), len(place.pulls()))

    [seen] = place.seen()
    assert "--print" in seen["argv"] and "--max-budget-usd" in seen["argv"], "as Claude Code is called"
    assert "ANTHROPIC_API_KEY" in seen["env"] and [] == seen["reads"], "its own key, and no other secret of the host"
    journal = place.server.inside("journalctl -u 'auto-fix-*' -o cat --no-pager")
    assert [] == [name for name, word in SECRETS.items() if len(word) > 2 and word in journal]
    assert "Telegram did not take the notice" in journal


@pytest.mark.req("S5-83", "FP-19")
def test_the_machine_restarted_while_the_agent_works_ends_in_one_pull_request(place):
    number, before = place.issue("wait for it"), len(place.seen())
    until(lambda: len(place.seen()) > before, "the agent does not start", 120)
    docker("restart", place.server.container)
    until(lambda: "active" in place.server.inside(f"systemctl is-active {UNITS[0]}", check=False).split(), "is up", 240)
    until(place.healthy, "the receiver is back", 120)
    place.write("/srv/go-on", "")
    until(lambda: len(place.pulls()) == 2, "there is no second pull request", 240)

    [job] = until(lambda: [j for j in place.jobs() if (j["issue"], j["state"]) == (number, "done")], "no end")
    assert 2 == job["attempts"], "begun again once, and no more"
    assert [f"auto-fix/{number}"] == [p["head"]["ref"] for p in place.pulls() if f"Closes #{number}" in p["body"]]
