"""What is decided without Docker: which images may go, what a copied container is, what a report says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import deploy_registry
import deploy_verify
import deployments
import pytest
from deploy_engine import DeployError
from deploy_registry import Tag
from deploy_rollout import UNHEALTHY, Rollout, Template, copy, repository_of

APP = Path(__file__).parents[1]
IMAGE = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
OLDER = "sha256:" + "c" * 64


class FakeDocker:
    """As much of Docker as a rollout asks for: containers by name, images by reference, and a diary.

    Args:
        broken: Images that never get healthy.
        refuses: Names of containers that never do.
    """

    def __init__(self, broken=(), refuses=()):
        self.broken, self.refuses, self.diary, self.containers = set(broken), set(refuses), [], {}
        self.images = {}

    def call(self, _method, _path, _body=None, **_query):
        names = [name for name, row in self.containers.items() if "homeport.template" in row["Config"]["Labels"]]
        return [{"Names": [f"/{name}"]} for name in names]

    def container(self, name):
        return self.containers.get(name)

    def image(self, reference):
        if reference.startswith("sha256:"):
            tags = [tag for tag, image in self.images.items() if image == reference]
            digests = [f"registry.example.com/app@{reference}"]
            config = {"Env": ["PATH=/bin"], "Entrypoint": ["/app"], "WorkingDir": "/", "Labels": {"version": "1"}}
            return {"Id": reference, "RepoTags": tags, "RepoDigests": digests, "Config": config}
        image = self.images.get(reference)
        digests = [f"registry.example.com/app@{image}"] if "unpushed" not in reference else []
        return image and {"Id": image, "RepoTags": [reference], "RepoDigests": digests}

    def create(self, name, body, _further):
        assert name not in self.containers, "a name is taken once"
        self.containers[name] = {
            "Id": f"id-{name}",
            "Image": body["Image"],
            "Config": {"Labels": body["Labels"]},
            "HostConfig": body["HostConfig"],
            "State": {"Running": False},
        }
        self.diary.append(f"create {name}")

    def start(self, name):
        ports = {
            binding["HostPort"]
            for key, row in self.containers.items()
            if row["State"]["Running"] and key != name
            for bindings in (row["HostConfig"].get("PortBindings") or {}).values()
            for binding in bindings
        } - {""}
        own = [b["HostPort"] for bs in self.containers[name]["HostConfig"]["PortBindings"].values() for b in bs]
        assert not ports & set(own), "a port is taken once"
        self.containers[name]["State"]["Running"] = True
        self.diary.append(f"start {name}")

    def stop(self, name):
        self.containers[name]["State"]["Running"] = False
        self.diary.append(f"stop {name}")

    def rename(self, name, new):
        self.containers[new] = self.containers.pop(name)
        self.diary.append(f"rename {name} {new}")

    def remove(self, name):
        if self.containers.pop(name, None):
            self.diary.append(f"remove {name}")

    def tag(self, image, repository, tag):
        self.images[f"{repository}:{tag}"] = image

    def healthy(self, name, _seconds):
        return "it is unhealthy" if self.containers[name]["Image"] in self.broken or name in self.refuses else ""

    def last_words(self, _name):
        return "    its last line\n"


def template(docker, image=IMAGE):
    docker.containers["app-template"] = {
        "Id": "template-1",
        "Image": image,
        "Config": {
            "Image": image,
            "User": "10001",
            "Env": ["GREETING=hello", "PATH=/bin"],
            "Entrypoint": ["/app"],
            "Cmd": ["--serve"],
            "WorkingDir": "/",
            "Labels": {
                "homeport.template": "app",
                "homeport.image": "registry.example.com/app:1",
                "homeport.pids": "9",
                "version": "1",
            },
        },
        "HostConfig": {
            "NetworkMode": "inner",
            "PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        },
        "NetworkSettings": {"Networks": {"inner": {"IPAMConfig": None}, "outer": {"IPAMConfig": None}}},
        "State": {"Running": False},
    }


@pytest.fixture
def docker():
    fake = FakeDocker()
    template(fake)
    fake.images |= {"registry.example.com/app:1": IMAGE, "registry.example.com/app:2": OTHER}
    Rollout(fake, "app").apply()
    fake.diary.clear()
    return fake


def test_a_copy_is_its_template_but_for_image_and_marks(docker):
    seen = docker.containers["app-template"]
    inherited = docker.image(IMAGE)["Config"]
    made = Template("app", "template-1", "registry.example.com/app", IMAGE, inherited, 20, 9, seen)
    body, further = copy(made, OTHER)

    assert (["GREETING=hello"], ["--serve"]) == (body["Env"], body["Cmd"]), "what was said of it"
    assert {"Entrypoint", "WorkingDir"}.isdisjoint(body) and "version" not in body["Labels"], (
        "what it had from the first image, the next image says"
    )

    assert (OTHER, "10001", 9) == (body["Image"], body["User"], body["HostConfig"]["PidsLimit"])
    assert seen["HostConfig"]["PortBindings"] == body["HostConfig"]["PortBindings"], "the same ports"
    assert "homeport.template" not in body["Labels"], "it is no template itself"
    assert (["inner"], ["outer"]) == ([*body["NetworkingConfig"]["EndpointsConfig"]], [*further]), "all networks"

    body, further = copy(made, OTHER, beside=True)
    assert [{"HostIp": "127.0.0.1", "HostPort": ""}] == body["HostConfig"]["PortBindings"]["8080/tcp"], (
        "the old one has the port, and the address stays the loopback one"
    )
    assert ["app"] == further["outer"]["Aliases"], "while the name is nobody's, it is the new one's"


@pytest.mark.req("S1-74")
def test_the_old_one_ends_only_when_the_new_one_is_healthy_beside_it(docker):
    assert "app: registry.example.com/app:2 is live" == Rollout(docker, "app").deploy("2")

    steps = "create app-next,start app-next,rename app app-old,create app,stop app-old,start app,remove app-old"
    assert [*steps.split(","), "remove app-next"] == docker.diary
    assert OTHER == docker.containers["app"]["Image"]
    assert ["app", "app-template"] == sorted(docker.containers), "nothing else is left"


@pytest.mark.req("S1-74", "L-06")
def test_an_image_that_does_not_get_healthy_changes_nothing(docker):
    docker.broken = {OTHER}
    with pytest.raises(DeployError, match="does not work: it is unhealthy; the old one was not touched") as refused:
        Rollout(docker, "app").deploy("2")

    assert UNHEALTHY == refused.value.code and "its last line" in str(refused.value), "why is in its log"
    assert "fix: " in str(refused.value).splitlines()[-1], "what to do stands last"
    assert ["create app-next", "start app-next", "remove app-next"] == docker.diary, "the old one was never asked"
    assert "homeport.deployed/app:current" not in docker.images, "what was live is remembered as it was"


def test_one_that_fails_in_the_old_ones_place_gives_the_place_back(docker):
    docker.refuses = {"app"}
    with pytest.raises(DeployError, match="the old one runs again"):
        Rollout(docker, "app").deploy("2")

    assert IMAGE == docker.containers["app"]["Image"] and docker.containers["app"]["State"]["Running"]
    assert ["app", "app-template"] == sorted(docker.containers), "nothing else is left"


@pytest.mark.req("S1-74")
def test_without_a_tag_the_image_before_comes_back(docker):
    with pytest.raises(DeployError, match="nothing was live before"):
        Rollout(docker, "app").deploy("")
    Rollout(docker, "app").deploy("2")

    assert "app: registry.example.com/app:1 is live" == Rollout(docker, "app").deploy("")
    assert "app: registry.example.com/app:2 is live" == Rollout(docker, "app").deploy(""), "and that can be taken back"


@pytest.mark.req("L-06")
def test_an_image_that_no_registry_knows_is_refused(docker):
    docker.images["registry.example.com/app:unpushed"] = OLDER
    words = r"nobody knows its digest\nfix: docker push registry\.example\.com/app:unpushed"
    with pytest.raises(DeployError, match=words):
        Rollout(docker, "app").deploy("unpushed")

    assert [] == docker.diary, "nothing was made"


def test_another_template_is_applied_with_the_image_that_is_live(docker):
    Rollout(docker, "app").deploy("2")
    assert "app: as it was" == Rollout(docker, "app").apply(), "the same template again is no change"
    template(docker)
    docker.containers["app-template"]["Id"] = "template-2"

    assert "app: registry.example.com/app:2 is live" == Rollout(docker, "app").apply()
    assert OTHER == docker.containers["app"]["Image"], "the template's own image is only the first one"


def test_what_a_killed_deployment_left_is_put_right(docker):
    docker.rename("app", "app-old")
    docker.stop("app-old")
    docker.create("app", {"Image": OTHER, "Labels": {}, "HostConfig": {"PortBindings": {}}}, {})
    Rollout(docker, "app").apply()
    assert IMAGE == docker.containers["app"]["Image"], "killed between the two: the old one is back"

    beside = {"homeport.begun": "1", "homeport.copied": "template-1"}
    docker.create("app-next", {"Image": OTHER, "Labels": beside, "HostConfig": {"PortBindings": {}}}, {})
    Rollout(docker, "app").apply()
    assert "app-next" not in docker.containers, "an old one beside it goes"

    beside["homeport.begun"] = "9999999999"
    docker.create("app-next", {"Image": OTHER, "Labels": beside, "HostConfig": {"PortBindings": {}}}, {})
    with pytest.raises(DeployError, match="another deployment is under way"):
        Rollout(docker, "app").deploy("2")


def test_a_deployment_that_was_killed_when_the_new_one_was_live_is_remembered_by_the_next(docker):
    Rollout(docker, "app").deploy("1")
    Rollout(docker, "app").deploy("2")
    # As it was before the last words of that deployment.
    docker.images["homeport.deployed/app:current"] = docker.images["homeport.deployed/app:previous"]

    assert "live already" in Rollout(docker, "app").deploy("2")
    template(docker)
    docker.containers["app-template"]["Id"] = "template-2"
    Rollout(docker, "app").apply()
    assert OTHER == docker.containers["app"]["Image"], "another template does not bring the old one back"
    assert "app: registry.example.com/app:1 is live" == Rollout(docker, "app").deploy(""), "and there is a way back"


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("registry.example.com/ai-dev-server:1", "registry.example.com/ai-dev-server"),
        ("registry.example.com:5000/app", "registry.example.com:5000/app"),
        ("127.0.0.1:5000/a/b:1@sha256:00", "127.0.0.1:5000/a/b"),
        ("app", "app"),
    ],
)
def test_the_repository_of_a_reference(reference, repository):
    assert repository == repository_of(reference)


def tag(name, digest="", created="2026-11-30T00:00:00Z", parts=()):
    return Tag(name, digest or f"sha256:{name}", created, parts)


@pytest.mark.req("S1-66")
def test_what_runs_what_latest_means_and_the_newest_are_never_deleted():
    tags = [tag("5"), tag("4"), tag("latest", "sha256:2"), tag("3"), tag("2"), tag("1"), tag("0", "sha256:5")]
    keep = [row.name for row in deploy_registry.superfluous(tags, {"sha256:1"}, 1)]

    assert ["4", "3"] == keep, "1 runs, 2 is latest, 5 is the newest, and 0 has the digest of 5"
    everything = {row.digest for row in tags}
    assert [] == deploy_registry.superfluous(tags, everything, 1), "all runs: all stays"


@pytest.mark.req("S1-66")
def test_what_nobody_knows_the_age_of_stays_and_so_do_the_parts_of_what_stays():
    tags = [
        tag("5", parts=("sha256:5-arm", "sha256:5-amd")),
        tag("4"),
        tag("5-amd"),
        tag("old-index", parts=("sha256:old-amd",)),
        tag("old-amd"),
        tag("reproducible", created=""),
    ]
    gone = [row.name for row in deploy_registry.superfluous(tags, set(), 1)]

    assert ["4", "old-index", "old-amd"] == gone


IMAGES = {
    "dated": {"config": {"digest": "sha256:c1"}},
    "index": {"manifests": [{"digest": "sha256:attests"}, {"digest": "sha256:amd"}]},
    "sha256:attests": {"config": {"digest": "sha256:none"}},
    "sha256:amd": {"config": {"digest": "sha256:c2"}},
    "reproducible": {"config": {"digest": "sha256:c3"}},
}
BLOBS = {
    "sha256:c1": {"created": "2026-11-29T08:00:00Z"},
    "sha256:c2": {"created": "2026-11-30T08:00:00Z"},
    "sha256:c3": {"created": "1970-01-01T00:00:00Z"},
    "sha256:none": {"architecture": "unknown"},
}


@pytest.mark.req("S1-66")
def test_an_index_is_as_old_as_its_image_and_a_date_before_containers_is_none(monkeypatch):
    def ask(_registry, _method, path, **_headers):
        if path.endswith("/tags/list?n=100"):
            return {}, json.dumps({"tags": ["dated", "index", "reproducible"]}).encode()
        kind, name = path.split("/")[-2:]
        content = {"manifests": IMAGES, "blobs": BLOBS}[kind][name]
        return {"Docker-Content-Digest": f"sha256:{name}"}, json.dumps(content).encode()

    monkeypatch.setattr(deploy_registry.Registry, "_ask", ask)
    tags = deploy_registry.Registry("http://127.0.0.1:5000").tags("app")

    assert ["index", "dated", "reproducible"] == [row.name for row in tags], "newest first"
    assert ("sha256:attests", "sha256:amd") == tags[0].parts and "" == tags[2].created


@pytest.mark.req("S1-66")
def test_nothing_is_deleted_where_docker_cannot_say_what_runs():
    class Silent:
        def call(self, *_argv, **_query):
            raise DeployError("docker does not answer")

    with pytest.raises(DeployError, match="docker does not answer"):
        deploy_registry.old({"app": [tag("1"), tag("0")]}, Silent(), 1)


@pytest.mark.req("S1-66")
def test_a_tag_without_a_manifest_goes_and_what_it_meant_goes_before_the_tags_that_mean_it():
    tags = [tag("2"), tag("1", "sha256:0a"), tag("0", "sha256:0a"), Tag("killed", "", "")]
    rows = [("team/app", row) for row in deploy_registry.superfluous(tags, set(), 1)]

    folder = "team/app/_manifests"
    paths = [f"{folder}/revisions/sha256/0a", *(f"{folder}/tags/{name}" for name in ("1", "0", "killed"))]
    assert paths == deploy_registry.paths(rows), "a kill in between leaves tags that the next run sees"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({"/health": 200, "/moved": 302}.get(self.path, 500))
        self.send_header("Location", "/health")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_argv):
        """Nothing."""


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN], ids=["a terminal", "nohup"])
def test_a_line_that_drops_is_an_end_in_order_but_under_nohup(before, monkeypatch):
    seen = []
    options = SimpleNamespace(run=lambda _: seen.extend(map(signal.getsignal, (signal.SIGTERM, signal.SIGHUP))) or 0)
    monkeypatch.setattr(deployments, "_parser", lambda: SimpleNamespace(parse_args=lambda _: options))
    usual = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, before)
        assert 0 == deployments.main([])
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)

    assert [deployments._ended, before if before is signal.SIG_IGN else deployments._ended] == seen


@pytest.mark.req("S1-75", "S1-77")
def test_the_report_asks_each_address_for_a_200():
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        results = [*deploy_verify.health([f"{url}/health", f"{url}/moved", f"{url}/other"], 0)]
        server.shutdown()

    assert [(True, "200"), (False, "302"), (False, "500")] == [(row.ok, row.state) for row in results]
    assert f"FAIL  health     {url}/other: 500" == results[2].line()
    assert ["http://127.0.0.1:8080/health", "http://127.0.0.1:9000/health"] == [*deploy_verify.URLS[:2]]
    assert "http://127.0.0.1:3000/api/platform/profile" == deploy_verify.URLS[2], "the three of the requirements"


@pytest.mark.req("S1-75")
def test_the_report_has_containers_and_units_and_fails_with_one_of_them(monkeypatch, capsys):
    rows = [
        {"Names": ["/app"], "State": "running", "Status": "Up 2 hours (healthy)", "Labels": {}},
        {"Names": ["/app-template"], "State": "created", "Status": "Created", "Labels": {"homeport.template": "app"}},
        {"Names": ["/sick"], "State": "running", "Status": "Up 2 hours (unhealthy)", "Labels": {}},
    ]
    monkeypatch.setattr(deployments, "Engine", type("E", (), {"call": lambda *_a, **_q: rows}))
    listed = {"host-agent.service": "host-agent.service loaded active running\n", "actions.runner.*": ""}
    monkeypatch.setattr(
        deploy_verify, "_said", lambda *argv: "active\n" if argv[1] == "is-active" else listed.get(argv[-1], "")
    )
    monkeypatch.setattr(deploy_verify, "health", lambda *_argv: iter(()))
    code, lines = deployments.main(["verify"]), capsys.readouterr().out.splitlines()

    assert 1 == code and "2 of 4 ok" == lines[-1], lines
    assert (
        "ok    container  app: Up 2 hours (healthy)" in lines
        and "FAIL  unit       actions.runner.*: there is none" in lines
    )
    assert "ok    unit       host-agent.service: active" in lines
    assert "fix: docker logs --tail 50 sick" in lines, "each failure names what to type"


@pytest.mark.req("S1-73")
def test_a_new_service_gets_its_workflow_from_the_same_template(tmp_path):
    def written(*argv):
        argv = ["sh", str(APP / "new-workflow.sh"), *argv]
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert 0 == written("ai-dev-server", "8080").returncode
    own = (tmp_path / ".github/workflows/deploy-ai-dev-server.yml").read_text()
    assert (APP / "workflows" / "deploy-ai-dev-server.yml").read_text() == own, "run new-workflow.sh ai-dev-server 8080"
    assert 0 == written("reports", "8085").returncode
    other = (tmp_path / ".github/workflows/deploy-reports.yml").read_text()
    assert own == other.replace("reports", "ai-dev-server").replace("8085", "8080"), "nothing else differs"
    assert 1 == written("no such name", "1").returncode and 1 == written("reports").returncode


@pytest.mark.req("S1-72")
def test_the_workflow_asks_for_little_and_pins_what_it_uses():
    text = (APP / "workflows" / "deploy-ai-dev-server.yml").read_text()

    assert "permissions:\n  contents: read\n" in text and "write" not in text, "its token reads"
    assert re.findall(r"uses: \S+@(\S+)", text) == re.findall(r"uses: \S+@([0-9a-f]{40})\b", text), "by their commits"
    assert "--password-stdin" in text and "concurrency:" in text and "runs-on: [self-hosted, vps]" in text
    assert "pull_request" not in text, "nobody's proposal runs on the host"
