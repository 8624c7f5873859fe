"""What was changed by hand in Docker, seen beside a state."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import tarfile
from subprocess import CompletedProcess
from types import SimpleNamespace

import pytest

from homeport.cli import daemon
from homeport.cli.drift import Drift, Looked, delivered, remove_spoilt
from homeport.render.bundle import Entry, bundle

URN = "urn:pulumi:dev::homeport::homeport:docker:Workload$"
FILES = (Entry(path="app.conf", mode=0o444, uid=1, gid=1, content=b"a=1\n"),)
INSPECTED = {
    "Id": "c1",
    "Name": "/app",
    "State": {"Status": "running", "ExitCode": 0, "Health": {"Status": "healthy"}},
    "HostConfig": {"Memory": 64 << 20, "NanoCpus": 500_000_000, "PidsLimit": 32, "RestartPolicy": {"Name": "always"}},
    "NetworkSettings": {"Networks": {"net": {}}},
    "Mounts": [{"Name": "app-files-1", "Destination": "/etc/app"}, {"Name": "app-data", "Destination": "/data"}],
}


def digest(content):
    return hashlib.sha256(content).hexdigest()


def _labels(data):
    return [{"label": "homeport.data", "value": data}]


def _command(name, create, stdin=""):
    inputs = {"create": create, "stdin": {"plaintext": f'"{stdin}"'}}
    return {"urn": f"{URN}command:local:Command::{name}", "type": "command:local:Command", "id": name, "inputs": inputs}


def _docker(kind, part, id_, **outputs):
    type_ = f"docker:index/{kind.lower()}:{kind}"
    return {"urn": f"{URN}{type_}::{part}", "type": type_, "id": id_, "inputs": outputs, "outputs": outputs}


STATE = [
    _docker("Network", "net", "n1", name="net"),
    _docker("Volume", "app-files", "app-files-1", name="app-files-1", labels=_labels("false")),
    _docker("Volume", "app-data", "app-data", name="app-data", labels=_labels("true")),
    _command("app-files-delivered", "sh components/scripts/deliver.sh app-files-1 image", bundle(FILES)),
    _command("app-data-prepared", "sh components/scripts/deliver.sh app-data image", bundle(FILES)),
    _docker(
        "Container",
        "app-container",
        "c1",
        name="app",
        memory=64,
        cpus="0.5",
        restart="always",
        networkMode="net",
        labels=[{"label": "homeport.stack", "value": "dev"}],
    ),
    {
        "urn": f"{URN}docker:index/remoteImage:RemoteImage::images-app",
        "type": "docker:index/remoteImage:RemoteImage",
        "id": "sha256:1app:1",
        "inputs": {"name": "app:1"},
        "outputs": {"imageId": "sha256:1"},
    },
    _command("app-healthy", "sh components/scripts/gate.sh app 32 120"),
]


class Docker:
    """A daemon with a container, a network, two volumes, and what lies in the one with files."""

    def __init__(self):
        self.there = {
            "container": {"c1": copy.deepcopy(INSPECTED)},
            "image": {"app:1": {"Id": "sha256:1", "RepoTags": ["app:1"]}},
            "network": {"n1": {"Id": "n1", "Name": "net"}},
            "volume": {name: {"Name": name} for name in ("app-files-1", "app-data")},
        }
        self.files = FILES

    @property
    def app(self):
        return self.there["container"]["c1"]

    def inspect(self, kind, ids, _):
        return [self.there[kind][id_] for id_ in ids if id_ in self.there[kind]]

    def raw(self, *argv, **_):
        assert ("cp", "c1:/etc/app", "-") == argv, "volumes with data are not read"
        target = io.BytesIO()
        content = io.BytesIO(base64.b64decode(bundle(self.files)))
        with tarfile.open(fileobj=content) as source, tarfile.open(fileobj=target, mode="w") as tar:
            for member in source:
                file = source.extractfile(member)
                # As `docker cp` names them: below the folder's own name.
                member.name = member.name.replace("bundle", "app", 1)
                tar.addfile(member, file)
        return CompletedProcess(argv, 0, target.getvalue(), b"")


@pytest.fixture
def docker(monkeypatch):
    there = Docker()
    monkeypatch.setattr(daemon, "inspect", there.inspect)
    monkeypatch.setattr(daemon, "raw", there.raw)
    return there


def _drift():
    return Drift(findings=tuple(Looked(STATE, delivered(STATE, digest), digest).findings([{}])))


def test_nothing_is_found_where_all_is_as_it_was_left(docker):
    del docker
    assert () == _drift().findings


@pytest.mark.req("NW-04")
def test_of_a_hundred_looks_at_what_changes_by_itself_none_finds_anything(docker):
    for number in range(100):
        docker.app["RestartCount"] = number
        docker.app["State"] |= {"StartedAt": f"2026-01-01T00:00:{number % 60:02}Z", "Pid": 1000 + number}
        docker.app["State"]["Health"] = {"Status": "starting" if number % 7 == 0 else "healthy", "Log": [number]}
        docker.app["NetworkSettings"] = {"Networks": {"net": {"IPAddress": f"172.20.0.{number}"}}}
        docker.there["network"]["n1"]["Containers"] = {str(number): {"Name": "guest"}}
        docker.there["volume"]["app-data"]["UsageData"] = {"Size": number}
        assert () == _drift().findings, number


@pytest.mark.parametrize(
    ("change", "says", "flags"),
    [
        (lambda docker: docker.there["container"].clear(), "container app is gone", ["--refresh"]),
        (
            lambda docker: docker.app["State"].update(Status="exited", ExitCode=137),
            "container app is stopped (exit code 137)",
            ["--refresh", "app-healthy"],
        ),
        (lambda docker: docker.app["State"].update(Status="created"), "is stopped", ["--refresh", "app-healthy"]),
        (lambda docker: docker.app["State"].update(Status="paused"), "is paused", ["app-container"]),
        (lambda docker: docker.app["State"].update(Status="restarting"), "restarts again", ["app-healthy"]),
        (lambda docker: docker.app["State"]["Health"].update(Status="unhealthy"), "unhealthy", ["app-container"]),
        (lambda docker: docker.app.update(Name="/other"), "changed by hand (name)", ["app-container"]),
        (lambda docker: docker.app["HostConfig"].update(Memory=1), "(memory)", ["app-container"]),
        (lambda docker: docker.app["HostConfig"].update(PidsLimit=0), "(limit of processes)", ["app-container"]),
        (
            lambda docker: docker.app["HostConfig"].update(RestartPolicy={"Name": "no"}),
            "(restart policy)",
            ["app-container"],
        ),
        (lambda docker: docker.app["NetworkSettings"].update(Networks={}), "(networks)", ["app-container"]),
        (lambda docker: docker.there["image"]["app:1"].update(Id="sha256:2"), "image app:1 is another", ["--refresh"]),
        (lambda docker: docker.there["network"].clear(), "network net is gone", ["--refresh"]),
    ],
)
def test_what_was_done_by_hand_is_seen_and_repaired(docker, change, says, flags):
    change(docker)
    drift = _drift()

    assert says in drift.findings[0].what, drift
    assert flags == [flag.rpartition("::")[2] or flag for flag in drift.flags], "what repairs it, and nothing else"


@pytest.mark.req("NW-04")
def test_a_volume_that_is_gone_gets_its_content_again(docker):
    docker.there["container"].clear()
    docker.there["volume"].pop("app-files-1")
    drift = _drift()

    assert any("volume app-files-1 is gone" in item.what for item in drift.findings)
    assert any("app-files-delivered" in flag for flag in drift.flags), "made again under its name it is empty"


@pytest.mark.parametrize(("stack", "taken"), [("dev", True), ("other", False), (None, False)])
def test_what_compose_made_under_the_name_of_a_container_that_is_gone_is_taken_away(docker, monkeypatch, stack, taken):
    """Its compose file in the host's folder marks what it makes; a stranger's container stays."""
    labels = {"homeport.compose": stack} if stack else {}
    theirs = {**INSPECTED, "Id": "c2", "Config": {"Labels": labels}}
    docker.there["container"] = {"app": theirs}
    drift = _drift()

    assert (["c2"] if taken else []) == [item.theirs for item in drift.findings if item.theirs]
    words = "is one that compose made: it is taken away" if taken else "is gone: it is made again"
    assert [True] == [words in item.what for item in drift.findings], "one line tells it"
    assert ("--refresh",) == drift.flags, "so that Pulumi makes its own again"

    ran = []
    monkeypatch.setattr(daemon, "run", lambda *argv, **_: ran.append(argv))
    remove_spoilt(SimpleNamespace(daemons=lambda: [{}]), drift)
    assert ([("stop", "c2"), ("rm", "--force", "c2")] if taken else []) == ran


@pytest.mark.req("NW-04")
def test_lost_data_is_called_lost(docker):
    docker.there["container"].clear()
    docker.there["volume"].pop("app-data")

    assert any("app-data is gone: it is made again EMPTY, its data is gone" in item.what for item in _drift().findings)


@pytest.mark.req("NW-04")
@pytest.mark.parametrize(
    ("files", "path"),
    [
        ((Entry(path="app.conf", mode=0o444, uid=1, gid=1, content=b"a=2\n"),), "app.conf"),
        ((Entry(path="app.conf", mode=0o666, uid=1, gid=1, content=b"a=1\n"),), "app.conf"),
        ((Entry(path="app.conf", mode=0o444, uid=0, gid=1, content=b"a=1\n"),), "app.conf"),
        ((*FILES, Entry(path="more/x", mode=0o444, uid=1, gid=1, content=b"")), "more, more/x"),
        ((), "app.conf"),
    ],
    ids=["content", "mode", "owner", "added", "removed"],
)
def test_files_of_a_volume_that_were_changed_are_seen_by_name_and_laid_anew(docker, files, path):
    docker.files = files
    drift = _drift()

    assert f"volume app-files-1: {path} was changed by hand" in drift.findings[0].what, drift
    assert ("app", "app-files-1") == drift.findings[0].spoilt, "nothing can be taken out of a volume"
    assert ["--refresh", "app-files-delivered"] == [flag.rpartition("::")[2] or flag for flag in drift.flags], (
        "the container is removed first, and the engine refuses to replace what it does not know"
    )
    assert "app-container" in drift.preview_flags[-1], "a preview shows that it is replaced"


ROUTES = {
    volume: (
        Entry(path="mark/app.conf", mode=0o444, uid=1, gid=1, content=b"a=1\n"),
        Entry(path=f"conf{end}", mode=0o444, uid=1, gid=1, content=b"import mark\n"),
    )
    for volume, end in (("laid", ".next"), ("there", ""))
}


def _routes():
    """The same stack, whose container is a proxy that was given routes."""
    taken = _command("app-routes-taken", "sh components/scripts/routes.sh app-files-1 mark image app /etc/app 1 dev")
    taken["inputs"]["stdin"]["plaintext"] = f'"a-secret\\n{bundle(ROUTES["laid"])}"'
    state = [*STATE, taken]
    return Drift(findings=tuple(Looked(state, delivered(state, digest), digest).findings([{}])))


def test_routes_that_were_taken_are_as_they_were_left_and_what_a_killed_run_laid_beside_them_is_no_change(docker):
    docker.files = (*ROUTES["there"], Entry(path="other/app.conf", mode=0o444, uid=1, gid=1, content=b""))

    assert () == _routes().findings


def test_routes_that_were_changed_by_hand_are_taken_anew_by_a_proxy_that_goes_on(docker):
    changed = Entry(path="mark/app.conf", mode=0o444, uid=1, gid=1, content=b"a=2\n")
    docker.files = (ROUTES["there"][1], changed)
    drift = _routes()

    assert "volume app-files-1: mark/app.conf was changed by hand: app takes its routes anew" == drift.findings[0].what
    assert ["app-routes-taken"] == [flag.rpartition("::")[2] for flag in drift.flags], "no container is replaced for it"


def test_a_network_that_a_container_is_connected_to_while_it_runs_is_none_of_a_hands_doing(docker):
    connected = _command("app-on-later", "sh components/scripts/connect.sh connect c1 n2 later")
    state = [*STATE, connected]
    docker.app["NetworkSettings"].update(Networks={"net": {}, "later": {}})
    assert () == tuple(Looked(state, delivered(state, digest), digest).findings([{}]))

    docker.app["NetworkSettings"].update(Networks={"net": {}})
    (lost,) = Looked(state, delivered(state, digest), digest).findings([{}])
    assert "container app was taken off later by hand: it is connected" == lost.what
    assert (connected["urn"],) == lost.replace, "the container goes on"
