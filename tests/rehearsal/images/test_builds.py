"""Builds that are killed, and builds that meet: what is left on the daemon and in the cache."""

import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.containers import docker
from toolchain.images import daemon

pytestmark = pytest.mark.docker
RECIPE = Path(__file__).parent / "slow_recipe"


@pytest.fixture
def image():
    name = f"homeport/test-build:{uuid.uuid4().hex[:8]}"
    yield name
    docker("image", "rm", name, check=False)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path))
    started = []

    def start(image, seconds, folder=RECIPE):
        command = [sys.executable, "-m", "tests.rehearsal.images.slow_build", image, str(seconds), str(folder)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_killed_build_leaves_no_image_and_the_next_one_starts_from_nothing(run, image, tmp_path):
    killed = run(image, 600)
    assert "assembling" in killed.stdout.readline(), "it is in the middle of its work"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert daemon.inspect(image) is None, "half an image must not carry the name"
    left = list(tmp_path.glob("images/work/*/root/half"))
    assert 1 == len(left), "a killed process can't clean up: this is what the next one has to deal with"
    after = run(image, 0)
    shown, _ = after.communicate(timeout=300)
    assert 0 == after.returncode, shown
    assert daemon.inspect(image) is not None, "the next build makes the image"
    assert [] == list(tmp_path.glob("images/work/*")), "and takes the leftovers away"


def test_of_two_runs_one_builds_and_the_other_waits_and_says_for_whom(run, image, tmp_path):
    first = run(image, 600)
    assert "assembling" in first.stdout.readline(), "it has the lock"
    second = run(image, 600)
    assert f"waiting for process {first.pid}" in second.stdout.readline(), "whoever waits wants to know for whom"
    (tmp_path / "released").touch()
    shown, _ = second.communicate(timeout=300)
    assert "assembling" not in shown, "what is built already isn't built again"
    assert (0, 0) == (first.wait(timeout=300), second.returncode), "both runs end well"
    assert daemon.inspect(image) is not None, "the image is there for both"


def test_a_rebuild_drops_the_image_it_replaces_and_nothing_of_a_build_that_is_under_way(run, image, tmp_path):
    changed = tmp_path / "recipe"
    shutil.copytree(RECIPE, changed)
    (changed / "extra").touch()
    assert 0 == run(image, 0).wait(timeout=300), "the first build"
    outdated = daemon.inspect(image).id
    # What a build under way looks like to others: a nameless image with the labels of the base that it stands on.
    layer = docker("build", "--quiet", "-", input="FROM homeport/base:bookworm\nENV UNDER_WAY=" + uuid.uuid4().hex)
    try:
        assert 0 == run(image, 0, changed).wait(timeout=300), "the rebuild"
        assert outdated != daemon.inspect(image).id, "another recipe makes another image"
        assert daemon.inspect(outdated) is None, "a gigabyte of n8n would stay behind at every change"
        assert daemon.inspect(layer) is not None, "the other build would fail with `No such image`"
    finally:
        docker("image", "rm", layer, check=False)
