"""What runs on a host, as text."""

from __future__ import annotations

import pytest

from tests.support.containers import docker

pytestmark = pytest.mark.docker


@pytest.mark.req("S1-67")
def test_the_state_of_a_host_is_three_files_that_name_images_containers_and_versions_and_no_secret(host, server):
    secret = "c4nary-of-a-command"
    host.start("client", server.image, "-e", f"TOKEN={secret}", "--entrypoint", "sleep", command=("600", secret))
    host.run("state", str(host.folder / "here"))
    host.run("state")
    for folder in (host.folder / "here", host.backups / "state"):
        files = {path.name: path.read_text() for path in folder.iterdir()}
        assert {"docker-images.txt", "docker-containers.txt", "versions.txt"} == set(files), "as they are called"
        assert server.container in files["docker-containers.txt"], "containers by their names"
        image = docker("inspect", "--format", "{{.Image}}", server.container).removeprefix("sha256:")[:12]
        assert image in files["docker-images.txt"], "images by their ids"
        assert "Server:" in files["versions.txt"] and host.name in files["versions.txt"], "versions and networks"
        assert secret not in "".join(files.values()), "neither environment nor command of a container"
        assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.iterdir()}, "for their owner"


@pytest.mark.req("S1-67")
def test_without_docker_nothing_is_written_over_and_the_run_fails(host, tmp_path):
    host.run("state")
    before = {path.name: path.read_text() for path in (host.backups / "state").iterdir()}
    host.settings["DOCKER_HOST"] = f"unix://{tmp_path}/nobody.sock"
    assert "fix: " in host.run("state", code=1), "it is said"
    assert before == {path.name: path.read_text() for path in (host.backups / "state").iterdir()}, "the last one stays"
