"""Images on a real daemon: built, tagged, looked up, removed."""

from __future__ import annotations

import os

import pytest

from tests.rehearsal.conformance.busybox_image import absence, docker
from tests.unit.toolchain_docker.live import PREFIX
from toolchain.plugins.base import ProviderError

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]


def test_an_image_is_built_tagged_and_removed(world, image, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        f"FROM {image}\nCOPY note /etc/note\nLABEL homeport.test=live\n", encoding="utf-8"
    )
    (tmp_path / "note").write_text("n", encoding="utf-8")
    name = f"homeport-test/built:{os.getpid()}"
    image_id, state, _ = world.make("RemoteImage", name=name, build={"context": str(tmp_path)})
    assert image_id == state["imageId"] + name, "the id is digest and name"
    world.make("Tag", sourceImage=name, targetImage=f"{name}-too")
    assert 0 == docker("image", "inspect", f"{name}-too").returncode, "the tag exists"
    docker("image", "rm", f"{name}-too")
    world.delete(image_id)
    assert 0 != docker("image", "inspect", name).returncode, "an image that is not to be kept goes"


def test_an_image_resource_builds_again_only_when_its_content_changes(world, image, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY note /etc/note\n", encoding="utf-8")
    (tmp_path / "note").write_text("one", encoding="utf-8")
    name = f"homeport-test/image:{os.getpid()}"
    news = {
        "imageName": name,
        "skipPush": True,
        "build": {"context": str(tmp_path), "dockerfile": str(tmp_path / "Dockerfile")},
    }
    image_id, state, inputs = world.make("Image", **news)
    kind = world.type("Image")
    state = {**state, "__inputs": state["__inputs"].value}
    assert state["repoDigest"].startswith("sha256:"), "an image that is not pushed is named by its id"
    os.utime(tmp_path / "note", (1, 1))
    assert not kind.diff("urn", image_id, state, inputs, world.inputs("Image", news)).changes, "a new time is no change"
    (tmp_path / "note").write_text("two", encoding="utf-8")
    changed = kind.diff("urn", image_id, state, inputs, world.inputs("Image", news))
    assert {"build": "UPDATE"} == dict(changed.detailed), "new content is"
    docker("image", "rm", name)


def test_what_the_daemon_has_can_be_looked_up(world, image):
    world.make("Network", name=f"{PREFIX}-look", internal=True)
    network = world.provider.invoke("docker:index/getNetwork:getNetwork", {"name": f"{PREFIX}-look"})
    assert (True, "bridge") == (network["internal"], network["driver"]), "the network is described"
    answer = world.provider.invoke("docker:index/getRemoteImage:getRemoteImage", {"name": image})
    assert answer["id"].startswith("sha256:"), "the image has an id"
    with pytest.raises(ProviderError, match="did not find docker image 'homeport-test/none:1'"):
        world.provider.invoke("docker:index/getRemoteImage:getRemoteImage", {"name": "homeport-test/none:1"})
    with pytest.raises(ProviderError, match="unknown function"):
        world.provider.invoke("docker:index/getLogs:getLogs", {"name": "x"})
